"""The API of replays: preview, approve, start, pause, stop, and what became of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.text import Model, VisibleNfc
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.replays.filters import ExchangeSelection
from hub.replays.selection import Action
from hub.replays.service import ReplayService
from hub.replays.views import ItemPage, ReplayDetail, ReplayPage
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, at_most_once, fingerprint
from hub.web.parameters import IDEMPOTENCY_KEY
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "operators"


class ReplayRequest(Model):
    """A selection of exchanges, what would be done to them, and why."""

    action: Annotated[Action, Field(strict=False)] = Action.REPLAY
    """``replay``: try them again; ``dismiss``: end them for good without delivery."""
    filter: ExchangeSelection = ExchangeSelection()
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), VisibleNfc]
    """For the other operators, and for whoever looks later; it names no citizen."""


class NoRequest(Model):
    """Nothing needs to be said; the body may also be left out."""


class ReplayQuery(BaseModel):
    """The page of the list of replays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: Annotated[
        str | None, StringConstraints(max_length=64), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most entries of a page.")] = 50


class ItemQuery(BaseModel):
    """The page of the exchanges of a replay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Annotated[int, Field(ge=-1, le=2**31 - 1, description="`next_after` of the page before.")] = -1
    limit: Annotated[int, Field(ge=1, le=500, description="Most entries of a page.")] = 100


REQUEST: TypeAdapter[ReplayRequest] = TypeAdapter(ReplayRequest)
NOTHING: TypeAdapter[NoRequest] = TypeAdapter(NoRequest)
QUERY: TypeAdapter[ReplayQuery] = TypeAdapter(ReplayQuery)
ITEM_QUERY: TypeAdapter[ItemQuery] = TypeAdapter(ItemQuery)
DETAIL = TypeAdapter(ReplayDetail)
PAGE = TypeAdapter(ReplayPage)
ITEMS = TypeAdapter(ItemPage)

Work = Callable[[Connection], Awaitable[ReplayDetail]]


class ReplayApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, replays: ReplayService, store: Store, settings: ApiSettings) -> None:
        """``store`` keeps the answers by idempotency key; ``settings`` give the limits of bodies."""
        self._replays = replays
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/replays``."""
        query = read_query(QUERY, call.scope["query_string"])
        page = await self._replays.page(cursor=query.cursor, limit=query.limit, agencies=call.principal.agencies)
        return Answer(200, PAGE.dump_json(page))

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/replays/{id}``."""
        found = await self._replays.get(call.path["id"], agencies=call.principal.agencies)
        return Answer(200, DETAIL.dump_json(found))

    async def items(self, call: Call) -> ASGIApp:
        """``GET /v1/replays/{id}/exchanges``."""
        query = read_query(ITEM_QUERY, call.scope["query_string"])
        page = await self._replays.items(
            call.path["id"], after=query.after, limit=query.limit, agencies=call.principal.agencies
        )
        return Answer(200, ITEMS.dump_json(page))

    async def preview(self, call: Call) -> ASGIApp:
        """``POST /v1/replays``."""
        require_json(call.headers)
        body = await self._body(call)
        wanted = read_json(REQUEST, body)

        async def work(conn: Connection) -> ReplayDetail:
            return await self._replays.preview(
                wanted.action,
                wanted.filter,
                reason=wanted.reason,
                actor=call.principal.client_id,
                agencies=call.principal.agencies,
                within=conn,
            )

        return await self._once(call, body, work, status=201)

    async def approve(self, call: Call) -> ASGIApp:
        """``POST /v1/replays/{id}/approve``."""
        return await self._steer(call, self._replays.approve)

    async def start(self, call: Call) -> ASGIApp:
        """``POST /v1/replays/{id}/start``."""
        return await self._steer(call, self._replays.start)

    async def pause(self, call: Call) -> ASGIApp:
        """``POST /v1/replays/{id}/pause``."""
        return await self._steer(call, self._replays.pause)

    async def stop(self, call: Call) -> ASGIApp:
        """``POST /v1/replays/{id}/stop``."""
        return await self._steer(call, self._replays.stop)

    async def _steer(self, call: Call, act: Callable[..., Awaitable[ReplayDetail]]) -> ASGIApp:
        body = await self._body(call)
        if body:
            require_json(call.headers)
            read_json(NOTHING, body)
        principal = call.principal

        async def work(conn: Connection) -> ReplayDetail:
            return await act(call.path["id"], actor=principal.client_id, agencies=principal.agencies, within=conn)

        return await self._once(call, body, work)

    async def _once(self, call: Call, body: bytes, work: Work, *, status: int = 200) -> Answer:
        key = idempotency_key(call.headers)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()

        async def answer(conn: Connection) -> bytes:
            return DETAIL.dump_json(await work(conn))

        stored, replayed = await at_most_once(self._store, claim, answer, status=status)
        return Answer(stored.status, stored.body, ((b"idempotency-replayed", b"true"),) if replayed else ())

    async def _body(self, call: Call) -> bytes:
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "Id of the replay.", {"type": "string", "format": "uuid"}, required=True)
_EXAMPLE = {
    "action": "replay",
    "filter": {"connection": "national_portal", "states": ["refused"], "upstream_code": "-1"},
    "reason": "Cổng từ chối nhầm do lỗi danh mục, đã sửa",
}


def _query(adapter: TypeAdapter[Any]) -> tuple[Parameter, ...]:
    properties: dict[str, Any] = adapter.json_schema(ref_template="#/components/schemas/{model}")["properties"]
    return tuple(
        Parameter(
            name, "query", schema.pop("description"), {key: value for key, value in schema.items() if key != "title"}
        )
        for name, schema in properties.items()
    )


def resources(api: ReplayApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of replays."""
    base, manage = "/v1/replays", Scope.REPLAYS_MANAGE

    def read(name: str, handler: Any, summary: str, answer: TypeAdapter[Any], **rest: Any) -> Operation:
        return Operation(
            method="GET",
            handler=handler,
            access=Scope.EXCHANGES_READ,
            name=name,
            summary=summary,
            description="Of all agencies; for a client that has agencies, what was narrowed to them.",
            tag=TAG,
            successes=(Success(200, "The answer.", answer),),
            **rest,
        )

    def steer(
        name: str, handler: Any, summary: str, description: str, *, refusals: str, access: Scope = manage
    ) -> Resource:
        operation = Operation(
            method="POST",
            handler=handler,
            access=access,
            name=f"{name}_replay",
            summary=summary,
            description=description,
            tag=TAG,
            body=NOTHING,
            body_example={},
            body_required=False,
            parameters=(_ID, IDEMPOTENCY_KEY),
            successes=(Success(200, "The replay as it is now.", DETAIL, headers=("Idempotency-Replayed",)),),
            refusals={404: "replay_not_found", 409: f"{refusals}, idempotency_conflict"},
        )
        return Resource(f"{base}/{{id}}/{name}", (operation,), guard)

    preview = Operation(
        method="POST",
        handler=api.preview,
        access=manage,
        name="preview_replay",
        summary="Preview a replay or a dismissal by filter",
        description="Freezes what the filter matches now and says what would happen; nothing is sent.",
        tag=TAG,
        body=REQUEST,
        body_example=_EXAMPLE,
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(201, "The preview.", DETAIL, headers=("Idempotency-Replayed",)),),
        refusals={409: "idempotency_conflict", 422: "reason_required, selection_too_large, or a field is invalid"},
    )
    bad_query = {400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"}
    listed = read(
        "list_replays", api.page, "List replays, newest first", PAGE, parameters=_query(QUERY), refusals=bad_query
    )
    return (
        Resource(base, (preview, listed), guard),
        Resource(
            f"{base}/{{id}}",
            (
                read(
                    "get_replay",
                    api.one,
                    "Read one replay with its progress",
                    DETAIL,
                    parameters=(_ID,),
                    refusals={404: "replay_not_found"},
                ),
            ),
            guard,
        ),
        Resource(
            f"{base}/{{id}}/exchanges",
            (
                read(
                    "list_replay_exchanges",
                    api.items,
                    "List the exchanges of a replay in the order of the run",
                    ITEMS,
                    parameters=(_ID, *_query(ITEM_QUERY)),
                    refusals={404: "replay_not_found", **bad_query},
                ),
            ),
            guard,
        ),
        steer(
            "approve",
            api.approve,
            "Approve a preview as the second person",
            "Refused (403 second_person_required) for the client that made it.",
            refusals="replay_running, replay_paused, replay_stopped, replay_finished, approved_already,"
            " preview_too_old",
            access=Scope.REPLAYS_APPROVE,
        ),
        steer(
            "start",
            api.start,
            "Start a preview, or let a paused replay go on",
            "Runs within the connection's rate, soonest legal deadline first.",
            refusals="approval_required, nothing_selected, preview_too_old, replay_running, replay_stopped,"
            " replay_finished",
        ),
        steer(
            "pause",
            api.pause,
            "Pause a running replay",
            "Nothing more is handed over; what is on its way ends.",
            refusals="replay_previewed, replay_paused, replay_stopped, replay_finished",
        ),
        steer(
            "stop",
            api.stop,
            "Stop a replay for good",
            "What is on its way ends; the rest stays as it was.",
            refusals="replay_stopped, replay_finished",
        ),
    )
