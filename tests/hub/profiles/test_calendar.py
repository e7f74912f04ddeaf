"""The calendar of a profile: national holidays, announced make-up days, the province's own; terms both ways."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.calendar import VIETNAM
from hub.profiles.calendar import after_working_days, before_working_hours, day_length, working_calendar
from hub.profiles.profile import load_profile

PROFILE = load_profile()
CALENDAR = working_calendar(PROFILE)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.sampled_from([UTC, VIETNAM]))  # noqa: DTZ001
HOURS = st.floats(0, 200, allow_nan=False)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 1, 1), False),  # New Year
        (date(2026, 2, 16), False),  # eve of Tết Bính Ngọ
        (date(2026, 2, 20), False),  # fourth day of Tết
        (date(2026, 2, 23), True),
        (date(2026, 4, 27), False),  # Hùng Kings on a Sunday, made up for on Monday
        (date(2026, 8, 31), False),  # exchanged …
        (date(2026, 8, 22), True),  # … for this Saturday
        (date(2026, 9, 1), False),
        (date(2026, 9, 2), False),
        (date(2026, 11, 24), False),  # Culture Day, since 2026
        (date(2025, 11, 24), True),
        (date(2026, 10, 10), False),  # a plain Saturday
    ],
)
def test_national_holidays_and_make_up_days(day: date, *, works: bool) -> None:
    """As the Labour Code and the yearly announcements have them."""
    assert CALENDAR.is_working_day(day) is works


def test_the_province_has_the_last_word() -> None:
    """Its own day off, its own make-up day, also against what the nation announced."""
    own = PROFILE.model_copy(
        update={
            "extra_holidays": (date(2026, 10, 8), date(2026, 8, 22)),
            "makeup_days": (date(2026, 10, 10), date(2026, 8, 31)),
        }
    )
    calendar = working_calendar(own)
    days = [date(2026, 10, 8), date(2026, 8, 22), date(2026, 10, 10), date(2026, 8, 31)]
    assert [calendar.is_working_day(day) for day in days] == [False, False, True, True]


def test_half_a_day_is_half_the_working_time_of_one() -> None:
    """0.5 + 1 working days (VP 17.1) from Thursday at 9 end on Friday at 14:30."""
    start = datetime(2026, 10, 8, 9, tzinfo=VIETNAM)
    assert day_length(CALENDAR) == timedelta(hours=8)
    assert after_working_days(CALENDAR, start, 1.5) == datetime(2026, 10, 9, 14, 30, tzinfo=VIETNAM)


@given(MOMENTS, HOURS)
def test_before_is_the_latest_moment_with_that_much_time_left(end: datetime, hours: float) -> None:
    """What is left until the end is what was asked for, to the microsecond; and it is never later than the end."""
    start = before_working_hours(CALENDAR, end, hours)
    assert start <= end
    assert CALENDAR.working_hours_between(start, end) == timedelta(hours=hours)


@given(MOMENTS, st.floats(0, 20, allow_nan=False), st.floats(0, 20, allow_nan=False))
def test_terms_add_up_and_grow(start: datetime, first: float, more: float) -> None:
    """A longer term ends no earlier; a term in two parts ends where the whole does, up to a microsecond a part."""
    one = after_working_days(CALENDAR, start, first)
    whole = after_working_days(CALENDAR, start, first + more)
    assert start <= one <= whole
    parts = after_working_days(CALENDAR, one, more)
    assert abs(CALENDAR.working_hours_between(parts, whole)) <= timedelta(microseconds=3)


@given(MOMENTS, st.floats(0.01, 20, allow_nan=False))
def test_a_term_ends_while_the_office_is_open_or_closes(start: datetime, days: float) -> None:
    """Never at night, on a holiday or a weekend."""
    end = after_working_days(CALENDAR, start, days).astimezone(VIETNAM)
    assert CALENDAR.is_working_day(end.date())
    assert any(opens <= end.time() <= closes for opens, closes in PROFILE.office_hours)
    assert time(7, 30) <= end.time() <= time(17)
