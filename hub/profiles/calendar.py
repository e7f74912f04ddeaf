"""The working-day calendar of a profile: its office hours, national holidays, and days the province adds.

National holidays and the make-up days the nation announced (hoán đổi ngày nghỉ) come from the ``holidays`` library,
which knows the Labour Code, the lunar year and each year's announcement; a province that is told otherwise adds its
own days to the profile, and those win.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache

from contracts.calendar import VIETNAM, OfficeHours, WorkingCalendar
from hub.profiles.values import ProfileValues

__all__ = ["after_working_days", "before_working_hours", "day_length", "working_calendar"]

FIRST_YEAR, LAST_YEAR = 2015, 2045
"""The years whose holidays are known; far enough for late entries and for a deadline ten years ahead."""


@cache
def _national() -> tuple[frozenset[date], frozenset[date]]:
    """Return the national holidays and the make-up days announced so far."""
    import holidays  # noqa: PLC0415 - a quarter of a second that commands without a calendar need not wait

    known = holidays.country_holidays("VN", years=range(FIRST_YEAR, LAST_YEAR + 1))
    return frozenset(known), frozenset(known.weekend_workdays)


def working_calendar(profile: ProfileValues) -> WorkingCalendar:
    """Return the calendar of the offices under this profile."""
    holidays_, makeup_days = _national()
    extra, worked = frozenset(profile.extra_holidays), frozenset(profile.makeup_days)
    return WorkingCalendar(
        office_hours=tuple(OfficeHours(start, end) for start, end in profile.office_hours),
        holidays=(holidays_ | extra) - worked,
        makeup_days=(makeup_days - extra) | worked,
        saturday_morning=profile.saturday_morning,
    )


def day_length(calendar: WorkingCalendar) -> timedelta:
    """Return how much working time one full working day has."""
    day = date(2026, 1, 1)
    spans = ((datetime.combine(day, one.start), datetime.combine(day, one.end)) for one in calendar.office_hours)
    return sum((end - start for start, end in spans), timedelta())


def after_working_days(calendar: WorkingCalendar, start: datetime, days: float) -> datetime:
    """Return the end of a term of ``days`` working days from ``start``, counted in working time.

    Half a day is half the working time of a full one, so that "0.5 + 1 working days" (VP 17.1) can be said. The
    moment is that of day the term began, not the evening: a term never ends earlier than so counted.
    """
    return calendar.add_working_hours(start, day_length(calendar) * days)


def before_working_hours(calendar: WorkingCalendar, end: datetime, hours: float) -> datetime:
    """Return the latest moment from which ``hours`` of working time are left until ``end``."""
    left = timedelta(hours=hours)
    # The calendar only looks ahead: go back until more than enough is between, then forward by what is too much.
    start, step = end, timedelta(days=1)
    while calendar.working_hours_between(start, end) < left:
        start -= step
        step *= 2
    return calendar.add_working_hours(start, calendar.working_hours_between(start, end) - left).astimezone(VIETNAM)
