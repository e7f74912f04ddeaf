"""The API of operators: exchanges and connections."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.codes import parse_dossier_code
from contracts.text import Model, VisibleNfc, require_plausible
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.exchanges.steering import ConnectionActs, ExchangeActs
from hub.exchanges.views import ConnectionList, ConnectionView, ExchangeDetail, ExchangePage, ExchangeState
from hub.settings import ApiSettings
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, fingerprint, once
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Handler, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "operators"
MAX_PAGE = 500

_Moment = Annotated[AwareDatetime, AfterValidator(require_plausible)]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def _parse_subject(value: str) -> str:
    """Check what an exchange is about: a dossier code, or a kind and a name after a colon."""
    return value if _OTHER_SUBJECT.fullmatch(value) else parse_dossier_code(value)


_OTHER_SUBJECT = re.compile(r"[a-z_]{1,32}:[0-9A-Za-z._:-]{1,150}")
_Subject = Annotated[str, AfterValidator(_parse_subject)]


class ExchangeQuery(BaseModel):
    """The filters of the list of exchanges; those given must all hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: Annotated[_Name | None, Field(description="Of this connection.")] = None
    state: Annotated[ExchangeState | None, Field(description="In this state.")] = None
    operation: Annotated[_Name | None, Field(description="Of this operation.")] = None
    subject: Annotated[
        _Subject | None,
        Field(description="About this: a dossier code, or what stands in `subject`, as `question:<id>`."),
    ] = None
    since: Annotated[_Moment | None, Field(description="Accepted at or after this moment (RFC 3339).")] = None
    until: Annotated[_Moment | None, Field(description="Accepted before this moment (RFC 3339).")] = None
    cursor: Annotated[
        str | None, StringConstraints(max_length=64), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Most entries of a page.")] = 50


class PauseRequest(Model):
    """Why a connection is paused; shown to every operator."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), VisibleNfc]
    """The reason, for the other operators."""


class ResumeRequest(Model):
    """How sending goes on; the body may also be left out."""

    by_deadline: bool = False
    """Whether what waits goes in the order of the dossiers' legal deadlines, soonest first."""


QUERY: TypeAdapter[ExchangeQuery] = TypeAdapter(ExchangeQuery)
PAUSE: TypeAdapter[PauseRequest] = TypeAdapter(PauseRequest)
RESUME: TypeAdapter[ResumeRequest] = TypeAdapter(ResumeRequest)
PAGE = TypeAdapter(ExchangePage)
DETAIL = TypeAdapter(ExchangeDetail)
CONNECTION = TypeAdapter(ConnectionView)
CONNECTIONS = TypeAdapter(ConnectionList)


class Exchanges(ExchangeActs, Protocol):
    """What reads exchanges and acts on one; `hub.exchanges.service.ExchangeService` in production."""

    async def page(
        self,
        *,
        connection: str | None = None,
        state: ExchangeState | None = None,
        operation: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
        agencies: Sequence[str] = (),
    ) -> ExchangePage:
        """Return a page, newest first, of what a client confined to ``agencies`` may see; none: all."""
        ...

    async def get(self, exchange_id: str, *, agencies: Sequence[str] = ()) -> ExchangeDetail:
        """Return one exchange or refuse with 404; ``agencies`` as above."""
        ...


class Connections(ConnectionActs, Protocol):
    """What shows and steers connections; `hub.exchanges.service.ConnectionService` in production."""

    async def list(self) -> ConnectionList:
        """Return all connections."""
        ...

    async def get(self, connection_id: str) -> ConnectionView:
        """Return one connection or refuse with 404."""
        ...

    async def pause(self, connection_id: str, *, actor: str, reason: str) -> ConnectionView:
        """Stop sending."""
        ...

    async def resume(self, connection_id: str, *, actor: str, by_deadline: bool = False) -> ConnectionView:
        """Send again, in the order of legal deadlines where asked."""
        ...


class OperatorApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, exchanges: Exchanges, connections: Connections, store: Store, settings: ApiSettings) -> None:
        """``store`` keeps the answers by idempotency key; ``settings`` give the limits of bodies."""
        self._exchanges = exchanges
        self._connections = connections
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def exchanges(self, call: Call) -> ASGIApp:
        """``GET /v1/exchanges``."""
        query = read_query(QUERY, call.scope["query_string"])
        page = await self._exchanges.page(
            connection=query.connection,
            state=query.state,
            operation=query.operation,
            subject=query.subject,
            since=query.since,
            until=query.until,
            cursor=query.cursor,
            limit=query.limit,
            agencies=call.principal.agencies,
        )
        return Answer(200, PAGE.dump_json(page))

    async def exchange(self, call: Call) -> ASGIApp:
        """``GET /v1/exchanges/{id}``."""
        found = await self._exchanges.get(call.path["id"], agencies=call.principal.agencies)
        return Answer(200, DETAIL.dump_json(found))

    async def connections(self, call: Call) -> ASGIApp:  # noqa: ARG002 - every handler takes the call
        """``GET /v1/connections``."""
        return Answer(200, CONNECTIONS.dump_json(await self._connections.list()))

    async def connection(self, call: Call) -> ASGIApp:
        """``GET /v1/connections/{id}``."""
        return Answer(200, CONNECTION.dump_json(await self._connections.get(call.path["id"])))

    async def pause(self, call: Call) -> ASGIApp:
        """``POST /v1/connections/{id}/pause``."""
        key = idempotency_key(call.headers)
        require_json(call.headers)
        body = await self._body(call)
        reason = read_json(PAUSE, body).reason
        actor = call.principal.client_id

        async def work() -> ConnectionView:
            return await self._connections.pause(call.path["id"], actor=actor, reason=reason)

        return await self._once(call, key, body, work)

    async def resume(self, call: Call) -> ASGIApp:
        """``POST /v1/connections/{id}/resume``."""
        key = idempotency_key(call.headers)
        body = await self._body(call)
        if body:
            require_json(call.headers)
        by_deadline = read_json(RESUME, body or b"{}").by_deadline
        actor = call.principal.client_id

        async def work() -> ConnectionView:
            return await self._connections.resume(call.path["id"], actor=actor, by_deadline=by_deadline)

        return await self._once(call, key, body, work)

    async def _once(self, call: Call, key: str, body: bytes, work: Callable[[], Awaitable[ConnectionView]]) -> Answer:
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()

        async def answer() -> bytes:
            return CONNECTION.dump_json(await work())

        document, replayed = await once(self._store, claim, answer)
        return Answer(200, document, ((b"idempotency-replayed", b"true"),) if replayed else ())

    async def _body(self, call: Call) -> bytes:
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "The id.", {"type": "string"}, required=True)


def _read(name: str, handler: Handler, access: Scope, summary: str, answer: TypeAdapter[Any], **rest: Any) -> Operation:
    return Operation(
        method="GET",
        handler=handler,
        access=access,
        name=name,
        summary=summary,
        description=access.sentence.en,
        tag=TAG,
        successes=(Success(200, "The answer.", answer),),
        **rest,
    )


def _steer(
    name: str, handler: Handler, summary: str, description: str, body: TypeAdapter[Any], **rest: Any
) -> Operation:
    return Operation(
        method="POST",
        handler=handler,
        access=Scope.CONNECTIONS_MANAGE,
        name=name,
        summary=summary,
        description=description,
        tag=TAG,
        body=body,
        parameters=(_ID, IDEMPOTENCY_KEY),
        successes=(Success(200, "The connection as it is now.", CONNECTION, headers=("Idempotency-Replayed",)),),
        refusals={404: "connection_not_found", 409: "idempotency_conflict"},
        **rest,
    )


def resources(api: OperatorApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of operators."""
    exchange, connection = "/v1/exchanges", "/v1/connections"
    return (
        Resource(
            exchange,
            (
                _read(
                    "list_exchanges",
                    api.exchanges,
                    Scope.EXCHANGES_READ,
                    "List exchanges, newest first; a page may be short and still have a next one",
                    PAGE,
                    parameters=filters(QUERY),
                    refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
                ),
            ),
            guard,
        ),
        Resource(
            f"{exchange}/{{id}}",
            (
                _read(
                    "get_exchange",
                    api.exchange,
                    Scope.EXCHANGES_READ,
                    "Read one exchange with every attempt",
                    DETAIL,
                    parameters=(_ID,),
                    refusals={404: "exchange_not_found"},
                ),
            ),
            guard,
        ),
        Resource(
            connection,
            (
                _read(
                    "list_connections",
                    api.connections,
                    Scope.CONNECTIONS_READ,
                    "List all connections with their state",
                    CONNECTIONS,
                ),
            ),
            guard,
        ),
        Resource(
            f"{connection}/{{id}}",
            (
                _read(
                    "get_connection",
                    api.connection,
                    Scope.CONNECTIONS_READ,
                    "Read one connection",
                    CONNECTION,
                    parameters=(_ID,),
                    refusals={404: "connection_not_found"},
                ),
            ),
            guard,
        ),
        Resource(
            f"{connection}/{{id}}/pause",
            (
                _steer(
                    "pause_connection",
                    api.pause,
                    "Pause a connection",
                    "Sending stops at once; what is accepted meanwhile waits.",
                    PAUSE,
                    body_example={"reason": "Bảo trì theo thông báo của đơn vị vận hành"},
                ),
            ),
            guard,
        ),
        Resource(
            f"{connection}/{{id}}/resume",
            (
                _steer(
                    "resume_connection",
                    api.resume,
                    "Resume a connection",
                    "Sending goes on from where it stopped.",
                    RESUME,
                    body_example={"by_deadline": True},
                    body_required=False,
                ),
            ),
            guard,
        ),
    )
