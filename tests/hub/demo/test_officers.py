"""The tour's night is at whatever hour the tour is played."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from contracts.calendar import VIETNAM
from hub.demo.officers import duty, night_about
from hub.watch.rules import AccountScores, RuleSet

NOON = datetime(2026, 11, 22, 12, tzinfo=VIETNAM)


def is_night(rules: AccountScores, moment: datetime) -> bool:
    """Say what the watch says."""
    minute = moment.hour * 60 + moment.minute
    return minute >= rules.night_from_minute or minute < rules.night_until_minute


def test_now_is_night_at_any_minute_of_the_day() -> None:
    """And so are the next minutes; the hours are valid, and others than those in force."""
    for late in range(24 * 60):
        now = NOON + timedelta(minutes=late)
        rules = RuleSet.model_validate({"account": night_about(now)})
        assert rules != RuleSet()
        assert all(is_night(rules.account, now + timedelta(minutes=more)) for more in range(30)), now


def test_the_roster_covers_a_tour_over_midnight() -> None:
    """The night that began yesterday, today's, and the one that begins tomorrow."""
    found = duty(NOON)
    assert [date.fromisoformat(one) for one in found["days"]] == [date(2026, 11, day) for day in (21, 22, 23)]
    assert (found["since"], found["until"]) == (found["days"][0], found["days"][-1])
