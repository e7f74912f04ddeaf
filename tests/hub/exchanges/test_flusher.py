"""Writing outcomes: together, never lost while the worker lives, and void when the lease was lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Sentence
from hub.exchanges.claims import ClaimedExchange, claim, mark_sending
from hub.exchanges.completing import Finished
from hub.exchanges.flusher import Flusher
from hub.exchanges.views import ExchangeState
from hub.store.engine import Store
from tests.hub.disturbances import count_transactions, stop_database
from tests.hub.exchanges.conftest import PORTAL, World

__all__ = ["count_transactions", "stop_database"]

WORDS = Sentence("Delivered.", "Đã giao.")


async def claimed(world: World, count: int, *, worker: str = "w", due_now: bool = False) -> list[ClaimedExchange]:
    """Claim exchanges as a worker does, and mark them as being sent."""
    async with world.store.transaction() as conn:
        if due_now:
            await conn.execute("UPDATE lanes SET due_at = now()")
        exchanges = await claim(conn, PORTAL, limit=count, depth=1, lease=timedelta(minutes=5), worker=worker)
        await mark_sending(conn, PORTAL, exchanges, now=datetime.now(UTC), worker=worker)
    assert len(exchanges) == count
    return exchanges


def delivered(exchange: ClaimedExchange, **changes: Any) -> Finished:
    values: dict[str, Any] = {
        "exchange": exchange,
        "state": ExchangeState.DELIVERED,
        "retry_in": None,
        "outcome": "delivered",
        "upstream_code": "0",
        "sentence": WORDS,
        "started_at": datetime.now(UTC),
        "duration_ms": 12,
        "request_bytes": 100,
        "answer_bytes": 10,
        "known_there": True,
        "confirmed_revision": exchange.revision,
        "confirmed_state": 2,
    }
    return Finished(**(values | changes))


@contextlib.asynccontextmanager
async def flushing(store: Store, **options: Any) -> AsyncIterator[Flusher]:
    """Run a flusher for the length of the block."""

    async def nothing(_conn: Any) -> None:
        pass

    flusher = Flusher(store, **({"worker": "w", "beside": nothing, "after": lambda: None} | options))
    task = asyncio.create_task(flusher.run())
    try:
        yield flusher
        assert not task.done(), "the flusher records for ever"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def declare(world: World, count: int) -> None:
    await asyncio.gather(*(world.put(f"H99.12-261008-{number:04d}") for number in range(count)))


async def test_outcomes_that_come_together_are_written_together(
    world: World, count_transactions: Callable[[Store], list[int]]
) -> None:
    """A hundred calls that end at once cost a few commits; who looks for work hears of each commit."""
    await declare(world, 100)
    exchanges = await claimed(world, 100)
    woken: list[None] = []
    async with flushing(world.store, after=lambda: woken.append(None)) as flusher:
        counted = count_transactions(world.store)
        for one in exchanges:
            await flusher.put([delivered(one)])
        await flusher.drained()
        assert counted[0] <= 5
        assert len(woken) == counted[0]
        assert flusher.lost_leases == 0
    assert await world.states() == {"delivered": 100}
    assert await world.scalar("SELECT count(*) FROM attempts WHERE outcome = 'delivered' AND duration_ms = 12") == 100
    idle = "SELECT count(*) FROM lanes WHERE open_count = 0 AND due_at IS NULL AND lease_token IS NULL AND known_there"
    assert await world.scalar(idle) == 100


@pytest.mark.slow
async def test_outcomes_are_kept_while_the_database_is_away(
    world: World, stop_database: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """They are tried again until they are written, in the order in which they came, and waited for before an end."""
    world.store._pool.timeout = 0.3
    await declare(world, 20)
    exchanges = await claimed(world, 20)
    async with flushing(world.store) as flusher:
        async with stop_database():
            for one in exchanges:
                await flusher.put([delivered(one)])
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(flusher.drained(), 0.8)
        world.store._pool.timeout = 30
        await asyncio.wait_for(flusher.drained(), 60)
    await asyncio.sleep(0.3)
    assert await world.states() == {"delivered": 20}
    assert await world.scalar("SELECT count(*) FROM attempts") == 20


async def test_too_many_unwritten_outcomes_hold_back_new_calls(
    world: World, stop_database: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """Memory is bounded: when nothing can be written, calls wait to hand over what they came to."""
    world.store._pool.timeout = 0.3
    await declare(world, 1)
    (one,) = await claimed(world, 1)
    async with flushing(world.store) as flusher:

        async def without_end() -> None:
            while True:
                await flusher.put([delivered(one)])

        async with stop_database():
            putting = asyncio.create_task(without_end())
            async with asyncio.timeout(20):
                while not flusher._queue.full():
                    await asyncio.sleep(0.01)
            putting.cancel()
            await asyncio.gather(putting, return_exceptions=True)
            assert flusher._queue.qsize() <= 512


async def test_the_outcome_of_a_lost_lease_is_void(world: World) -> None:
    """Another worker has the lane: what the first one came to is for that one to find out by asking."""
    await declare(world, 2)
    slow = await claimed(world, 2, worker="slow")
    thief = [one for one in await claimed(world, 2, worker="thief", due_now=True) if one.lane_id == slow[0].lane_id]
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET lease_token = %s WHERE id = %s", (slow[1].token, slow[1].lane_id))
    async with flushing(world.store, worker="slow") as flusher:
        await flusher.put([delivered(one) for one in slow])
        await flusher.drained()
        assert flusher.lost_leases == 1
    async with world.store.transaction() as conn:
        rows = await (
            await conn.execute(
                "SELECT e.id, e.state, l.lease_token, l.open_count, l.known_there FROM exchanges e"
                " JOIN lanes l ON l.id = e.lane_id"
            )
        ).fetchall()
    assert {row[0]: row[1:] for row in rows} == {
        slow[0].id: ("sending", thief[0].token, 1, False),
        slow[1].id: ("delivered", None, 0, True),
    }
    lost = "SELECT count(*) FROM attempts WHERE exchange_id = %s AND outcome = 'delivered'"
    assert await world.scalar(lost, slow[0].id) == 0


async def test_two_outcomes_of_one_lane_in_one_flush_do_not_disturb_each_other(world: World) -> None:
    """A worker that lost a lease and got the lane again has two outcomes for it; only the newer one counts."""
    await declare(world, 1)
    (first,) = await claimed(world, 1)
    (second,) = await claimed(world, 1, due_now=True)
    async with flushing(world.store) as flusher:
        await flusher.put([delivered(first, upstream_code="old")])
        await flusher.put([delivered(second, upstream_code="new")])
        await flusher.drained()
        assert flusher.lost_leases == 1
    assert await world.scalar("SELECT upstream_code FROM exchanges") == "new"
    assert await world.scalar("SELECT open_count FROM lanes") == 0


async def test_an_outcome_that_cannot_be_written_does_not_stop_the_others(world: World) -> None:
    """A partner's code may hold anything; its lane comes back when the lease runs out, and is settled by asking."""
    await declare(world, 3)
    exchanges = await claimed(world, 3)
    async with flushing(world.store) as flusher:
        await flusher.put([delivered(exchanges[0])])
        await flusher.put([delivered(exchanges[1], upstream_code="\0")])
        await flusher.put([delivered(exchanges[2])])
        await asyncio.wait_for(flusher.drained(), 60)
    assert await world.states() == {"delivered": 2, "sending": 1}
    assert await world.scalar("SELECT count(*) FROM lanes WHERE lease_token IS NOT NULL AND due_at > now()") == 1


async def test_what_is_written_beside_cannot_hold_outcomes_back(world: World) -> None:
    """What the connection learnt is useful; what came of an exchange is owed."""
    await declare(world, 2)

    async def broken(_conn: Any) -> None:
        raise ValueError

    async with flushing(world.store, beside=broken) as flusher:
        for one in await claimed(world, 2):
            await flusher.put([delivered(one)])
        await asyncio.wait_for(flusher.drained(), 60)
    assert await world.states() == {"delivered": 2}
