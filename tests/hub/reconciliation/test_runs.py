"""Runs against a real simulator: every class, every kind of silence, a crash in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.transport.simulation.faults import FaultKind
from hub.errors import Refusal
from hub.reconciliation import examining, recording
from hub.reconciliation.asking import Pace
from hub.reconciliation.classify import Outcome
from hub.reconciliation.views import RunState
from tests.hub.exchanges.conftest import PORTAL
from tests.hub.reconciliation.conftest import DAY, Scene, code

PERSONAL = ("Trần Thị Mẫu", "Người Khác", "099199000123")


async def test_each_class_is_found_and_named(scene: Scene) -> None:
    """One dossier of every class, made at the portal itself; the report counts each once."""
    await scene.declare(range(1, 10), steps=2)
    await scene.deliver()
    scene.tamper(2, "lose")
    scene.tamper(3, "roll_back", state="2", steps=0)
    scene.tamper(4, "roll_back", steps=1)
    scene.tamper(5, "alter", state="9")
    scene.tamper(6, "alter", fields={"ChuHoSo": "Người Khác", "NgayHenTra": "20251231170000"})
    scene.tamper(7, "alter", fields={"DonViXuLy": "Đơn vị khác"})
    await _execute(scene, "DELETE FROM dossier_events WHERE dossier_code = %s", code(8))
    await _execute(scene, "DELETE FROM dossiers WHERE code = %s", code(8))
    run = await scene.compare()
    assert run.state is RunState.COMPLETED
    assert {outcome: n for outcome, n in run.counts.items() if n} == {
        Outcome.SAME: 2,
        Outcome.MISSING_THERE: 1,
        Outcome.MISSING_HERE: 1,
        Outcome.THEIRS_OLDER: 2,
        Outcome.THEIRS_NEWER: 1,
        Outcome.DIFFERS: 2,
    }
    found = await scene.found(run)
    assert {number: (found[code(number)].outcome.value, found[code(number)].fields) for number in range(2, 9)} == {
        2: ("missing_there", ()),
        3: ("theirs_older", ("state", "steps")),
        4: ("theirs_older", ("steps",)),
        5: ("theirs_newer", ("state",)),
        6: ("differs", ("applicant.name", "due_at")),
        7: ("differs", ("processing_unit",)),
        8: ("missing_here", ()),
    }
    assert found[code(4)].missing_steps == (2,)
    assert (found[code(3)].our_state, found[code(3)].their_state) == (4, 2)
    # A date may be shown, a name may not: only that it differs.
    assert found[code(6)].shown.keys() == {"due_at"}
    assert found[code(6)].shown["due_at"].theirs == "2025-12-31T10:00:00Z"
    assert not found[code(7)].shown


async def test_nothing_personal_is_kept_of_a_comparison(scene: Scene) -> None:
    """All that is stored of runs, findings and differences holds no name and no number of a citizen."""
    await scene.declare([1])
    await scene.deliver()
    scene.tamper(1, "alter", fields={"ChuHoSo": "Người Khác", "MaLinhVuc": "099199000123"})
    run = await scene.compare()
    (found,) = (await scene.found(run)).values()
    assert found.fields == ("applicant.name", "procedure.field_code")
    assert found.shown["procedure.field_code"].theirs == "(another form)"
    tables = ("runs", "counts", "findings", "differences", "repairs")
    async with scene.hub.store.transaction() as conn:
        for table in tables:
            rows = await (await conn.execute(f"SELECT t::text FROM reconciliation_{table} t")).fetchall()  # noqa: S608
            assert not any(text in row[0] for row in rows for text in PERSONAL), table


async def test_what_is_on_its_way_has_no_class(scene: Scene) -> None:
    """A dossier with an open lane is in flight and is not even asked about; it counts again once it has settled."""
    await scene.declare([1, 2])
    await scene.deliver()
    scene.tamper(1, "lose")
    await scene.step(1, 0)
    asked = scene.questions()
    run = await scene.compare()
    assert (run.counts[Outcome.IN_FLIGHT], run.counts[Outcome.SAME], run.differences) == (1, 1, 0)
    assert scene.questions() - asked == 1


async def test_what_moves_while_the_partner_is_asked_has_no_class(scene: Scene) -> None:
    """A revision accepted between our reading and their answer would compare two different moments."""
    await scene.declare([1])
    await scene.deliver()
    find = scene.portal.connection.find_dossier

    async def meanwhile(asked: str) -> Any:
        await scene.step(1, 0)
        return await find(asked)

    scene.portal.connection.find_dossier = meanwhile  # type: ignore[method-assign]
    run = await scene.compare()
    assert run.counts[Outcome.IN_FLIGHT] == 1
    assert run.differences == 0


async def test_a_revision_that_was_never_confirmed_is_older_there(scene: Scene) -> None:
    """TraCuuHoSo tells little; that our newest revision was refused is known from our own record."""
    await scene.declare([1])
    await scene.deliver()
    await scene.hub.put(
        code(1),
        received_at=datetime(2025, 10, 8, 2, 0, 1, tzinfo=UTC),
        submitted_at=datetime(2025, 10, 8, 1, 0, tzinfo=UTC),
        note="x" * 2000,
        due_at=None,
    )
    await _execute(scene, "UPDATE exchanges SET state = 'refused', ended_at = now() WHERE ended_at IS NULL")
    await _execute(scene, "UPDATE lanes SET open_count = 0, due_at = NULL")
    scene.tamper(1, "alter", fields={"NgayHenTra": ""})
    run = await scene.compare()
    (found,) = (await scene.found(run)).values()
    assert (found.outcome, found.why, found.fields) == (Outcome.THEIRS_OLDER, "unconfirmed", ("revision",))
    assert (found.our_revision, found.confirmed_revision) == (2, 1)


# --- silence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.HTML_200,
        pytest.param(FaultKind.WRONG_TYPE, marks=pytest.mark.slow),
        pytest.param(FaultKind.TRUNCATED, marks=pytest.mark.slow),
    ],
)
async def test_a_broken_answer_is_no_answer(scene: Scene, kind: FaultKind) -> None:
    """HTML with 200, a wrong type, half an answer: the dossier is not answered, and never missing there."""
    await scene.declare(range(1, 4))
    await scene.deliver()
    refusing = scene.portal.connection.find_dossier

    async def broken_for_two(asked: str) -> Any:
        if asked == code(2):
            with _fault(scene, kind):
                return await refusing(asked)
        return await refusing(asked)

    scene.portal.connection.find_dossier = broken_for_two  # type: ignore[method-assign]
    scene.reconciler = scene.another(in_flight=1)
    run = await scene.compare()
    assert run.state is RunState.COMPLETED
    assert (run.counts[Outcome.SAME], run.counts[Outcome.NOT_ANSWERED], run.differences) == (2, 1, 0)
    (found,) = (await scene.found(run)).values()
    assert (found.code, found.outcome) == (code(2), Outcome.NOT_ANSWERED)
    assert found.why in {"broken_answer", "no_answer"}
    assert (await scene.service.report(run.id)).open == 0


@contextlib.contextmanager
def _fault(scene: Scene, kind: FaultKind) -> Iterator[None]:
    scene.portal.faults.add(kind, connection="national_portal", operation="TraCuuHoSo")
    try:
        yield
    finally:
        scene.portal.faults.clear()


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, pytest.param(FaultKind.SERVER_500, marks=pytest.mark.slow)])
async def test_a_partner_that_is_down_is_waited_for(scene: Scene, kind: FaultKind) -> None:
    """Down in the middle: the run waits with the reason, and goes on where it was; nothing is missing there."""
    await scene.declare(range(1, 7))
    await scene.deliver()
    slept: list[str] = []

    async def sleep(_: float) -> None:
        slept.append((await scene.service.get(run.id)).state)
        scene.portal.faults.clear()

    scene.reconciler = scene.another(sleep=sleep, chunk=3)
    scene.reconciler.asker._most_failures = 3
    run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    asked = 0
    find = scene.portal.connection.find_dossier

    async def down_after_the_first_chunk(dossier: str) -> Any:
        nonlocal asked
        asked += 1
        if asked == 4:
            scene.portal.faults.add(kind, connection="national_portal")
        return await find(dossier)

    scene.portal.connection.find_dossier = down_after_the_first_chunk  # type: ignore[method-assign]
    assert await scene.reconciler.work()
    run = await scene.service.get(run.id)
    assert slept == [RunState.WAITING]
    assert (run.state, run.counts[Outcome.SAME], run.differences) == (RunState.COMPLETED, 6, 0)
    assert run.counts[Outcome.NOT_ANSWERED] == 0


@pytest.mark.slow
async def test_a_partner_that_stays_down_interrupts_the_run(scene: Scene) -> None:
    """After the patience of the connection the run ends as interrupted; what it had found stands, nothing is added."""
    await scene.declare(range(1, 4))
    await scene.deliver()
    scene.tamper(1, "lose")
    start = datetime.now(UTC)
    moments = iter(start + timedelta(minutes=30 * n) for n in range(100))
    scene.reconciler = scene.another(chunk=1, patience_minutes=60, now=lambda: next(moments))
    find = scene.portal.connection.find_dossier

    async def only_the_first(dossier: str) -> Any:
        if dossier != code(1):
            scene.portal.faults.add(FaultKind.RESET_BEFORE, connection="national_portal")
        return await find(dossier)

    scene.portal.connection.find_dossier = only_the_first  # type: ignore[method-assign]
    run = await scene.compare()
    assert run.state is RunState.INTERRUPTED
    assert run.reason
    assert run.reason_vi
    assert (run.counts[Outcome.MISSING_THERE], run.examined) == (1, 1)
    assert await _scalar(scene, "SELECT count(*) FROM alerts WHERE key = 'reconciliation.national_portal'") == 1


async def test_a_pause_holds_here_too(scene: Scene) -> None:
    """A paused connection, one in a maintenance window, one whose breaker is open: not one question leaves."""
    await scene.declare([1])
    await scene.deliver()
    reasons: list[str] = []
    lifts = iter(
        [
            "UPDATE connections SET paused = false, breaker = 'open', breaker_until = now() + interval '1 hour'",
            "UPDATE connections SET breaker = 'closed', breaker_until = NULL",
        ]
    )

    async def sleep(_: float) -> None:
        reasons.append((await scene.service.get(run.id)).reason)
        assert scene.questions() == asked
        await _execute(scene, next(lifts))

    scene.reconciler = scene.another(sleep=sleep)
    await scene.hub.connections.pause(PORTAL, actor="test", reason="Thử")
    asked = scene.questions()
    run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    assert await scene.reconciler.work()
    assert (await scene.service.get(run.id)).state is RunState.COMPLETED
    assert [reason.split(" ")[2] for reason in reasons] == ["is", "rests"]


async def test_a_stop_is_obeyed_while_questions_are_under_way(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused in the middle of a chunk: what is asked is broken off, nothing is concluded, and it goes on afterwards."""
    monkeypatch.setattr(examining, "LOOK_SECONDS", 0.01)
    await scene.declare(range(1, 5))
    await scene.deliver()
    find, began, resumed = scene.portal.connection.find_dossier, asyncio.Event(), False

    async def never_answers(dossier: str) -> Any:
        if resumed:
            return await find(dossier)
        if not began.is_set():
            began.set()
            await scene.hub.connections.pause(PORTAL, actor="test", reason="Thử")
        return await asyncio.Event().wait()

    async def sleep(_: float) -> None:
        nonlocal resumed
        assert (await scene.service.get(run.id)).reason.startswith("The connection is paused")
        resumed = True
        await scene.hub.connections.resume(PORTAL, actor="test")

    scene.reconciler = scene.another(sleep=sleep, in_flight=2)
    scene.portal.connection.find_dossier = never_answers  # type: ignore[method-assign]
    run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    assert await scene.reconciler.work()
    run = await scene.service.get(run.id)
    assert (run.state, run.counts[Outcome.SAME], run.counts[Outcome.NOT_ANSWERED]) == (RunState.COMPLETED, 4, 0)


# --- progress -------------------------------------------------------------------------------------------------


async def test_a_crash_in_the_middle_repeats_one_chunk_at_most(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies after asking and before writing; the next one asks that chunk again and no other."""
    await scene.declare(range(1, 11))
    await scene.deliver()
    scene.tamper(1, "lose")
    scene.tamper(9, "lose")
    advance, written = recording.advance, 0

    async def dies_at_the_third(*arguments: Any, **options: Any) -> None:
        nonlocal written
        written += 1
        if written == 3:
            raise asyncio.CancelledError
        await advance(*arguments, **options)

    run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    before = scene.questions()
    first = scene.another(chunk=3)
    with monkeypatch.context() as patch:
        patch.setattr(recording, "advance", dies_at_the_third)
        with pytest.raises(asyncio.CancelledError):
            await first.work()
    half = await scene.service.get(run.id)
    assert (half.state, half.examined) == (RunState.RUNNING, 6)
    assert await scene.another(chunk=3).work()
    whole = await scene.service.get(run.id)
    assert (whole.state, whole.examined) == (RunState.COMPLETED, 10)
    assert (whole.counts[Outcome.SAME], whole.counts[Outcome.MISSING_THERE]) == (8, 2)
    assert scene.questions() - before == 10 + 3


async def test_a_run_holds_one_chunk_and_keeps_its_rate(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many dossiers: one chunk in memory, no more questions at once than configured, none before its turn."""
    await scene.declare(range(1, 14))
    await scene.deliver()
    read, held = examining.read_ours, list[int]()

    async def counted(*arguments: Any) -> Any:
        found = await read(*arguments)
        held.append(len(found))
        return found

    monkeypatch.setattr(examining, "read_ours", counted)
    clock = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    scene.reconciler = scene.another(chunk=4, in_flight=3)
    scene.portal.watched.most_at_once.clear()
    scene.reconciler.asker.pace = Pace(2.0, clock=lambda: clock, sleep=sleep)
    run = await scene.compare()
    assert (run.counts[Outcome.SAME], run.asked) == (13, 13)
    assert max(held) == 4
    assert scene.portal.watched.most_at_once["TraCuuHoSo"] <= 3
    assert clock >= (13 - 1) / 2.0


@pytest.mark.slow
async def test_one_process_at_a_time(scene: Scene) -> None:
    """While one process compares, another finds the work taken; a second run is refused until the first ends."""
    await scene.declare(range(1, 6))
    await scene.deliver()
    gate, entered = asyncio.Event(), asyncio.Event()
    find = scene.portal.connection.find_dossier

    async def held(dossier: str) -> Any:
        entered.set()
        await gate.wait()
        return await find(dossier)

    scene.portal.connection.find_dossier = held  # type: ignore[method-assign]
    run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    working = asyncio.create_task(scene.reconciler.work())
    await entered.wait()
    assert await scene.another().work() is False
    with pytest.raises(Refusal) as refused:
        await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    assert (refused.value.status, refused.value.code) == (409, "reconciliation_running")
    gate.set()
    assert await working
    assert (await scene.service.get(run.id)).examined == 5


@pytest.mark.slow
async def test_a_runner_that_was_overtaken_writes_nothing(scene: Scene) -> None:
    """A chunk is written by whoever read the progress before it; a runner that lost its lock counts nothing twice."""
    await scene.declare(range(1, 3))
    await scene.deliver()
    run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)
    find = scene.portal.connection.find_dossier

    async def meanwhile(dossier: str) -> Any:
        await _execute(scene, "UPDATE reconciliation_runs SET chunks = chunks + 1 WHERE id = %s", uuid.UUID(run.id))
        return await find(dossier)

    scene.portal.connection.find_dossier = meanwhile  # type: ignore[method-assign]
    assert await scene.reconciler.work() is False
    assert (await scene.service.get(run.id)).examined == 0


# --- scope ----------------------------------------------------------------------------------------------------


async def test_the_scope_is_days_of_reception_in_vietnam_and_an_agency(scene: Scene) -> None:
    """17:00 UTC is the next day in Vietnam; what is outside the days or the agency is not asked about."""
    await scene.declare([1])
    await scene.declare([2], received_at=datetime(2025, 10, 8, 17, 30, tzinfo=UTC))
    await scene.declare([3], received_at=None, due_at=None)
    await scene.deliver()
    assert (await scene.compare()).counts[Outcome.SAME] == 1
    next_day = date(2025, 10, 9)
    assert (await scene.compare(from_day=next_day, to_day=next_day)).counts[Outcome.SAME] == 1
    both = await scene.compare(to_day=next_day, agency="H99")
    assert (both.expected, both.counts[Outcome.SAME]) == (2, 2)
    assert (await scene.compare(agency="H99.13")).examined == 0


async def test_a_list_of_codes_finds_what_we_do_not_hold(scene: Scene) -> None:
    """Codes handed in by a person are asked about whatever we hold: missing here, in neither, or compared."""
    await scene.declare([1])
    await scene.deliver()
    held = scene.portal.held(code(1))
    scene.portal.app.portal.add_dossier({**held, "MaHoSo": code(77)})
    run = await scene.compare(codes=[code(1), code(77), code(99)])
    assert (run.counts[Outcome.SAME], run.counts[Outcome.MISSING_HERE], run.counts[Outcome.IN_NEITHER]) == (1, 1, 1)
    (found,) = (await scene.found(run)).values()
    assert (found.code, found.agency, found.day) == (code(77), "H99.12", DAY)


@pytest.mark.slow
async def test_a_nightly_run_looks_again_at_what_is_open(scene: Scene) -> None:
    """A difference outside the days of tonight is asked about again, once, until it is settled."""
    await scene.declare([1, 2])
    await scene.deliver()
    held = scene.portal.held(code(1))
    scene.tamper(1, "lose")
    await scene.compare()
    other = date(2025, 11, 1)
    again = await scene.compare(from_day=other, to_day=other, origin="nightly")
    assert (again.examined, again.counts[Outcome.MISSING_THERE]) == (1, 1)
    report = await scene.service.report(again.id)
    assert (report.open, report.repaired) == (1, 0)
    scene.portal.app.portal.add_dossier(held)
    settled = await scene.compare(from_day=other, to_day=other, origin="nightly")
    assert settled.counts[Outcome.SAME] == 1
    assert (await scene.service.report(settled.id)).open == 0


async def _execute(scene: Scene, query: Any, *values: Any) -> None:
    async with scene.hub.store.transaction() as conn:
        await conn.execute(query, values or None)


async def _scalar(scene: Scene, query: Any, *values: Any) -> Any:
    return await scene.hub.scalar(query, *values)
