"""The API of what operators ask and announce about connections: probes and maintenance windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.errors import Sentence
from contracts.text import Model, Moment, VisibleNfc
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.health.maintenance import MaintenanceService, Wanted
from hub.health.probing import ProbeReport
from hub.health.views import ProbeView, WindowList, WindowView
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, answered, at_most_once, fingerprint, recall, remember
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "operators"
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Reason = Annotated[str, StringConstraints(min_length=1, max_length=500), VisibleNfc]
_MOST_DIGITS = 18


class ProbeRequest(Model):
    """Nothing needs to be said to probe a connection; the body may also be left out."""


class WindowRequest(Model):
    """An announced time in which nothing leaves for a connection."""

    connection: _Name
    """Id of the connection."""
    starts_at: Moment
    """When it begins."""
    ends_at: Moment
    """When it ends; at most 30 days later."""
    reason: _Reason
    """Why, for the other operators; it names no citizen."""
    urgent_reason: _Reason | None = None
    """Why it cannot wait for the notice the province's profile demands; it is then marked as announced too late."""


class WindowQuery(BaseModel):
    """The filters of the list of windows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: Annotated[_Name | None, Field(description="Of this connection.")] = None
    past: Annotated[bool, Field(description="Also windows that are over or were cancelled.")] = False


PROBE: TypeAdapter[ProbeRequest] = TypeAdapter(ProbeRequest)
PROBED = TypeAdapter(ProbeView)
WANTED: TypeAdapter[WindowRequest] = TypeAdapter(WindowRequest)
WINDOW = TypeAdapter(WindowView)
WINDOWS = TypeAdapter(WindowList)
QUERY: TypeAdapter[WindowQuery] = TypeAdapter(WindowQuery)


class Probes(Protocol):
    """What probes connections; `hub.health.probe_service.ProbeService` in production."""

    async def probe(self, connection: str, *, origin: str) -> ProbeReport:
        """Probe one now."""
        ...


class HealthOperatorApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, probes: Probes | None, windows: MaintenanceService, store: Store, settings: ApiSettings) -> None:
        """``probes`` is ``None`` where this process has no connections open; ``store`` keeps answers by key."""
        self._probes = probes
        self._windows = windows
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def probe(self, call: Call) -> ASGIApp:
        """``POST /v1/connections/{id}/probe``."""
        key, body = idempotency_key(call.headers), await self._body(call)
        if body:
            require_json(call.headers)
            read_json(PROBE, body)
        probes = self._probes
        if probes is None:
            raise Refusal(404, "connection_not_found", _NO_CONNECTION, field="id")

        call.begin_work()
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        # Not in one transaction with its answer: a probe may take a minute, and would hold a database connection.
        if (known := await self._known(claim)) is not None:
            return _answer(200, known, replayed=True)
        report = await probes.probe(call.path["id"], origin=call.principal.client_id)
        document = PROBED.dump_json(ProbeView.of(report))
        async with self._store.transaction() as conn:
            if not await recall(conn, [claim]):
                await remember(conn, [(claim, 200, document)])
        return _answer(200, document, replayed=False)

    async def _known(self, claim: IdempotencyClaim) -> bytes | None:
        async with self._store.transaction() as conn:
            answer = await answered(conn, claim)
        return None if answer is None else answer.body

    async def announce(self, call: Call) -> ASGIApp:
        """``POST /v1/maintenance-windows``."""
        key = idempotency_key(call.headers)
        require_json(call.headers)
        body = await self._body(call)
        asked = read_json(WANTED, body)
        wanted = Wanted(asked.connection, asked.starts_at, asked.ends_at, asked.reason, asked.urgent_reason)

        async def work(conn: Connection) -> bytes:
            view = await self._windows.announce(wanted, actor=call.principal.client_id, within=conn)
            return WINDOW.dump_json(view)

        call.begin_work()
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        stored, replayed = await at_most_once(self._store, claim, work, status=201)
        return _answer(201, stored.body, replayed=replayed)

    async def windows(self, call: Call) -> ASGIApp:
        """``GET /v1/maintenance-windows``."""
        query = read_query(QUERY, call.scope["query_string"])
        return Answer(200, WINDOWS.dump_json(await self._windows.list(connection=query.connection, past=query.past)))

    async def cancel(self, call: Call) -> ASGIApp:
        """``DELETE /v1/maintenance-windows/{id}``."""
        number = call.path["id"]
        if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
            raise Refusal(404, "window_not_found", _NO_WINDOW, field="id")
        call.begin_work()
        view = await self._windows.cancel(int(number), actor=call.principal.client_id)
        return Answer(200, WINDOW.dump_json(view))

    async def _body(self, call: Call) -> bytes:
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


_NO_CONNECTION = Sentence("There is no connection with this id in this deployment.", "Không có kết nối nào với mã này.")
_NO_WINDOW = Sentence("There is no maintenance window with this id.", "Không có khung giờ bảo trì nào với mã này.")


def _answer(status: int, document: bytes, *, replayed: bool) -> Answer:
    return Answer(status, document, ((b"idempotency-replayed", b"true"),) if replayed else ())


# --- addresses ----------------------------------------------------------------------------------------------

_REPLAYED = ("Idempotency-Replayed",)
_ID = Parameter("id", "path", "The id.", {"type": "string"}, required=True)


def resources(api: HealthOperatorApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of probes and maintenance windows."""
    windows = "/v1/maintenance-windows"
    probe = Operation(
        method="POST",
        handler=api.probe,
        access=Scope.CONNECTIONS_MANAGE,
        name="probe_connection",
        summary="Probe a connection now",
        description="Name, port, certificates, clock, credentials, contract, a harmless real call: in this order, up to"
        " the first that fails. Nothing leaves during an announced maintenance.",
        tag=TAG,
        body=PROBE,
        body_required=False,
        body_example={},
        parameters=(_ID, IDEMPOTENCY_KEY),
        successes=(Success(200, "What was found; a layer that failed is an answer too.", PROBED, headers=_REPLAYED),),
        refusals={404: "connection_not_found", 409: "in_maintenance, idempotency_conflict"},
    )
    announce = Operation(
        method="POST",
        handler=api.announce,
        access=Scope.CONNECTIONS_MANAGE,
        name="announce_maintenance",
        summary="Announce a maintenance window",
        description="In it nothing leaves for the connection; what is accepted leaves afterwards. The dossier systems"
        " hear of it by an inbox event. Announced later than the province's profile demands it needs `urgent_reason`.",
        tag=TAG,
        body=WANTED,
        body_example={
            "connection": "national_portal",
            "starts_at": "2026-10-24T22:00:00+07:00",
            "ends_at": "2026-10-25T02:00:00+07:00",
            "reason": "Nâng cấp máy chủ bảo mật",
        },
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(201, "The window.", WINDOW, headers=_REPLAYED),),
        refusals={404: "connection_not_found", 409: "idempotency_conflict"},
    )
    listing = Operation(
        method="GET",
        handler=api.windows,
        access=Scope.CONNECTIONS_READ,
        name="list_maintenance",
        summary="List maintenance windows, the next first",
        description="Those under way and ahead; with `past` also those that were.",
        tag=TAG,
        parameters=filters(QUERY),
        successes=(Success(200, "The windows.", WINDOWS),),
        refusals={400: "malformed_query, repeated_parameter", 422: "a parameter is invalid"},
    )
    cancel = Operation(
        method="DELETE",
        handler=api.cancel,
        access=Scope.CONNECTIONS_MANAGE,
        name="cancel_maintenance",
        summary="Cancel a maintenance window, or end it early",
        description="What waits leaves at once. The dossier systems hear of it by an inbox event.",
        tag=TAG,
        parameters=(_ID,),
        successes=(Success(200, "The window as it is now.", WINDOW),),
        refusals={404: "window_not_found", 409: "window_ended"},
    )
    return (
        Resource("/v1/connections/{id}/probe", (probe,), guard),
        Resource(windows, (listing, announce), guard),
        Resource(f"{windows}/{{id}}", (cancel,), guard),
    )
