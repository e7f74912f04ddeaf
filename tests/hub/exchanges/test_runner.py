"""The worker's loop for one connection: how much at once, its leases, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from contracts.errors import Rejected, TryLater
from hub.exchanges.reactions import Signal
from hub.exchanges.views import ExchangeState
from hub.store.errors import StoreUnavailable
from tests.hub.disturbances import stop_database
from tests.hub.exchanges.conftest import PORTAL, World, step
from tests.hub.exchanges.fakes import FakePortal
from tests.hub.exchanges.runs import CODE, WORDS, Calls, codes, known_with_a_step_each, setting, the_only, trials
from tests.hub.exchanges.test_flusher import claimed

__all__ = ["stop_database"]


# --- how much at once ------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_no_more_calls_are_under_way_than_configured(world: World) -> None:
    """Also where every dossier needs a call of its own; and the places are used, not left empty."""
    await known_with_a_step_each(world, 30)
    setting(world, max_in_flight=4)
    calls = Calls(world, seconds=0.02)
    async with world.working():
        await world.until(world.settled)
    assert calls.most == 4


@pytest.mark.slow
async def test_no_more_calls_leave_in_a_second_than_configured(world: World) -> None:
    """A burst of one second's worth, then the rate: steps and snapshots alike."""
    await known_with_a_step_each(world, 50)
    setting(world, rate_per_second=10.0)
    calls = Calls(world)
    # Not from the first call: between its permission and its leaving the database may take its time.
    began = time.monotonic()
    async with world.working():
        await world.until(lambda: trials(calls, 20))
    for number, moment in enumerate(calls.times, start=1):
        assert number <= 10 + 10 * (moment - began)


@pytest.mark.slow
async def test_a_refused_batch_that_is_sent_one_by_one_keeps_to_the_rate(world: World) -> None:
    """Finding the one that is refused takes a call for each, and the partner counts calls."""
    setting(world, rate_per_second=5.0)
    await asyncio.gather(*(world.put(code) for code in codes(10)))
    times: list[float] = []

    def refuse(_operation: str, pushes: Sequence[Any]) -> None:
        times.append(time.monotonic())
        if any(one.dossier.code.endswith("7") for one in pushes):
            raise Rejected(WORDS)

    world.portal.before = refuse
    began = time.monotonic()
    async with world.working():
        await world.until(world.settled)
    assert len(times) == 1 + 10
    assert times[-1] - began >= (11 - 5) / 5
    assert await world.states() == {"delivered": 9, "refused": 1}


async def test_repetitions_are_limited_by_a_budget(world: World) -> None:
    """When everything fails, first tries are free and repetitions are rationed: no storm on a sick partner."""
    world.portal = FakePortal(batch=1)
    setting(world, retry_budget_ratio=0.0, retry_budget_floor_per_second=0.0)
    await asyncio.gather(*(world.put(code) for code in codes(30)))
    calls = Calls(world, error=TryLater)
    async with world.working():
        await world.until(lambda: _attempts_at_least(world, 40))
        await asyncio.sleep(0.5)
    assert len(calls.times) == 30 + 10, "ten repetitions are in the budget at the start, and nothing refills it"
    assert await world.states() == {"waiting": 30}


async def _attempts_at_least(world: World, count: int) -> bool:
    return await world.scalar("SELECT count(*) FROM attempts") >= count


async def test_first_tries_fill_the_budget(world: World) -> None:
    """A partner that works earns its repetitions."""
    world.portal = FakePortal(batch=1)
    setting(world, retry_budget_ratio=0.5, retry_budget_floor_per_second=0.0, max_in_flight=1000)
    runner = world.runner()
    assert runner._retries.take_up_to(1000, 1.0) == 500, "the capacity follows the size of the connection"
    async with world.working() as runner:
        runner._retries.take_up_to(1000, 1.0)
        await asyncio.gather(*(world.put(code) for code in codes(40)))
        await world.until(world.settled)
        assert runner._retries.take_up_to(1000, 1.0) == 20


# --- leases ------------------------------------------------------------------------------------------------


async def test_a_worker_that_lost_its_lease_changes_nothing_any_more(world: World) -> None:
    """Its call arrives, its outcome does not count: the second worker found the step there by asking."""
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def hang(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_step":
            arrived.set()
            await go_on.wait()

    world.portal.after = hang
    await world.record(CODE, step())
    async with world.working(name="slow") as slow:
        await arrived.wait()
        await world.connections.pause(PORTAL, actor="trực ca", reason="Thử")
        async with world.store.transaction() as conn:
            await conn.execute("UPDATE lanes SET due_at = now()")
        slow.stop()
        await world.connections.resume(PORTAL, actor="trực ca")
        async with world.working(name="quick"):
            await world.until(world.settled)
        after = await the_only(world, operation="push_step")
        go_on.set()
    assert slow._flusher.lost_leases == 1
    detail = await the_only(world, operation="push_step")
    assert detail == after
    assert [(one.number, one.outcome, one.worker) for one in detail.attempt_list] == [
        (1, "worker_lost", "quick"),
        (2, "settled", "quick"),
    ]
    assert len(world.portal.steps[CODE]) == 1


async def test_a_call_does_not_start_when_its_lease_would_end_first(world: World) -> None:
    """Another worker could take the lane while the call is under way."""
    await world.put(CODE)
    runner = world.runner()
    (exchange,) = await claimed(world, 1)
    courier = runner._couriers["push_dossier"]
    async with world.store.transaction() as conn:
        parcels = list((await courier.prepare(conn, [exchange])).values())
    (outcome,) = await runner._sender.attempt(courier, parcels, lease_end=time.monotonic() + 6.0)
    assert (outcome.state, outcome.attempted, outcome.retry_in) == (ExchangeState.WAITING, False, timedelta(0))
    assert world.portal.calls == []


async def test_an_unsettled_trial_whose_lease_is_too_short_is_abandoned(world: World) -> None:
    """A half-open connection whose one call never left lets another one try."""
    await world.put(CODE)
    (exchange,) = await claimed(world, 1)
    exchange.state = ExchangeState.UNKNOWN
    exchange.operation = "push_step"
    exchange.step_sequence = 1
    runner = world.runner()
    for _ in range(runner._breaker.failures):
        runner._breaker.observe(Signal.TROUBLE, 1.0)
    assert runner._breaker.allowance(time.monotonic() + 10**6, 1) == 1
    parcel: Any = type("Parcel", (), {"exchange": exchange})()
    (outcome,) = await runner._sender.attempt(runner._couriers["push_step"], [parcel], lease_end=time.monotonic())
    assert outcome.state is ExchangeState.UNKNOWN
    assert runner._breaker.allowance(time.monotonic() + 10**6, 1) == 1


def test_a_lease_must_outlast_the_longest_call_twice(world: World) -> None:
    """Asking and sending may both take their whole time; a configuration that cannot work is refused at the start."""
    with pytest.raises(ValueError, match=r"at least 30 for connection national_portal"):
        world.runner(lease=29.9)
    world.runner(lease=30.0)


@pytest.mark.slow
async def test_two_workers_share_the_work_and_double_nothing(world: World) -> None:
    """Each lane belongs to one of them at a time, and none keeps more lanes waiting than it soon sends."""
    await known_with_a_step_each(world, 40)
    Calls(world, seconds=0.25)
    async with world.working(name="one"), world.working(name="two"):
        await world.until(world.settled)
    assert all(len(world.portal.steps[code]) == 1 for code in codes(40))
    async with world.store.transaction() as conn:
        rows = await (await conn.execute("SELECT worker FROM attempts WHERE outcome = 'delivered'")).fetchall()
    shares = Counter(row[0] for row in rows)
    assert set(shares) == {"worker-1", "one", "two"}
    assert await world.scalar("SELECT max(number) FROM attempts") == 1


# --- stopping ------------------------------------------------------------------------------------------------


async def test_a_stop_finishes_and_records_what_is_under_way_and_starts_nothing(world: World) -> None:
    """SIGTERM: the calls in flight end, their outcomes are durable, everything else is free for the next worker."""
    world.portal = FakePortal(batch=1)
    setting(world, max_in_flight=4)
    await asyncio.gather(*(world.put(code) for code in codes(20)))
    calls = Calls(world)
    calls.gate.clear()
    runner = world.runner()
    task = asyncio.create_task(runner.run())
    await world.until(lambda: trials(calls, 4))
    runner.stop()
    calls.gate.set()
    await asyncio.wait_for(task, 20)
    assert len(calls.times) == 4
    assert await world.states() == {"delivered": 4, "accepted": 16}
    assert await world.scalar("SELECT count(*) FROM lanes WHERE lease_token IS NOT NULL") == 0


@pytest.mark.slow
async def test_a_worker_outlives_its_database(
    world: World, stop_database: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """Calls under way when it goes are recorded when it is back; nothing is sent twice."""
    world.store._pool.timeout = 0.3
    await known_with_a_step_each(world, 8)
    calls = Calls(world, seconds=0.3)
    async with world.working():
        await world.until(lambda: trials(calls, 8))
        async with stop_database():
            await asyncio.sleep(0.8)
        world.store._pool.timeout = 30
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(StoreUnavailable):
                    if await world.settled():
                        break
                await asyncio.sleep(0.1)
    assert all(len(world.portal.steps[code]) == 1 for code in codes(8))
    assert await world.scalar("SELECT count(*) FROM attempts WHERE outcome <> 'delivered'") == 0
