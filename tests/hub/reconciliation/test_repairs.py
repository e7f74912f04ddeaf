"""Repairs, verified at the portal's own copy: only what is proven is sent, once, and nothing newer is overwritten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.transport.simulation.faults import FaultKind
from hub.errors import Refusal
from hub.reconciliation import repairing
from hub.reconciliation.classify import Exclusion, Outcome, RepairKind
from hub.reconciliation.views import RunState
from tests.hub.exchanges.conftest import PORTAL
from tests.hub.reconciliation.conftest import Scene, code


@pytest.mark.slow
async def test_what_is_proven_is_sent_and_stands_there_as_here(scene: Scene) -> None:
    """Lost, rolled back, a step lacking, a field altered: after the repair the portal's copy is as it was."""
    await scene.declare(range(1, 7), steps=2)
    await scene.deliver()
    before = {
        number: (scene.portal.held(code(number)), scene.portal.held_steps(code(number))) for number in range(1, 7)
    }
    scene.tamper(1, "lose")
    scene.tamper(2, "roll_back", state="2", steps=0)
    scene.tamper(3, "roll_back", steps=1)
    scene.tamper(4, "alter", fields={"DonViXuLy": "Đơn vị khác"})
    scene.tamper(5, "alter", state="9")
    run = await scene.compare()
    preview = await scene.service.preview(run.id, actor="test")
    assert preview.preview.sends == {RepairKind.CREATE: 1, RepairKind.UPDATE: 1, RepairKind.STEPS: 2}
    assert preview.preview.exchanges == (1 + 2 + 1) + (2 + 1) + (1 + 1) + 1
    assert preview.preview.excluded == {Exclusion.THEIRS_NEWER: 1}
    assert (preview.preview.seconds, preview.preview.delivery_seconds) == (5 / 2, 10 / 10)
    assert await _open_exchanges(scene) == 0, "a preview sends nothing"
    repair = await scene.repair(run)
    assert repair.state is RunState.COMPLETED
    assert repair.done == {"create": 1, "steps": 2, "theirs_newer": 1, "update": 1}
    assert await _open_exchanges(scene) == preview.preview.exchanges
    await scene.deliver()
    for number in (1, 2, 3, 4, 6):
        held, steps = before[number]
        assert scene.portal.held(code(number)) == held, number
        assert sorted(map(str, scene.portal.held_steps(code(number)))) == sorted(map(str, steps)), number
        assert scene.portal.app.portal.dossiers[code(number)].repeated_steps == 0
    # What is newer there stays as it is, and is still told.
    assert scene.portal.held(code(5))["TrangThaiHoSo"] == "9"
    again = await scene.compare()
    assert (again.counts[Outcome.SAME], again.counts[Outcome.THEIRS_NEWER], again.differences) == (5, 1, 1)
    report = await scene.service.report(again.id)
    assert (report.open, report.repaired) == (1, 4)
    (line,) = report.lines
    assert line.oldest_open_at == report.oldest_open_at == (await scene.found(run))[code(5)].found_at


async def test_a_finding_is_asked_about_once_more(scene: Scene) -> None:
    """What came back by itself, went on there, or moved here between finding and repair is left alone."""
    await scene.declare(range(1, 5), steps=1)
    await scene.deliver()
    held = {number: scene.portal.app.portal.dossiers[code(number)] for number in range(1, 5)}
    for number in range(1, 5):
        scene.tamper(number, "lose")
    run = await scene.compare()
    scene.portal.app.portal.dossiers[code(1)] = held[1]
    scene.portal.app.portal.dossiers[code(2)] = held[2]
    scene.tamper(2, "alter", state="9")
    await scene.step(3, 5)
    preview = await scene.service.preview(run.id, actor="test")
    assert preview.preview.excluded == {Exclusion.IN_FLIGHT: 1}
    repair = await scene.repair(run)
    assert repair.done == {"same_by_now": 1, "theirs_newer": 1, "in_flight": 1, "create": 1}
    assert (await scene.service.report(run.id)).open == 3


async def test_nothing_is_repaired_twice(scene: Scene) -> None:
    """A second repair finds nothing left, and a new run finds the exchanges of the first under way."""
    await scene.declare([1])
    await scene.deliver()
    scene.tamper(1, "lose")
    run = await scene.compare()
    first = await scene.repair(run)
    assert first.done == {"create": 1}
    assert (await scene.service.preview(run.id, actor="test")).preview.exchanges == 0
    again = await scene.compare()
    assert (again.counts[Outcome.IN_FLIGHT], again.differences) == (1, 0)
    await scene.deliver()
    assert scene.portal.app.portal.dossiers[code(1)].creates == 1
    with pytest.raises(Refusal) as refused:
        await scene.service.start_repair(run.id, first.id, actor="test", reason="Lần nữa")
    assert refused.value.code == "repair_started"


async def test_a_crash_in_a_repair_sends_nothing_twice(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of a repair is one transaction: killed in its middle, the next process does the rest and no more."""
    await scene.declare(range(1, 7))
    await scene.deliver()
    for number in range(1, 7):
        scene.tamper(number, "lose")
    run = await scene.compare()
    preview = await scene.service.preview(run.id, actor="test")
    repair = await scene.service.start_repair(run.id, preview.id, actor="test", reason="Cổng mất dữ liệu")
    enqueue, chunks = repairing.enqueue, 0

    async def dies_in_the_second(*arguments: Any, **options: Any) -> None:
        nonlocal chunks
        await enqueue(*arguments, **options)
        chunks += 1
        if chunks == 2:
            raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(repairing, "enqueue", dies_in_the_second)
        with pytest.raises(asyncio.CancelledError):
            await scene.another(chunk=2).work()
    assert await _open_exchanges(scene) == 2
    assert await scene.another(chunk=2).work()
    assert (await scene.service.repair(run.id, repair.id)).done == {"create": 6}
    assert await _open_exchanges(scene) == 6


async def test_what_waits_for_a_person_is_left_alone(scene: Scene) -> None:
    """A held exchange is decided first; a citizen's amendment on the portal stays until the dossier system took it."""
    await scene.declare([1, 2])
    await scene.deliver()
    scene.tamper(1, "lose")
    scene.tamper(2, "alter", fields={"DonViXuLy": "Đơn vị khác"})
    async with scene.hub.store.transaction() as conn:
        await conn.execute(
            "UPDATE lanes SET held_reason = 'outcome_unknown', open_count = 1 WHERE subject = %s", (code(1),)
        )
        await conn.execute(
            "INSERT INTO inbox_events (id, system, kind, their_id, subject, content_hash, occurred_at, sealed)"
            " VALUES (gen_random_uuid(), %s, 'dossier.amended', 'm-1', %s, '\\x00', now(), '\\x00')",
            (PORTAL, code(2)),
        )
    run = await scene.compare()
    assert (run.counts[Outcome.MISSING_THERE], run.counts[Outcome.DIFFERS]) == (1, 1)
    preview = await scene.service.preview(run.id, actor="test")
    assert preview.preview.excluded == {Exclusion.HELD: 1, Exclusion.AMENDED_THERE: 1}
    assert (await scene.repair(run)).done == {"held": 1, "amended_there": 1}


@pytest.mark.slow
async def test_a_repair_waits_for_a_partner_that_is_down(scene: Scene) -> None:
    """Silence while asking again sends nothing; the repair goes on when the partner answers."""
    await scene.declare(range(1, 4))
    await scene.deliver()
    for number in (1, 2, 3):
        scene.tamper(number, "lose")
    run = await scene.compare()
    states: list[str] = []
    preview = await scene.service.preview(run.id, actor="test")

    async def sleep(_: float) -> None:
        states.append((await scene.service.repair(run.id, preview.id)).state)
        assert await _open_exchanges(scene) == 0
        scene.portal.faults.clear()

    scene.reconciler = scene.another(sleep=sleep)
    await scene.service.start_repair(run.id, preview.id, actor="test", reason="Cổng mất dữ liệu")
    scene.portal.faults.add(FaultKind.RESET_BEFORE, connection="national_portal")
    assert await scene.reconciler.work()
    assert states == [RunState.WAITING]
    assert (await scene.service.repair(run.id, preview.id)).done == {"create": 3}


async def test_who_and_why_are_on_record(scene: Scene) -> None:
    """A repair needs a reason; its start, like that of a run, is an act in the ledger."""
    await scene.declare([1])
    await scene.deliver()
    scene.tamper(1, "lose")
    run = await scene.compare()
    preview = await scene.service.preview(run.id, actor="operator-1")
    with pytest.raises(Refusal) as refused:
        await scene.service.start_repair(run.id, preview.id, actor="operator-1", reason="  ")
    assert (refused.value.code, refused.value.field) == ("reason_required", "reason")
    started = await scene.service.start_repair(run.id, preview.id, actor="operator-2", reason="Cổng mất dữ liệu")
    assert (started.previewed_by, started.started_by, started.reason) == (
        "operator-1",
        "operator-2",
        "Cổng mất dữ liệu",
    )
    async with scene.hub.store.transaction() as conn:
        rows = await (
            await conn.execute("SELECT subject, facts FROM ledger_queue WHERE kind = 'act' ORDER BY 1")
        ).fetchall()
    acts = {row[0]: row[1] for row in rows}
    assert {run.id, started.id} <= set(acts)
    assert "reconciliation.repaired" in str(acts[started.id])
    assert "operator-2" in str(acts[started.id])
    assert "Cổng mất dữ liệu" not in str(acts[started.id])


async def _open_exchanges(scene: Scene) -> int:
    return int(await scene.hub.scalar("SELECT count(*) FROM exchanges WHERE ended_at IS NULL"))
