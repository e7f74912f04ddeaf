"""Delivery end to end on a real database, against a partner in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from contracts.errors import Malformed, NeedsPerson, OutcomeUnknown, Rejected, Sentence, TryLater
from contracts.states import DossierState
from tests.hub.exchanges.conftest import PORTAL, World, step

WORDS = Sentence("Test.", "Thử.")


async def test_a_dossier_and_its_steps_arrive_in_order(world: World) -> None:
    """Everything accepted arrives, steps in the order of acceptance, the newest snapshot last."""
    await world.put("H99.12-261008-0001")
    for index in range(5):
        await world.record("H99.12-261008-0001", step(minutes=index, content=f"Bước {index}"))
    async with world.working():
        await world.until(world.settled)
    assert [one.content for one in world.portal.steps["H99.12-261008-0001"]] == [f"Bước {n}" for n in range(5)]
    assert world.portal.dossiers["H99.12-261008-0001"].dossier.revision == 6
    assert world.portal.calls[0][0] == "push_dossier", "the partner must know a dossier before its steps"


async def test_only_the_newest_unsent_snapshot_goes(world: World) -> None:
    """Snapshots coalesce: three declarations before the first call are one call."""
    for number in range(3):
        await world.put("H99.12-261008-0001", summary=f"Lần {number}")
    async with world.working():
        await world.until(world.settled)
    assert len(world.portal.calls) == 1
    assert world.portal.dossiers["H99.12-261008-0001"].dossier.facts.summary == "Lần 2"
    assert await world.states() == {"superseded": 2, "delivered": 1}


async def test_snapshots_coalesce_while_steps_wait_for_a_first_snapshot(world: World) -> None:
    """While the partner is away the first snapshot stays for its steps; of the later ones only the newest stays."""
    await world.put("H99.12-261008-0001")
    for index in range(4):
        await world.record("H99.12-261008-0001", step(minutes=index))
    open_ones = await world.scalar("SELECT count(*) FROM exchanges WHERE ended_at IS NULL")
    assert open_ones == 1 + 4 + 1
    assert await world.scalar("SELECT open_count FROM lanes") == open_ones


async def test_the_same_facts_again_make_no_revision_and_send_nothing(world: World) -> None:
    """A repeated PUT is answered as it was and costs the partner nothing."""
    first = await world.put("H99.12-261008-0001", summary="Một", submitted_at=(moment := _moment()))
    again = await world.put("H99.12-261008-0001", summary="Một", submitted_at=moment)
    assert first.created
    assert again.unchanged
    assert again.revision == first.revision
    assert await world.scalar("SELECT count(*) FROM exchanges") == 1


def _moment() -> Any:
    from tests.hub.exchanges.conftest import yesterday  # noqa: PLC0415 - one moment for both calls

    return yesterday(-1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [TryLater, OutcomeUnknown, Malformed])
@pytest.mark.slow
async def test_no_passing_failure_loses_or_doubles(world: World, error: type[Exception], when: str) -> None:
    """Whatever fails on the way, before or after the partner acted, each step is there once and in order."""
    failures = 0

    def fail(operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal failures
        # "Try later" promises that nothing was done, so it cannot come after the partner acted.
        if operation != "find_dossier" and failures < 6 and not (when == "after" and error is TryLater):
            failures += 1
            raise error(WORDS)  # type: ignore[arg-type]

    setattr(world.portal, when, fail)
    codes = [f"H99.12-261008-{number:04d}" for number in range(8)]
    for code in codes:
        await world.put(code)
        for index in range(3):
            await world.record(code, step(minutes=index, content=f"Bước {index}"))
    async with world.working():
        await world.until(world.settled)
    for code in codes:
        assert [one.content for one in world.portal.steps[code]] == ["Bước 0", "Bước 1", "Bước 2"]
        assert world.portal.dossiers[code].dossier.revision == 4


async def test_one_refused_dossier_does_not_spoil_its_batch(world: World) -> None:
    """A batch that is refused is sent one by one, so that only the culprit ends as refused."""

    def refuse(_operation: str, pushes: Sequence[Any]) -> None:
        if any(getattr(one, "dossier", None) and one.dossier.code.endswith("0003") for one in pushes):
            raise Rejected(WORDS, upstream_code="-9")

    world.portal.before = refuse
    for number in range(6):
        await world.put(f"H99.12-261008-{number:04d}")
    async with world.working():
        await world.until(world.settled)
    assert await world.states() == {"delivered": 5, "refused": 1}
    page = await world.exchanges.page(state=None, subject="H99.12-261008-0003")
    assert page.items[0].upstream_code == "-9"


async def test_a_corrected_revision_frees_the_lane_of_a_refused_dossier(world: World) -> None:
    """Steps of a dossier the partner refused wait; the corrected declaration goes first and they follow."""
    refusing = True

    def refuse(operation: str, _pushes: Sequence[Any]) -> None:
        if refusing and operation == "push_dossier":
            raise Rejected(WORDS, upstream_code="-9")

    world.portal.before = refuse
    await world.put("H99.12-261008-0001")
    async with world.working():
        await world.until(world.settled)
        await world.record("H99.12-261008-0001", step(minutes=0, content="Bước 0"))
        await world.record("H99.12-261008-0001", step(minutes=1, content="Bước 1"))
        await world.until(_no_call_due(world))
        refusing = False
        await world.put("H99.12-261008-0001", summary="Đã sửa")
        await world.until(world.settled)
    assert [one.content for one in world.portal.steps["H99.12-261008-0001"]] == ["Bước 0", "Bước 1"]
    assert world.portal.dossiers["H99.12-261008-0001"].dossier.facts.summary == "Đã sửa"


def _no_call_due(world: World) -> Any:
    async def check() -> bool:
        return await world.scalar("SELECT count(*) FROM lanes WHERE due_at IS NOT NULL") == 0

    return check


async def test_an_undecidable_step_waits_for_a_person_and_goes_on_when_replayed(world: World) -> None:
    """Where the partner lists no steps and its state does not tell, nothing is guessed."""
    world.portal.lists_steps = False
    failed = True

    def lose(operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal failed
        if operation == "push_step" and not failed:
            failed = True
            raise OutcomeUnknown(WORDS)

    world.portal.before = lose
    await world.put("H99.12-261008-0001", received_at=None, due_at=None)
    await world.record("H99.12-261008-0001", step(DossierState.ACCEPTED, minutes=0))
    async with world.working():
        await world.until(world.settled)
        # Two equal states in a row cannot be told apart by the partner's state.
        failed = False
        await world.record("H99.12-261008-0001", step(DossierState.ACCEPTED, minutes=1, content="Ghi chú thêm"))
        await world.until(_held(world))
        page = await world.exchanges.page()
        unknown = next(one for one in page.items if one.state == "unknown")
        await world.exchanges.replay(unknown.id, actor="trực ca")
        await world.until(world.settled)
    assert len(world.portal.steps["H99.12-261008-0001"]) == 2


def _held(world: World) -> Any:
    async def check() -> bool:
        return await world.scalar("SELECT count(*) FROM lanes WHERE held_reason = 'outcome_unknown'") == 1

    return check


async def test_a_pause_is_a_stop_and_resume_loses_nothing(world: World) -> None:
    """While paused nothing leaves, however much is accepted."""
    await world.connections.pause(PORTAL, actor="trực ca", reason="Bảo trì")
    await world.put("H99.12-261008-0001")
    async with world.working():
        await asyncio.sleep(0.3)
        assert world.portal.calls == []
        await world.connections.resume(PORTAL, actor="trực ca")
        await world.until(world.settled)
    assert list(world.portal.dossiers) == ["H99.12-261008-0001"]


async def test_wrong_credentials_stop_the_connection_and_lose_nothing(world: World) -> None:
    """What needs a person rests the connection instead of hammering a locked account."""

    def lock(_operation: str, _pushes: Sequence[Any]) -> None:
        raise NeedsPerson(WORDS, upstream_code="401")

    world.portal.before = lock
    for number in range(50):
        await world.put(f"H99.12-261008-{number:04d}")
    async with world.working():

        async def tried() -> bool:
            return await world.scalar("SELECT count(*) FROM attempts") > 0

        await world.until(tried)
        await asyncio.sleep(0.2)
    assert world.portal.calls == []
    states = await world.states()
    assert sum(states.values()) == 50
    assert set(states) <= {"accepted", "waiting"}
    view = await world.connections.get(PORTAL)
    assert view.breaker == "open"
    assert view.open_exchanges == 50


async def test_a_dead_workers_lane_is_settled_by_asking(world: World) -> None:
    """A step that left with a worker that died is asked about, not sent again."""
    hang = asyncio.Event()

    async def swallow(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_step":
            await hang.wait()

    await world.put("H99.12-261008-0001")
    async with world.working():
        await world.until(world.settled)
    await world.record("H99.12-261008-0001", step())
    world.portal.after = swallow
    dying = asyncio.create_task(world.runner(name="dying").run())
    await world.until(_arrived(world))
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    world.portal.after = lambda _operation, _pushes: None
    await _expire_leases(world)
    async with world.working(name="heir"):
        await world.until(world.settled)
    assert len(world.portal.steps["H99.12-261008-0001"]) == 1
    page = await world.exchanges.page(operation="push_step")
    detail = await world.exchanges.get(page.items[0].id)
    assert [one.outcome for one in detail.attempt_list] == ["worker_lost", "settled"]


def _arrived(world: World) -> Any:
    async def check() -> bool:
        return bool(world.portal.steps.get("H99.12-261008-0001"))

    return check


async def _expire_leases(world: World) -> None:
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET due_at = now() WHERE lease_token IS NOT NULL")
