"""The emergency stop: in force at once for every worker, for connections of later too, and drained by deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from contracts.errors import Sentence, TryLater
from hub.errors import Refusal
from hub.exchanges import ordering, stops
from hub.exchanges.service import ConnectionInfo, ConnectionService
from hub.exchanges.views import ConnectionState
from tests.hub.exchanges.conftest import PORTAL, World, yesterday
from tests.hub.exchanges.fakes import FakePortal

REASON = "Bão gửi lại"
WORDS = Sentence("Busy.", "Đang bận.")


async def refused(work: Awaitable[Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


def service(world: World, *names: str) -> ConnectionService:
    """Connections of these names."""
    return ConnectionService(
        world.store, [ConnectionInfo(one, "fake", Sentence("Partner", "Bên nhận"), {}) for one in names]
    )


def one_at_a_time(world: World) -> None:
    """From here on the partner is called by one call at a time, with one dossier each."""
    world.portal = FakePortal(batch=1)
    world.delivery = world.delivery.model_copy(update={"max_in_flight": 1})


async def acts(world: World) -> list[tuple[str, str]]:
    """Acts and their targets, as the ledger will tell them."""
    async with world.store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT facts::json ->> 'act', subject FROM ledger_queue WHERE kind = 'act' ORDER BY id"
        )
        return [(row[0], row[1]) for row in await cursor.fetchall()]


async def test_nothing_new_leaves_after_a_stop(world: World) -> None:
    """In a storm of retries with two workers: what is in their hands finishes, nothing else is tried."""
    for number in range(30):
        await world.put(f"H99.12-261008-{number:04d}")

    async def busy(_operation: str, _pushes: Any) -> None:
        await asyncio.sleep(0.002)
        raise TryLater(WORDS)

    world.portal.before = busy

    async def tried(times: int) -> bool:
        return bool(await world.scalar("SELECT count(*) FROM attempts") >= times)

    async with world.working(name="one"), world.working(name="two"):
        await world.until(lambda: tried(60))
        await world.connections.stop_all(actor="an", reason=REASON)
        async with world.store.transaction() as conn:
            rows = await (await conn.execute("SELECT id, attempts, state FROM exchanges")).fetchall()
        at_stop = {row[0]: row[1:] for row in rows}
        await world.until(lambda: _idle(world))
        # The workers look for work many times while it is stopped.
        for _ in range(10):
            async with world.store.transaction() as conn:
                await conn.execute("NOTIFY lienthong_outbox")
            await asyncio.sleep(0.01)
    async with world.store.transaction() as conn:
        rows = await (await conn.execute("SELECT id, attempts FROM exchanges")).fetchall()
    assert all(attempts == at_stop[key][0] for key, attempts in rows), "no attempt began after the stop"
    recorded = await world.scalar("SELECT count(*) FROM attempts")
    assert recorded == sum(attempts for _, attempts in rows), "and those under way were recorded"


async def _idle(world: World) -> bool:
    view = await world.connections.get(PORTAL)
    return view.in_flight == 0


async def test_a_claim_that_is_about_to_commit_is_waited_for(world: World) -> None:
    """Whoever is told "stopped" knows that no claim of before is still to come."""
    await world.put("H99.12-261008-0001")
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET claims = claims")  # as a claim that has not committed
        stopping = asyncio.create_task(world.connections.stop(PORTAL, actor="an", reason=REASON))
        while not await world.scalar("SELECT paused FROM connections WHERE id = %s", PORTAL):
            await asyncio.sleep(0.005)
        assert await stops.claims_ended(world.store, seconds=0.05) is False
        assert not stopping.done()
    assert (await stopping).stopped is True


async def test_a_stop_of_all_covers_what_is_configured_later(world: World) -> None:
    """A connection that is registered while all are stopped is stopped too, until all go on."""
    before = service(world, PORTAL)
    listed = await before.stop_all(actor="an", reason=REASON)
    assert listed.stop is not None
    assert (listed.stop.stopped_by, listed.stop.reason) == ("an", REASON)
    later = service(world, PORTAL, "later")
    await later.register()
    for one in (await later.list()).items:
        assert (one.paused, one.stopped, one.paused_reason, one.paused_by) == (True, True, REASON, "an")
        assert one.state is ConnectionState.MAINTENANCE
        assert REASON in one.sentence
        assert REASON in one.sentence_vi
    resumed = await later.resume_all(actor="bình")
    assert resumed.stop is None
    assert [(one.paused, one.stopped) for one in resumed.items] == [(False, False)] * 2
    await service(world, PORTAL, "later", "latest").register()
    assert (await service(world, "latest").get("latest")).paused is False
    assert await acts(world) == [("connection.stopped", "all"), ("connection.resumed", "all")]


async def test_a_pause_of_before_outlasts_the_stop(world: World) -> None:
    """Whoever ends the stop does not end a maintenance, and whoever ends the maintenance does not end the stop."""
    both = service(world, PORTAL, "other")
    await both.register()
    await both.pause("other", actor="chi", reason="Bảo trì")
    await both.stop_all(actor="an", reason=REASON)
    other = await both.get("other")
    assert (other.paused, other.stopped, other.paused_reason) == (True, False, "Bảo trì")
    await both.resume_all(actor="an")
    assert [(one.id, one.paused) for one in (await both.list()).items] == [(PORTAL, False), ("other", True)]
    await both.stop_all(actor="an", reason=REASON)
    other = await both.resume("other", actor="chi")
    assert (other.paused, other.stopped, other.paused_reason) == (True, True, REASON), "the stop is in force"
    assert (await both.resume("other", actor="an")).paused is False, "knowing of the stop, one may let it go on alone"
    assert (await both.get(PORTAL)).stopped is True


async def test_one_connection_is_stopped_and_goes_on(world: World) -> None:
    """The others are not touched; an unknown connection and a missing reason are refused."""
    both = service(world, PORTAL, "other")
    await both.register()
    await both.stop(PORTAL, actor="an", reason=REASON)
    assert [(one.id, one.stopped) for one in (await both.list()).items] == [(PORTAL, True), ("other", False)]
    assert (await both.resume(PORTAL, actor="an")).paused is False
    assert (await refused(both.stop("nothing", actor="an", reason=REASON))).code == "connection_not_found"
    for work in (both.stop(PORTAL, actor="an", reason=" "), both.stop_all(actor="an", reason="")):
        assert (await refused(work)).code == "reason_required"
    assert await acts(world) == [("connection.stopped", PORTAL), ("connection.resumed", PORTAL)]
    assert await world.scalar("SELECT count(*) FROM stops WHERE resumed_by = 'an'") == 1


async def test_what_was_never_registered_is_stopped_all_the_same(world: World) -> None:
    """A connection that no process has opened yet has no row; its stop and its pause are kept."""
    assert (await service(world, "new").stop("new", actor="an", reason=REASON)).stopped is True
    assert (await service(world, "newer").pause("newer", actor="an", reason=REASON)).paused is True


# --- draining by legal deadline -----------------------------------------------------------------------------------


async def test_a_backlog_drains_by_legal_deadline_when_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The partner sees the most urgent first; dossiers without a deadline last; the backlog is not made older."""
    monkeypatch.setattr(ordering, "_BATCH", 2)
    one_at_a_time(world)
    days = (5, 2, 7, 3, 6, 1, 4)
    for number, day in enumerate(days):
        await world.put(f"H99.12-261008-{number:04d}", due_at=yesterday() + timedelta(days=3 + day))
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE dossiers SET due_at = NULL WHERE code LIKE '%0000'")
        await conn.execute("UPDATE lanes SET due_at = now() - interval '1 hour' WHERE subject LIKE '%0002'")
    await world.connections.stop(PORTAL, actor="an", reason=REASON)
    before = (await world.connections.get(PORTAL)).oldest_due_age_seconds
    await world.connections.resume(PORTAL, actor="an", by_deadline=True)
    after = (await world.connections.get(PORTAL)).oldest_due_age_seconds
    assert before is not None
    assert after is not None
    assert after - before < 60
    async with world.working():
        await world.until(world.settled)
    arrived = [code for _, codes in world.portal.calls for code in codes]
    expected = [*sorted(range(1, 7), key=lambda number: days[number]), 0]
    assert arrived == [f"H99.12-261008-{number:04d}" for number in expected]


async def test_ordering_passes_over_what_is_not_due_or_in_use(world: World) -> None:
    """A lane that waits, or that somebody works on, keeps its moment; only the most urgent are moved."""
    for number in range(4):
        await world.put(f"H99.12-261008-{number:04d}", due_at=yesterday() + timedelta(days=9 - number))
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET due_at = now() + interval '1 hour' WHERE subject LIKE '%0000'")
    untouched = "SELECT due_at FROM lanes WHERE subject LIKE '%%000' || %s"
    waiting, busy = await world.scalar(untouched, "0"), await world.scalar(untouched, "1")
    async with world.store.transaction() as conn:
        await conn.execute("SELECT 1 FROM lanes WHERE subject LIKE '%0001' FOR UPDATE")
        assert await ordering.by_deadline(world.store, PORTAL) == 2
    assert (await world.scalar(untouched, "0"), await world.scalar(untouched, "1")) == (waiting, busy)
    assert await ordering.by_deadline(world.store, PORTAL, most=1) == 1
    assert await ordering.by_deadline(world.store, "nothing") == 0
