"""Counting failed token requests, so that guessing is slow and a wrong configuration does not flood the log.

Only failures are held back: who brings the right secret is always served, because otherwise anybody who knows a
client's id could lock its owner out. In process and bounded; each api process counts for itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class FailureThrottle:
    """Allows ``burst`` failures at once per key and one more every ``seconds`` after."""

    def __init__(
        self,
        *,
        burst: int = 10,
        seconds: float = 6.0,
        max_keys: int = 4096,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """At most ``max_keys`` keys are remembered; the one unused for longest is forgotten first."""
        self._burst = burst
        self._seconds = seconds
        self._max_keys = max_keys
        self._now = now
        self._due: OrderedDict[tuple[str, str], float] = OrderedDict()

    def fail(self, key: tuple[str, str]) -> float:
        """Count a failure; return the seconds to wait before the next one, 0 when it is within bounds."""
        # The virtual scheduling form of a leaky bucket: one number per key (ITU-T I.371, GCRA).
        now = self._now()
        due = max(self._due.get(key, now), now)
        wait = due - now - (self._burst - 1) * self._seconds
        if wait <= 0:
            due += self._seconds
        self._due[key] = due
        self._due.move_to_end(key)
        while len(self._due) > self._max_keys:
            self._due.popitem(last=False)
        return max(wait, 0.0)
