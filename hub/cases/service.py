"""What people do with cases: take, release, note, ask, decide, reopen, suppress, lock the account.

Every act locks the case, asks whether the person may act on it at all (`hub.cases.conflict`), writes the act into the
history with what the person wrote sealed, and into the ledger. Only whoever took a case works on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from hub.accounts.measures import lock_account
from hub.accounts.states import Party
from hub.cases import asking, reading, refusals
from hub.cases.conflict import require_impartial
from hub.cases.evidence import count_lookups, freeze, lookups_of_case
from hub.cases.notices import tell_of_case, tell_queue
from hub.cases.opening import alert_rows, mark_lookups
from hub.cases.reading import CaseFilter
from hub.cases.records import Acting, Case, key_of, read_case, write_act
from hub.cases.settings import CaseSettings
from hub.cases.states import HELD, OF_THE_HOLDER, CaseAct, CaseState, after
from hub.cases.views import CaseDetail, CaseDone, CasePage, QueueView
from hub.lookups.log import SubjectHasher
from hub.profiles.calendar import working_calendar
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.watch.records import Verdict

_LOOK_BACK = timedelta(days=60)
"""How old a look-up of a case may be before the case was opened."""


class CaseService:
    """Cases for whoever judges them; ``within`` is the caller's transaction where there is one."""

    def __init__(
        self,
        store: Store,
        settings: CaseSettings,
        profile: ProfileValues,
    ) -> None:
        """``profile`` gives the clock of explanations and the budget of the queue."""
        self.store = store
        self.settings = settings
        self._hasher: SubjectHasher | None = None
        self._per_1000 = profile.cases_per_day_per_1000_officers
        self._hours = timedelta(hours=profile.explanation_working_hours)
        self._calendar = working_calendar(profile)

    async def hasher(self) -> SubjectHasher:
        """Return what hashes the numbers of people, opened when first needed."""
        if self._hasher is None:
            self._hasher = await SubjectHasher.open(self.store)
        return self._hasher

    # --- reading ----------------------------------------------------------------------------------------------

    async def get(
        self, case_id: str, *, agencies: Sequence[str] = (), now: datetime, within: Connection | None = None
    ) -> CaseDetail:
        """Return one case with all that belongs to it, people masked; refuse with 404."""
        async with joined(self.store, within) as conn:
            one = await read_case(conn, key_of(case_id), agencies)
            return await reading.detail(conn, self.store.sealer, one, agencies=agencies, now=now)

    async def page(
        self, wanted: CaseFilter, *, agencies: Sequence[str] = (), cursor: str | None, limit: int, now: datetime
    ) -> CasePage:
        """Return cases, the newest first."""
        async with self.store.transaction() as conn:
            return await reading.page(conn, wanted, agencies=agencies, cursor=cursor, limit=limit, now=now)

    async def queue(self, *, agencies: Sequence[str] = (), now: datetime) -> QueueView:
        """Return what can be judged today, the most urgent first, and how many lie below."""
        async with self.store.transaction() as conn:
            return await reading.queue(conn, per_1000=self._per_1000, agencies=agencies, now=now)

    # --- acting -----------------------------------------------------------------------------------------------

    async def require(self, conn: Connection, case_id: str, acting: Acting, act: CaseAct, *, now: datetime) -> Case:
        """Return the case, locked, that this person may do this act on now; refuse otherwise."""
        one = await read_case(conn, key_of(case_id), acting.agencies, lock=True)
        await require_impartial(conn, self.store.sealer, await self.hasher(), one, acting.person, now=now)
        held = one.stands in HELD
        is_holder = (one.taken_by, one.taken_person) == (acting.client_id, acting.person)
        if held and not is_holder and (act in OF_THE_HOLDER or act is CaseAct.SUPPRESS):
            raise refusals.not_yours()
        if act in OF_THE_HOLDER and not held and act is not CaseAct.NOTE:
            raise refusals.wrong_state(one.state, act.value)
        return one

    async def take(self, case_id: str, acting: Acting, *, now: datetime, within: Connection | None = None) -> CaseDone:
        """Take a case into one's hands; nobody else can work on it then."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.TAKE, now=now)
            state = after(one.stands, CaseAct.TAKE)
            await conn.execute(
                "UPDATE cases SET state = %s, taken_by = %s, taken_person = %s, taken_at = %s, suppressed_until = NULL,"
                " suppressed_score = NULL, changed_at = %s WHERE id = %s",
                (state.value, acting.client_id, acting.person, now, now, one.id),
            )
            await self._freeze(conn, one, "taken", now)
            return await self.done(conn, one, CaseAct.TAKE, acting, now=now)

    async def release(
        self, case_id: str, acting: Acting, *, reason: str, now: datetime, within: Connection | None = None
    ) -> CaseDone:
        """Give a case back to the queue; what was asked of the officer is not waited for any more."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.RELEASE, now=now)
            await self._move(conn, one, after(one.stands, CaseAct.RELEASE), now)
            await asking.cancel(conn, one.id, now=now)
            return await self.done(conn, one, CaseAct.RELEASE, acting, text=reason, now=now)

    async def note(
        self, case_id: str, acting: Acting, *, text: str, now: datetime, within: Connection | None = None
    ) -> CaseDone:
        """Write something down; in a case that somebody has taken, only they."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.NOTE, now=now)
            return await self.done(conn, one, CaseAct.NOTE, acting, text=text, now=now)

    async def ask(
        self,
        case_id: str,
        acting: Acting,
        *,
        question: str,
        lookup_ids: Sequence[UUID],
        now: datetime,
        within: Connection | None = None,
    ) -> CaseDone:
        """Ask the officer to explain look-ups of the case; the clock runs in working hours."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.ASK, now=now)
            await asking.require_of_case(conn, one.id, lookup_ids)
            question_id = await asking.insert(
                conn,
                self.store.sealer,
                case_id=one.id,
                purpose="case",
                account_id=one.account_id,
                unit_code=one.unit_code,
                lookup_ids=lookup_ids,
                question=question,
                asked_by=acting.client_id,
                now=now,
                due_at=self.due_at(now),
            )
            await self._move(conn, one, after(one.stands, CaseAct.ASK), now)
            facts = {"question": str(question_id), "lookups": str(len(lookup_ids))}
            return await self.done(
                conn, one, CaseAct.ASK, acting, text=question, facts=facts, now=now, made_id=question_id
            )

    def due_at(self, asked_at: datetime) -> datetime:
        """Return when an answer is due: so many working hours later."""
        return self._calendar.add_working_hours(asked_at, self._hours)

    async def decide(
        self,
        case_id: str,
        acting: Acting,
        *,
        verdict: Verdict,
        reason: str,
        now: datetime,
        within: Connection | None = None,
    ) -> CaseDone:
        """Give the verdict; what the evidence is now is frozen once more, and the watch learns from it."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.DECIDE, now=now)
            state = after(one.stands, CaseAct.DECIDE)
            await asking.cancel(conn, one.id, now=now)
            await self._freeze(conn, one, "decided", now)
            await conn.execute(
                "UPDATE cases SET state = %s, verdict = %s, verdict_by = %s, verdict_person = %s, decided_at = %s,"
                " changed_at = %s WHERE id = %s",
                (state.value, verdict.value, acting.client_id, acting.person, now, now, one.id),
            )
            facts = {"verdict": verdict.value}
            return await self.done(conn, one, CaseAct.DECIDE, acting, text=reason, facts=facts, now=now)

    async def reopen(
        self, case_id: str, acting: Acting, *, reason: str, now: datetime, within: Connection | None = None
    ) -> CaseDone:
        """Put a decided case back into the queue; its verdict stays in the history."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.REOPEN, now=now)
            state = after(one.stands, CaseAct.REOPEN)
            await conn.execute(
                "UPDATE cases SET state = %s, verdict = NULL, verdict_by = NULL, verdict_person = NULL,"
                " decided_at = NULL, taken_by = NULL, taken_person = NULL, taken_at = NULL, changed_at = %s"
                " WHERE id = %s",
                (state.value, now, one.id),
            )
            facts = {"former_verdict": one.verdict or ""}
            return await self.done(conn, one, CaseAct.REOPEN, acting, text=reason, facts=facts, now=now)

    async def suppress(
        self,
        case_id: str,
        acting: Acting,
        *,
        days: int,
        reason: str,
        now: datetime,
        within: Connection | None = None,
    ) -> CaseDone:
        """Put a case aside for some days, or until it becomes worse; never one that holds a hard rule."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.SUPPRESS, now=now)
            state = after(one.stands, CaseAct.SUPPRESS)
            if one.hard:
                raise refusals.not_suppressible()
            if days > self.settings.suppress_days:
                raise refusals.suppression_too_long(self.settings.suppress_days)
            until = now + timedelta(days=days)
            await conn.execute(
                "UPDATE cases SET state = %s, suppressed_until = %s, suppressed_score = score, taken_by = NULL,"
                " taken_person = NULL, taken_at = NULL, until = greatest(until, %s), changed_at = %s WHERE id = %s",
                (state.value, until, until, now, one.id),
            )
            facts = {"days": str(days)}
            return await self.done(conn, one, CaseAct.SUPPRESS, acting, text=reason, facts=facts, now=now)

    async def lock(
        self,
        case_id: str,
        acting: Acting,
        *,
        party: Party,
        reason: str,
        document_number: str,
        now: datetime,
        within: Connection | None = None,
    ) -> CaseDone:
        """Lock the account of the case, at once; given back only by the accounts' own two parties."""
        async with joined(self.store, within) as conn:
            one = await self.require(conn, case_id, acting, CaseAct.LOCK_ACCOUNT, now=now)
            facts = {"party": party.value}
            done = await self.done(conn, one, CaseAct.LOCK_ACCOUNT, acting, text=reason, facts=facts, now=now)
            await lock_account(
                conn,
                one.account_id,
                sealer=self.store.sealer,
                client=acting.client_id,
                person=acting.person,
                party=party,
                reason=reason,
                document_number=document_number,
                case_id=one.id,
                now=now,
            )
            return done

    # --- shared -----------------------------------------------------------------------------------------------

    async def _move(self, conn: Connection, one: Case, state: CaseState, now: datetime) -> None:
        keeps = state in HELD
        await conn.execute(
            "UPDATE cases SET state = %s, taken_by = CASE WHEN %s THEN taken_by END,"
            " taken_person = CASE WHEN %s THEN taken_person END, taken_at = CASE WHEN %s THEN taken_at END,"
            " changed_at = %s WHERE id = %s",
            (state.value, keeps, keeps, keeps, now, one.id),
        )

    async def _freeze(self, conn: Connection, one: Case, occasion: str, now: datetime) -> None:
        """Freeze everything the case is about as it is known now; what it was opened for stays beside it."""
        alerts = await alert_rows(conn, self.store.sealer, one.id)
        lookup_ids, since = await lookups_of_case(conn, one.id), one.opened_at - _LOOK_BACK
        await mark_lookups(conn, one.id, one.account_id, lookup_ids, since=since)
        await freeze(
            conn,
            self.store.sealer,
            one.id,
            account_id=one.account_id,
            occasion=occasion,
            alerts=alerts,
            lookup_ids=lookup_ids,
            since=since,
            rules_version=alerts[-1]["rules_version"] if alerts else "",
            most=self.settings.evidence_lookups,
            now=now,
        )
        await count_lookups(conn, one.id)

    async def done(
        self,
        conn: Connection,
        one: Case,
        act: CaseAct,
        acting: Acting,
        *,
        now: datetime,
        text: str = "",
        facts: dict[str, str] | None = None,
        made_id: UUID | None = None,
    ) -> CaseDone:
        """Put an act that was done on record, tell who must know, and return the case as it is now."""
        await write_act(conn, self.store.sealer, one.id, act, acting, now=now, text=text, facts=facts or {})
        await tell_of_case(conn, one.id, now=now)
        await tell_queue(conn, now=now)
        now_is = await read_case(conn, one.id, acting.agencies)
        [summary] = await reading.summaries(conn, [now_is], now)
        return CaseDone(**summary.model_dump(), made_id=None if made_id is None else str(made_id))
