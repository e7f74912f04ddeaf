"""Lanes in hand: a dossier costs one claim, and nothing that happened since the claim is overlooked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from contracts.errors import OutcomeUnknown, Rejected, Sentence, TryLater
from contracts.ports import DossierPush
from hub.dossiers import delivery, events_store
from hub.exchanges.hand import PATIENCE_SECONDS, Hand, LaneInHand
from tests.hub.dossiers.test_couriers import exchange
from tests.hub.exchanges.conftest import PORTAL, World, step
from tests.hub.exchanges.fakes import FakePortal

CODE = "H99.12-261008-0001"
WORDS = Sentence("No.", "Không.")


async def declared_with_steps(world: World, steps: int = 3, code: str = CODE) -> None:
    """Leave a first snapshot, steps and the snapshot after them in a lane that nobody serves."""
    await world.put(code)
    for number in range(steps):
        await world.record(code, step(minutes=number, content=f"Bước {number}"))


async def claims_of(world: World, code: str = CODE) -> int:
    """Say how often the lane was claimed."""
    return int(await world.scalar("SELECT claims FROM lanes WHERE subject = %s", code))


async def test_a_whole_dossier_costs_one_claim(world: World) -> None:
    """Snapshot, steps and snapshot go one after the other under one lease, each marked before it left."""
    await declared_with_steps(world)
    marked: list[int] = []

    async def look(_operation: str, _pushes: Sequence[Any]) -> None:
        marked.append(await world.scalar("SELECT count(*) FROM exchanges WHERE state = 'sending'"))

    world.portal.before = look
    async with world.working():
        await world.until(world.settled)
    assert world.portal.calls == [("push_dossier", (CODE,)), ("push_step", (CODE,) * 3), ("push_dossier", (CODE,))]
    assert marked == [1, 3, 1]
    assert await claims_of(world) == 1
    assert await world.scalar("SELECT lease_token IS NULL AND leased_by IS NULL AND due_at IS NULL FROM lanes")


async def test_what_never_left_is_told_as_such_and_what_may_have_left_too(world: World) -> None:
    """Only the first message about a dossier that was never claimed before cannot meet an older one."""
    told: list[bool] = []
    failing = True

    def fail(_operation: str, pushes: Sequence[Any]) -> None:
        told.extend(one.tried_before for one in pushes if isinstance(one, DossierPush))
        if failing:
            raise TryLater(WORDS)

    world.portal.before = fail
    await declared_with_steps(world, 1)
    async with world.working():
        await world.until(lambda: asyncio.sleep(0, len(told) > 1))
        failing = False
        await world.until(world.settled)
    assert told[0] is False
    assert all(told[1:])


async def test_a_pause_in_the_middle_of_a_dossier_is_a_pause(world: World) -> None:
    """What is in hand does not leave after the pause; the lane is given back and goes on after it."""
    await declared_with_steps(world)

    async def pause(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_dossier" and not world.portal.dossiers:
            await world.connections.pause(PORTAL, actor="trực ca", reason="Thử")

    world.portal.before = pause
    async with world.working():
        await world.until(lambda: free_again(world))
        assert [name for name, _ in world.portal.calls] == ["push_dossier"]
        await world.connections.resume(PORTAL, actor="trực ca")
        await world.until(world.settled)
    assert len(world.portal.steps[CODE]) == 3


async def free_again(world: World) -> bool:
    """Whether the lane is in nobody's hand and its first snapshot has arrived."""
    return bool(
        await world.scalar(
            "SELECT EXISTS (SELECT 1 FROM lanes WHERE lease_token IS NULL AND confirmed_revision IS NOT NULL)"
        )
    )


async def test_what_was_dismissed_meanwhile_is_not_sent(world: World) -> None:
    """A step dismissed while its dossier was under way stays unsent; the steps around it go."""
    await declared_with_steps(world)
    second = str(await world.scalar("SELECT id FROM exchanges WHERE step_sequence = 2"))

    async def dismiss(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_dossier" and not world.portal.dossiers:
            await world.exchanges.dismiss(second, actor="trực ca", reason="Nhập nhầm")

    world.portal.before = dismiss
    async with world.working():
        await world.until(world.settled)
    assert [one.content for one in world.portal.steps[CODE]] == ["Bước 0", "Bước 2"]
    assert await world.states() == {"delivered": 4, "dismissed": 1, "superseded": 2}


async def test_a_newer_revision_meanwhile_replaces_the_snapshot_in_hand(world: World) -> None:
    """The last snapshot was read at the claim; a newer one that came since is sent in its place."""
    await declared_with_steps(world, 1)

    async def declare_anew(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_step" and not world.portal.steps[CODE]:
            await world.put(CODE, summary="Đã sửa")

    world.portal.before = declare_anew
    async with world.working():
        await world.until(world.settled)
    assert world.portal.dossiers[CODE].dossier.facts.summary == "Đã sửa"
    assert await world.states() == {"delivered": 3, "superseded": 1}


async def test_a_refusal_ends_the_run_and_the_rest_goes_its_own_way(world: World) -> None:
    """After anything but a delivery the lane is given back: what follows is decided anew, with a claim of its own."""
    await declared_with_steps(world)

    def refuse(operation: str, pushes: Sequence[Any]) -> None:
        if operation == "push_step" and any(one.step.content == "Bước 1" for one in pushes):
            raise Rejected(WORDS, upstream_code="-7")

    world.portal.before = refuse
    async with world.working():
        await world.until(world.settled)
    assert await world.states() == {"delivered": 4, "refused": 1, "superseded": 2}
    assert [one.content for one in world.portal.steps[CODE]] == ["Bước 0", "Bước 2"]
    assert await claims_of(world) == 2


class Many:
    """Steps of several dossiers in one call."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.portal = FakePortal(steps_across=True, batch=6)
        self.codes = [f"H99.12-261008-{number:04d}" for number in range(6)]

    async def declare(self) -> None:
        """Leave six dossiers with two steps each."""
        await asyncio.gather(*(declared_with_steps(self.world, 2, code) for code in self.codes))

    def sizes(self) -> list[int]:
        """How many dossiers and steps each call of steps carried."""
        return [len(one) for name, one in self.world.portal.calls if name == "push_step"]


async def test_one_call_carries_steps_of_several_dossiers_and_each_lane_keeps_its_order(world: World) -> None:
    """Twelve steps of six dossiers need two calls of six; no dossier is torn in two."""
    many = Many(world)
    await many.declare()
    async with world.working():
        await world.until(world.settled)
    assert many.sizes() == [6, 6]
    assert all([one.content for one in world.portal.steps[code]] == ["Bước 0", "Bước 1"] for code in many.codes)


async def test_a_refused_step_of_a_shared_call_costs_the_others_nothing(world: World) -> None:
    """The call is refused, so its steps go one by one: only the step at fault ends as refused."""
    many = Many(world)
    await many.declare()

    def refuse(operation: str, pushes: Sequence[Any]) -> None:
        if operation == "push_step" and any(
            one.dossier_code == many.codes[2] and one.step.content == "Bước 0" for one in pushes
        ):
            raise Rejected(WORDS, upstream_code="-7")

    world.portal.before = refuse
    async with world.working():
        await world.until(world.settled)
    assert (await world.states())["refused"] == 1
    assert [len(world.portal.steps[code]) for code in many.codes] == [2, 2, 1, 2, 2, 2]


async def test_a_lane_of_a_shared_call_stops_where_its_own_step_must_wait(world: World) -> None:
    """Sent one by one after a refusal, a step behind one that failed for now is not sent before it."""
    many = Many(world)
    await many.declare()
    seen: list[tuple[str, str]] = []
    failed = False

    def trouble(operation: str, pushes: Sequence[Any]) -> None:
        nonlocal failed
        if operation != "push_step":
            return
        if len(pushes) > 2:
            raise Rejected(WORDS, upstream_code="-7")
        seen.extend((one.dossier_code, one.step.content) for one in pushes)
        if not failed and pushes[0].dossier_code == many.codes[0]:
            failed = True
            raise TryLater(WORDS)

    world.portal.before = trouble
    async with world.working():
        await world.until(world.settled)
    for code in many.codes:
        assert [one.content for one in world.portal.steps[code]] == ["Bước 0", "Bước 1"]
    assert [content for code, content in seen if code == many.codes[0]] == ["Bước 0", "Bước 0", "Bước 1"]


async def test_doubtful_steps_of_a_shared_call_are_asked_about_dossier_by_dossier(world: World) -> None:
    """The call arrived and its answer was lost: every dossier is asked for, and no step is there twice."""
    many = Many(world)
    await many.declare()
    asked: list[str] = []
    lost = False

    def before(operation: str, pushes: Sequence[Any]) -> None:
        if operation == "find_dossier":
            asked.extend(pushes)

    def after(operation: str, _pushes: Sequence[Any]) -> None:
        nonlocal lost
        if operation == "push_step" and not lost:
            lost = True
            raise OutcomeUnknown(WORDS)

    world.portal.before, world.portal.after = before, after
    async with world.working():
        await world.until(world.settled)
    assert sorted(asked) == sorted(set(asked))
    assert len(asked) == 3
    assert all([one.content for one in world.portal.steps[code]] == ["Bước 0", "Bước 1"] for code in many.codes)


async def test_events_are_read_once_for_a_dossier(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five exchanges of a dossier need its events once, and nothing of it is remembered afterwards."""
    await declared_with_steps(world)
    asked: list[Sequence[str]] = []
    read = events_store.read_events

    async def counting(conn: Any, sealer: Any, codes: Sequence[str]) -> Any:
        asked.append(tuple(codes))
        return await read(conn, sealer, codes)

    monkeypatch.setattr(delivery, "read_events", counting)
    runner = world.runner()
    task = asyncio.create_task(runner.run())
    await world.until(world.settled)
    runner.stop()
    await task
    assert asked == [(CODE,)]
    courier: Any = runner._couriers["push_dossier"]
    assert not courier._reader._kept


async def test_a_clean_stop_gives_everything_in_hand_back(world: World) -> None:
    """A worker that stops in the middle of many lanes leaves none of them leased."""
    world.portal = FakePortal(batch=1)
    for number in range(12):
        await declared_with_steps(world, 1, f"H99.12-261008-{number:04d}")
    entered = asyncio.Event()

    async def slow(_operation: str, _pushes: Sequence[Any]) -> None:
        entered.set()
        await asyncio.sleep(0.05)

    world.portal.before = slow
    async with world.working():
        await entered.wait()
    assert await world.scalar("SELECT count(*) FROM lanes WHERE lease_token IS NOT NULL") == 0
    assert await world.scalar("SELECT count(*) FROM exchanges WHERE state = 'sending'") == 0
    async with world.working():
        await world.until(world.settled)
    assert set(await world.states()) == {"delivered"}


def hand_of(count: int, *, since: float) -> Hand:
    """Make a hand with so many first snapshots, of lanes of their own."""
    couriers: Any = {"push_dossier": delivery.SnapshotCourier(FakePortal(batch=4), None)}  # type: ignore[arg-type]
    hand = Hand(couriers)
    lanes = [exchange(1, 1) for _ in range(count)]
    for number, one in enumerate(lanes, start=1):
        one.lane_id = number
        one.operation = "push_dossier"
    hand.add(LaneInHand([one], lease_end=since + 100, since=since) for one in lanes)
    return hand


def test_full_calls_go_before_calls_that_others_could_share() -> None:
    """Nine lanes make two full calls of four and one of one, which waits, but not for ever."""
    hand = hand_of(9, since=10.0)
    ripe, unripe = hand.calls(10.1, 9)
    assert [len(one.exchanges) for one in ripe] == [4, 4]
    assert [len(one.exchanges) for one in unripe] == [1]
    ripe, unripe = hand.calls(10.0 + 2 * PATIENCE_SECONDS, 9)
    assert [len(one.exchanges) for one in ripe] == [4, 4, 1]
    assert not unripe
    ripe, unripe = hand.calls(10.1, 1)
    assert [len(one.exchanges) for one in (*ripe, *unripe)] == [4], "it looks no further than it must"


def test_the_youngest_lanes_are_let_go_first() -> None:
    """What came last waits longest, so it is what another worker may have."""
    hand = hand_of(5, since=10.0)
    assert [one.id for one in hand.drop_youngest(3)] == [4, 5]
    assert not hand.drop_youngest(3)


def test_lanes_whose_lease_ends_soon_are_let_go() -> None:
    """A call must end within its lease, so a lane that waited too long is not started any more."""
    hand = hand_of(3, since=10.0)
    assert not hand.drop_expiring(109.0)
    assert len(hand.drop_expiring(111.0)) == 3
    assert len(hand) == 0
