"""The API of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.errors import Sentence
from contracts.text import Model
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.alerts.reading import MOST, AlertService
from hub.alerts.views import AlertPage, AlertView
from hub.errors import Refusal
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, at_most_once, fingerprint
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "operators"
_MOST_DIGITS = 18


class AlertQuery(BaseModel):
    """The filters of the list of alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Annotated[Literal["open", "cleared", "all"], Field(description="Whether it is still so.")] = "open"
    connection: Annotated[
        str | None, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$"), Field(description="About this connection.")
    ] = None
    cursor: Annotated[
        str | None, StringConstraints(max_length=18), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST, description="Most entries of a page.")] = 50


class AcknowledgeRequest(Model):
    """Nothing needs to be said; the body may also be left out."""


QUERY: TypeAdapter[AlertQuery] = TypeAdapter(AlertQuery)
ACKNOWLEDGE: TypeAdapter[AcknowledgeRequest] = TypeAdapter(AcknowledgeRequest)
ALERT = TypeAdapter(AlertView)
PAGE = TypeAdapter(AlertPage)

_NO_ALERT = Sentence("There is no alert with this id.", "Không có cảnh báo nào với mã này.")


class AlertApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, alerts: AlertService, store: Store, settings: ApiSettings) -> None:
        """``store`` keeps the answers by idempotency key; ``settings`` give the limits of bodies."""
        self._alerts = alerts
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def list(self, call: Call) -> ASGIApp:
        """``GET /v1/alerts``."""
        query = read_query(QUERY, call.scope["query_string"])
        page = await self._alerts.page(
            state=query.state, connection=query.connection, cursor=query.cursor, limit=query.limit
        )
        return Answer(200, PAGE.dump_json(page))

    async def acknowledge(self, call: Call) -> ASGIApp:
        """``POST /v1/alerts/{id}/acknowledge``."""
        key = idempotency_key(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        if body:
            require_json(call.headers)
            read_json(ACKNOWLEDGE, body)
        number = call.path["id"]
        if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
            raise Refusal(404, "alert_not_found", _NO_ALERT, field="id")

        async def work(conn: Connection) -> bytes:
            view = await self._alerts.acknowledge(int(number), actor=call.principal.client_id, within=conn)
            return ALERT.dump_json(view)

        call.begin_work()
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        stored, replayed = await at_most_once(self._store, claim, work)
        return Answer(200, stored.body, ((b"idempotency-replayed", b"true"),) if replayed else ())


def resources(api: AlertApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of alerts."""
    listing = Operation(
        method="GET",
        handler=api.list,
        access=Scope.ALERTS_READ,
        name="list_alerts",
        summary="List alerts, newest first",
        description="Each with what became of its messages on every channel, and the channels with whether they work.",
        tag=TAG,
        parameters=filters(QUERY),
        successes=(Success(200, "A page.", PAGE),),
        refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
    )
    acknowledge = Operation(
        method="POST",
        handler=api.acknowledge,
        access=Scope.ALERTS_MANAGE,
        name="acknowledge_alert",
        summary="Say that somebody looks after an alert",
        description="The first who says so stays on record. The alert stays open until its reason is gone.",
        tag=TAG,
        body=ACKNOWLEDGE,
        body_required=False,
        body_example={},
        parameters=(Parameter("id", "path", "The id.", {"type": "string"}, required=True), IDEMPOTENCY_KEY),
        successes=(Success(200, "The alert as it is now.", ALERT, headers=("Idempotency-Replayed",)),),
        refusals={404: "alert_not_found", 409: "idempotency_conflict"},
    )
    return (
        Resource("/v1/alerts", (listing,), guard),
        Resource("/v1/alerts/{id}/acknowledge", (acknowledge,), guard),
    )


_NOT_SCHEMA = frozenset({"title", "description"})
