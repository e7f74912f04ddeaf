"""Waiting for a turn of the event loop that has nothing to do.

Whoever writes for many callers at once lets those who come while a commit is under way wait for the next one: few large
commits cost less than many small ones. But where everybody waits for a commit to wait for the next, soon all do so at
the same time, and the process has nothing to do in the meantime: a further commit then costs nobody anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

_IDLE_SECONDS: Final = 0.00003
"""A turn of the event loop that is over so soon has had nothing to do."""


class IdleTurn:
    """Does something in the first turn that has nothing else to do, if it is still wanted then."""

    def __init__(self, act: Callable[[], None], *, is_wanted: Callable[[], bool]) -> None:
        """``is_wanted`` is asked in every turn until then; when it is not, the waiting ends."""
        self._act = act
        self._is_wanted = is_wanted
        self._is_waiting = False

    def wait(self) -> None:
        """Begin to wait, unless it does so already."""
        if not self._is_waiting and self._is_wanted():
            self._is_waiting = True
            asyncio.get_running_loop().call_soon(self._turn, monotonic())

    def _turn(self, began: float) -> None:
        if not self._is_wanted():
            self._is_waiting = False
            return
        now = monotonic()
        if now - began < _IDLE_SECONDS:
            self._is_waiting = False
            self._act()
        else:
            asyncio.get_running_loop().call_soon(self._turn, now)
