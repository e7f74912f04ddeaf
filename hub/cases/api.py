"""The API of cases: the queue, one case, every act on it, its evidence, numbers, packages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import TypeAdapter
from starlette.types import ASGIApp

from contracts.text import Model
from hub.access.scopes import Scope
from hub.access.tokens import Principal
from hub.accounts.states import Party
from hub.cases.bodies import (
    AskRequest,
    ByPerson,
    CaseNoteRequest,
    CaseQuery,
    LockAccountRequest,
    NumbersQuery,
    Reasoned,
    SuppressRequest,
    VerdictRequest,
)
from hub.cases.evidence import read_pieces
from hub.cases.handover import MEDIA_TYPE, HandOver
from hub.cases.reading import CaseFilter
from hub.cases.records import Acting, key_of, read_case
from hub.cases.reveals import Reveals
from hub.cases.service import CaseService
from hub.cases.views import CaseDetail, CaseDone, CaseEvidenceView, CaseNumbersView, CasePage, QueueView
from hub.ledger.entries import record_act
from hub.masking import mask_value
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.web.answers import Answer
from hub.web.posting import Posting
from hub.web.queries import read_query
from hub.web.resources import Call

TAG = "security"
NO_STORE = ((b"cache-control", b"no-store"),)

BY_PERSON: TypeAdapter[ByPerson] = TypeAdapter(ByPerson)
REASONED: TypeAdapter[Reasoned] = TypeAdapter(Reasoned)
NOTE: TypeAdapter[CaseNoteRequest] = TypeAdapter(CaseNoteRequest)
ASK: TypeAdapter[AskRequest] = TypeAdapter(AskRequest)
DECIDE: TypeAdapter[VerdictRequest] = TypeAdapter(VerdictRequest)
SUPPRESS: TypeAdapter[SuppressRequest] = TypeAdapter(SuppressRequest)
LOCK: TypeAdapter[LockAccountRequest] = TypeAdapter(LockAccountRequest)
QUERY: TypeAdapter[CaseQuery] = TypeAdapter(CaseQuery)
NUMBERS_QUERY: TypeAdapter[NumbersQuery] = TypeAdapter(NumbersQuery)
DETAIL = TypeAdapter(CaseDetail)
DONE = TypeAdapter(CaseDone)
PAGE = TypeAdapter(CasePage)
QUEUE = TypeAdapter(QueueView)
EVIDENCE = TypeAdapter(tuple[CaseEvidenceView, ...])
NUMBERS = TypeAdapter(CaseNumbersView)


class CaseApi:
    """The handlers; see `hub.cases.addresses`."""

    def __init__(
        self,
        cases: CaseService,
        reveals: Reveals,
        hand_over: HandOver,
        settings: ApiSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``settings`` limit bodies; ``now`` is the clock."""
        self._cases = cases
        self._reveals = reveals
        self._hand_over = hand_over
        self._posting = Posting(cases.store, settings)
        self._now = now

    # --- reading ----------------------------------------------------------------------------------------------

    async def queue(self, call: Call) -> ASGIApp:
        """``GET /v1/cases/queue``."""
        return Answer(200, QUEUE.dump_json(await self._cases.queue(agencies=call.principal.agencies, now=self._now())))

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/cases``."""
        query = read_query(QUERY, call.scope["query_string"])
        wanted = CaseFilter(
            state=query.state,
            unit_code=query.unit_code,
            rule=query.rule,
            account_id=query.account_id,
            verdict=query.verdict,
            taken_person=query.taken_person,
        )
        found = await self._cases.page(
            wanted, agencies=call.principal.agencies, cursor=query.cursor, limit=query.limit, now=self._now()
        )
        return Answer(200, PAGE.dump_json(found))

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/cases/{id}``."""
        found = await self._cases.get(call.path["id"], agencies=call.principal.agencies, now=self._now())
        return Answer(200, DETAIL.dump_json(found))

    async def evidence(self, call: Call) -> ASGIApp:
        """``GET /v1/cases/{id}/evidence``: all pieces, numbers masked; reading it is recorded."""
        store, now = self._cases.store, self._now()
        async with store.transaction() as conn:
            one = await read_case(conn, key_of(call.path["id"]), call.principal.agencies)
            pieces = await read_pieces(conn, store.sealer, one.id)
            await record_act(
                conn,
                act="case.evidence_read",
                actor=call.principal.client_id,
                target=f"case:{one.id}",
                facts={"pieces": str(len(pieces))},
                at=now,
            )
        shown = tuple(
            CaseEvidenceView(
                number=piece.number,
                at=piece.at,
                occasion=piece.occasion,
                sha256=piece.sha256.hex(),
                content=_masked(piece.document),
            )
            for piece in pieces
        )
        return Answer(200, EVIDENCE.dump_json(shown), NO_STORE)

    async def numbers(self, call: Call) -> ASGIApp:
        """``GET /v1/cases/{id}/reveals/{reveal}``: the citizens' numbers, on record."""
        query = read_query(NUMBERS_QUERY, call.scope["query_string"])
        acting = _acting(call.principal, query.person)
        found = await self._reveals.read(call.path["id"], call.path["reveal"], acting, now=self._now())
        return Answer(200, NUMBERS.dump_json(found), NO_STORE)

    async def package(self, call: Call) -> ASGIApp:
        """``GET /v1/cases/{id}/packages/{package}``: the file, which only its recipient can open."""
        found = await self._hand_over.fetch(
            call.path["id"], call.path["package"], agencies=call.principal.agencies, now=self._now()
        )
        name = (b"content-disposition", b'attachment; filename="case.p7m"')
        return Answer(200, found, (name, *NO_STORE), media_type=MEDIA_TYPE)

    # --- acting -----------------------------------------------------------------------------------------------

    async def take(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/take``."""
        return await self._act(call, BY_PERSON, self._cases.take)

    async def release(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/release``."""
        return await self._act(call, REASONED, self._cases.release)

    async def note(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/notes``."""
        return await self._act(call, NOTE, self._cases.note)

    async def ask(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/questions``."""
        return await self._act(call, ASK, self._cases.ask, status=201)

    async def decide(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/decide``."""
        return await self._act(call, DECIDE, self._cases.decide)

    async def reopen(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/reopen``."""
        return await self._act(call, REASONED, self._cases.reopen)

    async def suppress(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/suppress``."""
        return await self._act(call, SUPPRESS, self._cases.suppress)

    async def lock(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/lock-account``."""
        return await self._act(call, LOCK, self._cases.lock, party=_party(call.principal))

    async def ask_reveal(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/reveals``."""
        return await self._act(call, REASONED, self._reveals.ask, status=201)

    async def approve_reveal(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/reveals/{reveal}/approve``."""
        reveal = call.path["reveal"]

        async def approve(case_id: str, acting: Acting, *, now: datetime, within: Connection) -> CaseDone:
            return await self._reveals.approve(case_id, reveal, acting, now=now, within=within)

        return await self._act(call, BY_PERSON, approve)

    async def make_package(self, call: Call) -> ASGIApp:
        """``POST /v1/cases/{id}/packages``."""
        return await self._act(call, REASONED, self._hand_over.make, status=201)

    async def _act(
        self, call: Call, reader: TypeAdapter[Any], act: Callable[..., Any], *, status: int = 200, **known: Any
    ) -> ASGIApp:
        """Do an act whose parameters are the fields of its body."""

        async def work(wanted: Model, conn: Connection) -> bytes:
            fields = {name: getattr(wanted, name) for name in type(wanted).model_fields}
            acting = _acting(call.principal, fields.pop("person"))
            done: CaseDone = await act(call.path["id"], acting, now=self._now(), within=conn, **fields, **known)
            return DONE.dump_json(done)

        return await self._posting.once(call, reader, work, status=status)


def _acting(principal: Principal, person: str) -> Acting:
    return Acting(principal.client_id, person, tuple(principal.agencies))


def _party(principal: Principal) -> Party:
    if Scope.ACCOUNTS_APPROVE_POLICE in principal.scopes:
        return Party.POLICE
    return Party.PROVINCIAL_OFFICE if Scope.ACCOUNTS_APPROVE_OFFICE in principal.scopes else Party.AGENCY


def _masked(document: dict[str, Any]) -> dict[str, Any]:
    """Return a piece of evidence without its salt and with every number masked; the keys are ours."""
    del document["salt"]
    shown: dict[str, Any] = orjson.loads(orjson.dumps(_values(document)))
    return shown


def _values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _values(one) for key, one in value.items()}
    return [_values(one) for one in value] if isinstance(value, list) else mask_value(value)
