"""Which unsent snapshots a newer revision replaces, lane by lane; steps it never does."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import OutcomeUnknown, Rejected, Sentence
from contracts.events import ResultEntry
from contracts.states import DossierState
from tests.contracts.strategies import example_result
from tests.hub.exchanges.conftest import World, step

CODE = "H99.12-261008-0001"
WORDS = Sentence("Test.", "Thử.")


async def lane(world: World, code: str = CODE) -> list[str]:
    """The open exchanges in the order of the lane: ``D2`` the snapshot of revision 2, ``s1`` the first step."""
    async with world.store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT operation, revision, step_sequence FROM exchanges WHERE ended_at IS NULL AND subject = %s"
            " ORDER BY position",
            (code,),
        )
        rows = await cursor.fetchall()
        counted = await (await conn.execute("SELECT open_count FROM lanes WHERE subject = %s", (code,))).fetchone()
    assert counted == (len(rows),), "the lane counts what is open"
    return [f"D{row[1]}" if row[0] == "push_dossier" else f"s{row[2]}" for row in rows]


async def set_first(world: World, state: str) -> None:
    """Put the first open snapshot in a state, as if a worker had tried it."""
    async with world.store.transaction() as conn:
        await conn.execute(
            "UPDATE exchanges SET state = %s, attempts = 1 WHERE id = (SELECT id FROM exchanges"
            " WHERE ended_at IS NULL AND operation = 'push_dossier' ORDER BY position LIMIT 1)",
            (state,),
        )


async def known(world: World) -> None:
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET known_there = true")


async def play(world: World, script: str, code: str = CODE) -> list[str]:
    """Let things happen: ``d`` a declaration, ``s`` a step, ``r`` a result; return what is open afterwards."""
    for number, letter in enumerate(script):
        if letter == "d":
            await world.put(code, summary=f"Lần {number}")
        elif letter == "s":
            await world.record(code, step(minutes=number, content=f"Bước {number}"))
        else:
            entry = example_result().model_copy(update={"occurred_at": step().occurred_at, "id": f"KQ{number}"})
            assert isinstance(entry, ResultEntry)
            await world.record(code, entry)
    return await lane(world, code)


UNKNOWN_THERE = {
    "d": ["D1"],
    "dd": ["D2"],
    "dddd": ["D4"],
    "dr": ["D2"],
    "ds": ["D1", "s1", "D2"],
    "dds": ["D2", "s1", "D3"],
    "dsd": ["D1", "s1", "D3"],
    "dsss": ["D1", "s1", "s2", "s3", "D4"],
    "dsdsr": ["D1", "s1", "s2", "D5"],
}


async def test_where_the_partner_does_not_know_the_dossier_its_first_snapshot_stays_for_the_steps(
    world: World,
) -> None:
    """The partner must know a dossier before its steps; of the later snapshots only the newest goes."""
    for number, (script, expected) in enumerate(UNKNOWN_THERE.items()):
        assert await play(world, script, f"H99.12-261008-{number:04d}") == expected, script


KNOWN_THERE = {
    "dd": ["D3"],
    "s": ["s1", "D2"],
    "ss": ["s1", "s2", "D3"],
    "dsd": ["s1", "D4"],
    "srdr": ["s1", "D5"],
}


async def test_where_the_partner_knows_the_dossier_only_the_newest_snapshot_goes(world: World) -> None:
    """Steps stay, all and in their order."""
    for number, (script, expected) in enumerate(KNOWN_THERE.items()):
        code = f"H99.12-261008-{number:04d}"
        await world.put(code)
        await known(world)
        assert await play(world, script, code) == expected, script


@pytest.mark.parametrize("knows", [False, True])
async def test_a_snapshot_that_is_being_sent_is_left_to_its_worker(world: World, *, knows: bool) -> None:
    """Its worker owns it; the newer one follows behind."""
    await world.put(CODE)
    if knows:
        await known(world)
    await set_first(world, "sending")
    assert await play(world, "dd") == ["D1", "D3"]


@pytest.mark.parametrize("state", ["waiting", "unknown"])
async def test_a_snapshot_that_failed_before_is_replaced(world: World, state: str) -> None:
    """A snapshot replaces whatever arrived, so also one whose outcome is unknown need not be repeated."""
    await world.put(CODE)
    await set_first(world, state)
    assert await play(world, "d") == ["D2"]
    assert await world.states() == {"superseded": 1, "accepted": 1}


async def test_a_waiting_lane_keeps_its_wait(world: World) -> None:
    """A new revision does not hammer a partner that asked for patience."""
    await world.put(CODE)
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET due_at = now() + interval '1 hour'")
    await play(world, "ds")
    assert await world.scalar("SELECT due_at > now() + interval '50 minutes' FROM lanes") is True


async def test_a_replaced_snapshot_says_so(world: World) -> None:
    """Whoever asks for the exchange learns why it was never sent."""
    first = await world.put(CODE)
    await world.put(CODE, note="Mới")
    detail = await world.exchanges.get(first.exchange_ids[0])
    assert detail.state == "superseded"
    assert detail.ended_at is not None
    assert detail.attempts == 0
    assert "newer revision" in detail.reason
    assert "phiên bản" in detail.reason_vi


# --- with a partner ------------------------------------------------------------------------------------------------


async def test_a_snapshot_overtaken_by_a_later_one_is_never_sent(world: World) -> None:
    """A replay of an older revision must not set the partner back."""
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
    refusing = True

    def refuse(_operation: str, _pushes: Any) -> None:
        if refusing:
            raise Rejected(WORDS, upstream_code="-9")

    world.portal.before = refuse
    second = await world.put(CODE, note="Hai")
    async with world.working():
        await world.until(world.settled)
        refusing = False
        await world.put(CODE, note="Ba")
        await world.until(world.settled)
        calls = len(world.portal.calls)
        await world.exchanges.replay(second.exchange_ids[0], actor="trực ca")
        await world.until(world.settled)
    assert len(world.portal.calls) == calls
    assert world.portal.dossiers[CODE].dossier.facts.note == "Ba"
    assert (await world.exchanges.get(second.exchange_ids[0])).state == "superseded"
    assert await lane(world) == []


async def test_an_overtaken_snapshot_frees_what_waits_behind_it(world: World) -> None:
    """Its lane goes on with the next exchange."""
    first = await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
        async with world.store.transaction() as conn:
            await conn.execute("UPDATE exchanges SET state = 'refused' WHERE id = %s::uuid", (first.exchange_ids[0],))
            await conn.execute("UPDATE lanes SET confirmed_revision = 2")
        await world.connections.pause("national_portal", actor="trực ca", reason="Thử")
        await world.record(CODE, step(DossierState.IN_PROCESS))
        await world.exchanges.replay(first.exchange_ids[0], actor="trực ca")
        assert await lane(world) == ["D1", "s1", "D2"]
        await world.connections.resume("national_portal", actor="trực ca")
        await world.until(world.settled)
    assert [one.dossier.revision for one in world.portal.dossiers.values()] == [2]
    assert len(world.portal.steps[CODE]) == 1


async def test_a_new_revision_frees_a_lane_that_an_unknown_snapshot_held(world: World) -> None:
    """Nobody need find out whether the old snapshot arrived when a newer one replaces it in any case."""
    lost = True

    def lose(operation: str, _pushes: Any) -> None:
        if operation == "push_dossier" and lost:
            raise OutcomeUnknown(WORDS)

    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
        world.portal.before = lose
        await world.put(CODE, note="Hai")
        async with world.store.transaction() as conn:
            await conn.execute("UPDATE exchanges SET accepted_at = accepted_at - interval '11 days'")
        await world.until(lambda: _held(world))
        lost = False
        await world.put(CODE, note="Ba")
        await world.until(world.settled)
    assert world.portal.dossiers[CODE].dossier.facts.note == "Ba"
    assert await world.states() == {"delivered": 2, "superseded": 1}


async def _held(world: World) -> bool:
    return await world.scalar("SELECT count(*) FROM lanes WHERE held_reason = 'outcome_unknown'") == 1
