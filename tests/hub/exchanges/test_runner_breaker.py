"""The breaker of a connection: opens after failures, lets single calls try, closes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import NeedsPerson, TryLater, Unsupported
from hub.exchanges import claims
from hub.store.errors import StoreUnavailable
from tests.hub.exchanges.conftest import PORTAL, World
from tests.hub.exchanges.fakes import FakePortal
from tests.hub.exchanges.runs import CODE, WORDS, Calls, codes, setting, trials


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
        await world.until(lambda: trials(calls, 3 + 3))
        calls.error = None
        await world.until(world.settled)
    rests = [after - before for before, after in zip(calls.times[2:5], calls.times[3:6], strict=True)]
    assert rests[0] >= 0.2
    assert rests[1] >= 0.3, "doubled, up to the longest"
    assert rests[2] >= 0.3
    assert all(rest < 20 for rest in rests), "and not for ever"
    assert calls.most == 1
    assert await world.states() == {"delivered": 30}
    view = await world.connections.get(PORTAL)
    assert (view.breaker, view.breaker_until) == ("closed", None)


async def test_half_open_means_one_call_also_where_many_places_are_free(world: World) -> None:
    """The trial is alone, however many lanes are due and however long it takes."""
    world.portal = FakePortal(batch=1)
    setting(
        world,
        max_in_flight=16,
        breaker_failures=1,
        breaker_cooldown_seconds=0.2,
        breaker_max_cooldown_seconds=0.2,
        first_delay_seconds=0.01,
    )
    await asyncio.gather(*(world.put(code) for code in codes(40)))
    calls = Calls(world, error=TryLater)
    calls.gate.clear()
    async with world.working():
        await world.until(lambda: trials(calls, 16))
        # Those that wait are let go, and fail; whoever comes after them waits again.
        calls.gate.set()
        calls.gate.clear()
        await world.until(lambda: trials(calls, 16 + 1))
        calls.error = None
        await asyncio.sleep(0.3)
        assert len(calls.times) == 16 + 1
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
        await world.until(lambda: trials(calls, 2))
        calls.error = None
        await world.until(world.settled)


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
        await world.until(lambda: trials(calls, 1))
        failing, calls.error = True, None
        await world.until(world.settled)
    assert not failing, "the outage was met"


async def test_what_needs_a_person_rests_the_connection_for_the_longest(world: World) -> None:
    """One wrong password is one call, not one for each waiting dossier."""
    world.portal = FakePortal(batch=1)
    setting(world, max_in_flight=1, breaker_cooldown_seconds=0.1, breaker_max_cooldown_seconds=60.0)
    await asyncio.gather(*(world.put(code) for code in codes(20)))
    calls = Calls(world, error=NeedsPerson)
    async with world.working():
        await world.until(lambda: trials(calls, 1))
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
