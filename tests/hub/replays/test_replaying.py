"""A replay from its preview to its end: what was shown is what is done, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.errors import Rejected, Sentence
from hub.errors import Refusal
from hub.replays.filters import ExchangeSelection
from hub.replays.jobs import ReplayRunner
from hub.replays.selection import Action, Exclusion
from hub.replays.settings import ReplaySettings
from hub.replays.views import ReplayState
from tests.hub.exchanges.conftest import PORTAL, World, step
from tests.hub.exchanges.test_stops import one_at_a_time
from tests.hub.replays.conftest import SETTINGS, Desk, deadlines

WORDS = Sentence("Not yet.", "Chưa được.")


async def refused(work: Awaitable[Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


# --- preview and run ----------------------------------------------------------------------------------------------


async def test_what_was_previewed_is_what_is_run(desk: Desk) -> None:
    """What ends badly after the preview, or lay outside the filter, stays as it is; the ledger tells the acts."""
    wanted = await desk.ended(12, upstream_code="-7")
    others = await desk.ended(3, first=100, upstream_code="-8")
    one = await desk.preview(upstream_code="-7", connection=PORTAL)
    later = await desk.ended(3, first=200, upstream_code="-7")
    assert (one.preview.count, one.preview.by_state, one.preview.by_connection) == (12, {"refused": 12}, {PORTAL: 12})
    assert (one.preview.by_repeat_class, one.needs_approval) == ({"idempotent": 12}, False)
    assert await desk.states_of(wanted) == ["refused"] * 12, "a preview does nothing"
    async with desk.world.working():
        await desk.replays.start(one.id, actor="an")
        done = await desk.finished(one)
    assert await desk.states_of(wanted) == ["delivered"] * 12
    assert await desk.states_of(others + later) == ["refused"] * 6
    assert (done.progress.ended, done.progress.pending, done.progress.on_the_way) == ({"delivered": 12}, 0, 0)
    assert len(desk.world.portal.dossiers) == 12
    assert await desk.acts(one.id) == ["replay.previewed", "replay.started", "replay.finished"]


async def test_it_goes_by_legal_deadline(desk: Desk) -> None:
    """Soonest first, as seen by the partner, whatever the order of acceptance."""
    one_at_a_time(desk.world)
    due = deadlines(8)
    shuffled = [due[number] for number in (5, 0, 7, 2, 6, 1, 4, 3)]
    await desk.ended(8, due=shuffled)
    one = await desk.preview()
    assert one.preview.oldest_due_at == due[0]
    await desk.replays.start(one.id, actor="an")
    await desk.clerk.step()
    async with desk.world.working():
        await desk.finished(one)
    arrived = [code for _, codes in desk.world.portal.calls for code in codes]
    expected = sorted(range(1, 9), key=lambda number: shuffled[number - 1])
    assert arrived == [f"H99.12-261008-{number:04d}" for number in expected]


async def test_each_exclusion_is_counted_with_its_reason(desk: Desk) -> None:
    """What was left out and why stands in the preview, in both languages."""
    await desk.ended(2, "dismissed")
    await desk.ended(1, "refused", first=10)
    waiting = (await desk.world.put("H99.12-261008-0020")).exchange_ids[0]
    await desk.ended(1, "refused", first=30)
    await desk.world.put("H99.12-261008-0030", summary="Bản mới hơn")
    one = await desk.preview(states=("refused", "dismissed", "accepted"))
    assert one.preview.count == 1
    assert {left.reason: left.count for left in one.preview.excluded} == {
        Exclusion.DISMISSED: 2,
        Exclusion.STILL_OPEN: 2,
        Exclusion.NEWER_REVISION: 1,
    }
    assert all(left.sentence and left.sentence_vi for left in one.preview.excluded)
    items = (await desk.replays.items(one.id)).items
    assert [item.state for item in items] == ["pending"] + ["excluded"] * 5
    assert waiting in {item.exchange_id for item in items if item.outcome == "still_open"}


async def test_a_filter_that_matches_nothing(desk: Desk) -> None:
    """The preview says 0 and cannot be started."""
    await desk.ended(2)
    one = await desk.preview(upstream_code="never")
    assert (one.preview.count, one.preview.estimated_seconds, one.preview.oldest_due_at) == (0, 0.0, None)
    assert (await refused(desk.replays.start(one.id, actor="an"))).code == "nothing_selected"


async def test_every_filter_narrows(desk: Desk) -> None:
    """Each alone; agencies of both generations of codes with all below them."""
    old, new = datetime.now(UTC) - timedelta(days=3), datetime.now(UTC)
    keys = await desk.ended(3, "refused", upstream_code="-1", accepted_at=old, ended_at=old)
    await desk.ended(2, "given_up", first=10, upstream_code="-2")
    async with desk.world.store.transaction() as conn:
        await conn.execute(
            "INSERT INTO attempts (exchange_id, number, started_at, outcome, worker)"
            " SELECT id, 1, now(), 'malformed', 'w' FROM exchanges WHERE id = %s",
            (keys[0],),
        )
        for key, subject in zip(
            keys, ("000.00.12.H99-261008-0001", "H99.1-261008-0001", "H98-261008-0001"), strict=True
        ):
            await conn.execute("UPDATE exchanges SET subject = %s WHERE id = %s", (subject, key))
    hour = timedelta(hours=1)
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 5),
        ({"states": ("given_up",)}, 2),
        ({"operation": "push_step"}, 0),
        ({"connection": "other"}, 0),
        ({"upstream_code": "-1"}, 3),
        ({"error_kind": "malformed"}, 1),
        ({"subject": "H99.12-261008-0010"}, 1),
        ({"agency": "H99"}, 4),
        ({"agency": "H99.12"}, 3),
        ({"agency": "000.00.12.H99"}, 3),
        ({"agency": "H99.1"}, 1),
        ({"accepted_since": new - hour}, 2),
        ({"accepted_until": new - hour}, 3),
        ({"ended_since": old - hour, "ended_until": old + hour}, 3),
    ]
    for wanted, count in cases:
        assert (await desk.preview(**wanted)).preview.count == count, wanted


async def test_what_cannot_be_selected(desk: Desk) -> None:
    """What arrived is out of reach; a selection nobody could look over is refused, and so is one without a reason."""
    for states in (["delivered"], ["refused", "superseded"]):
        assert (await refused(desk.preview(states=states))).code == "state_not_selectable"
    with pytest.raises(ValidationError):
        await desk.preview(states=[])
    await desk.ended(3)
    few = Desk(desk.world, ReplaySettings(most=2))
    assert (await refused(few.preview())).code == "selection_too_large"
    nothing_said = desk.replays.preview(Action.REPLAY, ExchangeSelection(), reason=" ", actor="an")
    assert (await refused(nothing_said)).code == "reason_required"
    assert (await desk.replays.page()).items == ()


async def test_the_estimate_is_within_the_rate(world: World) -> None:
    """A replay takes its share of the connection's rate, or the pace of replays where there is none."""
    keys = await Desk(world).ended(10)
    assert keys
    for rate, seconds in ((4.0, 5.0), (None, 2.0)):
        desk = Desk(world, ReplaySettings(per_second=5), rate=rate)
        assert (await desk.preview()).preview.estimated_seconds == seconds


async def test_what_changes_after_the_preview_is_left_out_when_its_turn_comes(desk: Desk) -> None:
    """Dismissed by a person, replaced by a newer revision, replayed singly: each is skipped with its reason."""
    keys = await desk.ended(4)
    one = await desk.preview()
    await desk.world.exchanges.dismiss(keys[0], actor="bình", reason="Trùng")
    await desk.world.put("H99.12-261008-0002", summary="Bản mới hơn")
    await desk.world.exchanges.replay(keys[2], actor="bình")
    await desk.replays.start(one.id, actor="an")
    async with desk.world.working():
        await desk.world.until(desk.world.settled)
        done = await desk.finished(one)
    assert done.progress.ended == {"delivered": 1}
    # The newer revision of 0002 may have arrived or not when its turn came.
    skipped = {left.reason: left.count for left in done.progress.skipped}
    assert skipped == {Exclusion.DISMISSED: 1, Exclusion.OVERTAKEN: 1, Exclusion.ARRIVED: 1}


async def test_what_is_refused_again_ends_there(desk: Desk) -> None:
    """The replay says so and does not try for ever."""

    def refuse(_operation: str, _pushes: Any) -> None:
        raise Rejected(WORDS, upstream_code="-1")

    desk.world.portal.before = refuse
    await desk.ended(3)
    one = await desk.preview()
    await desk.replays.start(one.id, actor="an")
    async with desk.world.working():
        done = await desk.finished(one)
    assert done.progress.ended == {"refused": 3}


async def test_a_step_sent_again_out_of_turn_is_followed_by_the_present_snapshot(desk: Desk) -> None:
    """The partner ends in the state of the dossier, not of the step."""
    code = "H99.12-261008-0001"
    world = desk.world
    await world.put(code)
    receipt = await world.record(code, step())
    async with world.working():
        await world.until(world.settled)
    pushed = len(world.portal.calls)
    step_key = receipt.exchange_ids[0]
    await desk.end([step_key], "refused")
    one = await desk.preview(operation="push_step")
    assert (one.preview.count, one.preview.snapshots_after) == (1, 1)
    await desk.replays.start(one.id, actor="an")
    async with world.working():
        await desk.finished(one)
        await world.until(world.settled)
    assert [operation for operation, _ in world.portal.calls[pushed:]] == ["push_step", "push_dossier"]


# --- dismissing -----------------------------------------------------------------------------------------------------


async def test_many_are_dismissed_by_filter(desk: Desk) -> None:
    """Open ones too; who and why stay on record, lanes count right, and nothing is sent."""
    keys = await desk.ended(3)
    open_keys = [(await desk.world.put(f"H99.12-261008-{n:04d}")).exchange_ids[0] for n in (50, 51)]
    one = await desk.preview(action=Action.DISMISS, states=("refused", "accepted"))
    assert (one.preview.count, one.preview.estimated_seconds) == (5, 0.0)
    await desk.replays.start(one.id, actor="an")
    done = await desk.finished(one)
    assert done.progress.ended == {"dismissed": 5}
    assert await desk.states_of(keys + open_keys) == ["dismissed"] * 5
    detail = await desk.world.exchanges.get(keys[0])
    assert (detail.dismissed_by, detail.dismissed_reason) == ("an", "Cổng đã sửa lỗi")
    assert await desk.world.scalar("SELECT sum(open_count) FROM lanes") == 0
    assert desk.world.portal.calls == []


# --- the second person ------------------------------------------------------------------------------------------


async def test_a_hundred_may_be_started_alone_and_one_more_may_not(desk: Desk) -> None:
    """Above 100 somebody else approves: not the one who made the preview, not twice, not after the start."""
    await desk.ended(101)
    first = await desk.preview(accepted_until=datetime.now(UTC) + timedelta(hours=1), states=("refused",))
    assert (first.preview.count, first.needs_approval) == (101, True)
    assert (await refused(desk.replays.start(first.id, actor="an"))).code == "approval_required"
    own = await refused(desk.replays.approve(first.id, actor="an"))
    assert (own.status, own.code) == (403, "second_person_required")
    approved = await desk.replays.approve(first.id, actor="bình")
    assert (approved.approved_by, approved.state) == ("bình", ReplayState.PREVIEWED)
    assert (await refused(desk.replays.approve(first.id, actor="chi"))).code == "approved_already"
    started = await desk.replays.start(first.id, actor="an")
    assert started.state is ReplayState.RUNNING
    assert (await refused(desk.replays.approve(first.id, actor="chi"))).code == "replay_running"
    await desk.replays.stop(first.id, actor="an")
    await desk.world.exchanges.dismiss(
        (await desk.replays.items(first.id)).items[0].exchange_id, actor="an", reason="x"
    )
    alone = await desk.preview()
    assert (alone.preview.count, alone.needs_approval) == (100, False)
    assert (await desk.replays.start(alone.id, actor="an")).state is ReplayState.RUNNING
    assert await desk.acts(first.id) == ["replay.previewed", "replay.approved", "replay.started", "replay.stopped"]


async def test_an_old_preview_is_not_started(desk: Desk) -> None:
    """Nobody remembers rightly what was shown days ago."""
    await desk.ended(1)
    one = await desk.preview()
    async with desk.world.store.transaction() as conn:
        await conn.execute("UPDATE replays SET created_at = now() - interval '25 hours'")
    for work in (desk.replays.start(one.id, actor="an"), desk.replays.approve(one.id, actor="bình")):
        assert (await refused(work)).code == "preview_too_old"


async def test_a_person_confined_to_agencies_sees_and_selects_only_theirs(desk: Desk) -> None:
    """What is narrowed to others does not exist for them."""
    await desk.ended(2)
    async with desk.world.store.transaction() as conn:
        await conn.execute(
            "UPDATE exchanges SET subject = replace(subject, 'H99.12', 'H99.13') WHERE subject LIKE '%0002'"
        )
    everything = await desk.preview()
    theirs = await desk.replays.preview(
        Action.REPLAY, ExchangeSelection(), reason="Sửa", actor="chi", agencies=("H99.13",)
    )
    assert (everything.preview.count, theirs.preview.count) == (2, 1)
    for agencies, visible in ((("H99.13",), True), (("H99",), True), (("H99.12",), False), ((), True)):
        listed = {one.id for one in (await desk.replays.page(agencies=agencies)).items}
        assert (theirs.id in listed) is visible
        assert (everything.id in listed) is (agencies == ())
    hidden = await refused(desk.replays.stop(everything.id, actor="chi", agencies=("H99.13",)))
    assert (hidden.status, hidden.code) == (404, "replay_not_found")


# --- pause, stop, crash -----------------------------------------------------------------------------------------


async def test_paused_in_the_middle_nothing_more_is_handed_over(world: World) -> None:
    """And started again it goes on from there; stopped, the rest stays as it was."""
    desk = Desk(world, ReplaySettings(per_second=10_000, window=4))
    keys = await desk.ended(12)
    one = await desk.preview()
    await desk.replays.start(one.id, actor="an")
    await desk.clerk.step()
    assert (await desk.states_of(keys)).count("accepted") == 4
    await desk.clerk.step()
    assert (await desk.states_of(keys)).count("accepted") == 4, "no more than the window on their way"
    await desk.replays.pause(one.id, actor="bình")
    async with world.working():
        await world.until(world.settled)
    await desk.clerk.step()
    paused = await desk.replays.get(one.id)
    assert (paused.state, paused.changed_by, paused.progress.ended) == (ReplayState.PAUSED, "bình", {"delivered": 4})
    assert paused.progress.pending == 8
    assert (await refused(desk.replays.pause(one.id, actor="an"))).code == "replay_paused"
    await desk.replays.start(one.id, actor="an")
    await desk.clerk.step()
    stopped = await desk.replays.stop(one.id, actor="an")
    assert stopped.state is ReplayState.STOPPED
    for work in (desk.replays.start(one.id, actor="an"), desk.replays.stop(one.id, actor="an")):
        assert (await refused(work)).code == "replay_stopped"
    await desk.clerk.step()
    async with world.working():
        await world.until(world.settled)
    assert sorted(await desk.states_of(keys)) == ["delivered"] * 8 + ["refused"] * 4
    assert (await desk.replays.get(one.id)).progress.ended == {"delivered": 8}


async def test_it_waits_while_the_connection_may_not_be_used(desk: Desk) -> None:
    """Paused, resting after failures, or in maintenance: nothing is handed over, and the reason is shown."""
    keys = await desk.ended(3)
    one = await desk.preview()
    await desk.replays.start(one.id, actor="an")
    hindrances = (
        ("UPDATE connections SET paused = true", "UPDATE connections SET paused = false"),
        (
            "UPDATE connections SET breaker = 'open', breaker_until = now() + interval '1 hour'",
            "UPDATE connections SET breaker = 'closed'",
        ),
        (
            (
                "INSERT INTO maintenance_windows (connection, starts_at, ends_at, reason, announced_at, announced_by,"
                " notice_days, notice_basis, notice_until) SELECT id, now(), now() + interval '1 hour', 'x', now(),"
                " 'an', 2, 'x', now() FROM connections"
            ),
            "UPDATE maintenance_windows SET cancelled_at = now()",
        ),
    )
    for begin, end in hindrances:
        async with desk.world.store.transaction() as conn:
            await conn.execute(begin)
        await desk.clerk.step()
        found = await desk.replays.get(one.id)
        assert await desk.states_of(keys) == ["refused"] * 3
        assert [wait.connection for wait in found.waits] == [PORTAL]
        async with desk.world.store.transaction() as conn:
            await conn.execute(end)
    await desk.clerk.step()
    assert await desk.states_of(keys) == ["accepted"] * 3


async def test_it_stays_within_its_pace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second's worth at once, then as time goes by; what was not there to be taken is not lost."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("hub.replays.jobs.time", SimpleNamespace(monotonic=lambda: clock.now))
    desk = Desk(world, ReplaySettings(share_of_rate=0.5), rate=6.0)
    keys = await desk.ended(8)
    one = await desk.preview()
    assert one.preview.estimated_seconds == round(8 / 3, 1)
    await desk.replays.start(one.id, actor="an")
    for later, handed in ((0.0, 3), (0.1, 3), (0.9, 6), (5.0, 8)):
        clock.now += later
        await desk.clerk.step()
        assert (await desk.states_of(keys)).count("accepted") == handed


async def test_a_failing_connection_is_tried_with_one(desk: Desk) -> None:
    """The breaker's rest is over: it needs one exchange to try with, and gets no more."""
    keys = await desk.ended(3)
    one = await desk.preview()
    await desk.replays.start(one.id, actor="an")
    async with desk.world.store.transaction() as conn:
        await conn.execute("UPDATE connections SET breaker = 'open', breaker_until = now() - interval '1 second'")
    for _ in range(3):
        await desk.clerk.step()
    assert sorted(await desk.states_of(keys)) == ["accepted", "refused", "refused"]


async def test_a_clerk_that_dies_leaves_nothing_undone_or_done_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it dies before or after a batch is committed, another goes on."""
    keys = await desk.ended(6)
    one = await desk.preview()
    await desk.replays.start(one.id, actor="an")
    slow = Desk(desk.world, ReplaySettings(per_second=10_000, window=2))

    async def die(*_arguments: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("hub.replays.jobs._mark", die)
        with pytest.raises(asyncio.CancelledError):
            await slow.clerk.step()
    assert await desk.states_of(keys) == ["refused"] * 6, "what was not marked was not opened"
    await slow.clerk.step()
    async with desk.world.working():
        done = await desk.finished(one)
    assert done.progress.ended == {"delivered": 6}
    assert sorted(code for _, codes in desk.world.portal.calls for code in codes) == [
        f"H99.12-261008-{n:04d}" for n in range(1, 7)
    ]


async def test_two_clerks_do_not_hand_over_twice(desk: Desk) -> None:
    """At a change of clerks two may work for a moment: the replay's row lets one at a time."""
    keys = await desk.ended(8)
    one = await desk.preview()
    await desk.replays.start(one.id, actor="an")
    other = Desk(desk.world, SETTINGS)
    clerks: list[ReplayRunner] = [desk.clerk, other.clerk]
    await asyncio.gather(*(clerk.step() for clerk in clerks))
    assert await desk.states_of(keys) == ["accepted"] * 8
    assert await desk.world.scalar("SELECT max(open_count) FROM lanes") == 1


async def test_it_runs_beside_new_traffic(desk: Desk) -> None:
    """New dossiers are delivered all the while."""
    await desk.ended(10)
    one = await desk.preview()
    async with desk.world.working():
        await desk.replays.start(one.id, actor="an")
        for number in range(500, 505):
            await desk.world.put(f"H99.12-261008-{number:04d}")
            await desk.clerk.step()
        await desk.finished(one)
        await desk.world.until(desk.world.settled)
    assert len(desk.world.portal.dossiers) == 15
