"""A change of state is believed when it lasts; what comes and goes is one trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.errors import Sentence
from hub.exchanges.views import ConnectionState
from hub.health.blame import Blame
from hub.health.damping import Believed, DampingRules, beginning, believe
from hub.health.judgement import Judgement
from hub.health.settings import HealthSettings

S = ConnectionState
RULES = DampingRules.of(HealthSettings())
BEGIN = datetime(2026, 10, 12, tzinfo=UTC)
WORDS = Sentence("x.", "x.")


class Watcher:
    """Looks every five seconds and counts the changes that are believed."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.believed = beginning(BEGIN)
        self.changes: list[ConnectionState] = []

    def see(self, state: ConnectionState, seconds: float, cause: str | None = None) -> Believed:
        """See this state for so long."""
        until = self.now + timedelta(seconds=seconds)
        blame = Blame.NETWORK if state in {S.DOWN, S.DEGRADED} else Blame.NOBODY
        while self.now < until:
            after = believe(self.believed, Judgement(state, WORDS, blame, cause=cause), RULES, self.now)
            if after.state is not self.believed.state:
                self.changes.append(after.state)
            self.believed = after
            self.now += timedelta(seconds=5)
        return self.believed


def test_a_blip_is_not_believed() -> None:
    """Trouble shorter than a minute changes nothing."""
    watcher = Watcher()
    watcher.see(S.WORKING, 60)
    watcher.see(S.DOWN, 30)
    watcher.see(S.WORKING, 600)
    assert watcher.changes == [S.WORKING]


def test_trouble_and_recovery_are_believed_when_they_last() -> None:
    """A minute of trouble, two minutes of recovery; the beginning is that of the trouble."""
    watcher = Watcher()
    watcher.see(S.WORKING, 60)
    begun = watcher.now
    assert watcher.see(S.DOWN, 60).state is S.WORKING
    down = watcher.see(S.DOWN, 5)
    assert (down.state, down.unwell_since) == (S.DOWN, begun)
    assert watcher.see(S.WORKING, 120).state is S.DOWN
    assert watcher.see(S.WORKING, 5).state is S.WORKING


def test_flapping_is_one_trouble() -> None:
    """Down for two minutes, up for one and a half, twenty times: believed once, ended once it is calm."""
    watcher = Watcher()
    watcher.see(S.WORKING, 60)
    for _ in range(20):
        watcher.see(S.DOWN, 120)
        watcher.see(S.WORKING, 90)
    assert watcher.changes == [S.WORKING, S.DOWN]
    watcher.see(S.WORKING, 1805)
    assert watcher.changes == [S.WORKING, S.DOWN, S.WORKING]


def test_quick_flapping_is_believed_too() -> None:
    """Twenty seconds of trouble every minute is trouble, though no bout lasts long enough."""
    watcher = Watcher()
    watcher.see(S.WORKING, 60)
    for _ in range(10):
        watcher.see(S.DOWN, 20)
        watcher.see(S.WORKING, 40)
    assert watcher.changes == [S.WORKING, S.DOWN]


def test_a_relapse_makes_the_next_recovery_wait_longer() -> None:
    """Two minutes at first, then four, then eight, up to half an hour."""
    calms = [RULES.calm(count).total_seconds() for count in range(6)]
    assert calms == [120, 240, 480, 960, 1800, 1800]


def test_maintenance_is_believed_at_once() -> None:
    """It is announced, so nobody has to wait to believe it; what follows is judged anew."""
    watcher = Watcher()
    watcher.see(S.DOWN, 120)
    assert watcher.see(S.MAINTENANCE, 5).state is S.MAINTENANCE
    assert watcher.see(S.WORKING, 5).state is S.WORKING


def test_no_news_is_not_good_news() -> None:
    """What cannot be verified does not end trouble."""
    watcher = Watcher()
    watcher.see(S.DOWN, 120)
    assert watcher.see(S.UNVERIFIED, 3600).state is S.DOWN


def test_degraded_becomes_down_when_it_lasts_and_keeps_its_cause() -> None:
    """Getting worse waits as trouble does; the cause stays that of the beginning, so that it stays one alert."""
    watcher = Watcher()
    watcher.see(S.DEGRADED, 120, cause="place a:1")
    assert watcher.see(S.DOWN, 30, cause="name b").state is S.DEGRADED
    worse = watcher.see(S.DOWN, 60, cause="name b")
    assert (worse.state, worse.cause) == (S.DOWN, "place a:1")
