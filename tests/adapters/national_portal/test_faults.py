"""Every fault of the wire and of the portal: the reaction it becomes, and that trying again mends it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapters.transport.simulation.faults import FaultKind
from contracts.errors import LienThongError, OutcomeUnknown, TryLater
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.worlds import assert_safe, push, step_pushes, world

HASTY = {
    "call_deadline_seconds": 0.3,
    "push_dossier_deadline_seconds": 5,
    "push_step_deadline_seconds": 5,
    "find_dossier_deadline_seconds": 5,
}

"""Refuse for one operation resets the connection after the request was read: for a write that is no proof."""


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


async def test_an_operation_keeps_to_its_time() -> None:
    """Login, questions and writes together: the deadline of the operation bounds them all."""
    hasty: dict[str, Any] = {"call_deadline_seconds": 30, "push_dossier_deadline_seconds": 0.4}
    async with world(**hasty) as w:
        w.faults.add(FaultKind.SILENCE, connection="national_portal", operation="TraCuuHoSo")
        begun = time.monotonic()
        with pytest.raises(TryLater) as failed:
            await w.connection.push_dossiers([push(s.plain_dossier())])
        assert time.monotonic() - begun < 20, "one call alone may take thirty"
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
