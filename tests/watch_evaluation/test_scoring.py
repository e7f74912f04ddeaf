"""The scorer on streams small enough to be reckoned by hand."""

from __future__ import annotations

import pytest

from tests.watch_evaluation.baseline import z_scores
from tests.watch_evaluation.days import DAY
from tests.watch_evaluation.scoring import (
    BudgetReading,
    CaseReading,
    average_precision,
    by_account_day,
    cases_of,
    chosen,
    score,
)
from tests.watch_evaluation.truth import Alert, Quiet, Truth, Wrong

HOUR = 3600


def at(day: float, hour: float = 9) -> float:
    """Return a moment."""
    return day * DAY + hour * HOUR


def truth(**changes: object) -> Truth:
    """A hundred officers for 34 days: 20 judged days, so 5 a day per 1000 shows ten cases and 10 shows twenty."""
    given = {
        "base": 0.0,
        "days": 34,
        "officers": 100,
        "wrongs": (
            Wrong("I1", "x", ((at(15), "a"), (at(15, 10), "a"), (at(16), "a"))),
            Wrong("I2", "y", ((at(20), "b"), (at(21), "b"))),
            Wrong("I3", "z", ((at(30), "c"),)),
            Wrong("I4", "z", ((at(30), "d"), (at(30), "e"))),
        ),
        "windows": (
            Quiet("W1", "rush", frozenset({"h", "i"}), at(18, 0), at(20, 0)),
            Quiet("W2", "rush", frozenset({"j"}), at(25, 0), at(26, 0)),
        ),
        "counts": {},
        **changes,
    }
    return Truth(**given)  # type: ignore[arg-type]


ALERTS = (
    Alert(at(3), "a", 99.0),  # in the warm-up: never counts
    Alert(at(15, 10), "a", 4.0),
    Alert(at(16), "a", 6.0),
    Alert(at(21), "b", 5.0),
    Alert(at(19), "h", 3.0),
    Alert(at(28), "j", 2.0),
)


def test_cases_of_a_week_from_the_first_alert() -> None:
    """An account's alerts of seven days are one case; the next opens another; the warm-up opens none."""
    cases = cases_of([*ALERTS, Alert(at(22, 11), "a", 1.0)], truth(), CaseReading.WEEK_FROM_FIRST)
    assert [(one.account, len(one.alerts), one.score, one.right) for one in cases] == [
        ("a", 2, 6.0, True),
        ("h", 1, 3.0, False),
        ("b", 1, 5.0, True),
        ("a", 1, 1.0, False),
        ("j", 1, 2.0, False),
    ]


def test_cases_of_days_and_of_fixed_weeks() -> None:
    """The other readings cut the same alerts elsewhere."""
    days = cases_of(ALERTS, truth(), CaseReading.ACCOUNT_DAY)
    assert [(one.account, one.since / DAY) for one in days] == [("a", 15), ("a", 16), ("h", 19), ("b", 21), ("j", 28)]
    weeks = cases_of([Alert(at(20, 23), "a", 1), Alert(at(21, 1), "a", 1)], truth(), CaseReading.FIXED_WEEK)
    assert [one.since / DAY for one in weeks] == [14, 21]


def test_the_figures_by_hand() -> None:
    """Five cases, of which three are right, find two incidents of four."""
    figures = score(ALERTS, truth()).figures
    assert (figures.recall_5, figures.recall_10) == (0.5, 0.5)
    assert (figures.precision_5, figures.precision_10) == (0.5, 0.5)  # a and b of a, h, b, j
    # a was found with the second of three look-ups, b with the second of two.
    assert figures.median_lookups == 2
    assert figures.before_detection == pytest.approx((1 + 1) / 5)
    assert figures.before_detection_all == pytest.approx((1 + 1 + 1 + 2) / 8)
    # h was shown within its window, j after its own.
    assert figures.rushes_flagged == pytest.approx(1 / 3)
    assert figures.windows_flagged == pytest.approx(1 / 2)


def test_a_budget_for_the_whole_stream_shows_the_best() -> None:
    """With two officers' share of a budget, the two best of all cases are shown, and when they reached the cut."""
    few = truth(officers=20)
    shown = chosen(cases_of(ALERTS, few, CaseReading.WEEK_FROM_FIRST), few, 5, BudgetReading.WHOLE)
    assert [(one.account, one.shown_at) for one in shown] == [("a", at(16)), ("b", at(21))]


def test_a_budget_for_each_evening_cannot_wait_for_better_ones() -> None:
    """One case every second evening: h is shown on the 19th because nobody better is there yet."""
    alerts = [Alert(at(15, 8), "k", 1.0), *ALERTS]
    shown = chosen(cases_of(alerts, truth(), CaseReading.WEEK_FROM_FIRST), truth(), 5, BudgetReading.DAILY)
    assert [(one.account, one.shown_at) for one in shown] == [
        ("a", at(15, 10)),
        ("h", at(19)),
        ("b", at(21)),
        ("j", at(28)),
    ]


def test_an_alert_before_the_first_wrong_look_up_finds_nothing() -> None:
    """Luck is no detection: an account flagged the week before is not found by it."""
    early = [Alert(at(28), "c", 9.0)]
    result = score(early, truth())
    assert result.figures.recall_10 == 0


def test_average_precision_takes_ties_together() -> None:
    """Two of three right at the same score: precision two thirds for both, whatever their order."""
    assert average_precision([(1.0, True), (1.0, False), (1.0, True)], 2) == pytest.approx(2 / 3)
    assert average_precision([(3.0, True), (2.0, False), (1.0, True)], 2) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert average_precision([(3.0, True)], 2) == pytest.approx(0.5)
    assert average_precision([], 0) == 0


def test_account_days_count_only_where_the_account_was_active() -> None:
    """A wrong day without an alert is scored zero and found last."""
    one = truth(counts={"a": {15: 9, 16: 9}, "h": {19: 3}, "c": {3: 1, 30: 1}, "b": {20: 1, 21: 1}})
    # Wrong account-days: a 15, a 16, b 20, b 21, c 30, d 30, e 30 (seven). In order: a16 (6), b21 (5), a15 (4), h (3).
    tail = 2 / 7 * 5 / 6  # b 20 and c 30 have no score; d and e were not active
    assert by_account_day(ALERTS, one) == pytest.approx(3 / 7 + tail)


def test_the_baseline_knows_counts_only() -> None:
    """Twice the usual count with a steady hand stands out; the first days cannot."""
    steady = {day: 10 + day % 2 for day in range(20)}
    alerts = z_scores(truth(counts={"a": {**steady, 20: 40}, "n": {18: 1, 19: 50}}))
    assert [(one.account, truth().day(one.ts)) for one in alerts if one.score > 3] == [("a", 20)]
