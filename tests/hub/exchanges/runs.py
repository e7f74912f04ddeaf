"""Settings, dossiers and a partner that counts its calls, for tests of the worker's loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from contracts.errors import LienThongError, Sentence
from hub.exchanges.views import ExchangeDetail
from tests.hub.exchanges.conftest import World, step

WORDS = Sentence("Test.", "Thử.")
CODE = "H99.12-261008-0001"


def codes(count: int) -> list[str]:
    return [f"H99.12-261008-{number:04d}" for number in range(count)]


def setting(world: World, **changes: Any) -> None:
    """Deliver by these settings from now on."""
    world.delivery = world.delivery.model_copy(update=changes)


class Calls:
    """Notes when each call reached the partner, and how many were there at once."""

    def __init__(self, world: World, *, error: type[LienThongError] | None = None, seconds: float = 0.0) -> None:
        self.error = error
        self.seconds = seconds
        self.gate = asyncio.Event()
        """Cleared: calls wait for it."""
        self.gate.set()
        self.times: list[float] = []
        self.operations: list[str] = []
        self.now = 0
        self.most = 0
        world.portal.before = self

    async def __call__(self, operation: str, _pushes: Sequence[Any]) -> None:
        self.times.append(time.monotonic())
        self.operations.append(operation)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)
        await self.gate.wait()
        self.now -= 1
        if self.error is not None:
            raise self.error(WORDS)  # type: ignore[call-arg]


async def known_with_a_step_each(world: World, count: int) -> None:
    """Dossiers the partner has, each with one step that waits: lanes that need a call of their own."""
    await asyncio.gather(*(world.put(code) for code in codes(count)))
    async with world.working():
        await world.until(world.settled)
    await asyncio.gather(*(world.record(code, step()) for code in codes(count)))


async def the_only(world: World, **filters: Any) -> ExchangeDetail:
    (item,) = (await world.exchanges.page(**filters)).items
    return await world.exchanges.get(item.id)


def ticks(world: World) -> Callable[[], Any]:
    async def nothing_due() -> bool:
        return await world.scalar("SELECT count(*) FROM lanes WHERE due_at IS NOT NULL") == 0

    return nothing_due


async def trials(calls: Calls, count: int) -> bool:
    return len(calls.times) >= count
