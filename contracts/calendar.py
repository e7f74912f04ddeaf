"""The working-day calendar: when an office is open, and how much working time lies between two moments.

Deadlines are counted in working hours and working days (VP 15.2a: 8 working hours to receive; VP 16.3: three
working days; VP 17.2: ten). Which hours and days those are is data of the deployment: office hours, public
holidays, and the make-up days (ngày làm bù) that the Government announces each year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
"""The one time zone of the country, without daylight saving."""

_SATURDAY = 5
_NOON = time(12)
_ZERO = timedelta(0)
_DAY = timedelta(days=1)
_HORIZON_DAYS = 3660
"""How far a deadline is looked for; a calendar without a working hour in ten years is a mistake."""


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """One stretch of a working day, in Vietnam time; the end does not belong to it."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("office hours are wall-clock times without a zone")
        if self.start >= self.end:
            raise ValueError("office hours must end after they start")


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The calendar of an office. Moments go in with an offset and come out in UTC; others are a `ValueError`.

    Monday to Friday are working days, holidays apart; a make-up day is one although it is a weekend.
    """

    office_hours: tuple[OfficeHours, ...]
    """The stretches of a full day, in order, without overlap."""
    holidays: frozenset[date] = field(default_factory=frozenset)
    makeup_days: frozenset[date] = field(default_factory=frozenset)
    saturday_morning: bool = False
    """Whether the office works on Saturdays until noon."""

    def __post_init__(self) -> None:
        if not self.office_hours:
            raise ValueError("a calendar needs office hours")
        if any(earlier.end > later.start for earlier, later in pairwise(self.office_hours)):
            raise ValueError("office hours must be in order and must not overlap")
        if both := self.holidays & self.makeup_days:
            raise ValueError(f"{min(both)} is both a holiday and a make-up day")

    def is_working_day(self, day: date) -> bool:
        """Say whether the office works on this day for a whole day."""
        return day in self.makeup_days or (day.weekday() < _SATURDAY and day not in self.holidays)

    def is_working_time(self, moment: datetime) -> bool:
        """Say whether the office is open at this moment."""
        local = _local(moment)
        return any(start <= local < end for start, end in self._stretches(local.date()))

    def working_hours_between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time from ``start`` to ``end``; negative where ``end`` comes first.

        Exact to the microsecond, so a sum over parts is the whole.
        """
        first, last = _local(start), _local(end)
        if last < first:
            return -self.working_hours_between(end, start)
        total, day = _ZERO, first.date()
        while day <= last.date():
            for opens, closes in self._stretches(day):
                total += max(_ZERO, min(closes, last) - max(opens, first))
            day += _DAY
        return total

    def add_working_hours(self, start: datetime, hours: timedelta) -> datetime:
        """Return the earliest moment at which ``hours`` of working time have passed since ``start``.

        Nothing to add gives ``start`` itself. Negative time is a `ValueError`, and so is a calendar in which
        the time does not come up within ten years.
        """
        if hours < _ZERO:
            raise ValueError("working time to add must not be negative")
        local = _local(start)
        if not hours:
            return start.astimezone(UTC)
        left = hours
        for day in _days(local.date()):
            for opens, closes in self._stretches(day):
                begin = max(opens, local)
                if begin + left <= closes:
                    return (begin + left).replace(tzinfo=VIETNAM).astimezone(UTC)
                left -= max(_ZERO, closes - begin)
        raise ValueError("this calendar has too little working time")

    def add_working_days(self, day: date, days: int) -> date:
        """Return the working day that is the ``days``-th after ``day``; the day itself does not count.

        A Saturday with a morning only is no working day. Fewer than one day is a `ValueError`.
        """
        if days < 1:
            raise ValueError("working days to add must be at least one")
        left = days
        for later in _days(day + _DAY):
            left -= self.is_working_day(later)
            if not left:
                return later
        raise ValueError("this calendar has too few working days")

    def _stretches(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the open stretches of a day as local times without a zone."""
        if self.is_working_day(day):
            latest = time.max
        elif self.saturday_morning and day.weekday() == _SATURDAY and day not in self.holidays:
            latest = _NOON
        else:
            return
        for hours in self.office_hours:
            if hours.start < latest:
                yield datetime.combine(day, hours.start), datetime.combine(day, min(hours.end, latest))


def _local(moment: datetime) -> datetime:
    """Return the wall-clock time in Vietnam, without a zone: all arithmetic is done on it.

    That is sound because the offset there does not change; datetimes of one zone would be compared by
    wall clock in any case.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs an offset")
    return moment.astimezone(VIETNAM).replace(tzinfo=None)


def _days(first: date) -> Iterator[date]:
    return (first + timedelta(days=count) for count in range(_HORIZON_DAYS))
