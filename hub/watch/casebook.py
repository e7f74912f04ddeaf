"""Alerts into cases: what was raised, by which rule, and how each case stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.watch.reasons import reason
from hub.watch.records import Alert, RuleScore
from hub.watch.rules import Rule, RuleSet
from hub.watch.scoring import Case

if TYPE_CHECKING:
    from hub.watch.accounts import AccountState

DAY = 86_400.0


class CaseBook:
    """Collects alerts; holds the cases."""

    def __init__(self, rules: RuleSet, first_day: int) -> None:
        """``first_day`` is the first local day after the warm-up; before it nothing is raised."""
        self._rules = rules
        self._first_day = first_day
        self._alerts: list[Alert] = []
        self.cases: dict[str, Case] = {}

    def raise_alert(
        self,
        state: AccountState,
        rule: Rule,
        score: float,
        ts: float,
        day: int,
        *,
        subjects: tuple[str, ...] = (),
        lookups: tuple[str, ...] = (),
        n: float = 1,
        usual: float = 0.0,
        is_fresh: bool = True,
    ) -> None:
        """Count a rule in the account's case, and tell of it where there is something new to tell.

        ``is_fresh`` is false for what the account did on an earlier day, which only now turns out to matter.
        """
        rules = self._rules
        if day < self._first_day or score < rules.rule_from or rule in rules.disabled:
            return
        score = min(score, rules.rule_cap)
        case = state.case
        if case is None or ts >= case.until:
            if not is_fresh and score < rules.told_from:
                return
            case = self._open(state, ts)
        case.add(RuleScore(rule, round(score, 4), ts, lookups), rules)
        if not is_fresh and score < rules.told_from:
            return
        told = self._tell(state, case, day, is_fresh=is_fresh)
        if told is None:
            return
        self._alerts.append(
            Alert(
                ts,
                state.id,
                round(told, 4),
                rule,
                round(score, 4),
                subjects,
                reason(rule, n=n, usual=usual),
                lookups,
                case.key,
            )
        )

    def _tell(self, state: AccountState, case: Case, day: int, *, is_fresh: bool) -> float | None:
        """Return the score to tell a reviewer of now, or ``None`` when there is nothing new to tell.

        A day is told of once, and again when the case got much worse. An account that a reviewer was told of on an
        earlier day is in the queue already: later days are told of, with a score that leaves the budget to others.
        """
        rules = self._rules
        score = case.score
        if score < rules.alert_from:
            return None
        told = state.told
        if told.day == day:
            step = rules.alert_step if told.score < rules.told_from else rules.told_step
            if score < told.score + step:
                return None
        elif told.day < day:
            if told.score >= rules.told_from and day - told.day <= rules.told_days:
                told.before = max(told.before, told.score)
            else:
                told.before = 0.0
        told.day, told.score = day, score
        if not is_fresh or (told.before and score < told.before + rules.told_step):
            return rules.follow_up_base + rules.follow_up_share * score
        return score

    def _open(self, state: AccountState, ts: float) -> Case:
        last = state.case
        if last is not None:
            # What an earlier case has shown is not shown again as new.
            state.evidence_from = last.until
        case = Case(state.id, state.unit, ts, self._rules)
        state.case = case
        self.cases[case.key] = case
        return case

    def take(self) -> tuple[Alert, ...]:
        """Hand over what was raised since the last time."""
        if not self._alerts:
            return ()
        alerts = tuple(self._alerts)
        self._alerts.clear()
        return alerts

    def forget(self, before: float) -> None:
        """Drop cases that ended before a moment."""
        self.cases = {key: one for key, one in self.cases.items() if one.until >= before}
