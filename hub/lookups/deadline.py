"""A deadline for what every look-up goes through, at a fraction of what `asyncio.timeout` costs."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class within:  # noqa: N801 - reads as a word of the statement
    """Cancel this task when the time is up: ``TimeoutError``. For one block of one task."""

    __slots__ = ("_ended", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ended = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._ended:
            if self._task is not None:
                self._task.uncancel()
            if isinstance(error, asyncio.CancelledError):
                raise TimeoutError from None

    def _end(self) -> None:
        self._ended = True
        if self._task is not None:
            self._task.cancel()
