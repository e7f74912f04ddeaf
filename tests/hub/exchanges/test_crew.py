"""Which workers live: only a death that is certain frees a lane before its lease runs out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from hub.exchanges.crew import Crew, this_host
from hub.store.engine import Store

Sleeper = subprocess.Popen[bytes]


@pytest.fixture
def sleeper() -> Iterator[Callable[[], Sleeper]]:
    """Starts processes that do nothing and ends them by their pid."""
    started: list[Sleeper] = []

    def start() -> Sleeper:
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.fixture
async def crew(store: Store) -> Crew:
    """A worker that has joined, with a minute of grace for what the dead may have sent."""
    crew = Crew(store, settle_delay_seconds=60.0)
    await crew.join()
    return crew


async def enrol(store: Store, name: str, pid: int, started: float, host: str = "") -> None:
    """Register a worker that holds the lease of a lane for another hour."""
    async with store.transaction() as conn:
        await conn.execute(
            "INSERT INTO workers (name, host, pid, process_started) VALUES (%s, %s, %s, %s)",
            (name, host or this_host(), pid, started),
        )
        await conn.execute(
            "INSERT INTO lanes (connection, subject, open_count, due_at, lease_token, leased_by, claims)"
            " VALUES ('portal', %s, 1, now() + interval '1 hour', 7, %s, 7)",
            (name, name),
        )


async def seconds_until_due(store: Store) -> dict[str, float]:
    async with store.transaction() as conn:
        cursor = await conn.execute("SELECT subject, extract(epoch FROM due_at - now())::float FROM lanes")
        return dict(await cursor.fetchall())


async def enrolled(store: Store) -> set[str]:
    async with store.transaction() as conn:
        return {row[0] for row in await (await conn.execute("SELECT name FROM workers")).fetchall()}


def started(process: Sleeper) -> float:
    return psutil.Process(process.pid).create_time()


async def test_the_lanes_of_a_dead_worker_are_due_and_those_of_a_living_one_are_not(
    store: Store, crew: Crew, sleeper: Callable[[], Sleeper]
) -> None:
    """The dead one's after the grace, because the partner may still be working on what it sent."""
    living, dead = sleeper(), sleeper()
    for name, process in (("living", living), ("dead", dead)):
        await enrol(store, name, process.pid, started(process))
    assert await crew.bury() == 0
    dead.kill()
    dead.wait()
    assert await crew.bury() == 1
    due = await seconds_until_due(store)
    assert 0 < due["dead"] <= 60
    assert due["living"] > 3000
    assert await enrolled(store) == {crew.name, "living"}
    assert await crew.bury() == 0, "nobody dies twice"


async def test_a_zombie_is_dead(store: Store, crew: Crew, sleeper: Callable[[], Sleeper]) -> None:
    """It has a pid and a start time, and will never send again."""
    process = sleeper()
    await enrol(store, "zombie", process.pid, started(process))
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(0.01)
    assert await crew.bury() == 1


async def test_another_process_with_the_same_pid_is_not_the_worker(
    store: Store, crew: Crew, sleeper: Callable[[], Sleeper]
) -> None:
    """Pids are used again; the start time tells."""
    process = sleeper()
    await enrol(store, "predecessor", process.pid, started(process) - 60)
    await enrol(store, "itself", process.pid, started(process) + 0.01)
    assert await crew.bury() == 1
    assert await enrolled(store) == {crew.name, "itself"}


async def test_workers_of_other_machines_are_not_judged(store: Store, crew: Crew) -> None:
    """Nothing can be known of them here: their leases run out by themselves."""
    await enrol(store, "elsewhere", pid=2**22 + 1, started=1.0, host="another/boot/pid:[1]")
    assert await crew.bury() == 0
    assert (await seconds_until_due(store))["elsewhere"] > 3000


async def test_a_lane_that_is_due_sooner_is_not_put_off(store: Store, crew: Crew) -> None:
    """Burying makes lanes due earlier, never later; a lane that waits for nothing stays so."""
    await enrol(store, "dead", pid=2**22 + 1, started=1.0)
    async with store.transaction() as conn:
        await conn.execute("UPDATE lanes SET due_at = now() - interval '1 minute'")
        await conn.execute(
            "INSERT INTO lanes (connection, subject, open_count, leased_by) VALUES ('portal', 'empty', 0, 'dead')"
        )
    assert await crew.bury() == 1
    assert (await seconds_until_due(store))["dead"] < -50
    assert (await seconds_until_due(store))["empty"] is None


async def test_joining_buries_the_dead_and_leaving_takes_the_name_off(store: Store) -> None:
    """A worker that is started anew need not wait for the rounds of the others."""
    await enrol(store, "dead", pid=2**22 + 1, started=1.0)
    crew = Crew(store, settle_delay_seconds=0.0)
    await crew.join()
    await crew.join()
    assert await enrolled(store) == {crew.name}
    assert (await seconds_until_due(store))["dead"] <= 0
    await crew.leave()
    assert await enrolled(store) == set()


async def test_nobody_buries_itself(store: Store, crew: Crew) -> None:
    """Also not under a start time that was read differently."""
    async with store.transaction() as conn:
        await conn.execute("UPDATE workers SET process_started = 1")
    assert await crew.bury() == 0
    assert str(os.getpid()) in crew.name


def test_the_machine_is_named_with_its_boot_and_its_process_namespace() -> None:
    """Two containers of one machine have the same pids for different processes."""
    host = this_host()
    assert host == this_host()
    assert len(host.split("/")) >= 3
    assert "pid:[" in host
