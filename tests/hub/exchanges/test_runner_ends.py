"""What becomes of an exchange in the worker's loop, whatever its partner does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Malformed, OutcomeUnknown, Rejected, TryLater
from contracts.ports import RepeatClass
from hub.exchanges import claims, completing
from hub.exchanges.views import ExchangeState
from tests.hub.exchanges.conftest import PORTAL, World, step
from tests.hub.exchanges.fakes import FakePortal
from tests.hub.exchanges.runs import CODE, WORDS, Calls, codes, known_with_a_step_each, setting, the_only, ticks
from tests.hub.exchanges.test_flusher import delivered


async def test_what_is_too_old_is_given_up_and_can_be_replayed(world: World) -> None:
    """A person hears of it; nothing is tried for ever."""
    calls = Calls(world, error=TryLater)
    await world.put(CODE)
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE exchanges SET accepted_at = now() - interval '10 days'")
    async with world.working():
        await world.until(world.settled)
        detail = await the_only(world)
        assert (detail.state, detail.attempts) == (ExchangeState.GIVEN_UP, 1)
        assert "replay" in detail.reason
        assert [one.outcome for one in detail.attempt_list] == ["try_later"]
        calls.error = None
        await world.exchanges.replay(detail.id, actor="trực ca")
        await world.until(world.settled)
    assert (await the_only(world)).state is ExchangeState.DELIVERED


async def test_answers_that_break_the_contract_quarantine_an_exchange_and_spare_the_others(world: World) -> None:
    """After so many of them; what waits behind it goes on."""
    setting(world, malformed_limit=3)
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)

    def broken(operation: str, pushes: Sequence[Any]) -> None:
        if operation == "push_step" and pushes[0].step.content == "Hỏng":
            raise Malformed(WORDS, upstream_code="200")

    world.portal.before = broken
    receipt = await world.record(CODE, step(content="Hỏng"))
    await world.record(CODE, step(minutes=1, content="Tốt"))
    async with world.working():
        await world.until(world.settled)
        detail = await world.exchanges.get(receipt.exchange_ids[0])
        assert detail.state is ExchangeState.QUARANTINED
        assert [one.outcome for one in detail.attempt_list] == ["malformed"] * 3
        assert [one.number for one in detail.attempt_list] == [1, 2, 3]
        assert [one.content for one in world.portal.steps[CODE]] == ["Tốt"]
        calls = Calls(world)
        await world.exchanges.replay(detail.id, actor="trực ca")
        await world.until(world.settled)
    assert calls.operations[:2] == ["find_dossier", "push_step"], "it may have been done: asked first"


async def test_a_call_that_takes_too_long_is_in_doubt_and_settled_by_asking(world: World) -> None:
    """The operation's deadline is the hub's, whatever the adapter does."""
    world.portal = FakePortal(deadline=0.2)
    await world.put(CODE)
    slow = True

    async def hang(operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal slow
        if operation == "push_step" and slow:
            slow = False
            await asyncio.sleep(30)

    async with world.working():
        await world.until(world.settled)
        world.portal.after = hang
        await world.record(CODE, step())
        await world.until(world.settled)
    assert len(world.portal.steps[CODE]) == 1
    detail = await the_only(world, operation="push_step")
    assert [one.outcome for one in detail.attempt_list] == ["outcome_unknown", "settled"]
    assert "0.2 seconds" in detail.attempt_list[0].reason


async def test_an_adapter_that_fails_in_an_unforeseen_way_is_in_doubt(world: World) -> None:
    """A programming mistake must not read as "was not delivered"; it is recorded as a fault of the hub."""
    failures = 1

    def crash(operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal failures
        if operation == "push_step" and failures:
            failures -= 1
            raise KeyError("Trần Thị Mẫu")

    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
        world.portal.after = crash
        await world.record(CODE, step())
        await world.until(world.settled)
    assert len(world.portal.steps[CODE]) == 1
    detail = await the_only(world, operation="push_step")
    assert [one.outcome for one in detail.attempt_list] == ["outcome_unknown", "settled"]
    assert detail.attempt_list[0].upstream_code == "hub_fault"
    assert "Mẫu" not in detail.model_dump_json()


async def test_a_step_that_fails_behind_a_refused_one_waits_its_time(world: World) -> None:
    """Steps of one call that were not tried must not bring the lane back before the wait of the failed one is over."""
    setting(world, first_delay_seconds=60.0, max_delay_seconds=60.0)
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
    for number in range(3):
        await world.record(CODE, step(minutes=number, content=f"Bước {number}"))
    calls = 0

    def fail(operation: str, pushes: Sequence[Any]) -> None:
        nonlocal calls
        if operation == "push_step":
            calls += 1
            if len(pushes) > 1:
                raise Rejected(WORDS)
            raise TryLater(WORDS)

    world.portal.before = fail

    async def both() -> bool:
        return calls >= 2

    async with world.working():
        await world.until(both)
        await asyncio.sleep(0.1)
    assert calls == 2, "the batch, and its first step alone"
    assert await world.scalar("SELECT due_at > now() FROM lanes") is True


async def test_a_lane_waits_for_the_first_of_its_exchanges_that_is_still_open(world: World) -> None:
    """Whatever stands behind it cannot go before it, also if it could go at once."""
    await known_with_a_step_each(world, 1)
    await world.record(CODE.replace("0001", "0000"), step(minutes=1))
    async with world.store.transaction() as conn:
        first, second, third = await claims.claim(
            conn, PORTAL, limit=1, depth=10, lease=timedelta(minutes=1), worker="w"
        )
        waiting = {"state": ExchangeState.WAITING, "known_there": False, "confirmed_revision": None}
        outcomes = [
            delivered(first),
            delivered(second, retry_in=timedelta(hours=7), **waiting),
            delivered(third, retry_in=timedelta(0), attempted=False, **waiting),
        ]
        assert not (await completing.complete(conn, outcomes, now=datetime.now(UTC), worker="w")).lost
    wait = "SELECT extract(epoch FROM due_at - now())::float / 3600 FROM lanes"
    assert await world.scalar(wait) == pytest.approx(7, abs=0.1)
    assert await world.scalar("SELECT open_count FROM lanes") == 2


async def test_an_operation_that_may_never_be_repeated_is_left_to_a_person(world: World) -> None:
    """Nothing is asked and nothing is sent; and it says nothing about whether the partner lives."""
    never = world.portal.operations["push_step"].__class__("push_step", RepeatClass.NEVER, 2.0, 1)
    world.portal._operations["push_step"] = never
    await world.put(CODE)
    lost = True

    def lose(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_step" and lost:
            raise OutcomeUnknown(WORDS)

    async with world.working():
        await world.until(world.settled)
        world.portal.before = lose
        await world.record(CODE, step())
        await world.until(ticks(world))
        view = await world.connections.get(PORTAL)
        assert view.held_lanes == 1
        assert view.last_failure_at is not None
        assert view.last_success_at is not None
        assert view.last_success_at < view.last_failure_at, "leaving it to a person proves nothing"
        detail = await the_only(world, operation="push_step")
        assert [one.outcome for one in detail.attempt_list] == ["outcome_unknown", "cannot_tell"]
        lost = False
        await world.exchanges.replay(detail.id, actor="trực ca")
        await world.until(world.settled)
    assert len(world.portal.steps[CODE]) == 1


async def test_a_partner_that_cannot_tell_may_be_sent_to_again_where_that_is_configured(world: World) -> None:
    """Some deployments prefer a step twice to a step by hand."""
    world.portal.lists_steps = False
    setting(world, unsettled="resend")
    await world.put(CODE)
    failures = 1

    def lose(operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal failures
        if operation == "push_step" and failures:
            failures -= 1
            raise OutcomeUnknown(WORDS)

    async with world.working():
        await world.until(world.settled)
    world.portal.after = lose
    await world.record(CODE, step())
    await world.record(CODE, step(minutes=1))
    async with world.working():
        await world.until(world.settled)
    assert len(world.portal.steps[CODE]) == 4, "both, twice"


async def test_a_dossier_that_cannot_be_read_does_not_stop_the_others(world: World) -> None:
    """A damaged record is tried again later; everything else is delivered."""
    for code in codes(12):
        await world.put(code)
    async with world.store.transaction() as conn:
        await conn.execute(
            "UPDATE dossier_events SET sealed = set_byte(sealed, 39, get_byte(sealed, 39) # 255)"
            " WHERE dossier_code LIKE '%0005'"
        )
    async with world.working():
        await world.until(lambda: _delivered(world, 11))
        await asyncio.sleep(0.1)
    assert sorted(world.portal.dossiers) == [code for code in codes(12) if not code.endswith("0005")]
    assert await world.scalar("SELECT due_at > now() FROM lanes WHERE subject LIKE '%0005'") is True


async def _delivered(world: World, count: int) -> bool:
    return (await world.states()).get("delivered") == count


async def test_exchanges_of_an_operation_nobody_delivers_stay_untouched(world: World) -> None:
    """An older worker beside a newer one leaves what it does not know to the other."""
    await world.put(CODE)
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE exchanges SET operation = 'push_from_the_future'")
    async with world.working():
        await asyncio.sleep(0.3)
    detail = await the_only(world)
    assert (detail.state, detail.attempts) == (ExchangeState.ACCEPTED, 0)
    assert await world.scalar("SELECT lease_token IS NULL FROM lanes") is True
