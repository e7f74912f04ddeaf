"""Local days and minutes: remembered for a stretch, and right at its ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.watch.days import Days, number_of
from hub.watch.records import Context

START = datetime(2026, 3, 28, 15, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "Asia/Kathmandu", "Europe/Berlin", "America/New_York"])
def test_every_moment_has_the_day_and_minute_of_its_wall_clock(zone: str) -> None:
    """Also where midnight falls into an hour of UTC, and on the night on which the clocks change; back in time, too."""
    days = Days(Context(start=date(2026, 3, 1), timezone=zone), grace_minutes=0)
    moments = [START + timedelta(minutes=5 * at, seconds=-1) for at in range(12 * 40)]
    for moment in (*moments, *reversed(moments)):
        local = moment.astimezone(ZoneInfo(zone))
        assert days.day(moment.timestamp()) == number_of(local.date())
        assert days.clock(moment.timestamp()) == (number_of(local.date()), local.hour * 60 + local.minute)


def test_the_lunch_break_is_office_time() -> None:
    """Who looks somebody up over lunch is at the desk; before and after it is not, give or take the grace."""
    hours = ((time(7, 30), time(11, 30)), (time(13, 30), time(17)))
    days = Days(Context(start=date(2026, 3, 2), office_hours=hours), grace_minutes=30)
    monday = number_of(date(2026, 3, 2))
    open_at = [minute for minute in range(24 * 60) if days.in_office(monday, minute, "H99.1")]
    assert open_at == list(range(7 * 60, 17 * 60 + 30))
