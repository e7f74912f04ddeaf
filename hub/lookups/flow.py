"""The way of every look-up: account, dossier, gate; written down; asked; compared; written down; answered.

What is asked is on record outside of this process before the partner hears of it, and both rows are on disk before the
caller hears the answer. So nobody is told of an unrecorded look-up, whatever dies in between (docs/decisions/0027).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol, TypeVar

import orjson
import structlog
import uuid_utils

from contracts.errors import LienThongError, Sentence, TryLater
from contracts.lookups import Lookup
from contracts.population import DataGroup
from hub.access.agencies import covers
from hub.accounts.directory import Account
from hub.errors import Refusal
from hub.lookups import metrics
from hub.lookups.counting import Word
from hub.lookups.deadline import within
from hub.lookups.entry import Entry
from hub.lookups.first import Firsts
from hub.lookups.gate import Gate, GateRequest, answer_key, cache_key
from hub.lookups.heads import DossierHeads
from hub.lookups.intents import intent_of
from hub.lookups.pauses import Pauses
from hub.lookups.plans import (
    GateRefusal,
    Handed,
    MismatchError,
    Plan,
    Request,
    answer_of,
    asker_of,
    kept_context,
    reasons_of,
)
from hub.lookups.recording import LookupCaller, require_unit
from hub.lookups.refusals import mismatch
from hub.lookups.rows import EndRow, LookupOutcome, LookupRow, salted
from hub.lookups.scope import DossierHead, ScopeRules, root_of
from hub.lookups.subjects import SubjectHasher
from hub.lookups.telling import MismatchAlarm, UseNotes
from hub.lookups.writer import LogWriter
from hub.masking import mask_text
from hub.store.engine import Store
from hub.store.errors import SealError
from hub.web.partner import no_connection, refusal_of

_log = structlog.get_logger("hub.lookups")

T = TypeVar("T")

_SLOW = Sentence("The partner did not answer in time; try again.", "Hệ thống bạn không trả lời kịp thời; hãy thử lại.")

MARGIN_SECONDS = 1.0
"""Past the deadline that an operation declares; the adapter itself ends a call at that."""


class Directory(Protocol):
    """Gives accounts."""

    async def get(self, account_id: str, /) -> Account | None:
        """Return the account; ``None`` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the flow is made of."""

    store: Store
    directory: Directory
    heads: DossierHeads
    rules: ScopeRules
    gate: Gate
    writer: LogWriter
    pauses: Pauses
    hasher: SubjectHasher
    notes: UseNotes
    alarm: MismatchAlarm
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Flow:
    """Makes look-ups; one for each process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._key = parts.hasher.derive(b"requests")
        self._firsts: Firsts[Handed] = Firsts(parts.gate)

    async def run(self, plan: Plan, caller: LookupCaller) -> bytes:
        """Make a look-up and return the answer, a JSON object.

        Raises `Refusal` and ``StoreUnavailable``; every refusal of the gate is in the log.
        """
        require_unit(caller, plan.lookup.actor)
        if plan.connection is None:
            raise no_connection()
        request, code = await self._examined(plan, plan.connection, caller)
        await self._pass_gate(request, code)
        verdict = request.verdict
        if verdict is not None and verdict.word is Word.REPEATED and verdict.first is not None:
            return await self._repeat(request, verdict.first)
        if verdict is not None and verdict.answer is not None:
            handed = self._opened(request.kept_under, verdict.answer)
            if handed is not None:
                request.row.gate = {**request.row.gate, "cached": True}
                await self._parts.writer.whole(request.row, self._end(request, handed))
                return answer_of(request, handed, cached=True)
        return await self._first(request)

    # --- before the gate --------------------------------------------------------------------------------------

    async def _examined(self, plan: Plan, connection: str, caller: LookupCaller) -> tuple[Request, str | None]:
        """Return the request, and the code of the refusal where it is refused already."""
        parts, lookup, rules = self._parts, plan.lookup, self._parts.rules
        now = parts.now()
        account = await parts.directory.get(lookup.actor.account_id)
        code = rules.check_account(account, lookup, plan.operation, now)
        if code is None and account is not None and plan.subject == account.officer_number:
            code = "own_record"
        head: DossierHead | None = None
        if code is None and account is not None:
            head, code = await self._dossier(account, lookup, caller, now)
        root = root_of(lookup, head)
        given: tuple[DataGroup, ...] = ()
        withheld: tuple[DataGroup, ...] = ()
        if account is not None and code is None:
            code = rules.check_procedure(account, root)
            if plan.gives_groups or plan.needs is not None:
                has_dossier = lookup.dossier_code is not None and lookup.break_glass is None
                given, withheld = rules.fields(account, root, has_dossier=has_dossier, wanted=plan.wanted)
                if code is None and (not given or (plan.needs is not None and plan.needs not in given)):
                    code = "fields_outside_purpose"
        row = LookupRow(
            id=str(uuid_utils.uuid7()),
            asked_at=now,
            kind=plan.kind,
            connection=connection,
            client_id=caller.client_id,
            account_id=lookup.actor.account_id,
            role="" if account is None else account.role,
            unit_code=lookup.actor.unit_code,
            ip=lookup.actor.ip,
            dossier_code=lookup.dossier_code,
            procedure_root=root,
            purpose=mask_text(lookup.purpose),
            break_glass=lookup.break_glass is not None,
            subject_hash=parts.hasher.hash(plan.subject),
            subject_kind=plan.subject_kind.value,
            gate={},
            content=salted({"subject": plan.subject, "question": orjson.Fragment(plan.question)}),
            reasons=reasons_of(lookup),
        )
        return Request(plan, row, account, given, withheld), code

    async def _dossier(
        self, account: Account, lookup: Lookup, caller: LookupCaller, now: datetime
    ) -> tuple[DossierHead | None, str | None]:
        heads, rules = self._parts.heads, self._parts.rules
        if lookup.dossier_code is None:
            return None, rules.check_dossier(account, lookup, None, now)
        head = await heads.get(lookup.dossier_code)
        code = rules.check_dossier(account, lookup, head, now)
        if code == "dossier_of_another_unit" and head is not None:
            head = await heads.assigned(head)
            code = rules.check_dossier(account, lookup, head, now)
        if code is None and head is not None and not covers(caller.agencies, head.agency_code):
            code = "dossier_of_another_unit"
        return head, code

    # --- the gate ---------------------------------------------------------------------------------------------

    async def _pass_gate(self, request: Request, code: str | None) -> None:
        parts, row, account = self._parts, request.row, request.account
        if account is None:
            # Not counted: nothing is kept under names that anybody may make up.
            await self._deny(request, code or "account_unknown", 0.0)
            return
        lookup = request.plan.lookup
        question = self._digest(
            row.dossier_code or "", row.kind, b"".join(one.encode() for one in request.given), request.plan.question
        )
        request.same = self._digest(row.account_id, row.client_id, question)
        if row.dossier_code is not None and not row.break_glass and parts.rules.settings.cache_minutes:
            request.kept_under = cache_key(question)
        verdict = await parts.gate.admit(
            GateRequest(
                account_id=account.id,
                role=account.role,
                lookup_id=row.id,
                subject=row.subject_hash or b"",
                same=request.same,
                question=question if request.kept_under is not None else None,
                denied_code=code,
                has_reason=lookup.step_up is not None,
                intent=intent_of(parts.store.sealer, row) if code is None and parts.gate.keeps else b"",
            )
        )
        request.verdict = verdict
        row.gate = verdict.facts()
        if verdict.word in (Word.DENIED, Word.STEP_UP_REQUIRED, Word.TOO_FAST):
            await self._deny(request, code or verdict.word.value, verdict.wait_seconds)
        parts.notes.used(account.id, row.asked_at)

    async def _deny(self, request: Request, code: str, wait_seconds: float) -> None:
        row = request.row
        row.gate = row.gate or {"code": "denied", "degraded": self._parts.gate.degraded}
        end = EndRow(row.id, row.asked_at, self._parts.now(), LookupOutcome.DENIED.value, denied_code=code)
        await self._parts.writer.whole(row, end)
        metrics.ended(row.kind, end.outcome, denied_code=code)
        raise GateRefusal(code, wait_seconds)

    def _digest(self, *parts: str | bytes) -> bytes:
        made = hashlib.blake2b(key=self._key, digest_size=32)
        for one in parts:
            content = one.encode() if isinstance(one, str) else one
            made.update(len(content).to_bytes(4, "big") + content)
        return made.digest()

    # --- the same again ---------------------------------------------------------------------------------------

    async def _repeat(self, request: Request, first: str) -> bytes:
        """Answer as the same request of a moment ago was answered, and record that."""
        request.row.gate = {**request.row.gate, "repeats": first}
        keys = [answer_key(request.same)] + ([request.kept_under] if request.kept_under is not None else [])
        try:
            handed = await self._firsts.answer(
                request.same, keys, self._opened, seconds=request.plan.deadline_seconds + MARGIN_SECONDS
            )
        except Refusal as error:
            end = self._ended(request, LookupOutcome.REPEATED, error=error.code)
            await self._parts.writer.whole(request.row, end)
            metrics.ended(request.row.kind, end.outcome)
            raise
        end = self._end(request, handed)
        end.outcome = LookupOutcome.REPEATED.value
        await self._parts.writer.whole(request.row, end)
        return answer_of(request, handed, repeated=True)

    def _opened(self, key: bytes | None, sealed: bytes) -> Handed | None:
        if key is None:
            return None
        try:
            return Handed.unpack(self._parts.store.sealer.open(sealed, kept_context(key)))
        except SealError:  # sealed by a key that has been retired, or not by us
            return None

    # --- asking -----------------------------------------------------------------------------------------------

    async def _first(self, request: Request) -> bytes:
        """Ask, once for everybody who asks the same meanwhile; the end is written down whatever it is."""
        parts = self._parts
        future = self._firsts.begin(request.same)
        try:
            entry = Entry(parts.store.sealer, parts.writer, parts.gate, parts.pauses, request.row)
            await entry.begin(is_kept=request.verdict is not None and request.verdict.is_kept)
            handed = await self._ask(request, entry)
            future.set_result(handed)
        except BaseException as error:
            parts.gate.drop_soon(request.same)
            if isinstance(error, Refusal):
                future.set_exception(error)
            raise
        finally:
            self._firsts.end(request.same, future)
        return answer_of(request, handed)

    async def _ask(self, request: Request, entry: Entry) -> Handed:
        parts, plan, row = self._parts, request.plan, request.row
        began = monotonic()
        try:
            with within(plan.deadline_seconds + MARGIN_SECONDS):
                make = await plan.ask(asker_of(request))
            seconds = monotonic() - began
            handed = make(request.given, request.withheld)
        except LienThongError as error:
            await self._failed(request, entry, type(error).__name__, began)
            raise refusal_of(error) from None
        except TimeoutError:
            await self._failed(request, entry, "TimeoutError", began)
            raise refusal_of(TryLater(_SLOW, connection=row.connection, operation=plan.operation)) from None
        except MismatchError:
            await self._failed(request, entry, None, began, outcome=LookupOutcome.MISMATCH)
            await parts.alarm.ring(row.connection)
            raise mismatch() from None
        except BaseException as error:
            await self._failed(request, entry, type(error).__name__, began)
            raise
        metrics.upstream(row.connection, seconds)
        end = self._end(request, handed)
        end.upstream_ms = round(seconds * 1000)
        written = entry.end(end)
        # While the commit is on its way there is time to seal; nothing of it leaves before the commit is done.
        key, sealed, for_seconds = self._kept(request, handed)
        await written
        parts.gate.keep_soon(key, sealed, seconds=for_seconds)
        return handed

    async def _failed(
        self,
        request: Request,
        entry: Entry,
        error: str | None,
        began: float,
        *,
        outcome: LookupOutcome = LookupOutcome.FAILED,
    ) -> None:
        end = self._ended(request, outcome, error=error)
        end.upstream_ms = round((monotonic() - began) * 1000)
        metrics.ended(request.row.kind, outcome.value)
        await entry.end(end)

    def _kept(self, request: Request, handed: Handed) -> tuple[bytes, bytes, float]:
        """Return what is kept of the answer, sealed, its key, and for how many seconds.

        For the same question of the dossier, or for who asked the same just now.
        """
        settings = self._parts.rules.settings
        seconds, key = settings.cache_minutes * 60, request.kept_under
        if key is None or handed.outcome is not LookupOutcome.FOUND:
            seconds, key = settings.repeat_seconds, answer_key(request.same)
        return key, self._parts.store.sealer.seal(handed.packed(), kept_context(key)), seconds

    # --- rows -------------------------------------------------------------------------------------------------

    def _ended(self, request: Request, outcome: LookupOutcome, *, error: str | None = None) -> EndRow:
        row = request.row
        return EndRow(row.id, row.asked_at, self._parts.now(), outcome.value, error=error)

    def _end(self, request: Request, handed: Handed) -> EndRow:
        row = request.row
        end = self._ended(request, handed.outcome)
        end.found, end.data_groups = handed.found, handed.groups
        if handed.watched is not None:
            end.content = salted(handed.watched)
            number = handed.watched.get("subject_id")
            if number and number != request.plan.subject:
                end.subject_hash = self._parts.hasher.hash(number)
        if handed.others:
            # In an order of their own, which says nothing of who is whose parent.
            end.other_subject_hashes = sorted(map(self._parts.hasher.hash, handed.others))
        metrics.ended(row.kind, handed.outcome.value)
        return end
