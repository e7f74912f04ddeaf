"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 0.5
"""How long a task has to end before it is cancelled once more."""


async def end(tasks: Iterable[asyncio.Task[Any]]) -> list[BaseException | None]:
    """Cancel these tasks until each has ended; return how, in their order (``None`` for a good end).

    Once is not enough: ``asyncio.wait_for`` of Python 3.11 loses a cancellation that comes together with what it
    waits for, and the task goes on as if nothing had been said.
    """
    ending = list(tasks)
    waiting = {one for one in ending if not one.done()}
    while waiting:
        for one in waiting:
            one.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    return [asyncio.CancelledError() if one.cancelled() else one.exception() for one in ending]
