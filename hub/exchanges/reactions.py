"""What follows from the outcome of an attempt: one pure function from error to the exchange's next state.

The reaction is chosen by the class of the error, never by its words (`contracts.errors`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from contracts.errors import (
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Rejected,
    Sentence,
    TryLater,
    Unsupported,
)
from contracts.ports import RepeatClass
from hub.exchanges.views import ExchangeState
from hub.settings import DeliverySettings

NEEDS_PERSON_DELAY = timedelta(minutes=5)
"""Waiting for a person is not waiting for a network: asking again every few seconds locks accounts."""


class Signal(StrEnum):
    """What an outcome says about the connection, for its breaker."""

    ALIVE = "alive"
    TROUBLE = "trouble"
    NEEDS_PERSON = "needs_person"
    SILENT = "silent"
    """Says nothing about the partner: the attempt never left."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The long schedule: exponential with jitter, capped per wait and in total age."""

    first_delay: timedelta = timedelta(seconds=2)
    max_delay: timedelta = timedelta(minutes=15)
    max_age: timedelta = timedelta(days=10)
    malformed_limit: int = 10
    settle_delay: timedelta = timedelta(seconds=5)
    """Least wait before the partner is asked about a write that was cut off: it may still be working on it, and
    an answer "not there" given too early would send the write twice."""

    @classmethod
    def of(cls, delivery: DeliverySettings) -> Self:
        """Return the schedule a connection is configured with."""
        return cls(
            first_delay=timedelta(seconds=delivery.first_delay_seconds),
            max_delay=timedelta(seconds=delivery.max_delay_seconds),
            max_age=timedelta(hours=delivery.max_age_hours),
            malformed_limit=delivery.malformed_limit,
            settle_delay=timedelta(seconds=delivery.settle_delay_seconds),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The exchange's next state, the wait before the next try, and what its record says."""

    state: ExchangeState
    retry_in: timedelta | None
    outcome: str
    upstream_code: str
    sentence: Sentence


def delay_before(attempt: int, policy: RetryPolicy, dice: random.Random) -> timedelta:
    """Return the wait after the ``attempt``-th failed try: doubling from the first delay, half of it random."""
    ceiling: timedelta = min(policy.max_delay, policy.first_delay * (1 << min(max(attempt, 1) - 1, 30)))
    return ceiling * (0.5 + dice.random() / 2)


GAVE_UP = Sentence(
    "Given up: the exchange is older than the connection's limit. Check the connection, then replay it.",
    "Ngừng gửi: lượt trao đổi đã quá thời hạn của kết nối. Hãy kiểm tra kết nối rồi gửi lại.",
)


def react(
    error: LienThongError,
    *,
    repeat: RepeatClass,
    attempts: int,
    doubts: int,
    accepted_at: datetime,
    now: datetime,
    policy: RetryPolicy,
    dice: random.Random,
) -> Verdict:
    """Decide what becomes of an exchange whose attempt ended in ``error``.

    ``attempts`` counts this one, ``doubts`` the malformed answers before it; ``accepted_at`` is where its
    age counts from.
    """
    state, _, wait = _reaction(error, repeat=repeat)
    sentence = error.sentence
    retry_in: timedelta | None = None
    if state.is_open:
        retry_in = wait if wait is not None else delay_before(attempts, policy, dice)
        if state is ExchangeState.UNKNOWN:
            retry_in = max(retry_in, policy.settle_delay)
        if now + retry_in > accepted_at + policy.max_age:
            # An unknown write stays unknown: giving up must not read as "was not delivered".
            if state is ExchangeState.UNKNOWN:
                retry_in = None
            else:
                state, retry_in, sentence = ExchangeState.GIVEN_UP, None, GAVE_UP
    if isinstance(error, Malformed) and state.is_open and doubts + 1 >= policy.malformed_limit:
        state, retry_in = ExchangeState.QUARANTINED, None
    return Verdict(
        state=state,
        retry_in=retry_in,
        outcome=_OUTCOMES[type(error)],
        upstream_code=error.upstream_code,
        sentence=sentence,
    )


_OUTCOMES: dict[type[LienThongError], str] = {
    TryLater: "try_later",
    NeedsPerson: "needs_person",
    Rejected: "refused",
    Malformed: "malformed",
    Unsupported: "unsupported",
    OutcomeUnknown: "outcome_unknown",
}


def signal_of(error: LienThongError) -> Signal:
    """Return what this error says about the connection, once per call however many exchanges it carried."""
    return _reaction(error, repeat=RepeatClass.SAFE)[1]


def _reaction(error: LienThongError, *, repeat: RepeatClass) -> tuple[ExchangeState, Signal, timedelta | None]:
    match error:
        case TryLater():
            return ExchangeState.WAITING, Signal.TROUBLE, error.after
        case NeedsPerson():
            return ExchangeState.WAITING, Signal.NEEDS_PERSON, NEEDS_PERSON_DELAY
        case Rejected():
            return ExchangeState.REFUSED, Signal.ALIVE, None
        case Unsupported():
            return ExchangeState.REFUSED, Signal.SILENT, None
        case Malformed() | OutcomeUnknown():
            # A broken answer to a write says nothing about whether it was done: both are settled by asking.
            if repeat is RepeatClass.SAFE:
                return ExchangeState.WAITING, Signal.TROUBLE, None
            return ExchangeState.UNKNOWN, Signal.TROUBLE, None
        case _:
            message = f"no reaction to {type(error).__name__}"
            raise TypeError(message)
