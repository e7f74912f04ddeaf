"""A further commit begins when nobody else has anything to do, and not before."""

from __future__ import annotations

import asyncio
from time import monotonic

from hub.store.idle_turn import IdleTurn


async def test_it_acts_once_nobody_else_has_anything_to_do() -> None:
    """Not while every turn of the loop has work; once, however often it was asked to wait."""
    acted = asyncio.Event()
    acts = 0
    working = 20

    def act() -> None:
        nonlocal acts
        acts += 1
        acted.set()

    def work() -> None:
        nonlocal working
        until = monotonic() + 0.0005
        while monotonic() < until:
            pass
        assert not acted.is_set()
        working -= 1
        if working:
            asyncio.get_running_loop().call_soon(work)

    idle = IdleTurn(act, is_wanted=lambda: True)
    work()
    for _ in range(3):
        idle.wait()
    async with asyncio.timeout(20):
        await acted.wait()
    assert working == 0
    await asyncio.sleep(0.01)
    assert acts == 1


async def test_what_is_wanted_no_more_is_not_done() -> None:
    """The waiting ends, and may begin again."""
    wanted = True
    acted = asyncio.Event()
    idle = IdleTurn(acted.set, is_wanted=lambda: wanted)
    idle.wait()
    wanted = False
    await asyncio.sleep(0.05)
    assert not acted.is_set()
    idle.wait()
    await asyncio.sleep(0.05)
    assert not acted.is_set()
    wanted = True
    idle.wait()
    async with asyncio.timeout(20):
        await acted.wait()
