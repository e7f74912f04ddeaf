"""The API of what a person does to exchanges and connections: replay, dismiss, emergency stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Protocol

from pydantic import StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.text import Model, VisibleNfc
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.exchanges.views import ConnectionList, ConnectionView, ExchangeDetail
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, at_most_once, fingerprint, once
from hub.web.parameters import IDEMPOTENCY_KEY
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "operators"


class ActRequest(Model):
    """Why something is done; stays on record, so it names no citizen."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), VisibleNfc]
    """The reason, for the other operators and for whoever looks later."""


class ResumeAllRequest(Model):
    """How sending goes on after an emergency stop of all; the body may also be left out."""

    by_deadline: bool = False
    """Whether what waits goes in the order of the dossiers' legal deadlines, soonest first."""


ACT: TypeAdapter[ActRequest] = TypeAdapter(ActRequest)
RESUME_ALL: TypeAdapter[ResumeAllRequest] = TypeAdapter(ResumeAllRequest)
DETAIL = TypeAdapter(ExchangeDetail)
CONNECTION = TypeAdapter(ConnectionView)
CONNECTIONS = TypeAdapter(ConnectionList)


class ExchangeActs(Protocol):
    """What acts on one exchange; `hub.exchanges.service.ExchangeService` in production."""

    async def replay(
        self,
        exchange_id: str,
        *,
        actor: str,
        reason: str = "",
        agencies: Sequence[str] = (),
        within: Connection | None = None,
    ) -> ExchangeDetail:
        """Open an ended exchange again."""
        ...

    async def dismiss(
        self,
        exchange_id: str,
        *,
        actor: str,
        reason: str,
        agencies: Sequence[str] = (),
        within: Connection | None = None,
    ) -> ExchangeDetail:
        """End an exchange without delivery."""
        ...


class ConnectionActs(Protocol):
    """What stops connections; `hub.exchanges.service.ConnectionService` in production."""

    async def stop(self, connection_id: str, *, actor: str, reason: str) -> ConnectionView:
        """Stop one connection."""
        ...

    async def stop_all(self, *, actor: str, reason: str) -> ConnectionList:
        """Stop every connection."""
        ...

    async def resume_all(self, *, actor: str, by_deadline: bool = False) -> ConnectionList:
        """End every emergency stop."""
        ...


class SteeringApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(
        self, exchanges: ExchangeActs, connections: ConnectionActs, store: Store, settings: ApiSettings
    ) -> None:
        """``store`` keeps the answers by idempotency key; ``settings`` give the limits of bodies."""
        self._exchanges = exchanges
        self._connections = connections
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def replay(self, call: Call) -> ASGIApp:
        """``POST /v1/exchanges/{id}/replay``."""
        return await self._act(call, self._exchanges.replay)

    async def dismiss(self, call: Call) -> ASGIApp:
        """``POST /v1/exchanges/{id}/dismiss``."""
        return await self._act(call, self._exchanges.dismiss)

    async def stop(self, call: Call) -> ASGIApp:
        """``POST /v1/connections/{id}/stop``."""
        claim, body = await self._claim(call)
        reason = read_json(ACT, body).reason

        async def work() -> bytes:
            actor = call.principal.client_id
            return CONNECTION.dump_json(await self._connections.stop(call.path["id"], actor=actor, reason=reason))

        return await self._once(claim, work)

    async def stop_all(self, call: Call) -> ASGIApp:
        """``POST /v1/connections/stop-all``."""
        claim, body = await self._claim(call)
        reason = read_json(ACT, body).reason

        async def work() -> bytes:
            actor = call.principal.client_id
            return CONNECTIONS.dump_json(await self._connections.stop_all(actor=actor, reason=reason))

        return await self._once(claim, work)

    async def resume_all(self, call: Call) -> ASGIApp:
        """``POST /v1/connections/resume-all``."""
        claim, body = await self._claim(call, body_required=False)
        by_deadline = read_json(RESUME_ALL, body or b"{}").by_deadline

        async def work() -> bytes:
            actor = call.principal.client_id
            return CONNECTIONS.dump_json(await self._connections.resume_all(actor=actor, by_deadline=by_deadline))

        return await self._once(claim, work)

    async def _act(self, call: Call, act: Callable[..., Awaitable[ExchangeDetail]]) -> ASGIApp:
        claim, body = await self._claim(call)
        reason = read_json(ACT, body).reason
        principal = call.principal

        async def work(conn: Connection) -> bytes:
            detail = await act(
                call.path["id"],
                actor=principal.client_id,
                reason=reason,
                agencies=principal.agencies,
                within=conn,
            )
            return DETAIL.dump_json(detail)

        stored, replayed = await at_most_once(self._store, claim, work)
        return _answer(stored.body, replayed=replayed)

    async def _claim(self, call: Call, *, body_required: bool = True) -> tuple[IdempotencyClaim, bytes]:
        key = idempotency_key(call.headers)
        if body_required:
            require_json(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        if body:
            require_json(call.headers)
        call.begin_work()
        return IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body)), body

    async def _once(self, claim: IdempotencyClaim, work: Callable[[], Awaitable[bytes]]) -> Answer:
        # A stop has to be in force before it is answered, so it commits by itself; repeated, it stops what is stopped.
        document, replayed = await once(self._store, claim, work)
        return _answer(document, replayed=replayed)


def _answer(document: bytes, *, replayed: bool) -> Answer:
    return Answer(200, document, ((b"idempotency-replayed", b"true"),) if replayed else ())


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "The id.", {"type": "string"}, required=True)
_WHY = {"reason": "Cổng từ chối nhầm do lỗi danh mục, đã sửa"}
_STORM = {"reason": "Bão gửi lại, chờ đơn vị vận hành xác nhận"}


def resources(api: SteeringApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of what a person does."""
    exchange, connection = "/v1/exchanges/{id}", "/v1/connections"

    def post(name: str, handler: Any, access: Scope, summary: str, description: str, **rest: Any) -> Operation:
        return Operation(
            method="POST",
            handler=handler,
            access=access,
            name=name,
            summary=summary,
            description=description,
            tag=TAG,
            **rest,
        )

    def done(what: str, model: TypeAdapter[Any]) -> tuple[Success, ...]:
        return (Success(200, what, model, headers=("Idempotency-Replayed",)),)

    one: dict[str, Any] = {
        "parameters": (_ID, IDEMPOTENCY_KEY),
        "successes": done("The exchange as it is now.", DETAIL),
        "body": ACT,
        "body_example": _WHY,
    }
    every: dict[str, Any] = {
        "parameters": (IDEMPOTENCY_KEY,),
        "successes": done("All connections as they are now.", CONNECTIONS),
        "refusals": {409: "idempotency_conflict"},
    }
    return (
        Resource(
            f"{exchange}/replay",
            (
                post(
                    "replay_exchange",
                    api.replay,
                    Scope.EXCHANGES_MANAGE,
                    "Try an ended exchange again",
                    "Under its own id; the partner is asked first where that is needed.",
                    refusals={404: "exchange_not_found", 409: "not_replayable, idempotency_conflict"},
                    **one,
                ),
            ),
            guard,
        ),
        Resource(
            f"{exchange}/dismiss",
            (
                post(
                    "dismiss_exchange",
                    api.dismiss,
                    Scope.EXCHANGES_MANAGE,
                    "End an exchange for good without delivery",
                    "Who and why stay on record.",
                    refusals={404: "exchange_not_found", 409: "not_dismissible, idempotency_conflict"},
                    **one,
                ),
            ),
            guard,
        ),
        Resource(
            f"{connection}/stop-all",
            (
                post(
                    "stop_all_connections",
                    api.stop_all,
                    Scope.CONNECTIONS_MANAGE,
                    "Emergency stop of every connection",
                    "At once, for every worker, connections registered later included; calls under way finish.",
                    body=ACT,
                    body_example=_STORM,
                    **every,
                ),
            ),
            guard,
        ),
        Resource(
            f"{connection}/resume-all",
            (
                post(
                    "resume_all_connections",
                    api.resume_all,
                    Scope.CONNECTIONS_MANAGE,
                    "End every emergency stop",
                    "A connection that was paused for a reason of its own stays paused.",
                    body=RESUME_ALL,
                    body_example={"by_deadline": True},
                    body_required=False,
                    **every,
                ),
            ),
            guard,
        ),
        Resource(
            f"{connection}/{{id}}/stop",
            (
                post(
                    "stop_connection",
                    api.stop,
                    Scope.CONNECTIONS_MANAGE,
                    "Emergency stop of one connection",
                    "When this is answered, only calls already under way finish.",
                    parameters=(_ID, IDEMPOTENCY_KEY),
                    body=ACT,
                    body_example=_STORM,
                    successes=done("The connection as it is now.", CONNECTION),
                    refusals={404: "connection_not_found", 409: "idempotency_conflict"},
                ),
            ),
            guard,
        ),
    )
