"""Local days and hours: which day a moment belongs to, and whether anybody works then."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.watch.records import Context

DAY = 86_400
_HOUR = 3_600
_SATURDAY = 5
_NOON_MINUTE = 12 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_THURSDAY = 3
"""The weekday of 1 January 1970."""


class Days:
    """The calendar of a province. A day is its number since 1970 in local time."""

    def __init__(self, context: Context, *, grace_minutes: int) -> None:
        """Raises `ValueError` for a time zone that nobody knows."""
        try:
            self._zone = ZoneInfo(context.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {context.timezone!r}") from error
        self._holidays = {number_of(one) for one in context.holidays}
        self._makeup = {number_of(one) for one in context.makeup_workdays}
        self._saturdays = context.saturday_morning_units
        hours = context.office_hours
        starts = [start.hour * 60 + start.minute for start, _ in hours]
        ends = [end.hour * 60 + end.minute for _, end in hours]
        # Lunch counts as office time: who looks somebody up over lunch is at the desk.
        self._from = min(starts, default=0) - grace_minutes
        self._until = max(ends, default=24 * 60) + grace_minutes
        self._grace = grace_minutes
        # The stretch of an hour or less in which neither the offset nor the day changes: moments come in order.
        self._since = self._until_ts = 0.0
        self._offset = 0.0
        self._today = 0

    def day(self, ts: float) -> int:
        """Return the local day of a moment."""
        if not self._since <= ts < self._until_ts:
            self._move(ts)
        return self._today

    def clock(self, ts: float) -> tuple[int, int]:
        """Return the local day of a moment, and the minute of that day."""
        if not self._since <= ts < self._until_ts:
            self._move(ts)
        day = self._today
        return day, int(ts + self._offset - day * DAY) // 60

    def _move(self, ts: float) -> None:
        """Take the stretch of another moment; offsets change at full hours at most."""
        hour = int(ts // _HOUR) * _HOUR
        offset = datetime.fromtimestamp(hour, UTC).astimezone(self._zone).utcoffset()
        self._offset = offset.total_seconds() if offset is not None else 0.0
        self._today = int((ts + self._offset) // DAY)
        midnight = self._today * DAY - self._offset
        self._since = max(float(hour), midnight)
        self._until_ts = min(float(hour + _HOUR), midnight + DAY)

    def is_full(self, day: int) -> bool:
        """Say whether all offices work on the day."""
        if day in self._makeup:
            return True
        return (day + _THURSDAY) % 7 < _SATURDAY and day not in self._holidays

    def in_office(self, day: int, minute: int, unit_code: str) -> bool:
        """Say whether the unit's office is open, give or take the grace."""
        if self.is_full(day):
            return self._from <= minute < self._until
        if (day + _THURSDAY) % 7 == _SATURDAY and unit_code in self._saturdays and day not in self._holidays:
            return self._from <= minute < _NOON_MINUTE + self._grace
        return False


def number_of(one: date) -> int:
    """Return the number of a date since 1970."""
    return one.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """Return the date of a day's number."""
    return date.fromordinal(day + _EPOCH)
