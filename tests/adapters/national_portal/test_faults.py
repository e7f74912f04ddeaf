"""Every fault of the wire and of the portal: the reaction it becomes, and that trying again mends it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapters.national_portal import mapping
from adapters.transport.simulation.faults import FaultKind
from contracts.errors import LienThongError, Malformed, OutcomeUnknown, TryLater
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.worlds import World, assert_safe, connect, push, step_pushes, world

HASTY = {
    "call_deadline_seconds": 0.3,
    "push_dossier_deadline_seconds": 5,
    "push_step_deadline_seconds": 5,
    "find_dossier_deadline_seconds": 5,
}

REACTIONS: dict[FaultKind, tuple[type[LienThongError], type[LienThongError]]] = {
    # kind: (what a write becomes, what a question becomes)
    FaultKind.REFUSE: (OutcomeUnknown, TryLater),
    FaultKind.RESET_BEFORE: (OutcomeUnknown, TryLater),
    FaultKind.RESET_AFTER: (OutcomeUnknown, TryLater),
    FaultKind.SILENCE: (OutcomeUnknown, TryLater),
    FaultKind.SLOW: (OutcomeUnknown, TryLater),
    FaultKind.TRUNCATED: (OutcomeUnknown, TryLater),
    FaultKind.DRIP: (OutcomeUnknown, TryLater),
    FaultKind.HTML_200: (Malformed, Malformed),
    FaultKind.WRONG_TYPE: (Malformed, Malformed),
    FaultKind.SERVER_500: (OutcomeUnknown, TryLater),
}
"""Refuse for one operation resets the connection after the request was read: for a write that is no proof."""


def wish(w: World, kind: FaultKind, operation: str) -> None:
    w.faults.add(kind, connection="national_portal", operation=operation)


def test_every_fault_has_its_line() -> None:
    """A kind of fault that is added must be given its reaction here or in the tests of the session."""
    assert set(FaultKind) - set(REACTIONS) == {FaultKind.EXPIRED_SESSION, FaultKind.DUPLICATE_ANSWER}


@pytest.mark.parametrize("kind", REACTIONS)
async def test_a_fault_in_a_write_and_the_way_back(kind: FaultKind) -> None:
    """The reaction to a failed create; trying again with the newest revision leaves exactly that, once."""
    async with world(**HASTY) as w:
        wish(w, kind, "DongBoHoSoMC")
        with pytest.raises(REACTIONS[kind][0]) as failed:
            await w.connection.push_dossiers([push(s.full_dossier(revision=1))])
        assert type(failed.value) is REACTIONS[kind][0]
        assert failed.value.exchange_id == "ex-1"
        assert_safe(failed.value)
        w.faults.clear()
        newer = s.full_dossier(revision=2, facts=s.full_facts(summary="Trích yếu mới"))
        await w.connection.push_dossiers([push(newer)])
        assert w.held() == dict(mapping.dossier_to_wire(newer, s.settings().vocabulary(), lambda url, _path: url))
        assert w.app.portal.dossiers[s.CODE].creates == 1


@pytest.mark.parametrize("kind", REACTIONS)
async def test_a_fault_in_a_question(kind: FaultKind) -> None:
    """A question that failed may be asked again; only an answer that breaks the contract is more than that."""
    async with world(**HASTY) as w:
        wish(w, kind, "TraCuuHoSo")
        with pytest.raises(REACTIONS[kind][1]) as failed:
            await w.connection.find_dossier(s.CODE)
        assert type(failed.value) is REACTIONS[kind][1]
        assert failed.value.operation == "find_dossier"
        assert_safe(failed.value)


@pytest.mark.parametrize("kind", REACTIONS)
async def test_a_failed_question_of_a_push_writes_nothing(kind: FaultKind) -> None:
    """When it cannot be told whether the dossier is there, nothing is guessed and nothing is written."""
    async with world(**HASTY) as w:
        wish(w, kind, "TraCuuHoSo")
        pushes = [push(s.plain_dossier(f"H99.12-261008-{number:04}")) for number in range(3)]
        with pytest.raises(REACTIONS[kind][1]) as failed:
            await w.connection.push_dossiers(pushes)
        assert_safe(failed.value)
        assert w.app.portal.dossiers == {}


@pytest.mark.parametrize(("kind", "acted"), [(FaultKind.HTML_200, True), (FaultKind.SERVER_500, True)])
async def test_a_fault_after_the_portal_acted_looks_the_same(kind: FaultKind, acted: bool) -> None:  # noqa: FBT001
    """The portal carried the steps out and then answers nonsense: asking it settles what happened."""
    async with world(lookup_steps_field="DanhSachTienDo") as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        rule = w.app.late_faults.add(kind, connection="national_portal", operation="CapNhatTienDoHoSoMC")
        with pytest.raises(REACTIONS[kind][0]) as failed:
            await w.connection.push_steps(step_pushes(s.step()))
        assert_safe(failed.value)
        w.app.late_faults.remove(rule)
        found = await w.connection.find_dossier(s.CODE)
        assert found is not None
        assert found.step_fingerprints is not None
        assert (w.connection.step_fingerprint(s.CODE, s.step()) in found.step_fingerprints) is acted


@pytest.mark.parametrize(
    ("code", "after", "write", "question"),
    [
        ("Server.ClientProxy.NetworkError", False, OutcomeUnknown, TryLater),
        ("Server.ServerProxy.ServiceFailed", True, OutcomeUnknown, TryLater),
    ],
)
async def test_a_failure_of_the_security_server(
    code: str,
    after: bool,  # noqa: FBT001 - a parameter of the table
    write: type[LienThongError],
    question: type[LienThongError],
) -> None:
    """The security server's own errors come through with their code, write and question apart."""
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        w.road.fail_next(code, after_provider=after)
        with pytest.raises(write) as failed:
            await w.connection.push_steps(step_pushes(s.step()))
        assert failed.value.upstream_code == code
        assert_safe(failed.value)
        assert len(w.held_steps()) == int(after)
        w.road.fail_next(code, after_provider=after, count=1)
        assert await w.connection.find_dossier(s.CODE), "a question cut off once is asked again at once"
        w.road.fail_next(code, after_provider=after, count=3)
        with pytest.raises(question) as failed:
            await w.connection.find_dossier(s.CODE)
        assert_safe(failed.value)


async def test_nobody_listening_is_no_outcome_at_all() -> None:
    """A closed port proves that nothing was sent, also for a write of a worker that has no open connection."""
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        fresh = connect(w.settings, w.sessions, w.drift)
        w.faults.add(FaultKind.REFUSE, connection="national_portal")
        with pytest.raises(TryLater) as failed:
            await fresh.push_steps(step_pushes(s.step()))
        await fresh.aclose()
        assert_safe(failed.value)


async def test_an_operation_keeps_to_its_time() -> None:
    """Login, questions and writes together: the deadline of the operation bounds them all."""
    hasty: dict[str, Any] = {"call_deadline_seconds": 30, "push_dossier_deadline_seconds": 0.4}
    async with world(**hasty) as w:
        w.faults.add(FaultKind.SILENCE, connection="national_portal", operation="TraCuuHoSo")
        begun = time.monotonic()
        with pytest.raises(TryLater) as failed:
            await w.connection.push_dossiers([push(s.plain_dossier())])
        assert time.monotonic() - begun < 3
        assert_safe(failed.value)


async def test_no_call_is_begun_without_time_for_it() -> None:
    """When the time is used up between two calls nothing more is sent: try later, not unknown."""
    async with world(call_deadline_seconds=30, push_dossier_deadline_seconds=0.2) as w:
        w.faults.add(FaultKind.SLOW, connection="national_portal", operation="TraCuuHoSo", seconds=0.0)
        portal_was_slow = 0.25

        def dawdle() -> None:
            time.sleep(portal_was_slow)  # the one event loop stands still: both sides lose the time

        w.watched.meanwhile["TraCuuHoSo"] = dawdle
        with pytest.raises(TryLater) as failed:
            await w.connection.push_dossiers([push(s.plain_dossier())])
        assert_safe(failed.value)
        assert w.app.portal.dossiers == {}
