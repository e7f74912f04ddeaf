"""The engine of the watch: one look-up after the other in, explanations and alerts out.

Pure and deterministic: no clock, no chance, no input or output. Time is what it is told: look-ups, dossiers and
closings in the order of their moments. The same records give the same judgements, live and in a replay, and what comes
later changes nothing that was said. State is rebuilt by feeding the log again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace

from hub.watch.account_rules import AccountRules
from hub.watch.accounts import AccountState, Entry
from hub.watch.casebook import CaseBook
from hub.watch.days import Days, number_of
from hub.watch.explain import UNEXPLAINED, Explainer, Fault, Finding, Grade
from hub.watch.networks import Network, Networks
from hub.watch.people_rules import PeopleRules
from hub.watch.places import Places
from hub.watch.pretext_rules import PretextRules
from hub.watch.records import (
    CaseScore,
    Context,
    Dossier,
    Explanation,
    Judgement,
    Lookup,
    Officer,
    Outcome,
    Verdict,
)
from hub.watch.register import DAY, KnownDossier, Register
from hub.watch.rules import DEFAULT, Rule, RuleSet
from hub.watch.sham import ShamRule
from hub.watch.usual import Usual

_NEVER = float("inf")


class Engine:
    """Judges look-ups. Not safe for threads; one per stream."""

    def __init__(self, context: Context, rules: RuleSet = DEFAULT) -> None:
        """Start with an empty memory. Raises `ValueError` for a time zone that nobody knows."""
        self.rules = rules
        first = number_of(context.start)
        self._day = first
        self._days = Days(context, grace_minutes=rules.account.off_hours_grace_minutes)
        self._register = Register(rules.weights)
        self._explainer = Explainer(self._register, rules.weights)
        self._book = book = CaseBook(rules, first + rules.warm_up_days)
        self._usual = Usual(rules, book)
        self._places = Places()
        self._networks = Networks(rules.account)
        self._use = AccountRules(rules, self._days, self._networks, self._usual, book)
        self._people = PeopleRules(context, rules, self._places, self._usual, book)
        self._pretexts = PretextRules(rules, self._places, self._usual, book)
        self._shams = ShamRule(rules, self._days, self._register, book)
        self._accounts: dict[str, AccountState] = {}
        self._active: dict[str, AccountState] = {}
        self._pending: deque[Entry] = deque()
        self._waiting: dict[str, list[Entry]] = {}
        self._closed: deque[tuple[int, KnownDossier]] = deque()
        self._late: list[Judgement] = []
        self._verdicts: dict[str, Counter[Verdict]] = {}
        self._now = 0.0
        # Asked at each look-up, and models answer slowly.
        self._wait = rules.weights.registration_seconds

    # --- what is known -------------------------------------------------------------------------------------------

    def learn_officer(self, officer: Officer) -> None:
        """Take an account in, or what has become of it."""
        state = self._accounts.get(officer.account_id)
        if state is None:
            state = self._accounts[officer.account_id] = AccountState(officer)
        else:
            state.take(officer)
        self._people.learn_officer(state)

    def open_dossier(self, dossier: Dossier) -> None:
        """Take in a dossier at the moment it is registered; it may explain look-ups of the last 45 minutes."""
        known = self._register.open(dossier)
        self._shams.opened(known)
        day = self._days.day(dossier.opened_at)
        for account_id in known.assigned:
            state = self._accounts.get(account_id)
            if state is not None:
                self._usual.opened(state, day)
        if self._waiting:
            self._explain_late(known, dossier.opened_at)

    def close_dossier(self, code: str, ts: float) -> None:
        """Note the end of a dossier, whatever the end was. One that is not known is passed over."""
        known = self._register.close(code, ts)
        if known is None:
            return
        for account_id in known.assigned:
            state = self._accounts.get(account_id)
            if state is not None and state.in_hand:
                state.in_hand -= 1
        self._closed.append((self._days.day(ts), known))
        self._shams.closed(known, ts, self._accounts)

    def amend_dossier(self, dossier: Dossier, ts: float) -> None:
        """Take in another assignment or other parties of a dossier; one that is not known is opened."""
        before = self._register.dossiers.get(dossier.code)
        if before is None:
            self.open_dossier(replace(dossier, opened_at=ts))
            return
        held = set(before.assigned)
        known = self._register.open(dossier)
        if known.closed_at is None:
            for account_id in sorted(held ^ set(known.assigned)):
                state = self._accounts.get(account_id)
                if state is not None:
                    state.in_hand = max(0, state.in_hand + (1 if account_id in known.assigned else -1))
        self._explain_late(known, ts)

    # --- judging -------------------------------------------------------------------------------------------------

    def advance(self, ts: float) -> list[Judgement]:
        """Let time pass until ``ts``; return what fell due: late explanations, and alerts they complete."""
        pending = self._pending
        if (pending and pending[0].ts + self._wait <= ts) or self._shams.due <= ts:
            self._fall_due(ts)
        day = self._days.day(ts)
        if day > self._day:
            self._turn(day)
        if ts > self._now:  # noqa: PLR1730 - at each look-up; max() takes three times as long
            self._now = ts
        if not self._late:
            return []
        late, self._late = self._late, []
        return late

    def _fall_due(self, until: float) -> None:
        """Decide what was waited for, in the order of its moments."""
        pending, shams, wait = self._pending, self._shams, self._wait
        while True:
            due = pending[0].ts + wait if pending else _NEVER
            if min(due, shams.due) > until:
                return
            if due <= shams.due:
                entry = pending.popleft()
                self._unwait(entry)
                if not entry.settled:
                    self._turn(self._days.day(due))
                    self._settle_late(entry, due)
            else:
                self._turn(self._days.day(shams.due))
                shams.settle()
                self._collect(None)

    def judge(self, lookup: Lookup) -> Judgement:
        """Judge one look-up; `advance` to its moment first. A moment before the last one counts as the last one."""
        ts = lookup.ts = max(lookup.ts, self._now)
        state = self._accounts.get(lookup.account_id) or self._meet(lookup)
        day, minute = self._days.clock(ts)
        if state.day != day:
            self._use.wake(state, ts, day)
            self._usual.start_day(state, day, lookup)
            self._active[state.id] = state
        today = state.today
        today.count += 1
        subject = lookup.subject
        if subject is not None:
            self._places.note(lookup.unit_code, subject, is_new=self._register.learn_subject(subject))
        network = self._networks.at(lookup.ip)
        finding = self._find(state, lookup, network)
        known = finding.dossier
        if known is not None and state.id not in known.touched_by:
            known.touch(state.id, lookup.lookup_id)
        self._use.judge(state, lookup, network, day, minute, w=finding.w)
        grade = finding.grade
        if finding.w > 0:
            is_awaited = self._not_fully_explained(state, lookup, network, day, minute, finding)
            if grade is Grade.AWAITING_REGISTRATION and not is_awaited:
                grade = Grade.UNEXPLAINED
        elif state.recent_ts >= ts - self._wait:
            self._correct(state, lookup, finding)
        if today.count >= today.spike_at:
            self._usual.count(state, ts, lookup.lookup_id)
        state.last_ts = ts
        # By place: at each look-up.
        explanation = Explanation(lookup.lookup_id, grade, finding.w, finding.evidence, False, state.id, ts)
        return Judgement(explanation, self._book.take())

    def _find(self, state: AccountState, lookup: Lookup, network: Network | None) -> Finding:
        """Explain a look-up, also by what is the habit of the unit or the procedure."""
        finding = self._explainer.find(lookup, state.unit, network)
        fault = finding.fault
        if fault is Fault.UNKNOWN or fault is Fault.OTHER_SYSTEM:
            return self._usual.judge_code(state, finding, is_like_ours=fault is Fault.UNKNOWN)
        return self._explainer.settle_neighbour(state.id, finding) if finding.w >= UNEXPLAINED else finding

    def _meet(self, lookup: Lookup) -> AccountState:
        """Begin with an account that no register told of."""
        state = AccountState(Officer(lookup.account_id, lookup.officer_role, lookup.unit_code))
        self._accounts[state.id] = state
        return state

    def _not_fully_explained(  # noqa: PLR0917 - who, what, from where, when, why
        self, state: AccountState, lookup: Lookup, network: Network | None, day: int, minute: int, finding: Finding
    ) -> bool:
        """Weigh what stays unexplained; return whether a dossier may still come that explains it."""
        ts = lookup.ts
        w = finding.w
        if w < self.rules.people.protected_from_w:
            subject = lookup.subject
            self._people.explained_in_part(
                state,
                w,
                ts,
                day,
                subject_id=lookup.subject_id,
                household_id=subject.household_id if subject is not None else "",
                lookup_id=lookup.lookup_id,
            )
            self._usual.add_unexplained(state, w, lookup.subject_id)
            if state.recent_ts >= ts - self._wait:
                self._correct(state, lookup, finding)
            self._usual.test_unexplained(state, ts, lookup.lookup_id)
            return False
        is_open = self._days.in_office(day, minute, lookup.unit_code)
        on_duty = self._use.is_on_duty(state, day, minute)
        off = not (on_duty or is_open)
        entry = Entry(state, lookup, day, finding=finding, is_off_hours=off, is_on_roster=on_duty and not is_open)
        entry.unit_code = (network.owner if network is not None else None) or lookup.unit_code
        state.recent.append(entry)
        state.recent_ts = ts
        self._pretexts.sequence(entry, ts, day)
        # Nobody registers dossiers while the offices are closed.
        if finding.grade is Grade.AWAITING_REGISTRATION and not off:
            self._pending.append(entry)
            self._waiting.setdefault(lookup.subject_id, []).append(entry)
            # A number that nobody has is hardly registered: should it be, what was said of it is taken back.
            if lookup.outcome != Outcome.NOT_FOUND:
                self._usual.await_one(entry, ts)
                return True
        self._settle(entry, ts, day)
        return False

    def _settle(self, entry: Entry, ts: float, day: int) -> None:
        """Decide how much of a look-up stays unexplained."""
        entry.settled = True
        state = entry.account
        self._usual.add_unexplained(state, entry.w, entry.subject_id)
        self._people.partly(entry, ts, day)
        if entry.w >= UNEXPLAINED:
            neighbour = self._people.unexplained(entry, ts, day)
            self._pretexts.judge(entry, ts, day, also=neighbour)
        else:
            self._people.explained_in_part(
                state,
                entry.w,
                ts,
                day,
                subject_id=entry.subject_id,
                household_id=entry.household_id,
                lookup_id=entry.lookup_id,
            )
        self._usual.test_unexplained(state, ts, entry.lookup_id)

    def _settle_late(self, entry: Entry, ts: float) -> None:
        """Decide a look-up that waited in vain."""
        self._usual.settle_awaited(entry, explained=False)
        self._settle(entry, ts, self._days.day(ts))
        self._collect(_late(entry, Grade.UNEXPLAINED, {}))

    def _explain_late(self, known: KnownDossier, ts: float) -> None:
        waiting = self._waiting
        since = ts - self._wait
        explained: list[Entry] = []
        for party in sorted(one for one in known.parties if one in waiting):
            for entry in tuple(waiting[party]):
                state = entry.account
                if entry.ts < since:
                    continue
                if state.id not in known.assigned and known.unit_code not in (entry.unit_code, state.unit):
                    continue
                self._clear(entry, Grade.REGISTERED_AFTERWARDS, 0.0, known.code)
                known.touch(state.id, entry.lookup_id)
                explained.append(entry)
        for entry in explained:
            # A number mistyped within the minute before is explained with the right one. Only now: of two parties
            # with numbers alike, neither is the other's slip.
            self._correct_before(entry, known.code)

    def _correct(self, state: AccountState, lookup: Lookup, finding: Finding) -> None:
        """Let an explained look-up explain what came just before: the slip of a minute ago, the family of a party."""
        ts = lookup.ts
        families = ts - self._wait
        weights = self.rules.weights
        slips = ts - weights.correction_seconds
        subject = lookup.subject
        known = finding.dossier
        household = subject.household_id if subject is not None and known is not None else ""
        for entry in reversed(state.recent):
            if entry.ts < families:
                return
            if entry.ts >= slips and entry.is_mended_by(lookup.subject_id, lookup.dossier_code):
                self._clear(entry, Grade.CORRECTED, weights.typing_slip, known.code if known is not None else "")
            elif (
                known is not None
                and household
                and entry.dossier is known
                and entry.household_id == household
                and entry.w >= UNEXPLAINED
                and lookup.subject_id in known.parties
            ):
                self._clear(entry, Grade.HOUSEHOLD, weights.household, known.code)

    def _correct_before(self, right: Entry, code: str) -> None:
        since = right.ts - self.rules.weights.correction_seconds
        for entry in tuple(right.account.recent):
            if since <= entry.ts <= right.ts and entry.is_mended_by(right.subject_id, right.code):
                self._clear(entry, Grade.CORRECTED, self.rules.weights.typing_slip, code)

    def _clear(self, entry: Entry, grade: Grade, w: float, code: str) -> None:
        """Explain after the fact: what it completed is not unsaid, but it completes nothing more."""
        self._unwait(entry)
        if entry.settled:
            self._usual.take_back(entry, w)
            self._people.take_back(entry)
        else:
            self._usual.settle_awaited(entry, explained=grade is Grade.REGISTERED_AFTERWARDS)
            if w:
                self._usual.add_unexplained(entry.account, w, entry.subject_id)
        entry.settled = True
        entry.w = w
        self._late.append(Judgement(_late(entry, grade, {"dossier": code} if code else {})))

    def _unwait(self, entry: Entry) -> None:
        held = self._waiting.get(entry.subject_id)
        if held is not None and entry in held:
            held.remove(entry)
            if not held:
                del self._waiting[entry.subject_id]

    def _collect(self, explanation: Explanation | None) -> None:
        alerts = self._book.take()
        if explanation is not None or alerts:
            self._late.append(Judgement(explanation, alerts))

    def _turn(self, day: int) -> None:
        """End the days before ``day``."""
        if day <= self._day:
            return
        self._usual.end_day(self._active.values())
        self._active = {}
        self._day = day
        oldest = day - self.rules.weights.closed_days - 1
        while self._closed and self._closed[0][0] < oldest:
            self._register.retire(self._closed.popleft()[1])
        self._people.forget((day - self.rules.people.repeated_days - 1) * DAY)

    # --- cases, feedback, bounds ---------------------------------------------------------------------------------

    def case(self, case_key: str) -> CaseScore | None:
        """Return a case as it stands, or ``None`` when it is not remembered."""
        found = self._book.cases.get(case_key)
        return found.view() if found is not None else None

    def cases(self) -> list[CaseScore]:
        """Return every case remembered, in the order of their beginning."""
        return [one.view() for one in self._book.cases.values()]

    def verdict(self, case_key: str, verdict: Verdict) -> None:
        """Take in what a person decided: confirmed misuse stays out of what is usual, honest days go into it.

        A case that is not remembered is passed over; its days were never learnt.
        """
        found = self._book.cases.get(case_key)
        if found is None:
            return
        for rule in found.best:
            self._verdicts.setdefault(rule, Counter())[verdict] += 1
        state = self._accounts.get(found.account_id)
        if state is not None:
            self._usual.verdict(state, verdict)

    def track_record(self, rule: Rule) -> dict[Verdict, int]:
        """Return how often cases with this rule were decided which way."""
        return dict(self._verdicts.get(rule, {}))

    def forget(self, before: float) -> None:
        """Bound the memory of a long-lived process: drop dossiers closed and cases ended before a moment.

        The moment should lie at least 30 days back: codes of dossiers dropped are unknown afterwards.
        """
        self._register.forget(before, keep=self._people.own_numbers)
        self._book.forget(before)


def _late(entry: Entry, grade: Grade, evidence: Mapping[str, str]) -> Explanation:
    return Explanation(entry.lookup_id, grade, entry.w, evidence, True, entry.account.id, entry.ts)
