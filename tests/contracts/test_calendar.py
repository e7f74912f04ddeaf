"""The working-day calendar: opening hours, holidays, make-up days, and sums of working time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.calendar import VIETNAM, OfficeHours, WorkingCalendar

HOURS = (OfficeHours(time(7, 30), time(11, 30)), OfficeHours(time(13, 30), time(17, 30)))
PLAIN = WorkingCalendar(HOURS)
CALENDAR = WorkingCalendar(
    HOURS,
    holidays=frozenset({date(2026, 4, 30), date(2026, 5, 1), date(2026, 9, 2)}),
    makeup_days=frozenset({date(2026, 5, 9)}),
    saturday_morning=True,
)
"""A spring with two holidays (Thursday and Friday) and a make-up day on a Saturday."""


def at(day: int, hour: int, minute: int = 0, month: int = 5) -> datetime:
    """Return a moment of 2026 on the wall clock of Vietnam."""
    return datetime(2026, month, day, hour, minute, tzinfo=VIETNAM)


def hours(count: float) -> timedelta:
    """Return so many hours."""
    return timedelta(hours=count)


MOMENTS = st.datetimes(datetime(2026, 4, 1), datetime(2026, 6, 30), timezones=st.sampled_from([UTC, VIETNAM]))  # noqa: DTZ001 - zones are drawn
DURATIONS = st.timedeltas(timedelta(0), timedelta(hours=100))
CALENDARS = st.sampled_from([PLAIN, CALENDAR])


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (at(4, 7, 30), True),
        (at(4, 7, 29), False),
        (at(4, 11, 30), False),
        (at(4, 12), False),
        (at(4, 13, 30), True),
        (at(4, 17, 29), True),
        (at(4, 17, 30), False),
        (at(1, 9), False),  # a holiday on a Friday
        (at(2, 9), True),  # a Saturday morning
        (at(2, 14), False),
        (at(3, 9), False),  # a Sunday
        (at(9, 14), True),  # a make-up day has an afternoon
        (datetime(2026, 5, 4, 1, tzinfo=UTC), True),  # 08:00 in Vietnam
    ],
)
def test_the_office_is_open_when_the_data_says_so(moment: datetime, *, is_open: bool) -> None:
    """The start of a stretch belongs to it, the end does not; the wall clock is that of Vietnam."""
    assert CALENDAR.is_working_time(moment) is is_open


@pytest.mark.parametrize(
    ("start", "added", "end"),
    [
        (at(4, 8), hours(8), at(5, 8)),  # VP 15.2a: eight working hours to receive
        (at(4, 7, 30), hours(8), at(4, 17, 30)),  # the earliest moment, not the next morning
        (at(4, 10), hours(2), at(4, 14)),  # the noon break does not count
        (at(4, 20), hours(1), at(5, 8, 30)),  # filed at night
        (at(8, 16, 30), hours(2), at(9, 8, 30)),  # over to the make-up day
        (at(29, 16, 30, month=4), hours(3), at(2, 9, 30)),  # over two holidays to a Saturday morning
        (at(2, 11), hours(1), at(4, 8)),  # a Saturday ends at noon
        (at(3, 10), hours(0), at(3, 10)),  # nothing to add moves nothing
    ],
)
def test_working_hours_are_added_over_breaks_nights_and_holidays(
    start: datetime, added: timedelta, end: datetime
) -> None:
    """And the working time between the two moments is what was added."""
    assert CALENDAR.add_working_hours(start, added) == end
    assert CALENDAR.add_working_hours(start, added).tzinfo is UTC
    assert CALENDAR.working_hours_between(start, end) == added


def test_a_saturday_ends_at_noon_and_may_be_a_holiday() -> None:
    """Hours that run through noon are cut there; a holiday on a Saturday closes its morning too."""
    through_noon = (OfficeHours(time(8), time(16)),)
    calendar = WorkingCalendar(through_noon, holidays=frozenset({date(2026, 5, 16)}), saturday_morning=True)
    assert calendar.working_hours_between(at(9, 0), at(10, 0)) == hours(4)
    assert calendar.working_hours_between(at(16, 0), at(17, 0)) == hours(0)
    assert PLAIN.working_hours_between(at(9, 0), at(10, 0)) == hours(0)


def test_working_days_are_counted_without_the_first() -> None:
    """VP 16.3: three working days; a Saturday morning is no working day, a make-up day is."""
    assert CALENDAR.add_working_days(date(2026, 4, 29), 1) == date(2026, 5, 4)
    assert CALENDAR.add_working_days(date(2026, 5, 7), 3) == date(2026, 5, 11)
    assert PLAIN.add_working_days(date(2026, 5, 7), 3) == date(2026, 5, 12)


@given(CALENDARS, MOMENTS, DURATIONS)
def test_what_is_added_lies_between(calendar: WorkingCalendar, start: datetime, duration: timedelta) -> None:
    """Adding and measuring are inverse, and the result is the earliest such moment."""
    end = calendar.add_working_hours(start, duration)
    assert end >= start
    assert calendar.working_hours_between(start, end) == duration
    if duration:
        assert calendar.working_hours_between(start, end - timedelta.resolution) < duration


@given(CALENDARS, MOMENTS, DURATIONS, DURATIONS)
def test_adding_in_two_goes_is_adding_at_once(
    calendar: WorkingCalendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    """A paused clock that goes on reaches the same deadline."""
    there = calendar.add_working_hours(calendar.add_working_hours(start, first), second)
    assert there == calendar.add_working_hours(start, first + second)


@given(CALENDARS, MOMENTS, MOMENTS, MOMENTS)
def test_working_time_adds_up_in_any_order(
    calendar: WorkingCalendar, first: datetime, second: datetime, third: datetime
) -> None:
    """Between a and c lies what lies between a and b and between b and c, backwards counted negative."""
    between = calendar.working_hours_between
    assert between(first, third) == between(first, second) + between(second, third)
    assert between(first, second) == -between(second, first)


@given(CALENDARS, MOMENTS, MOMENTS, DURATIONS)
def test_who_starts_later_is_not_due_earlier(
    calendar: WorkingCalendar, one: datetime, other: datetime, duration: timedelta
) -> None:
    """Deadlines are monotonic in the start, working time in the end and never more than the time itself."""
    earlier, later = sorted((one, other))
    assert calendar.add_working_hours(earlier, duration) <= calendar.add_working_hours(later, duration)
    assert timedelta(0) <= calendar.working_hours_between(earlier, later) <= later - earlier


@given(CALENDARS, MOMENTS)
def test_an_open_office_is_one_whose_time_runs(calendar: WorkingCalendar, moment: datetime) -> None:
    """Being open and time passing are the same statement."""
    passed = calendar.working_hours_between(moment, moment + timedelta.resolution)
    assert (passed == timedelta.resolution) is calendar.is_working_time(moment)


def test_a_calendar_that_contradicts_itself_is_refused() -> None:
    """Each mistake in the data is found when the calendar is made."""
    day = date(2026, 5, 9)
    with pytest.raises(ValueError, match="holiday and a make-up day"):
        WorkingCalendar(HOURS, holidays=frozenset({day}), makeup_days=frozenset({day}))
    with pytest.raises(ValueError, match="needs office hours"):
        WorkingCalendar(())
    with pytest.raises(ValueError, match="overlap"):
        WorkingCalendar((OfficeHours(time(8), time(12)), OfficeHours(time(11), time(17))))
    with pytest.raises(ValueError, match="end after they start"):
        OfficeHours(time(12), time(8))
    with pytest.raises(ValueError, match="without a zone"):
        OfficeHours(time(8, tzinfo=UTC), time(12))


def test_questions_that_have_no_answer_are_refused() -> None:
    """A naive moment, negative time, and more time than ten years hold."""
    naive = datetime(2026, 5, 4, 8)  # noqa: DTZ001 - that is the mistake
    for ask in (PLAIN.is_working_time, lambda moment: PLAIN.add_working_hours(moment, hours(1))):
        with pytest.raises(ValueError, match="offset"):
            ask(naive)
    with pytest.raises(ValueError, match="negative"):
        PLAIN.add_working_hours(at(4, 8), hours(-1))
    with pytest.raises(ValueError, match="too little"):
        PLAIN.add_working_hours(at(4, 8), hours(24 * 3660))
    with pytest.raises(ValueError, match="at least one"):
        PLAIN.add_working_days(date(2026, 5, 4), 0)
    with pytest.raises(ValueError, match="too few"):
        PLAIN.add_working_days(date(2026, 5, 4), 3660)
