"""Ending tasks for certain."""

from __future__ import annotations

import asyncio

import pytest

from hub import ending
from hub.ending import end


async def test_a_task_that_loses_a_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What swallows the first word hears the second."""
    monkeypatch.setattr(ending, "AGAIN_SECONDS", 0.01)
    heard = 0

    async def hard_of_hearing() -> None:
        nonlocal heard
        while heard < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1
        raise asyncio.CancelledError

    task = asyncio.create_task(hard_of_hearing())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        (outcome,) = await end([task])
    assert isinstance(outcome, asyncio.CancelledError)
    assert heard == 3


async def test_each_end_is_told_in_its_place() -> None:
    """A good end, a failure and a cancellation, in the order of the tasks."""

    async def fail() -> None:
        raise ValueError

    tasks = [asyncio.create_task(one) for one in (asyncio.sleep(0), fail(), asyncio.Event().wait())]
    await asyncio.sleep(0.01)
    good, failed, cancelled = await end(tasks)
    assert good is None
    assert isinstance(failed, ValueError)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert await end([]) == []
