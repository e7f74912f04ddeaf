"""The API of the watch: rules with their track record, changes of them by two people, explained shares, samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.codes import PersonalNumber
from contracts.text import Code, Model, Moment, Paragraph, personal
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.cases.records import Acting
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.watch import refusals
from hub.watch.proposals import Proposals
from hub.watch.reading import WatchReader
from hub.watch.rules import RuleSet
from hub.watch.versions import ProposalKind
from hub.watch.views import DrawView, ProposalDetail, ProposalPage, ProposalView, RulesView, SharesView
from hub.web.answers import Answer
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.posting import Posting
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success

TAG = "security"


class RulesRequest(Model):
    """Rules to be put in place of the present ones."""

    person: Code
    """Login name of the person who proposes."""
    reason: Paragraph
    rules: RuleSet
    """All rules and thresholds; what is left out is as shipped."""


class PeopleRequest(Model):
    """A change of the list of protected people."""

    person: Code
    """Login name of the person who proposes."""
    reason: Paragraph
    add: Annotated[tuple[PersonalNumber, ...], Field(max_length=1000)] = personal(default=())
    """Personal numbers to be listed."""
    remove: Annotated[tuple[PersonalNumber, ...], Field(max_length=1000)] = personal(default=())
    """Personal numbers to be taken off the list."""


class ProposalDecisionRequest(Model):
    """A decision over a proposal."""

    person: Code
    """Login name of the person who decides."""
    reason: Paragraph


class ProposalApprovalRequest(ProposalDecisionRequest):
    """An approval, and from when it holds."""

    active_from: Moment | None = None
    """Now where it is left out; at most 90 days ahead."""


class ProposalQuery(BaseModel):
    """A page of proposals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[ProposalKind | None, Field(description="Only of this kind.")] = None
    cursor: Annotated[
        str | None, StringConstraints(max_length=64), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most entries of a page.")] = 50


RULES: TypeAdapter[RulesRequest] = TypeAdapter(RulesRequest)
PEOPLE: TypeAdapter[PeopleRequest] = TypeAdapter(PeopleRequest)
APPROVAL: TypeAdapter[ProposalApprovalRequest] = TypeAdapter(ProposalApprovalRequest)
DECISION: TypeAdapter[ProposalDecisionRequest] = TypeAdapter(ProposalDecisionRequest)
QUERY: TypeAdapter[ProposalQuery] = TypeAdapter(ProposalQuery)
IN_FORCE = TypeAdapter(RulesView)
ONE = TypeAdapter(ProposalView)
DETAIL = TypeAdapter(ProposalDetail)
PAGE = TypeAdapter(ProposalPage)
SHARES = TypeAdapter(SharesView)
DRAWS = TypeAdapter(tuple[DrawView, ...])


class WatchApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(
        self,
        reader: WatchReader,
        proposals: Proposals,
        settings: ApiSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``settings`` limit bodies; ``now`` is the clock."""
        self._reader = reader
        self._proposals = proposals
        self._posting = Posting(reader.store, settings)
        self._now = now

    async def rules(self, call: Call) -> ASGIApp:  # noqa: ARG002 - the form of every handler
        """``GET /v1/watch/rules``."""
        return Answer(200, IN_FORCE.dump_json(await self._reader.rules(now=self._now())))

    async def shares(self, call: Call) -> ASGIApp:
        """``GET /v1/watch/explained-shares``."""
        found = await self._reader.shares(agencies=call.principal.agencies, now=self._now())
        return Answer(200, SHARES.dump_json(found))

    async def samples(self, call: Call) -> ASGIApp:
        """``GET /v1/watch/samples``."""
        return Answer(200, DRAWS.dump_json(await self._reader.draws(agencies=call.principal.agencies)))

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/watch/proposals``."""
        query = read_query(QUERY, call.scope["query_string"])
        found = await self._proposals.page(kind=query.kind, cursor=query.cursor, limit=query.limit)
        return Answer(200, PAGE.dump_json(found))

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/watch/proposals/{id}``."""
        return Answer(200, DETAIL.dump_json(await self._proposals.get(call.path["id"])))

    async def propose_rules(self, call: Call) -> ASGIApp:
        """``POST /v1/watch/proposals``."""

        async def work(wanted: RulesRequest, conn: Connection) -> bytes:
            acting = Acting(call.principal.client_id, wanted.person)
            made = await self._proposals.propose_rules(
                acting, wanted.rules, reason=wanted.reason, now=self._now(), within=conn
            )
            return ONE.dump_json(made)

        return await self._posting.once(call, RULES, work, status=201)

    async def propose_people(self, call: Call) -> ASGIApp:
        """``POST /v1/watch/protected-people``."""
        if not _is_police(call):
            raise refusals.police_only()

        async def work(wanted: PeopleRequest, conn: Connection) -> bytes:
            acting = Acting(call.principal.client_id, wanted.person)
            made = await self._proposals.propose_people(
                acting, add=wanted.add, remove=wanted.remove, reason=wanted.reason, now=self._now(), within=conn
            )
            return ONE.dump_json(made)

        return await self._posting.once(call, PEOPLE, work, status=201)

    async def approve(self, call: Call) -> ASGIApp:
        """``POST /v1/watch/proposals/{id}/approve``."""

        async def work(wanted: ProposalApprovalRequest, conn: Connection) -> bytes:
            done = await self._proposals.approve(
                call.path["id"],
                Acting(call.principal.client_id, wanted.person),
                may_decide_people=_is_police(call),
                reason=wanted.reason,
                active_from=wanted.active_from,
                now=self._now(),
                within=conn,
            )
            return ONE.dump_json(done)

        return await self._posting.once(call, APPROVAL, work)

    async def refuse(self, call: Call) -> ASGIApp:
        """``POST /v1/watch/proposals/{id}/refuse``."""

        async def work(wanted: ProposalDecisionRequest, conn: Connection) -> bytes:
            done = await self._proposals.refuse(
                call.path["id"],
                Acting(call.principal.client_id, wanted.person),
                may_decide_people=_is_police(call),
                reason=wanted.reason,
                now=self._now(),
                within=conn,
            )
            return ONE.dump_json(done)

        return await self._posting.once(call, DECISION, work)

    async def withdraw(self, call: Call) -> ASGIApp:
        """``POST /v1/watch/proposals/{id}/withdraw``."""

        async def work(wanted: ProposalDecisionRequest, conn: Connection) -> bytes:
            acting = Acting(call.principal.client_id, wanted.person)
            done = await self._proposals.withdraw(
                call.path["id"], acting, reason=wanted.reason, now=self._now(), within=conn
            )
            return ONE.dump_json(done)

        return await self._posting.once(call, DECISION, work)


def _is_police(call: Call) -> bool:
    """The scope by which accounts are approved for the police is what tells that a client is theirs."""
    return Scope.ACCOUNTS_APPROVE_POLICE in call.principal.scopes


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "Id of the proposal.", {"type": "string", "format": "uuid"}, required=True)
_WHY = {"person": "canbo.anninh01", "reason": "Giảm báo nhầm trong tuần tuyển sinh"}


def resources(api: WatchApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the watch."""
    base = "/v1/watch"

    def read(name: str, handler: Any, summary: str, answer: TypeAdapter[Any], **rest: Any) -> Operation:
        return Operation(
            method="GET",
            handler=handler,
            access=Scope.WATCH_READ,
            name=name,
            summary=summary,
            description=rest.pop("description", "Nothing of a citizen."),
            tag=TAG,
            successes=(Success(200, "The answer.", answer),),
            **rest,
        )

    def act(name: str, handler: Any, summary: str, body: TypeAdapter[Any], **rest: Any) -> Operation:
        rest = {"access": Scope.WATCH_PROPOSE, "description": "On record in the ledger.", "body_example": _WHY, **rest}
        status = rest.pop("status", 200)
        return Operation(
            method="POST",
            handler=handler,
            name=name,
            summary=summary,
            tag=TAG,
            body=body,
            successes=(Success(status, "The proposal.", ONE, headers=("Idempotency-Replayed",)),),
            **rest,
        )

    missing = {404: "proposal_not_found"}
    decided = {
        403: "second_person_required, police_only",
        404: "proposal_not_found",
        409: "proposal_previewing, proposal_approved, proposal_refused, proposal_withdrawn, proposal_outdated,"
        " idempotency_conflict",
    }
    with_id = (_ID, IDEMPOTENCY_KEY)
    propose = act(
        "propose_rules",
        api.propose_rules,
        "Propose rules and thresholds",
        RULES,
        status=201,
        parameters=(IDEMPOTENCY_KEY,),
        body_example={**_WHY, "rules": {"rates": {"spike_above_median": 20}}},
        description="The clerk replays them over history; a second person decides when the preview is there.",
        refusals={409: "idempotency_conflict", 422: "nothing_changed, or a field is invalid"},
    )
    people = act(
        "propose_protected_people",
        api.propose_people,
        "Propose a change of the list of protected people",
        PEOPLE,
        status=201,
        parameters=(IDEMPOTENCY_KEY,),
        body_example={**_WHY, "add": ["099199000123"]},
        description="By clients of the police alone (accounts:approve_police). The list is sealed and never shown.",
        refusals={403: "police_only", 409: "idempotency_conflict", 422: "nothing_changed, or a field is invalid"},
    )
    approve = act(
        "approve_proposal",
        api.approve,
        "Approve a proposal as the second person",
        APPROVAL,
        access=Scope.WATCH_APPROVE,
        parameters=with_id,
        refusals={**decided, 422: "active_from, or a field is invalid"},
    )
    refuse = act(
        "refuse_proposal",
        api.refuse,
        "Refuse a proposal as the second person",
        DECISION,
        access=Scope.WATCH_APPROVE,
        parameters=with_id,
        refusals=decided,
    )
    withdraw = act(
        "withdraw_proposal",
        api.withdraw,
        "Withdraw one's own proposal",
        DECISION,
        parameters=with_id,
        refusals={**decided, 403: "not_the_proposer"},
    )
    history = read(
        "list_proposals",
        api.page,
        "List changes of the watch, newest first",
        PAGE,
        parameters=filters(QUERY),
        refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
    )
    return (
        Resource(
            f"{base}/rules",
            (read("get_watch_rules", api.rules, "The rules in force and their track record", IN_FORCE),),
            guard,
        ),
        Resource(
            f"{base}/explained-shares",
            (read("get_explained_shares", api.shares, "The explained share of each unit, over seven days", SHARES),),
            guard,
        ),
        Resource(f"{base}/samples", (read("list_samples", api.samples, "The monthly random samples", DRAWS),), guard),
        Resource(f"{base}/proposals", (history, propose), guard),
        Resource(
            f"{base}/proposals/{{id}}",
            (
                read(
                    "get_proposal",
                    api.one,
                    "One change of the watch, with its preview",
                    DETAIL,
                    parameters=(_ID,),
                    refusals=missing,
                ),
            ),
            guard,
        ),
        Resource(f"{base}/protected-people", (people,), guard),
        Resource(f"{base}/proposals/{{id}}/approve", (approve,), guard),
        Resource(f"{base}/proposals/{{id}}/refuse", (refuse,), guard),
        Resource(f"{base}/proposals/{{id}}/withdraw", (withdraw,), guard),
    )
