"""The API of the citizen's own view, and of what is withheld from it.

A personal number in an address is written down by whoever stands in between, so the number is better sent in the body
of ``POST /v1/usage/query``. The hub itself logs and counts requests by the template of their address alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp

from contracts.codes import PersonalNumber, parse_personal_number
from contracts.text import Model, Moment, VisibleNfc, personal
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.usage import refusals
from hub.usage.service import UsageReader, UsageService
from hub.usage.views import UsageView, WithholdingDetail, WithholdingPage, WithholdingView
from hub.usage.withholdings import Actor, Wish, WithholdingService
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, at_most_once, fingerprint
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "usage"

NO_STORE = ((b"cache-control", b"no-store"),)

_Person = Annotated[str, StringConstraints(min_length=1, max_length=100), VisibleNfc]
_Reason = Annotated[str, StringConstraints(min_length=10, max_length=500), VisibleNfc]
_Cursor = Annotated[
    str | None, StringConstraints(max_length=120), Field(description="`next_cursor` of the page before.")
]
_Limit = Annotated[int, Field(ge=1, le=200, description="Most entries of a page.")]


class UsageQuery(Model):
    """Whose look-ups are asked for; the recommended way, because no address holds the number."""

    personal_number: PersonalNumber = personal()
    cursor: Annotated[str, StringConstraints(max_length=120)] | None = None
    """``next_cursor`` of the page before."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """Most entries of a page."""


class PageQuery(BaseModel):
    """Which page is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: _Cursor = None
    limit: _Limit = 50


class WithholdingQuery(PageQuery):
    """Which withholdings are asked for."""

    in_force: Annotated[bool, Field(description="Only those that keep a look-up out of view now.")] = False


class WithholdingRequest(Model):
    """A look-up to be kept from the citizen's own view; at least one of case and moment says until when."""

    lookup_id: Annotated[UUID, Field(strict=False)]
    person: _Person
    """Who asks for it."""
    reason: _Reason = personal()
    """Why the citizen must not learn of it yet; kept sealed."""
    document_number: Annotated[str, StringConstraints(min_length=1, max_length=100), VisibleNfc]
    """Number of the decision it rests on."""
    case_id: Annotated[UUID, Field(strict=False)] | None = None
    """Until this case is decided."""
    until: Moment | None = None
    """Until this moment at the latest."""


class SecondPerson(Model):
    """Who agrees."""

    person: _Person


class ReleaseRequest(Model):
    """Why a look-up can be shown before its time."""

    person: _Person
    reason: _Reason = personal()
    """Kept sealed."""


QUERY: TypeAdapter[UsageQuery] = TypeAdapter(UsageQuery)
PAGE_QUERY: TypeAdapter[PageQuery] = TypeAdapter(PageQuery)
WITHHOLDING_QUERY: TypeAdapter[WithholdingQuery] = TypeAdapter(WithholdingQuery)
REQUEST: TypeAdapter[WithholdingRequest] = TypeAdapter(WithholdingRequest)
SECOND: TypeAdapter[SecondPerson] = TypeAdapter(SecondPerson)
RELEASE: TypeAdapter[ReleaseRequest] = TypeAdapter(ReleaseRequest)
VIEW = TypeAdapter(UsageView)
WITHHOLDING = TypeAdapter(WithholdingView)
DETAIL = TypeAdapter(WithholdingDetail)
PAGE = TypeAdapter(WithholdingPage)

Work = Callable[[Connection], Awaitable[WithholdingView]]


class UsageApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(
        self, usage: UsageService, withholdings: WithholdingService, store: Store, settings: ApiSettings
    ) -> None:
        """``store`` keeps the answers by idempotency key; ``settings`` give the limits of bodies."""
        self._usage = usage
        self._withholdings = withholdings
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def by_address(self, call: Call) -> ASGIApp:
        """``GET /v1/usage/{personal_id}``."""
        try:
            number = parse_personal_number(call.path["personal_id"])
        except PydanticCustomError:
            raise refusals.bad_number() from None
        query = read_query(PAGE_QUERY, call.scope["query_string"])
        return await self._view(call, number, query.cursor, query.limit)

    async def by_body(self, call: Call) -> ASGIApp:
        """``POST /v1/usage/query``."""
        # A question: repeated, it is asked and recorded again, so no answer is kept under the key.
        idempotency_key(call.headers)
        require_json(call.headers)
        query = read_json(QUERY, await self._body(call))
        return await self._view(call, query.personal_number, query.cursor, query.limit)

    async def _view(self, call: Call, number: str, cursor: str | None, limit: int) -> ASGIApp:
        reader = UsageReader(call.principal.client_id, tuple(call.principal.agencies))
        call.begin_work()
        view = await self._usage.read(number, reader, cursor=cursor, limit=limit)
        return Answer(200, VIEW.dump_json(view), NO_STORE)

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/usage/withholdings``."""
        query = read_query(WITHHOLDING_QUERY, call.scope["query_string"])
        page = await self._withholdings.page(
            cursor=query.cursor, limit=query.limit, in_force=query.in_force, agencies=call.principal.agencies
        )
        return Answer(200, PAGE.dump_json(page))

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/usage/withholdings/{id}``."""
        return Answer(200, DETAIL.dump_json(await self._withholdings.get(call.path["id"], call.principal.agencies)))

    async def withhold(self, call: Call) -> ASGIApp:
        """``POST /v1/usage/withholdings``."""
        require_json(call.headers)
        body = await self._body(call)
        asked = read_json(REQUEST, body)
        wish = Wish(asked.lookup_id, asked.reason, asked.document_number, asked.case_id, asked.until)
        actor = _actor(call, asked.person)
        return await self._once(
            call, body, lambda conn: self._withholdings.withhold(wish, actor, within=conn), status=201
        )

    async def confirm(self, call: Call) -> ASGIApp:
        """``POST /v1/usage/withholdings/{id}/confirm``."""
        require_json(call.headers)
        body = await self._body(call)
        key, actor = call.path["id"], _actor(call, read_json(SECOND, body).person)
        return await self._once(call, body, lambda conn: self._withholdings.confirm(key, actor, within=conn))

    async def request_release(self, call: Call) -> ASGIApp:
        """``POST /v1/usage/withholdings/{id}/release``."""
        require_json(call.headers)
        body = await self._body(call)
        asked = read_json(RELEASE, body)
        key, actor = call.path["id"], _actor(call, asked.person)
        return await self._once(
            call, body, lambda conn: self._withholdings.request_release(key, asked.reason, actor, within=conn)
        )

    async def approve_release(self, call: Call) -> ASGIApp:
        """``POST /v1/usage/withholdings/{id}/approve-release``."""
        require_json(call.headers)
        body = await self._body(call)
        key, actor = call.path["id"], _actor(call, read_json(SECOND, body).person)
        return await self._once(call, body, lambda conn: self._withholdings.approve_release(key, actor, within=conn))

    async def _once(self, call: Call, body: bytes, work: Work, *, status: int = 200) -> Answer:
        key = idempotency_key(call.headers)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()

        async def answer(conn: Connection) -> bytes:
            return WITHHOLDING.dump_json(await work(conn))

        stored, replayed = await at_most_once(self._store, claim, answer, status=status)
        return Answer(stored.status, stored.body, ((b"idempotency-replayed", b"true"),) if replayed else ())

    async def _body(self, call: Call) -> bytes:
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


def _actor(call: Call, person: str) -> Actor:
    return Actor(call.principal.client_id, person, tuple(call.principal.agencies))


# --- addresses --------------------------------------------------------------------------------------------------

_NUMBER = Parameter(
    "personal_id",
    "path",
    "The 12 digits of the personal number. Whoever stands in between may log it: better use `POST /v1/usage/query`.",
    {"type": "string", "pattern": "^[0-9]{12}$"},
    required=True,
)
_ID = Parameter("id", "path", "Id of the withholding.", {"type": "string", "format": "uuid"}, required=True)
_LOOKUP = "01a3f9d2-7c00-7000-8000-000000000001"
_EXAMPLE = {
    "lookup_id": _LOOKUP,
    "person": "Trần Thị Thử",
    "reason": "Đang xác minh theo kế hoạch kiểm tra",
    "document_number": "12/QĐ-CAT",
    "until": "2027-01-31T17:00:00+07:00",
}
_BAD_QUERY = {400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"}
_RECORDED = "What an agency asked, when, for which dossier and purpose, and which groups of data it got; by default not\
 who. What is being examined is counted and not shown. The reading itself is recorded in the look-up log and ledger."


def resources(api: UsageApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of citizens' own views."""
    by_address = Operation(
        method="GET",
        handler=api.by_address,
        access=Scope.USAGE_READ,
        name="read_usage",
        summary="Read who looked a citizen up",
        description=_RECORDED,
        tag=TAG,
        parameters=(_NUMBER, *filters(PAGE_QUERY)),
        successes=(Success(200, "A page, newest first.", VIEW),),
        refusals={400: _BAD_QUERY[400], 422: "personal_number, or a parameter is invalid"},
    )
    by_body = Operation(
        method="POST",
        handler=api.by_body,
        access=Scope.USAGE_READ,
        name="query_usage",
        summary="Read who looked a citizen up, with the number in the body (recommended)",
        description=_RECORDED,
        tag=TAG,
        body=QUERY,
        body_example={"personal_number": "099199000123"},
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(200, "A page, newest first.", VIEW),),
        refusals={400: "bad_cursor"},
    )
    base = "/v1/usage/withholdings"
    return (
        Resource("/v1/usage/query", (by_body,), guard),
        Resource("/v1/usage/{personal_id}", (by_address,), guard),
        *_withholdings(api, guard, base),
    )


def _withholdings(api: UsageApi, guard: Guard, base: str) -> Sequence[Resource]:
    def act(name: str, handler: Callable[[Call], Awaitable[ASGIApp]], summary: str, **rest: object) -> Operation:
        values = {
            "description": "Takes effect at once. In the ledger. A client that has agencies acts on theirs.",
            "parameters": (_ID, IDEMPOTENCY_KEY),
            "successes": (Success(200, "As it stands now.", WITHHOLDING, headers=("Idempotency-Replayed",)),),
            "refusals": {403: "second_person_required", 404: "withholding_not_found", 409: "withholding_<state>"},
            **rest,
        }
        return Operation(
            method="POST",
            handler=handler,
            access=Scope.USAGE_RELEASE,
            name=name,
            summary=summary,
            tag=TAG,
            **values,  # type: ignore[arg-type]
        )

    withhold = act(
        "withhold_usage",
        api.withhold,
        "Keep a look-up from the citizen's own view",
        description="At once, for a time; it lapses unless a second person confirms it.",
        body=REQUEST,
        body_example=_EXAMPLE,
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(201, "As it stands now.", WITHHOLDING, headers=("Idempotency-Replayed",)),),
        refusals={
            404: "lookup_not_found",
            409: "withheld_already, case_decided, idempotency_conflict",
            422: "condition_required, until_out_of_bounds, case_not_found, or a field is invalid",
        },
    )
    second = {"body": SECOND, "body_example": {"person": "Lê Văn Thử"}}
    listed = Operation(
        method="GET",
        handler=api.page,
        access=Scope.USAGE_RELEASE,
        name="list_withholdings",
        summary="List what is withheld, newest first",
        description="Without what people wrote.",
        tag=TAG,
        parameters=filters(WITHHOLDING_QUERY),
        successes=(Success(200, "A page.", PAGE),),
        refusals=_BAD_QUERY,
    )
    shown = Operation(
        method="GET",
        handler=api.one,
        access=Scope.USAGE_RELEASE,
        name="get_withholding",
        summary="Read one withholding with its reasons",
        description="A client that has agencies sees theirs.",
        tag=TAG,
        parameters=(_ID,),
        successes=(Success(200, "The withholding.", DETAIL),),
        refusals={404: "withholding_not_found"},
    )
    confirm = act("confirm_withholding", api.confirm, "Confirm it as the second person", **second)
    release = act(
        "request_release",
        api.request_release,
        "Ask that it be released before its time",
        description="It stays withheld until a second person approves.",
        body=RELEASE,
        body_example={"person": "Trần Thị Thử", "reason": "Đã xác minh xong, không còn căn cứ"},
    )
    approve = act("approve_release", api.approve_release, "Approve the release as the second person", **second)
    return (
        Resource(base, (withhold, listed), guard),
        Resource(f"{base}/{{id}}", (shown,), guard),
        Resource(f"{base}/{{id}}/confirm", (confirm,), guard),
        Resource(f"{base}/{{id}}/release", (release,), guard),
        Resource(f"{base}/{{id}}/approve-release", (approve,), guard),
    )
