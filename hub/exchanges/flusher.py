"""Writing outcomes: many attempts that ended together are recorded in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, errors

from hub.exchanges.claims import Finished, complete
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

_log = logging.getLogger(__name__)

_MOST = 512
_RETRY_SECONDS = 0.5


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
    ) -> None:
        """``beside`` writes what the connection learnt, in the same transaction; ``after`` hears of each one.

        A recorded outcome frees its lane, so there may be work again.
        """
        self._store = store
        self._worker = worker
        self._beside = beside
        self._after = after
        self._queue: asyncio.Queue[list[Finished]] = asyncio.Queue(maxsize=_MOST)
        self.lost_leases = 0

    async def put(self, finished: list[Finished]) -> None:
        """Hand over the outcomes of one call; waits when too many are unwritten."""
        await self._queue.put(finished)

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
            await self._record([one for call in calls for one in call])
            for _ in calls:
                self._queue.task_done()

    async def _record(self, finished: list[Finished]) -> None:
        # A lane can be twice in one flush (claimed again at once); its outcomes belong in separate statements.
        while finished:
            tokens: dict[int, int] = {}
            now_ones: list[Finished] = []
            later: list[Finished] = []
            for one in finished:
                if tokens.setdefault(one.exchange.lane_id, one.exchange.token) == one.exchange.token:
                    now_ones.append(one)
                else:
                    later.append(one)
            await self._write(now_ones)
            finished = later

    async def _write(self, finished: list[Finished]) -> None:
        while True:
            try:
                lost = await self._transact(finished, beside=True)
            except (StoreUnavailable, errors.DeadlockDetected, errors.SerializationFailure):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except Exception:  # noqa: BLE001 - one bad outcome must not stop the recording of all others
                # Something in it cannot be written, ever. It is found lane by lane, so that the rest is recorded.
                _log.exception("outcomes not recorded together, recording lane by lane")
                lost = await self._write_lane_by_lane(finished)
            self._after()
            if lost:
                self.lost_leases += len(lost)
                _log.warning("lease lost before the outcome was written", extra={"exchanges": len(lost)})
            return

    async def _transact(self, finished: list[Finished], *, beside: bool) -> set[UUID]:
        async with self._store.transaction() as conn:
            lost = await complete(conn, finished, now=datetime.now(UTC), worker=self._worker)
            if beside:
                await self._beside(conn)
        return lost

    async def _write_lane_by_lane(self, finished: list[Finished]) -> set[UUID]:
        lanes: dict[int, list[Finished]] = {}
        for one in finished:
            lanes.setdefault(one.exchange.lane_id, []).append(one)
        lost: set[UUID] = set()
        waiting = list(lanes.values())
        while waiting:
            try:
                lost |= await self._transact(waiting[-1], beside=False)
            except (StoreUnavailable, errors.DeadlockDetected, errors.SerializationFailure):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except Exception:  # noqa: BLE001 - the same
                # Its lease runs out, and the exchange is settled by asking.
                _log.exception("an outcome cannot be recorded", extra={"exchanges": len(waiting[-1])})
            waiting.pop()
        return lost
