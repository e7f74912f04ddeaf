"""The score of a case, how urgent it is, and how many a day can be judged: pure functions.

The score is the watch's (`hub.watch.scoring`). The queue ranks by priority: the score, and small, shown additions for
age and for earlier violations, so that a quiet case rises without ever passing one that is much worse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

AGE_PER_DAY, AGE_MOST = 0.2, 1.0
PER_EARLIER, EARLIER_MOST = 0.5, 1.0


class CaseLevel(StrEnum):
    """How bad a case looks, in words."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class CasePriority(BaseModel):
    """Where a case stands in the queue, and why: the parts add up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total: float
    score: float
    age: float
    """For the time it has waited: 0.2 a day, at most 1."""
    earlier_violations: float
    """For earlier violations of this account: 0.5 each, at most 1."""


def level_of(score: float) -> CaseLevel:
    """Say how bad a score is."""
    if score >= 6.0:  # noqa: PLR2004 - the steps are the definition
        return CaseLevel.CRITICAL
    if score >= 4.5:  # noqa: PLR2004
        return CaseLevel.HIGH
    return CaseLevel.MEDIUM if score >= 3.0 else CaseLevel.LOW  # noqa: PLR2004


def priority(score: float, *, opened_at: datetime, earlier_violations: int, now: datetime) -> CasePriority:
    """Return where a case stands in the queue."""
    days = max(0.0, (now - opened_at) / timedelta(days=1))
    age = round(min(AGE_MOST, AGE_PER_DAY * days), 2)
    earlier = min(EARLIER_MOST, PER_EARLIER * earlier_violations)
    return CasePriority(
        total=round(score + age + earlier, 2), score=round(score, 2), age=age, earlier_violations=earlier
    )


PRIORITY_SQL = (
    "(c.score + least(1.0, 0.2 * greatest(0, extract(epoch FROM %(now)s - c.opened_at) / 86400))"
    " + least(1.0, 0.5 * c.earlier_violations))"
)
"""`priority` for a row ``c`` of cases, as the database counts it; a test compares the two."""


def budget(per_1000_officers: float, active_accounts: int) -> int:
    """Return how many cases a day can be judged; at least one, for a province with few accounts is watched too."""
    return max(1, math.ceil(per_1000_officers * active_accounts / 1000))


def merged(rules: Mapping[str, float], rule: str, score: float) -> dict[str, float]:
    """Return the best score of each rule with one more alert."""
    return {**rules, rule: max(score, rules.get(rule, 0.0))}
