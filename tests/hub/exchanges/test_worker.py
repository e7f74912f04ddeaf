"""One worker process: woken by the database, stopped together, and down together when something in it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from contracts.rules import DossierRules
from hub.dossiers.delivery import DossierReader, SnapshotCourier, StepCourier
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.worker import Delivery, Worker
from hub.settings import DeliverySettings, WorkerSettings
from tests.hub.exchanges.conftest import CALLER, PORTAL, World, facts, step
from tests.hub.exchanges.fakes import FakePortal

OTHER = "ministry_portal"
CODE = "H99.12-261008-0001"
# Nothing but a notification wakes these workers within the time of a test.
SETTINGS = WorkerSettings(poll_seconds=300, lease_seconds=30, shutdown_grace_seconds=5)


def delivery(world: World, connection: str, portal: FakePortal, settings: DeliverySettings | None = None) -> Delivery:
    reader = DossierReader(world.store.sealer)
    return Delivery(
        connection=connection,
        couriers={"push_dossier": SnapshotCourier(portal, reader), "push_step": StepCourier(portal, reader)},
        settings=settings or world.delivery,
        facts=ConnectionFacts(connection),
    )


@contextlib.asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    """Run a worker until the block ends; whatever it raises is raised here."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.stop()
        await asyncio.wait_for(task, 60)


async def listening(world: World) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
    return await world.scalar(query) > 0


async def test_a_commit_wakes_the_worker_at_once(world: World) -> None:
    """Workers sleep on a notification; polling is for the ones that are lost."""
    async with running(Worker(world.store, [delivery(world, PORTAL, world.portal)], SETTINGS)):
        await world.until(lambda: listening(world))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        await world.put(CODE)
        await world.until(world.settled)
        await world.record(CODE, step())
        await world.until(world.settled)
        assert time.monotonic() - began < 30, "the next poll is minutes away"
    assert len(world.portal.steps[CODE]) == 1


async def test_a_pause_that_ends_and_a_replay_wake_the_worker(world: World) -> None:
    """An operator who acts sees the effect, not the next poll."""
    await world.connections.pause(PORTAL, actor="trực ca", reason="Thử")
    async with running(Worker(world.store, [delivery(world, PORTAL, world.portal)], SETTINGS)):
        await world.until(lambda: listening(world))
        receipt = await world.put(CODE)
        await asyncio.sleep(0.2)
        assert world.portal.calls == []
        await world.connections.resume(PORTAL, actor="trực ca")
        await world.until(world.settled)
        async with world.store.transaction() as conn:
            await conn.execute("UPDATE exchanges SET state = 'refused'")
        await world.exchanges.replay(receipt.exchange_ids[0], actor="trực ca")
        await world.until(world.settled)
    assert len(world.portal.calls) == 2


async def test_a_retry_is_made_when_it_is_due_without_any_notification(world: World) -> None:
    """The worker knows when the next lane is due."""
    failures = 2

    def fail(_operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionResetError

    world.portal.before = fail
    async with running(Worker(world.store, [delivery(world, PORTAL, world.portal)], SETTINGS)):
        await world.put(CODE)
        await world.until(world.settled)
    assert await world.scalar("SELECT attempts FROM exchanges") == 3


async def test_one_connection_that_hangs_does_not_hold_another(world: World) -> None:
    """Each has its own runner, its own lanes and its own limits; the dossier goes to both."""
    slow, quick = FakePortal(), FakePortal()
    answers = asyncio.Event()

    async def hang(_operation: str, _pushes: Sequence[Any]) -> None:
        await answers.wait()

    slow.before = hang
    intake = DossierIntake(
        world.store, publishers=[PORTAL, OTHER], rules=DossierRules(), procedures=ProcedureIndex(world.store)
    )
    worker = Worker(world.store, [delivery(world, PORTAL, slow), delivery(world, OTHER, quick)], SETTINGS)
    async with running(worker):
        receipt = await intake.put(code=CODE, facts=facts(), caller=CALLER)
        assert len(receipt.exchange_ids) == 2
        await world.until(lambda: _delivered_to(world, OTHER))
        assert not await _delivered_to(world, PORTAL)
        answers.set()
        await world.until(world.settled)
    assert list(slow.dossiers) == list(quick.dossiers) == [CODE]
    await intake.aclose()


async def _delivered_to(world: World, connection: str) -> bool:
    query = "SELECT count(*) FROM exchanges WHERE connection = %s AND state = 'delivered'"
    return await world.scalar(query, connection) == 1


async def test_a_worker_signs_on_and_off(world: World) -> None:
    """So that the next one knows which leases belong to the dead."""
    async with running(Worker(world.store, [delivery(world, PORTAL, world.portal)], SETTINGS)):
        await world.until(lambda: _enrolled(world, 1))
    assert await _enrolled(world, 0)


async def _enrolled(world: World, count: int) -> bool:
    return await world.scalar("SELECT count(*) FROM workers") == count


async def test_a_worker_without_connections_waits_to_be_stopped(world: World) -> None:
    """A deployment before its first connection is no error."""
    async with running(Worker(world.store, [], SETTINGS)) as task:
        await asyncio.sleep(0.2)
        assert not task.done()


async def test_a_call_longer_than_the_grace_is_left_to_the_next_worker(world: World) -> None:
    """The stop comes in time; its lane is settled by asking, and the worker stays on the list of those to be buried."""
    stuck = asyncio.Event()

    async def hang(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_step":
            stuck.set()
            await asyncio.sleep(30)

    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
    await world.record(CODE, step())
    world.portal.after = hang
    settings = WorkerSettings(poll_seconds=300, lease_seconds=30, shutdown_grace_seconds=0.2)
    worker = Worker(world.store, [delivery(world, PORTAL, world.portal)], settings)
    async with running(worker):
        await stuck.wait()
        began = time.monotonic()
    assert time.monotonic() - began < 20
    assert await world.scalar("SELECT count(*) FROM exchanges WHERE state = 'sending'") == 1
    query = "SELECT count(*) FROM lanes l JOIN workers w ON w.name = l.leased_by WHERE l.lease_token IS NOT NULL"
    assert await world.scalar(query) == 1, "another worker on this machine will find it dead"


async def test_a_runner_that_breaks_takes_the_worker_down_and_says_why(world: World) -> None:
    """A worker that goes on with one of its connections dead would look alive; the supervisor starts it anew."""
    broken, fine = delivery(world, PORTAL, world.portal), delivery(world, OTHER, FakePortal())
    worker = Worker(world.store, [broken, fine], SETTINGS)

    async def fail() -> None:
        raise ZeroDivisionError

    worker._runners[0].run = fail  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(worker.run(), 60)


async def test_a_lease_shorter_than_the_calls_is_refused_at_the_start(world: World) -> None:
    """Such a worker would lose every lease."""
    with pytest.raises(ValueError, match="lease_seconds"):
        Worker(world.store, [delivery(world, PORTAL, FakePortal(deadline=60.0))], SETTINGS)
