"""Fixtures: the delivery side of `tests.hub.exchanges`, with replays on it and a clerk that moves when told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from contracts.errors import Sentence
from hub.exchanges.service import ConnectionInfo
from hub.replays.filters import ExchangeSelection
from hub.replays.jobs import ReplayRunner
from hub.replays.selection import Action
from hub.replays.service import ReplayService
from hub.replays.settings import ReplaySettings
from hub.replays.views import ReplayDetail, ReplayState
from tests.hub.exchanges.conftest import (  # noqa: F401 - fixtures
    PORTAL,
    World,
    delivery,
    portal,
    world,
    yesterday,
)

SETTINGS = ReplaySettings(per_second=10_000, window=10_000)


class Desk:
    """Operators at work: replays on a world, and the clerk that runs them."""

    def __init__(self, world: World, settings: ReplaySettings = SETTINGS, *, rate: float | None = None) -> None:  # noqa: F811
        self.world = world
        classes = {one.name: one.repeat for one in world.portal.operations.values()}
        info = ConnectionInfo(PORTAL, "fake", Sentence("Portal", "Cổng"), classes, rate)
        self.replays = ReplayService(world.store, [info], settings)
        self.clerk = ReplayRunner(world.store, [info], settings)

    async def ended(
        self, count: int, state: str = "refused", *, first: int = 1, due: Sequence[datetime] = (), **columns: Any
    ) -> list[str]:
        """Declare dossiers and end their exchanges as a worker would; return the exchanges in their order."""
        keys: list[str] = []
        for number in range(first, first + count):
            changes = {"due_at": due[number - first]} if due else {}
            receipt = await self.world.put(f"H99.12-261008-{number:04d}", **changes)
            keys.append(receipt.exchange_ids[0])
        await self.end(keys, state, **columns)
        return keys

    async def end(self, keys: Sequence[str], state: str, **columns: Any) -> None:
        """End exchanges that stand open."""
        values = {"state": state, "ended_at": datetime.now(UTC), "attempts": 1, **columns}
        async with self.world.store.transaction() as conn:
            assignments = ", ".join(f"{name} = %({name})s" for name in values)
            await conn.execute(
                f"UPDATE exchanges SET {assignments} WHERE id = ANY(%(ids)s::uuid[])",  # noqa: S608 - names of ours
                {**values, "ids": list(keys)},
            )
            await conn.execute(
                "UPDATE lanes l SET open_count = n.open, due_at = CASE WHEN n.open > 0 THEN l.due_at END FROM ("
                " SELECT lane_id, count(*) FILTER (WHERE ended_at IS NULL) AS open FROM exchanges GROUP BY 1) n"
                " WHERE n.lane_id = l.id"
            )

    async def preview(self, actor: str = "an", *, action: Action = Action.REPLAY, **wanted: Any) -> ReplayDetail:
        """Preview what is wanted."""
        selection = ExchangeSelection.model_validate_json(orjson.dumps(wanted))
        return await self.replays.preview(action, selection, reason="Cổng đã sửa lỗi", actor=actor)

    async def finished(self, one: ReplayDetail, seconds: float = 60) -> ReplayDetail:
        """Let the clerk work until the replay has finished; a worker must run beside it."""

        async def look() -> bool:
            await self.clerk.step()
            return (await self.replays.get(one.id)).state is ReplayState.FINISHED

        await self.world.until(look, seconds)
        return await self.replays.get(one.id)

    async def states_of(self, keys: Sequence[str]) -> list[str]:
        """The states of these exchanges, in their order."""
        async with self.world.store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT id::text, state FROM exchanges WHERE id = ANY(%s::uuid[])", (list(keys),)
            )
            found = dict(await cursor.fetchall())
        return [found[key] for key in keys]

    async def acts(self, target: str) -> list[str]:
        """What the ledger will say was done to it, in order."""
        async with self.world.store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT facts::json ->> 'act' FROM ledger_queue WHERE kind = 'act' AND subject = %s ORDER BY id",
                (target,),
            )
            return [row[0] for row in await cursor.fetchall()]


def deadlines(count: int) -> list[datetime]:
    """Legal deadlines, each a day after the other."""
    return [yesterday() + timedelta(days=3 + number) for number in range(count)]


@pytest.fixture
def desk(world: World) -> Desk:  # noqa: F811
    """Operators with a clerk that takes everything at once."""
    return Desk(world)
