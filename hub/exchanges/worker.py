"""One worker process: a runner per connection, woken together, stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hub.ending import end
from hub.exchanges.attempt import RunnerOptions
from hub.exchanges.courier import Courier
from hub.exchanges.crew import Crew
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.outbox import WAKE_CHANNEL
from hub.exchanges.runner import ConnectionRunner
from hub.settings import DeliverySettings, WorkerSettings
from hub.store.engine import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a worker needs to deliver for one connection."""

    connection: str
    couriers: Mapping[str, Courier]
    settings: DeliverySettings
    facts: ConnectionFacts


class Worker:
    """Delivers for all connections until stopped; loses nothing however it ends."""

    def __init__(self, store: Store, deliveries: Sequence[Delivery], settings: WorkerSettings) -> None:
        """Raises ``ValueError`` where a lease is too short for a connection's deadlines."""
        self._store = store
        self._crew = Crew(store, max((one.settings.settle_delay_seconds for one in deliveries), default=0.0))
        options = RunnerOptions(
            worker=self._crew.name,
            lease=timedelta(seconds=settings.lease_seconds),
            claim_batch=settings.claim_batch,
            poll_seconds=settings.poll_seconds,
        )
        self._grace = settings.shutdown_grace_seconds
        self._runners = [
            ConnectionRunner(store, one.connection, one.couriers, one.settings, options=options, facts=one.facts)
            for one in deliveries
        ]
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start nothing new; `run` returns when what is under way is recorded, at the latest after the grace."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until stopped. A runner that fails takes the process down: the supervisor starts it anew."""
        await self._crew.join()
        runs: list[asyncio.Task[Any]] = [asyncio.create_task(runner.run()) for runner in self._runners]
        listening = asyncio.create_task(self._listen())
        reaping = asyncio.create_task(self._crew.reap())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([*runs, listening, reaping, stopping], return_when=asyncio.FIRST_COMPLETED)
            for runner in self._runners:
                runner.stop()
            late: set[asyncio.Task[Any]] = set()
            if runs:
                _, late = await asyncio.wait(runs, timeout=self._grace)
                if late:
                    # The next worker settles them by asking: when it finds this one dead, or their leases run out.
                    _log.warning("stopped before every call had ended", extra={"connections": len(late)})
            beside: list[asyncio.Task[Any]] = [*runs, listening, reaping]
            for task in beside:
                if task.done():
                    task.result()
            if not late:
                await self._crew.leave()
        finally:
            await end([*runs, listening, reaping, stopping])

    async def _listen(self) -> None:
        async for _ in self._store.listen(WAKE_CHANNEL):
            for runner in self._runners:
                runner.wake()
