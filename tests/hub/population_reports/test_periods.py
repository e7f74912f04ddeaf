"""Periods by the calendar of Vietnam, and which of them a province owes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.errors import Refusal
from hub.population_reports.periods import Period, PeriodKind, newest_due


@pytest.mark.parametrize(
    ("text", "title", "first", "last"),
    [
        ("2026-10", "Tháng 10/2026", date(2026, 10, 1), date(2026, 10, 31)),
        ("2026-12", "Tháng 12/2026", date(2026, 12, 1), date(2026, 12, 31)),
        ("2024-02", "Tháng 2/2024", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-Q4", "Quý IV năm 2026", date(2026, 10, 1), date(2026, 12, 31)),
        ("2026-H1", "6 tháng đầu năm 2026", date(2026, 1, 1), date(2026, 6, 30)),
        ("2026-H2", "6 tháng cuối năm 2026", date(2026, 7, 1), date(2026, 12, 31)),
        ("2026", "Năm 2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_is_read_as_it_is_written(text: str, title: str, first: date, last: date) -> None:
    """Whole months, in the words of the regulation, from midnight to midnight in Vietnam."""
    period = Period.parse(text)
    assert (str(period), period.vietnamese, period.first_day, period.last_day) == (text, title, first, last)
    assert period.start == datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=7)
    assert Period.of(period.kind, last) == period
    assert period.before.end == period.start


@pytest.mark.parametrize(
    "text", ["", "2026-13", "2026-00", "2026-1", "2026-Q5", "2026-H3", "Q4-2026", "1999", "２０２６"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    """Whoever mistypes a period is told how one is written."""
    with pytest.raises(Refusal) as refused:
        Period.parse(text)
    assert (refused.value.code, refused.value.field) == ("period_invalid", "period")
    assert "2026-Q4" in refused.value.sentence.vi


def test_what_is_due_follows_the_profile_and_the_clock_of_vietnam() -> None:
    """The newest complete period of each kind; a new quarter begins at midnight there, not in Greenwich."""
    just_before = datetime(2026, 9, 30, 16, 59, 59, tzinfo=UTC)
    kinds = ["year", "quarter", "half_year"]
    assert [str(one) for one in newest_due(kinds, just_before)] == ["2026-Q2", "2026-H1", "2025"]
    assert [str(one) for one in newest_due(kinds, just_before + timedelta(seconds=1))] == ["2026-Q3", "2026-H1", "2025"]
    assert [str(one) for one in newest_due(["month"], just_before)] == ["2026-08"]
    assert newest_due(["month"], just_before)[0].kind is PeriodKind.MONTH
