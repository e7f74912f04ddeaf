"""Writing outcomes: many attempts that ended together are recorded in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, errors

from hub.exchanges.completing import Finished, Recorded, complete
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

_log = logging.getLogger(__name__)

_MOST = 512
_RETRY_SECONDS = 0.5

Then = Callable[[AbstractSet[int]], None]
"""Told which lanes of a call the worker still holds, once its outcomes are durable."""


def _nothing(_kept: AbstractSet[int]) -> None:
    pass


class Flusher:
    """Collects finished attempts and records them; holds them while the database is away.

    An outcome that cannot be written is kept in memory and tried again. If the worker dies first, the lane's
    lease runs out and the next worker settles the exchange by asking: nothing is assumed.
    """

    def __init__(
        self,
        store: Store,
        *,
        worker: str,
        beside: Callable[[AsyncConnection[Any]], Awaitable[None]],
        after: Callable[[], None],
        lease: timedelta = timedelta(0),
    ) -> None:
        """``beside`` writes what the connection learnt, in the same transaction; ``after`` hears of each one.

        A recorded outcome frees its lane, so there may be work again. ``lease`` begins anew for a lane that goes on.
        """
        self._store = store
        self._worker = worker
        self._beside = beside
        self._after = after
        self._lease = lease
        self._queue: asyncio.Queue[tuple[list[Finished], Then]] = asyncio.Queue(maxsize=_MOST)
        self.lost_leases = 0

    async def put(self, finished: list[Finished], then: Then = _nothing) -> None:
        """Hand over the outcomes of one call; waits when too many are unwritten. ``then`` is called once they are."""
        await self._queue.put((finished, then))

    async def drained(self) -> None:
        """Wait until everything handed over has been recorded."""
        await self._queue.join()

    async def run(self) -> None:
        """Record for ever; cancelled by the worker after `drained`."""
        while True:
            calls = [await self._queue.get()]
            # One turn of the loop lets calls that ended together be written together.
            await asyncio.sleep(0.002)
            while len(calls) < _MOST and not self._queue.empty():
                calls.append(self._queue.get_nowait())
            kept = await self._record([one for finished, _ in calls for one in finished])
            for finished, then in calls:
                then(kept & {one.exchange.lane_id for one in finished})
                self._queue.task_done()
            self._after()

    async def _record(self, finished: list[Finished]) -> set[int]:
        # A lane can be twice in one flush (claimed again at once); its outcomes belong in separate statements.
        kept: set[int] = set()
        while finished:
            tokens: dict[int, int] = {}
            now_ones: list[Finished] = []
            later: list[Finished] = []
            for one in finished:
                if tokens.setdefault(one.exchange.lane_id, one.exchange.token) == one.exchange.token:
                    now_ones.append(one)
                else:
                    later.append(one)
            recorded = await self._write(now_ones)
            kept = (kept - tokens.keys()) | recorded.kept
            finished = later
        return kept

    async def _write(self, finished: list[Finished]) -> Recorded:
        while True:
            try:
                recorded = await self._transact(finished, beside=True)
            except (StoreUnavailable, errors.DeadlockDetected, errors.SerializationFailure):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except Exception:  # noqa: BLE001 - one bad outcome must not stop the recording of all others
                # Something in it cannot be written, ever. It is found lane by lane, so that the rest is recorded.
                _log.exception("outcomes not recorded together, recording lane by lane")
                recorded = await self._write_lane_by_lane(finished)
            if recorded.lost:
                self.lost_leases += len(recorded.lost)
                _log.warning("lease lost before the outcome was written", extra={"exchanges": len(recorded.lost)})
            return recorded

    async def _transact(self, finished: list[Finished], *, beside: bool) -> Recorded:
        async with self._store.transaction() as conn:
            recorded = await complete(conn, finished, now=datetime.now(UTC), worker=self._worker, lease=self._lease)
            if beside:
                await self._beside(conn)
        return recorded

    async def _write_lane_by_lane(self, finished: list[Finished]) -> Recorded:
        lanes: dict[int, list[Finished]] = {}
        for one in finished:
            lanes.setdefault(one.exchange.lane_id, []).append(one)
        lost: set[UUID] = set()
        kept: set[int] = set()
        waiting = list(lanes.values())
        while waiting:
            try:
                recorded = await self._transact(waiting[-1], beside=False)
                lost |= recorded.lost
                kept |= recorded.kept
            except (StoreUnavailable, errors.DeadlockDetected, errors.SerializationFailure):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except Exception:  # noqa: BLE001 - the same
                # Its lease runs out, and the exchange is settled by asking.
                _log.exception("an outcome cannot be recorded", extra={"exchanges": len(waiting[-1])})
            waiting.pop()
        return Recorded(frozenset(lost), frozenset(kept))
