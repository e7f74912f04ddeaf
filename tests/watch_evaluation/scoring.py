"""Scores a queue by its cases (lookup-monitoring §4), under every reading of "case" and "budget" that one may have.

Never by ROC-AUC or accuracy: with one wrong look-up in two hundred, both praise a detector that finds nothing.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.watch_evaluation.days import DAY
from tests.watch_evaluation.truth import Alert, Truth, Wrong

WEEK = 7 * DAY


class CaseReading(StrEnum):
    """What one case is."""

    WEEK_FROM_FIRST = "week_from_first"
    """An account for seven days from its first alert; the next alert after them opens the next case."""
    FIXED_WEEK = "fixed_week"
    """An account in one of the weeks counted from the end of the warm-up."""
    ACCOUNT_DAY = "account_day"
    """An account on one day."""
    ALERT = "alert"
    """Every alert by itself."""


class BudgetReading(StrEnum):
    """How a budget of cases a day is spent."""

    WHOLE = "whole"
    """The best of the whole stream, as many as all its days together may show."""
    DAILY = "daily"
    """Every evening the best that are open and were not shown before; a part of a case is saved for the next day."""


@dataclass(slots=True)
class Case:
    """Alerts of one account that are looked at together."""

    account: str
    since: float
    until: float
    alerts: list[Alert] = field(default_factory=list)
    right: bool = False
    shown_at: float = float("inf")
    """The moment of the alert with which it came into the queue."""

    @property
    def score(self) -> float:
        """The best score of its alerts."""
        return max(alert.score for alert in self.alerts)


@dataclass(frozen=True)
class Figures:
    """The figures of lookup-monitoring §4 under one reading."""

    recall_5: float
    recall_10: float
    precision_5: float
    precision_10: float
    pr_auc: float
    rushes_flagged: float
    """Of the officers in honest windows, each window counted by itself, the share shown at 10 in that time."""
    windows_flagged: float
    """Of the honest windows, the share in which anybody was shown."""
    median_lookups: float
    """Of the incidents found at 10: how many of their look-ups were done when the alert came, itself included."""
    before_detection: float
    """Of the look-ups of the incidents found at 10, the share done before the alert came."""
    before_detection_all: float
    """The same of all incidents; those not found are done in full."""


@dataclass(frozen=True)
class Result:
    """Figures with what they were made of, for a look at each miss and each false alarm."""

    figures: Figures
    missed: tuple[Wrong, ...]
    false: tuple[Case, ...]
    flagged: tuple[tuple[str, str], ...]
    """Honest window and account."""
    shown: tuple[Case, ...]


def cases_of(alerts: Iterable[Alert], truth: Truth, reading: CaseReading) -> list[Case]:
    """Gather the alerts after the warm-up into cases."""
    start = truth.base + truth.warm_up * DAY
    cases: list[Case] = []
    open_of: dict[str, Case] = {}
    for alert in sorted(alerts, key=lambda one: one.ts):
        if alert.ts < start:
            continue
        case = open_of.get(alert.account)
        if case is None or alert.ts >= case.until or reading is CaseReading.ALERT:
            if reading is CaseReading.WEEK_FROM_FIRST:
                since, until = alert.ts, alert.ts + WEEK
            else:
                length = WEEK if reading is CaseReading.FIXED_WEEK else DAY  # an alert is judged by its day
                since = start + (alert.ts - start) // length * length
                until = since + length
            case = open_of[alert.account] = Case(alert.account, since, until)
            cases.append(case)
        case.alerts.append(alert)
    _judge(cases, truth, DAY)
    return cases


def _judge(cases: Iterable[Case], truth: Truth, grace: float) -> None:
    """A case is right if its account did a labelled look-up in its time, or within a day before (late alerts)."""
    wrong: dict[str, list[float]] = defaultdict(list)
    for one in truth.wrongs:
        for ts, account in one.lookups:
            wrong[account].append(ts)
    for times in wrong.values():
        times.sort()
    for case in cases:
        times = wrong.get(case.account, [])
        at = bisect_left(times, case.since - grace)
        case.right = at < len(times) and times[at] < case.until


def chosen(cases: Sequence[Case], truth: Truth, per_day: float, reading: BudgetReading) -> list[Case]:
    """Return the cases that a budget shows; `per_day` cases a day per 1000 officers.

    Each case shown gets `shown_at`: the first of its alerts that reached what it took to be shown.
    """
    quota = per_day * truth.officers / 1000
    if reading is BudgetReading.WHOLE:
        ranked = sorted(cases, key=lambda case: (-case.score, case.since, case.account))
        best = ranked[: round(quota * truth.judged)]
        cut = best[-1].score if best else 0.0
        for case in best:
            case.shown_at = next(alert.ts for alert in case.alerts if alert.score >= cut)
        return best
    return _daily(cases, truth, quota)


def _daily(cases: Sequence[Case], truth: Truth, quota: float) -> list[Case]:
    shown: list[Case] = []
    of_day: dict[int, dict[int, float]] = defaultdict(dict)
    for at, case in enumerate(cases):
        best = 0.0
        for alert in case.alerts:
            best = max(best, alert.score)
            of_day[truth.day(alert.ts)][at] = best
    seen: set[int] = set()
    saved = 0.0
    for day in range(truth.warm_up, truth.days):
        saved += quota
        waiting = [(-score, at) for at, score in of_day[day].items() if at not in seen]
        for _, at in sorted(waiting)[: int(saved)]:
            seen.add(at)
            saved -= 1
            today = [alert for alert in cases[at].alerts if truth.day(alert.ts) == day]
            cases[at].shown_at = today[0].ts
            shown.append(cases[at])
        saved = min(saved, 5 * max(1.0, quota))  # a quiet week does not buy a rush of weak cases
    return shown


def found(wrong: Wrong, shown: Iterable[Case]) -> float | None:
    """Return when an incident was found: the first moment a right case of one of its accounts was in the queue."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for ts, account in wrong.lookups:
        first.setdefault(account, ts)
        last[account] = ts
    times = [
        max(case.shown_at, first[case.account])
        for case in shown
        if case.account in first
        and case.right
        and case.since <= last[case.account] + DAY
        and case.until > first[case.account]
        and any(alert.ts >= first[case.account] for alert in case.alerts)
    ]
    return min(times, default=None)


def average_precision(scored: Iterable[tuple[float, bool]], positives: int) -> float:
    """Return the area under precision over recall, ties taken together.

    Args:
        scored: Score and truth of everything that has a score above zero.
        positives: How many are truly positive, those without a score included.
    """
    by_score: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for score, right in scored:
        by_score[score][right] += 1
    area, hits, seen = 0.0, 0, 0
    for score in sorted(by_score, reverse=True):
        no, yes = by_score[score]
        seen += no + yes
        hits += yes
        area += yes / positives * hits / seen if positives else 0.0
    return area


def by_account_day(alerts: Iterable[Alert], truth: Truth) -> float:
    """Return the PR-AUC over the days on which an account was active, after the warm-up."""
    best: dict[tuple[str, int], float] = defaultdict(float)
    for alert in alerts:
        key = (alert.account, truth.day(alert.ts))
        best[key] = max(best[key], alert.score)
    wrong = {(account, truth.day(ts)) for one in truth.wrongs for ts, account in one.lookups}
    active = [(account, day) for account, days in truth.counts.items() for day in days if day >= truth.warm_up]
    return average_precision(((best.get(key, 0.0), key in wrong) for key in active), len(wrong))


def score(
    alerts: Sequence[Alert],
    truth: Truth,
    case: CaseReading = CaseReading.WEEK_FROM_FIRST,
    budget: BudgetReading = BudgetReading.WHOLE,
) -> Result:
    """Score alerts under one reading."""
    five = chosen(cases_of(alerts, truth, case), truth, 5, budget)
    ten = chosen(cases_of(alerts, truth, case), truth, 10, budget)
    found_5 = [found(one, five) for one in truth.wrongs]
    found_10 = [found(one, ten) for one in truth.wrongs]
    done, before, before_all, total_found, total = [], 0, 0, 0, 0
    for one, at in zip(truth.wrongs, found_10, strict=True):
        total += len(one.lookups)
        if at is None:
            before_all += len(one.lookups)
            continue
        upto = sum(1 for ts, _ in one.lookups if ts <= at)
        done.append(max(1, upto))
        earlier = sum(1 for ts, _ in one.lookups if ts < at)
        before += earlier
        before_all += earlier
        total_found += len(one.lookups)
    flagged = sorted(
        {
            (window.id, case.account)
            for window in truth.windows
            for case in ten
            if case.account in window.accounts and not case.right and window.since <= case.shown_at < window.until
        }
    )
    figures = Figures(
        recall_5=_share(sum(at is not None for at in found_5), len(truth.wrongs)),
        recall_10=_share(sum(at is not None for at in found_10), len(truth.wrongs)),
        precision_5=_share(sum(one.right for one in five), len(five)),
        precision_10=_share(sum(one.right for one in ten), len(ten)),
        pr_auc=by_account_day(alerts, truth),
        rushes_flagged=_share(len(flagged), sum(len(window.accounts) for window in truth.windows)),
        windows_flagged=_share(len({window for window, _ in flagged}), len(truth.windows)),
        median_lookups=statistics.median(done) if done else float("nan"),
        before_detection=_share(before, total_found),
        before_detection_all=_share(before_all, total),
    )
    return Result(
        figures=figures,
        missed=tuple(one for one, at in zip(truth.wrongs, found_10, strict=True) if at is None),
        false=tuple(one for one in ten if not one.right),
        flagged=tuple(flagged),
        shown=tuple(ten),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
