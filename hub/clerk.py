"""The clerk: the process that does what the clock or the backlog asks for, beside serving and delivering.

Each job is done by one clerk at a time, however many run: a job is taken with an advisory lock, and whoever dies
lets go of it. All locks of a clerk are held by one database connection kept for them.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from contracts.calendar import VIETNAM
from hub.ending import end
from hub.errors import place_of
from hub.store.connections import connection_options
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

LOCK_SPACE = 0x4C54434B
"""First half of the advisory locks of jobs ("LTCK"); the second is the CRC-32 of the name."""

WAIT_SECONDS = 5.0
"""How often a clerk looks whether a job that another one has is free."""

WATCH_SECONDS = 5.0
"""How often the connection that holds the locks is proven to be alive: without it another clerk takes over."""

FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 60.0

_log = structlog.get_logger("hub.clerk")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done for ever by one process at a time."""

    name: str
    """Unique; names the lock, the log lines and the metrics."""
    run: Callable[[], Awaitable[None]]
    """Runs until it is cancelled. May be cancelled and started anew at any moment, here or in another process."""


class Clerk:
    """Does all jobs until stopped."""

    def __init__(self, store: Store, jobs: Sequence[Job]) -> None:
        """Raises ``ValueError`` where two jobs share a name."""
        names = [one.name for one in jobs]
        if len(set(names)) != len(names):
            message = f"two jobs share a name: {names}"
            raise ValueError(message)
        self._store = store
        self._jobs = tuple(jobs)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return; jobs are cancelled, which each of them survives by contract."""
        self._stopping.set()

    async def run(self) -> None:
        """Do the jobs until stopped. A job that fails is begun again after a rest, and the others go on."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                try:
                    await self._do_all(stopping)
                except psycopg.OperationalError as error:
                    _log.warning("clerk_without_database", error=type(error).__name__)
                await asyncio.wait({stopping}, timeout=WATCH_SECONDS)
        finally:
            stopping.cancel()

    async def _do_all(self, stopping: asyncio.Task[Any]) -> None:
        """Do the jobs until told to stop, or until the connection breaks that holds their locks."""
        async with await AsyncConnection.connect(
            self._store.url, autocommit=True, **connection_options()
        ) as connection:
            watching = asyncio.create_task(_watch(connection), name="watch the locks")
            doing = [
                asyncio.create_task(self._keep_doing(one, connection), name=f"job {one.name}") for one in self._jobs
            ]
            try:
                await asyncio.wait({stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # The jobs end before their locks do.
                outcomes = await end((watching, *doing))
            if isinstance(outcomes[0], psycopg.OperationalError):
                raise outcomes[0]

    async def _keep_doing(self, job: Job, connection: AsyncConnection[Any]) -> None:
        while not await _take(connection, job.name):  # noqa: ASYNC110 - another process lets go of it
            await asyncio.sleep(WAIT_SECONDS)
        _log.info("job_begun", job=job.name)
        rest = FIRST_REST_SECONDS
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            try:
                await job.run()
                _log.warning("job_ended_by_itself", job=job.name)
            except StoreUnavailable:
                _log.warning("job_interrupted", job=job.name)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
                # Without its text, which may quote what was read; the trace names the place.
                _log.error("job_failed", job=job.name, error=type(error).__name__, place=place_of(error))
            # What ran for a while had recovered; what fails at once is not tried at full speed.
            rest = FIRST_REST_SECONDS if clock() - begun > LONGEST_REST_SECONDS else rest
            await asyncio.sleep(rest)
            rest = min(2 * rest, LONGEST_REST_SECONDS)


async def _take(connection: AsyncConnection[Any], name: str) -> bool:
    """Take the lock of a job, if it is free; it is held until the connection ends."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCK_SPACE, _key(name)))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def _watch(connection: AsyncConnection[Any]) -> None:
    """Ask for a sign of life for ever; raises what psycopg raises when there is none."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        await connection.execute("SELECT 1")


def _key(name: str) -> int:
    """Return the second half of a job's lock: a signed 32-bit number."""
    return zlib.crc32(name.encode()) - (1 << 31)


def seconds_until(moment: time, now: datetime) -> float:
    """Return how long from ``now`` (aware) until it is next ``moment`` o'clock in Vietnam; more than 0."""
    here = now.astimezone(VIETNAM)
    then = here.replace(hour=moment.hour, minute=moment.minute, second=moment.second, microsecond=0)
    if then <= here:
        then += timedelta(days=1)
    return (then - here).total_seconds()
