"""The worker's loop for one connection: its limits, its breaker, its leases, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import (
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Rejected,
    Sentence,
    TryLater,
    Unsupported,
)
from contracts.ports import RepeatClass
from hub.exchanges import claims, completing
from hub.exchanges.reactions import Signal
from hub.exchanges.views import ExchangeDetail, ExchangeState
from hub.store.errors import StoreUnavailable
from tests.hub.disturbances import stop_database
from tests.hub.exchanges.conftest import PORTAL, World, step
from tests.hub.exchanges.fakes import FakePortal
from tests.hub.exchanges.test_flusher import claimed, delivered

__all__ = ["stop_database"]

WORDS = Sentence("Test.", "Thử.")
CODE = "H99.12-261008-0001"


def codes(count: int) -> list[str]:
    return [f"H99.12-261008-{number:04d}" for number in range(count)]


def setting(world: World, **changes: Any) -> None:
    """Deliver by these settings from now on."""
    world.delivery = world.delivery.model_copy(update=changes)


class Calls:
    """Notes when each call reached the partner, and how many were there at once."""

    def __init__(self, world: World, *, error: type[LienThongError] | None = None, seconds: float = 0.0) -> None:
        self.error = error
        self.seconds = seconds
        self.gate = asyncio.Event()
        """Cleared: calls wait for it."""
        self.gate.set()
        self.times: list[float] = []
        self.operations: list[str] = []
        self.now = 0
        self.most = 0
        world.portal.before = self

    async def __call__(self, operation: str, _pushes: Sequence[Any]) -> None:
        self.times.append(time.monotonic())
        self.operations.append(operation)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)
        await self.gate.wait()
        self.now -= 1
        if self.error is not None:
            raise self.error(WORDS)  # type: ignore[call-arg]


async def known_with_a_step_each(world: World, count: int) -> None:
    """Dossiers the partner has, each with one step that waits: lanes that need a call of their own."""
    await asyncio.gather(*(world.put(code) for code in codes(count)))
    async with world.working():
        await world.until(world.settled)
    await asyncio.gather(*(world.record(code, step()) for code in codes(count)))


async def the_only(world: World, **filters: Any) -> ExchangeDetail:
    (item,) = (await world.exchanges.page(**filters)).items
    return await world.exchanges.get(item.id)


def ticks(world: World) -> Callable[[], Any]:
    async def nothing_due() -> bool:
        return await world.scalar("SELECT count(*) FROM lanes WHERE due_at IS NOT NULL") == 0

    return nothing_due


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
    async with world.working():
        await world.until(lambda: _trials(calls, 16))
    elapsed = calls.times[-1] - calls.times[0]
    assert len(calls.times) <= 10 + 10 * elapsed + 1
    for index in range(10, len(calls.times)):
        assert len([one for one in calls.times if calls.times[index] - 0.5 < one <= calls.times[index]]) <= 16


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
    async with world.working():
        await world.until(world.settled)
    assert len(times) == 1 + 10
    assert times[-1] - times[0] >= (11 - 5) / 5 - 0.1
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


# --- the breaker ------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_breaker_opens_lets_one_call_try_after_each_rest_and_closes(world: World) -> None:
    """A hundred waiting dossiers meet a partner that gets up one call at a time, and then all at once."""
    world.portal = FakePortal(batch=1)
    setting(
        world,
        max_in_flight=1,
        breaker_failures=3,
        breaker_cooldown_seconds=0.2,
        breaker_max_cooldown_seconds=0.3,
    )
    await asyncio.gather(*(world.put(code) for code in codes(30)))
    calls = Calls(world, error=TryLater)
    async with world.working():
        await world.until(lambda: _trials(calls, 3 + 3), 10)
        calls.error = None
        await world.until(world.settled)
    rests = [after - before for before, after in zip(calls.times[2:5], calls.times[3:6], strict=True)]
    assert rests[0] >= 0.2
    assert rests[1] >= 0.3, "doubled, up to the longest"
    assert rests[2] >= 0.3
    assert all(rest < 2 for rest in rests)
    assert calls.most == 1
    assert await world.states() == {"delivered": 30}
    view = await world.connections.get(PORTAL)
    assert (view.breaker, view.breaker_until) == ("closed", None)


async def _trials(calls: Calls, count: int) -> bool:
    return len(calls.times) >= count


async def test_half_open_means_one_call_also_where_many_places_are_free(world: World) -> None:
    """The trial is alone, however many lanes are due and however long it takes."""
    world.portal = FakePortal(batch=1)
    setting(
        world,
        breaker_failures=1,
        breaker_cooldown_seconds=0.2,
        breaker_max_cooldown_seconds=0.2,
        first_delay_seconds=0.01,
    )
    await asyncio.gather(*(world.put(code) for code in codes(40)))
    calls = Calls(world, error=TryLater)
    async with world.working():
        await world.until(lambda: _trials(calls, 1))
        await asyncio.sleep(0.1)
        before = len(calls.times)
        assert before <= 16, "what had left before it opened"
        calls.gate.clear()
        calls.error = None
        await world.until(lambda: _trials(calls, before + 1))
        await asyncio.sleep(0.3)
        assert len(calls.times) == before + 1
        calls.gate.set()
        await world.until(world.settled)


@pytest.mark.slow
async def test_a_trial_that_finds_no_token_of_its_rate_is_made_later(world: World) -> None:
    """The connection must not stay half open for ever because the trial could not leave at once."""
    world.portal = FakePortal(batch=1)
    setting(
        world,
        rate_per_second=2.0,
        max_in_flight=2,
        breaker_failures=1,
        breaker_cooldown_seconds=0.05,
        breaker_max_cooldown_seconds=0.05,
    )
    await asyncio.gather(*(world.put(code) for code in codes(3)))
    calls = Calls(world, error=TryLater)
    async with world.working():
        await world.until(lambda: _trials(calls, 2))
        calls.error = None
        await world.until(world.settled, 8)


@pytest.mark.slow
async def test_a_trial_prevented_by_our_own_database_is_made_later(world: World, monkeypatch: Any) -> None:
    """An outage on our side says nothing about the partner, and must not end the trying."""
    setting(world, breaker_failures=1, breaker_cooldown_seconds=0.2, breaker_max_cooldown_seconds=0.2)
    await world.put(CODE)
    calls = Calls(world, error=TryLater)
    real = claims.claim
    failing = False

    async def claim(*args: Any, **options: Any) -> Any:
        nonlocal failing
        if failing:
            failing = False
            raise StoreUnavailable
        return await real(*args, **options)

    monkeypatch.setattr("hub.exchanges.runner.claim", claim)
    async with world.working():
        await world.until(lambda: _trials(calls, 1))
        failing, calls.error = True, None
        await world.until(world.settled, 8)
    assert not failing, "the outage was met"


async def test_what_needs_a_person_rests_the_connection_for_the_longest(world: World) -> None:
    """One wrong password is one call, not one for each waiting dossier."""
    world.portal = FakePortal(batch=1)
    setting(world, max_in_flight=1, breaker_cooldown_seconds=0.1, breaker_max_cooldown_seconds=60.0)
    await asyncio.gather(*(world.put(code) for code in codes(20)))
    calls = Calls(world, error=NeedsPerson)
    async with world.working():
        await world.until(lambda: _trials(calls, 1))
        await asyncio.sleep(0.5)
    assert len(calls.times) == 1
    view = await world.connections.get(PORTAL)
    assert (view.breaker, view.open_exchanges) == ("open", 20)
    assert view.breaker_until is not None
    assert view.breaker_until > datetime.now(UTC) + timedelta(seconds=50)
    assert await world.scalar("SELECT max(due_at) > now() + interval '4 minutes' FROM lanes") is True


async def test_what_we_cannot_express_does_not_count_against_the_partner(world: World) -> None:
    """It ends as refused without a call that failed; the others go on."""
    setting(world, breaker_failures=1)
    world.portal = FakePortal(batch=1)

    def cannot(_operation: str, pushes: Sequence[Any]) -> None:
        if pushes[0].dossier.code.endswith("3"):
            raise Unsupported(WORDS, field="facts.note")

    world.portal.before = cannot
    await asyncio.gather(*(world.put(code) for code in codes(10)))
    async with world.working():
        await world.until(world.settled)
    assert await world.states() == {"delivered": 9, "refused": 1}
    assert (await world.connections.get(PORTAL)).breaker == "closed"


# --- what becomes of an exchange -------------------------------------------------------------------------------------


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
            "UPDATE dossier_events SET sealed = overlay(sealed PLACING '\\x00'::bytea FROM 40)"
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
    runner = world.runner(lease=14.5)
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
    with pytest.raises(ValueError, match=r"at least 14 for connection national_portal"):
        world.runner(lease=13.9)
    world.runner(lease=14.0)


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
    await world.until(lambda: _trials(calls, 4))
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
        await world.until(lambda: _trials(calls, 8))
        async with stop_database():
            await asyncio.sleep(0.8)
        async with asyncio.timeout(15):
            while True:
                with contextlib.suppress(StoreUnavailable):
                    if await world.settled():
                        break
                await asyncio.sleep(0.1)
    assert all(len(world.portal.steps[code]) == 1 for code in codes(8))
    assert await world.scalar("SELECT count(*) FROM attempts WHERE outcome <> 'delivered'") == 0
