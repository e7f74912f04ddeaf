"""Layer 3 at work: the day's counts against what is usual for the account, its role and the work in hand."""

from __future__ import annotations

from collections.abc import Iterable
from math import log

from hub.watch.accounts import AccountState, Day, Entry, Group, Kind
from hub.watch.casebook import CaseBook
from hub.watch.explain import UNEXPLAINED, Finding, Grade
from hub.watch.rates import decades, tail
from hub.watch.records import Lookup, Verdict
from hub.watch.rules import Rule, RuleSet

_ROLE_WEIGHT = 20.0
_RAREST = 0.0002
"""What was never seen yet is still expected this often: once is no proof."""
_STEADY_DAYS = 5
"""Days with codes of other systems, of the unit's last 28, that make them its habit."""
_STEADY_SHARE = 0.01
_STEADY_ACCOUNTS = 3
_FIRST_RATE, _FIRST_UNEXPLAINED, _FIRST_LATE, _FIRST_FOREIGN, _FIRST_KIND = 1.0, 0.05, 0.5, 0.002, 0.01
"""What is assumed of a role or unit that nothing is known of yet."""


class Usual:
    """Rates of accounts, roles and units."""

    def __init__(self, rules: RuleSet, book: CaseBook) -> None:
        self._rules = rules.rates
        self._weights = rules.weights
        self._investigation_score = rules.investigation_score
        self._book = book
        self._roles: dict[str, Group] = {}
        self._units: dict[str, Group] = {}
        self._all = Group()

    def role(self, name: str) -> Group:
        """Return what is usual in a role."""
        return _group(self._roles, name)

    def unit(self, code: str) -> Group:
        """Return what is usual in a unit."""
        return _group(self._units, code)

    # --- days ----------------------------------------------------------------------------------------------------

    def start_day(self, state: AccountState, day: int, lookup: Lookup) -> None:
        """Begin an account's day; a change of role makes it a beginner."""
        changed = state.role_change_day is not None and day >= state.role_change_day
        role = state.officer.role_change[1] if changed and state.officer.role_change else state.officer.officer_role
        if lookup.officer_role and lookup.officer_role != role:
            role = lookup.officer_role
        if role != state.role:
            state.role = role
            self.restart(state)
        state.day = day
        state.today = Day()
        group = self.role(state.role)
        rules = self._rules
        prior = group.lookups.mean(_FIRST_RATE, rules.prior_exposure)
        state.rate = state.lookups.mean(prior, rules.prior_exposure)
        state.shape = state.lookups.shape(prior, rules.prior_exposure, rules.largest_shape)
        prior = group.unexplained.mean(_FIRST_UNEXPLAINED, rules.prior_lookups)
        state.miss = state.unexplained.mean(prior, rules.prior_lookups)
        state.usual_count = _median(state.history)
        state.today.spike_at = state.usual_count + rules.spike_above_median

    def restart(self, state: AccountState) -> None:
        """Let the role's prior alone speak again."""
        state.lookups.clear()
        for one in (state.unexplained, *state.codes, state.kinds):
            one.clear()
        state.history.clear()
        state.creep = 0.0

    def end_day(self, states: Iterable[AccountState]) -> None:
        """Learn from the day that ended, from those who worked on it and are not under investigation."""
        rules = self._rules
        for state in states:
            today = state.today
            state.week.append((state.day, today.count))
            case = state.case
            if case is not None and case.until >= state.last_ts and case.score >= self._investigation_score:
                # Under investigation: what is usual stays what it was.
                state.held.append(today)
                state.held_exposure.append(self.exposure(state))
                continue
            self.learn(state, today, self.exposure(state))
            # A burst is not creep: what one day adds is bounded.
            excess = min(self._excess(state, today.unexplained), rules.creep_from / 2)
            state.creep = max(0.0, state.creep + excess)
            state.creep_days = state.creep_days + 1 if state.creep > 0 else 0
        for group in (self._all, *self._roles.values(), *self._units.values()):
            group.discount(rules.discount)

    def learn(self, state: AccountState, today: Day, exposure: float) -> None:
        """Take one day into the account's rates and those of its role; what sticks out is clipped."""
        rules = self._rules
        clip = rules.clip_deviations
        mean = state.rate * exposure
        known = state.lookups.exposure >= rules.prior_exposure
        count = float(today.count)
        if known:
            count = min(count, mean + clip * (mean + mean * mean / state.shape) ** 0.5)
        state.lookups.learn(count, exposure, rules.discount)
        mean = state.miss * today.count
        missed = min(today.unexplained, mean + clip * (mean + mean * mean / rules.unexplained_shape) ** 0.5 + 1.0)
        state.unexplained.learn(missed, today.count, rules.discount)
        unit = self.unit(state.unit)
        for like, number in enumerate(today.codes):
            state.codes[like].learn(number, today.count, rules.discount)
            unit.codes[like].rate.add(number, today.count)
        state.history.append(today.count)
        group = self.role(state.role)
        state.kinds.learn(today.kinds, today.count, rules.discount)
        group.kinds.add(today.kinds, today.count)
        self._all.kinds.add(today.kinds, today.count)
        group.lookups.add(count, exposure)
        group.unexplained.add(missed, today.count)

    def expected(self, state: AccountState, kind: Kind, days: int) -> float:
        """Return how often something is to be expected of an account in so many days, by its look-ups in them."""
        weight = self._rules.prior_lookups
        # Rare things are learnt from everybody first, then from the role, then from the account.
        prior = self._all.kinds.mean(kind, _FIRST_KIND, weight)
        prior = self.role(state.role).kinds.mean(kind, prior, _ROLE_WEIGHT * weight)
        rate = state.kinds.mean(kind, prior, self._rules.prior_lookups)
        lookups = state.today.count + sum(count for day, count in state.week if day > state.day - days)
        return max(_RAREST, rate * lookups)

    def opened(self, state: AccountState, day: int) -> None:
        """Count a dossier opened for an officer as work in hand, and of today."""
        state.in_hand += 1
        if state.opened_day != day:
            state.opened_day, state.opened_today = day, 0
        state.opened_today += 1

    def exposure(self, state: AccountState) -> float:
        """Return the work of the day: dossiers opened, a share of those in hand, and a little always."""
        rules = self._rules
        opened = state.opened_today if state.opened_day == state.day else 0
        return opened + rules.exposure_in_hand * state.in_hand + rules.exposure_always

    # --- the day as it goes --------------------------------------------------------------------------------------

    def count(self, state: AccountState, ts: float, lookup_id: str) -> None:
        """Test the number of look-ups of today against the work in hand, once there are enough to ask."""
        rules = self._rules
        count = state.today.count
        mean = state.rate * self.exposure(state)
        p = tail(count, mean, state.shape)
        if p >= rules.spike_p:
            # Nothing changes before a few look-ups more: the tail is not asked at each.
            state.today.spike_at = count + 3
            return
        unexplained = sum(1 for w in state.today.seen.values() if w >= UNEXPLAINED) / count
        score = rules.spike + rules.score_per_decade * (decades(p) - decades(rules.spike_p))
        weight = min(1.0, rules.spike_explained + unexplained / rules.spike_full_at)
        state.today.spike_at = count + 5
        self._book.raise_alert(
            state, Rule.SPIKE, min(6.0, score) * weight, ts, state.day, lookups=(lookup_id,), n=count, usual=mean
        )

    def add_unexplained(self, state: AccountState, w: float, subject_id: str) -> None:
        """Add to what is unexplained today; the same person counts once."""
        today = state.today
        before = today.seen.get(subject_id, 0.0)
        if w > before:
            today.seen[subject_id] = w
            today.unexplained += w - before

    def take_back(self, entry: Entry, w: float) -> None:
        """Correct the day's sum for a look-up explained after it was counted."""
        state = entry.account
        if state.day == entry.day and state.today.seen.get(entry.subject_id) == entry.w:
            state.today.seen[entry.subject_id] = w
            state.today.unexplained -= entry.w - w

    def test_unexplained(self, state: AccountState, ts: float, lookup_id: str) -> None:
        """Test what is unexplained today, and over the days before."""
        rules = self._rules
        today = state.today
        # Look-ups that wait for a registration count as far as such look-ups usually wait in vain; more of them than
        # anybody can register in the time count whole.
        awaited = min(today.waiting, rules.awaited_at_once)
        unexplained = today.unexplained + today.waiting - awaited * self.late_share(state)
        count = max(today.count, 1)
        mean = state.miss * count
        if unexplained >= rules.unexplained_from:
            p = tail(unexplained, mean, rules.unexplained_shape)
            if p < rules.unexplained_p:
                score = rules.unexplained + rules.score_per_decade * (decades(p) - decades(rules.unexplained_p))
                self._book.raise_alert(
                    state,
                    Rule.UNEXPLAINED,
                    min(6.0, score),
                    ts,
                    state.day,
                    lookups=(lookup_id,),
                    n=unexplained,
                    usual=mean,
                )
        excess = min(self._excess(state, unexplained), rules.creep_from / 2)
        creep = state.creep + excess
        if state.creep_days and excess > 0 and creep > rules.creep_from:
            score = rules.creep + rules.score_per_decade * (creep - rules.creep_from) / log(10)
            self._book.raise_alert(
                state, Rule.CREEP, min(6.0, score), ts, state.day, lookups=(lookup_id,), n=state.creep_days + 1
            )

    def _excess(self, state: AccountState, unexplained: float) -> float:
        """Return the log-likelihood ratio of today: so many times the usual unexplained, against the usual."""
        ratio = self._rules.creep_ratio
        return unexplained * log(ratio) - (ratio - 1) * state.miss * max(state.today.count, 1)

    # --- look-ups without a dossier ------------------------------------------------------------------------------

    def await_one(self, entry: Entry, ts: float) -> None:
        """Count a look-up that may still be registered."""
        entry.account.today.waiting += 1
        self.test_unexplained(entry.account, ts, entry.lookup_id)

    def settle_awaited(self, entry: Entry, *, explained: bool) -> None:
        """Learn how often such look-ups are registered in the unit."""
        state = entry.account
        if state.day == entry.day and state.today.waiting:
            state.today.waiting -= 1
        self.unit(state.unit).late.add(1.0 if explained else 0.0, 1.0)

    def late_share(self, state: AccountState) -> float:
        """Return which share of look-ups without a dossier the unit registers in time."""
        return min(0.95, self.unit(state.unit).late.mean(_FIRST_LATE, 4.0))

    # --- codes of other systems ----------------------------------------------------------------------------------

    def judge_code(self, state: AccountState, finding: Finding, *, is_like_ours: bool) -> Finding:
        """Weigh a code that no dossier has by whether such codes are the unit's habit, as another system's may be.

        The habit is learnt also where something else explains the person.
        """
        unit = self.unit(state.unit)
        habit = unit.codes[is_like_ours]
        today = state.today
        share = habit.rate.mean(_FIRST_FOREIGN, 50.0)
        is_habit = len(habit.days) >= _STEADY_DAYS
        if is_like_ours:
            # Ours are mistyped now and then; a habit is more, and of several.
            is_habit = is_habit and share >= _STEADY_SHARE and len(habit.accounts) >= _STEADY_ACCOUNTS
        today.codes[is_like_ours] += 1
        if not habit.days or habit.days[-1] != state.day:
            habit.days.append(state.day)
        if len(habit.accounts) < _STEADY_ACCOUNTS:
            habit.accounts.add(state.id)
        if is_habit and finding.w >= UNEXPLAINED:
            own = state.codes[is_like_ours].mean(share, 50.0)
            p = tail(today.codes[is_like_ours], own * max(today.count, state.usual_count, 4.0), 2.0)
            if p > self._rules.unexplained_p:
                evidence: dict[str, str | int | float] = {"code": "unknown", "days": len(habit.days)}
                return Finding(Grade.OTHER_SYSTEM_STEADY, self._weights.other_system_steady, evidence)
        return finding

    # --- verdicts ------------------------------------------------------------------------------------------------

    def verdict(self, state: AccountState, verdict: Verdict) -> None:
        """Learn the days that were held back when they turn out honest; leave them out when not."""
        if verdict is Verdict.NORMAL:
            for today, exposure in zip(state.held, state.held_exposure, strict=True):
                self.learn(state, today, exposure)
        if verdict is not Verdict.NOT_ENOUGH_EVIDENCE:
            state.held.clear()
            state.held_exposure.clear()
            state.creep = 0.0
            state.creep_days = 0


def _median(counts: Iterable[int]) -> float:
    """Return the middle of some counts, nothing of none."""
    ordered = sorted(counts)
    middle = len(ordered) // 2
    if not ordered:
        return 0.0
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _group(groups: dict[str, Group], name: str) -> Group:
    found = groups.get(name)
    if found is None:
        found = groups[name] = Group()
    return found
