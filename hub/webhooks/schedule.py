"""When a message that a receiver did not take is sent again.

The delays are those the Standard Webhooks specification proposes: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h,
24 h, each with a jitter of a tenth, so that the receivers of one outage do not come back as one wave. Ten attempts
in about three days and four hours; what was not taken by then has failed, and can be replayed.

A receiver that fails also rests as a whole, for a short time that doubles: a thousand waiting events are not a
thousand calls in a row to somebody who is down.
"""

from __future__ import annotations

import random
from datetime import timedelta

DELAYS: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Wait after the first, second, … attempt."""

JITTER = 0.1
FIRST_REST = timedelta(seconds=1)
LONGEST_REST = timedelta(minutes=5)
_DOUBLINGS = 10


def delay_after(tries: int, *, chance: random.Random) -> timedelta | None:
    """Return how long to wait after that many attempts; ``None`` when it was the last."""
    if tries > len(DELAYS):
        return None
    return DELAYS[tries - 1] * (1 + JITTER * (2 * chance.random() - 1))


def rest_after(failures: int) -> timedelta:
    """Return how long an endpoint rests after that many failures in a row; nothing after none."""
    if failures == 0:
        return timedelta(0)
    return min(FIRST_REST * (1 << min(failures - 1, _DOUBLINGS)), LONGEST_REST)
