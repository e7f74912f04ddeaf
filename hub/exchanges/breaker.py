"""Stopping by itself: the breaker and the retry budget of one connection, as plain objects with a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from hub.exchanges.reactions import Signal
from hub.settings import DeliverySettings


class BreakerState(StrEnum):
    """Whether exchanges may leave."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class Breaker:
    """Opens after ``failures`` troubles in a row; then lets one exchange try after each cool-down.

    Times are seconds of a monotonic clock that the caller passes in. The cool-down doubles while trying
    fails, up to ``max_cooldown``.
    """

    failures: int
    cooldown: float
    max_cooldown: float
    state: BreakerState = BreakerState.CLOSED
    open_until: float = 0.0
    _streak: int = 0
    _current: float = field(default=0.0)

    @classmethod
    def of(cls, delivery: DeliverySettings) -> Self:
        """Return the breaker a connection is configured with, closed."""
        return cls(
            failures=delivery.breaker_failures,
            cooldown=delivery.breaker_cooldown_seconds,
            max_cooldown=delivery.breaker_max_cooldown_seconds,
        )

    def allowance(self, now: float, wanted: int) -> int:
        """Return how many calls may start now: all, one on trial, or none."""
        if self.state is BreakerState.CLOSED:
            return wanted
        if self.state is BreakerState.OPEN and now >= self.open_until:
            self.state = BreakerState.HALF_OPEN
            return min(wanted, 1)
        return 0

    def trial_abandoned(self) -> None:
        """Say that the one call on trial never left, so that another may take its place."""
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.OPEN

    def observe(self, signal: Signal, now: float) -> bool:
        """Take note of an outcome; return whether the state changed."""
        before = self.state
        match signal:
            case Signal.ALIVE:
                self._streak, self._current = 0, 0.0
                self.state = BreakerState.CLOSED
            case Signal.TROUBLE:
                self._streak += 1
                if self.state is BreakerState.HALF_OPEN or self._streak >= self.failures:
                    self._open(now)
            case Signal.NEEDS_PERSON:
                self._current = self.max_cooldown
                self._open(now)
            case Signal.SILENT:
                self.trial_abandoned()
        return self.state is not before

    def _open(self, now: float) -> None:
        if self.state is BreakerState.OPEN:
            return
        self._current = min(self.max_cooldown, self._current * 2 or self.cooldown)
        self.state = BreakerState.OPEN
        self.open_until = now + self._current


@dataclass(slots=True)
class TokenBucket:
    """A rate in tokens a second with a burst of at most ``capacity``."""

    rate: float
    capacity: float
    _tokens: float = field(init=False)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Start full."""
        self._tokens = self.capacity

    def add(self, tokens: float) -> None:
        """Grant tokens beside the rate."""
        self._tokens = min(self.capacity, self._tokens + tokens)

    def take_up_to(self, wanted: int, now: float) -> int:
        """Take as many whole tokens as there are, at most ``wanted``."""
        if self._at:
            self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.rate)
        self._at = now
        taken = min(wanted, int(self._tokens))
        self._tokens -= taken
        return taken

    def give_back(self, tokens: int) -> None:
        """Return tokens that were taken and not used."""
        self.add(tokens)
