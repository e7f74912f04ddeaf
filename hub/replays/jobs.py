"""Running replays: the clerk hands exchanges over to delivery, a few at a time, soonest legal deadline first.

Handing over is opening the exchange again (`hub.exchanges.reopening`) in the same transaction that marks it in the
replay, so a clerk that dies between any two instructions leaves nothing undone or done twice. Workers then deliver
as always, within rate, breaker and budget. Before each batch the replay is locked and looked at, so that a pause or
stop is in force with its commit; and each exchange is judged again by the rules of the preview.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hub.exchanges import reopening
from hub.exchanges.breaker import TokenBucket
from hub.exchanges.reopening import Candidate
from hub.exchanges.service import ConnectionInfo
from hub.ledger.entries import record_act
from hub.replays.reading import hindrance, is_failing
from hub.replays.selection import Action, Exclusion, sort_out
from hub.replays.service import pace_of
from hub.replays.settings import ReplaySettings
from hub.store.engine import Store

ACTOR = "hub"
"""Who finishes a replay, in the ledger."""

_DISMISS_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Running:
    id: UUID
    action: Action
    reason: str
    started_by: str


class ReplayRunner:
    """Moves running replays on until cancelled; any moment is a good one to end it."""

    def __init__(self, store: Store, connections: Sequence[ConnectionInfo], settings: ReplaySettings) -> None:
        """``connections`` give the repeat classes and rates."""
        self._store = store
        self._settings = settings
        self._classes = {one.id: one.repeat_classes for one in connections}
        self._paces = {one.id: pace_of(one, settings) for one in connections}
        self._buckets: dict[str, TokenBucket] = {}

    async def run(self) -> None:
        """Move replays on, for ever."""
        while True:
            await self.step()
            await asyncio.sleep(self._settings.tick_seconds)

    async def step(self) -> None:
        """Hand over what may go now, of every running replay; the oldest replay comes first."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute("SELECT id FROM replays WHERE state = 'running' ORDER BY id")
            running = [row[0] for row in await cursor.fetchall()]
        for key in running:
            await self._advance(key)

    async def _advance(self, key: UUID) -> None:
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT DISTINCT connection FROM replay_items WHERE replay_id = %s AND state IN ('pending', 'handed')",
                (key,),
            )
            connections = sorted(row[0] for row in await cursor.fetchall())
        for connection in connections:
            async with self._store.transaction() as conn:
                if (one := await _lock(conn, key)) is None:
                    return
                await _settle(conn, key, connection)
                await self._batch(conn, one, connection)
        async with self._store.transaction() as conn:
            if (one := await _lock(conn, key)) is not None:
                await _finish(conn, one)

    async def _batch(self, conn: AsyncConnection[Any], one: _Running, connection: str) -> None:
        limit = _DISMISS_BATCH if one.action is Action.DISMISS else await self._room(conn, one.id, connection)
        if limit < 1:
            return
        cursor = await conn.execute(
            "SELECT exchange_id, position FROM replay_items"
            " WHERE replay_id = %s AND connection = %s AND state = 'pending'"
            " ORDER BY position LIMIT %s",
            (one.id, connection, limit),
        )
        positions: dict[UUID, int] = dict(await cursor.fetchall())
        if one.action is Action.REPLAY:
            self._bucket(connection).give_back(limit - len(positions))
        if not positions:
            return
        found = await reopening.lock(conn, positions)
        candidates = [found[key] for key in positions if key in found]
        included, excluded = sort_out(one.action, candidates, self._classes)
        if one.action is Action.DISMISS:
            await reopening.dismiss(conn, included, actor=one.started_by, reason=one.reason)
        else:
            await reopening.reopen(conn, included, actor=one.started_by)
        await _mark(conn, one, positions, included, excluded)

    async def _room(self, conn: AsyncConnection[Any], key: UUID, connection: str) -> int:
        """Return how many exchanges may be handed over for a connection now."""
        if await hindrance(conn, connection, datetime.now(UTC)) is not None:
            return 0
        cursor = await conn.execute(
            "SELECT count(*) FROM replay_items WHERE replay_id = %s AND connection = %s AND state = 'handed'",
            (key, connection),
        )
        row = await cursor.fetchone()
        on_the_way = 0 if row is None else int(row[0])
        room = self._settings.window - on_the_way
        if await is_failing(conn, connection):
            # The breaker wants to try again and needs something to try with.
            room = min(room, 1 - on_the_way)
        return 0 if room < 1 else self._bucket(connection).take_up_to(room, time.monotonic())

    def _bucket(self, connection: str) -> TokenBucket:
        pace = self._paces.get(connection, self._settings.per_second)
        return self._buckets.setdefault(connection, TokenBucket(pace, max(1.0, pace)))


async def _lock(conn: AsyncConnection[Any], key: UUID) -> _Running | None:
    """Lock a replay for one batch; ``None`` where it does not run any more."""
    cursor = await conn.execute(
        "SELECT id, action, reason, started_by FROM replays WHERE id = %s AND state = 'running' FOR UPDATE", (key,)
    )
    row = await cursor.fetchone()
    return None if row is None else _Running(row[0], Action(row[1]), row[2], row[3])


async def _settle(conn: AsyncConnection[Any], key: UUID, connection: str) -> None:
    """Take note of what has ended; what only a person can move on is at its end here, too."""
    await conn.execute(
        "UPDATE replay_items i SET state = 'ended', outcome = e.state"
        " FROM exchanges e JOIN lanes l ON l.id = e.lane_id"
        " WHERE i.replay_id = %s AND i.connection = %s AND i.state = 'handed' AND e.id = i.exchange_id"
        " AND (e.ended_at IS NOT NULL OR l.held_reason IS NOT NULL)",
        (key, connection),
    )


async def _mark(
    conn: AsyncConnection[Any],
    one: _Running,
    positions: Mapping[UUID, int],
    included: Sequence[Candidate],
    excluded: dict[Candidate, Exclusion],
) -> None:
    done = ("ended", "dismissed") if one.action is Action.DISMISS else ("handed", "")
    marks = dict.fromkeys(positions, ("skipped", Exclusion.GONE.value))
    marks |= {candidate.id: done for candidate in included}
    marks |= {candidate.id: ("skipped", why.value) for candidate, why in excluded.items()}
    await conn.execute(
        "UPDATE replay_items i SET state = v.state, outcome = v.outcome"
        " FROM unnest(%s::int[], %s::text[], %s::text[]) AS v (position, state, outcome)"
        " WHERE i.replay_id = %s AND i.position = v.position",
        (
            [positions[key] for key in marks],
            [state for state, _ in marks.values()],
            [outcome for _, outcome in marks.values()],
            one.id,
        ),
    )


async def _finish(conn: AsyncConnection[Any], one: _Running) -> None:
    """End a replay of which nothing is left to do."""
    cursor = await conn.execute(
        "UPDATE replays SET state = 'finished', ended_at = now() WHERE id = %(id)s AND NOT EXISTS ("
        "SELECT 1 FROM replay_items WHERE replay_id = %(id)s AND state IN ('pending', 'handed'))",
        {"id": one.id},
    )
    if cursor.rowcount:
        facts = {"action": one.action.value}
        await record_act(conn, act="replay.finished", actor=ACTOR, target=str(one.id), reason=one.reason, facts=facts)
