"""When a change of state is believed: the rule that keeps one flapping connection from ringing all night.

* Trouble is believed when it has lasted ``confirm_seconds``, or when it began for the `TOO_OFTEN`-th time within
  ``flap_memory``; a blip shorter than that is never told.
* A recovery is believed when it has lasted ``recover_seconds``, doubled for every relapse within ``flap_memory``
  up to ``max_recover_seconds``. So a connection that comes and goes is one trouble, told once and ended once.
* Maintenance is believed at once, in and out. What cannot be verified ends no trouble: no news is not good news.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.exchanges.views import ConnectionState
from hub.health.blame import Blame
from hub.health.judgement import TROUBLE, Judgement
from hub.health.settings import HealthSettings

TOO_OFTEN = 4
"""Beginnings of trouble within the memory after which it is believed however short each was."""

MAX_FLAPS = 32
"""Relapses remembered; more change nothing, because the wait is capped long before."""


@dataclass(frozen=True, slots=True)
class Believed:
    """The state of a connection as it is believed, and what is being waited for."""

    state: ConnectionState
    since: datetime
    blame: Blame = Blame.NOBODY
    cause: str | None = None
    candidate: ConnectionState | None = None
    """A state that has not lasted long enough."""
    candidate_since: datetime | None = None
    unwell_since: datetime | None = None
    """Begin of the trouble that is believed or being waited for."""
    flaps: tuple[datetime, ...] = ()
    """When trouble began, or came back before its end was believed."""

    @property
    def in_trouble(self) -> bool:
        """Whether trouble is believed."""
        return self.state in TROUBLE


@dataclass(frozen=True, slots=True)
class DampingRules:
    """How long a change must last."""

    confirm: timedelta
    recover: timedelta
    longest: timedelta
    memory: timedelta

    @classmethod
    def of(cls, settings: HealthSettings) -> DampingRules:
        """Return the rules of a configuration."""
        return cls(
            confirm=timedelta(seconds=settings.confirm_seconds),
            recover=timedelta(seconds=settings.recover_seconds),
            longest=timedelta(seconds=settings.max_recover_seconds),
            memory=timedelta(minutes=settings.flap_memory_minutes),
        )

    def calm(self, relapses: int) -> timedelta:
        """Return how long a recovery must last after so many relapses."""
        return min(self.longest, self.recover * (1 << min(relapses, MAX_FLAPS)))


def beginning(now: datetime) -> Believed:
    """Return what is believed of a connection nobody has looked at."""
    return Believed(ConnectionState.UNVERIFIED, now)


def believe(before: Believed, seen: Judgement, rules: DampingRules, now: datetime) -> Believed:
    """Return what is believed now that this was seen."""
    flaps = tuple(one for one in before.flaps if now - one <= rules.memory)[-MAX_FLAPS:]
    kept = replace(before, flaps=flaps)
    if seen.state is ConnectionState.MAINTENANCE:
        return Believed(seen.state, before.since if before.state is seen.state else now, flaps=flaps)
    if seen.is_trouble:
        return _trouble(kept, seen, rules, now)
    if kept.in_trouble:
        return _recovery(kept, seen, rules, now)
    since = kept.since if kept.state is seen.state else now
    return Believed(seen.state, since, seen.blame, flaps=flaps)


def _trouble(before: Believed, seen: Judgement, rules: DampingRules, now: datetime) -> Believed:
    if not before.in_trouble:
        waiting = before.candidate in TROUBLE and before.unwell_since is not None
        begun = before.unwell_since if waiting and before.unwell_since is not None else now
        flaps = before.flaps if waiting else (*before.flaps, now)[-MAX_FLAPS:]
        if now - begun < rules.confirm and len(flaps) < TOO_OFTEN:
            return replace(
                before, candidate=seen.state, candidate_since=begun, unwell_since=begun, flaps=flaps, cause=None
            )
        return Believed(seen.state, now, seen.blame, seen.cause, unwell_since=begun, flaps=flaps)
    flaps = before.flaps
    if before.candidate is not None and before.candidate not in TROUBLE:
        flaps = (*flaps, now)[-MAX_FLAPS:]
    # The cause stays that of the beginning, so that one trouble is one alert.
    settled = replace(before, blame=seen.blame, flaps=flaps)
    if seen.state is before.state:
        return replace(settled, candidate=None, candidate_since=None)
    since = before.candidate_since if before.candidate is seen.state and before.candidate_since else now
    wait = rules.confirm if seen.state is ConnectionState.DOWN else rules.calm(len(flaps))
    if now - since < wait:
        return replace(settled, candidate=seen.state, candidate_since=since)
    return replace(settled, state=seen.state, since=now, candidate=None, candidate_since=None)


def _recovery(before: Believed, seen: Judgement, rules: DampingRules, now: datetime) -> Believed:
    if seen.state is ConnectionState.UNVERIFIED:
        return replace(before, candidate=None, candidate_since=None)
    since = before.candidate_since if before.candidate is seen.state and before.candidate_since else now
    # The trouble itself is the first entry; only what came after it counts as a relapse.
    if now - since < rules.calm(max(0, len(before.flaps) - 1)):
        return replace(before, candidate=seen.state, candidate_since=since)
    return Believed(seen.state, now, seen.blame, flaps=before.flaps)
