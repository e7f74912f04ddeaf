"""Layer 4: a case is one account over seven days; each rule counts once, capped, the best first."""

from __future__ import annotations

from collections.abc import Iterable

from hub.watch.records import CaseScore, RuleScore
from hub.watch.rules import RuleSet


def combine(scores: Iterable[float], *, cap: float, decay: float) -> float:
    """Return the score of a case from the best scores of its rules: sum of s_i / i^decay, the best first."""
    total = 0.0
    for place, score in enumerate(sorted((min(one, cap) for one in scores), reverse=True), 1):
        total += score / place**decay
    return total


class Case:
    """One account over seven days from its first alert."""

    __slots__ = ("_kept", "account_id", "best", "key", "lookup_ids", "opened_at", "score", "unit_code", "until")

    def __init__(self, account_id: str, unit_code: str, opened_at: float, rules: RuleSet) -> None:
        self.key = f"{account_id}@{int(opened_at)}"
        self.account_id = account_id
        self.unit_code = unit_code
        self.opened_at = opened_at
        self.until = opened_at + rules.case_days * 86_400
        self.score = 0.0
        self.best: dict[str, RuleScore] = {}
        self.lookup_ids: dict[str, None] = {}
        self._kept = rules.case_lookups_kept

    def add(self, found: RuleScore, rules: RuleSet) -> None:
        """Count what a rule gives, if it is the best of that rule so far."""
        for lookup_id in found.lookup_ids:
            if len(self.lookup_ids) < self._kept:
                self.lookup_ids[lookup_id] = None
        held = self.best.get(found.rule)
        if held is not None and held.score >= found.score:
            return
        self.best[found.rule] = found
        self.score = combine((one.score for one in self.best.values()), cap=rules.case_cap, decay=rules.case_decay)

    def view(self) -> CaseScore:
        """Return the case as it stands."""
        return CaseScore(
            self.key,
            self.account_id,
            self.unit_code,
            self.opened_at,
            self.until,
            round(self.score, 4),
            tuple(sorted(self.best.values(), key=lambda one: (-one.score, one.rule))),
            tuple(self.lookup_ids),
        )


class Told:
    """What a reviewer was told of an account last."""

    __slots__ = ("before", "day", "score")

    def __init__(self) -> None:
        self.day = -1
        self.score = 0.0
        self.before = 0.0
        """The highest score told on earlier days, as long as these are not long ago."""
