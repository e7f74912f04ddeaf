"""The clerk: every job by one clerk at a time, whatever happens to the clerk, to a job or to the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, time

import psycopg
import pytest

from hub import clerk as clerk_module
from hub.clerk import LOCK_SPACE, Clerk, Job, seconds_until
from hub.store.engine import Store
from tests.hub.disturbances import stop_database

__all__ = ["stop_database"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAIT_SECONDS", "WATCH_SECONDS", "FIRST_REST_SECONDS"):
        monkeypatch.setattr(clerk_module, name, 0.02)


@contextlib.asynccontextmanager
async def working(store: Store, jobs: Sequence[Job]) -> AsyncIterator[Clerk]:
    """Run a clerk while the block runs."""
    one = Clerk(store, jobs)
    running = asyncio.create_task(one.run())
    try:
        yield one
        assert not running.done()
    finally:
        one.stop()
        await asyncio.wait_for(running, 30)


class Desk:
    """A job that says when it runs."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.begun = 0
        self.changed = asyncio.Condition()

    async def run(self) -> None:
        """Sit at the desk until cancelled."""
        self.now += 1
        self.begun += 1
        self.most = max(self.most, self.now)
        async with self.changed:
            self.changed.notify_all()
        try:
            await asyncio.Event().wait()
        finally:
            self.now -= 1

    async def until(self, begun: int) -> None:
        """Wait until the job was begun so many times."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: self.begun >= begun)


async def test_a_job_is_done_by_one_clerk_and_taken_over_when_that_one_stops(store: Store) -> None:
    """Two clerks never sit at one desk; the second takes it when the first has gone."""
    desk = Desk()
    async with working(store, [Job("desk", desk.run)]):
        await desk.until(1)
        async with contextlib.AsyncExitStack() as second:
            await second.enter_async_context(working(store, [Job("desk", desk.run)]))
            await asyncio.sleep(0.1)
            assert desk.begun == 1
    assert desk.now == 0
    async with working(store, [Job("desk", desk.run)]):
        await desk.until(2)
    assert desk.most == 1


async def test_a_job_that_fails_is_begun_again_and_the_others_go_on(store: Store) -> None:
    """A fault of one job costs that job a rest, and nobody else anything."""
    desk, failures, told = Desk(), 0, asyncio.Event()

    async def failing() -> None:
        nonlocal failures
        failures += 1
        if failures == 3:
            told.set()
        raise ValueError("not for the log: 099199000123")

    async with working(store, [Job("failing", failing), Job("desk", desk.run)]):
        async with asyncio.timeout(20):
            await told.wait()
        await desk.until(1)
    assert desk.begun == 1


async def test_a_lost_lock_ends_the_job_before_another_may_begin_it(
    store: Store, stop_database: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """Without the connection that holds its lock a job is not done; with a new one it is."""
    desk = Desk()
    async with working(store, [Job("desk", desk.run)]):
        await desk.until(1)
        async with stop_database():
            async with asyncio.timeout(20):
                while desk.now:
                    await asyncio.sleep(0.01)
        await desk.until(2)
    assert desk.most == 1


async def test_two_names_are_two_locks(store: Store) -> None:
    """Jobs do not wait for one another, and the lock is where it is said to be."""
    first, second = Desk(), Desk()
    async with working(store, [Job("first", first.run), Job("second", second.run)]):
        await first.until(1)
        await second.until(1)
        async with await psycopg.AsyncConnection.connect(store.url) as conn:
            cursor = await conn.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                (LOCK_SPACE,),
            )
            assert await cursor.fetchone() == (2,)


def test_two_jobs_of_one_name_are_a_mistake(store: Store) -> None:
    """They would wait for each other for ever."""
    run: Callable[[], Awaitable[None]] = Desk().run
    with pytest.raises(ValueError, match="share a name"):
        Clerk(store, [Job("desk", run), Job("desk", run)])


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 10, 8, 18, 29, 0, tzinfo=UTC), 60),
        (datetime(2026, 10, 8, 18, 30, 0, tzinfo=UTC), 86_400),
        (datetime(2026, 10, 8, 17, 0, 0, tzinfo=UTC), 5400),
    ],
)
def test_half_past_one_in_vietnam(now: datetime, seconds: float) -> None:
    """The clock of a daily job is Vietnam's; the moment itself belongs to the next day."""
    assert seconds_until(time(1, 30), now) == seconds
