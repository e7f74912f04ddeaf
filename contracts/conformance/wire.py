"""Every fault on every operation: the right one of the six errors, in time, and nothing left running.

::

    adapter ──call──▶ road with a fault ──▶ played partner        (`WireSuite.test_a_fault_has_its_error`)
       ▲                    │
       └── one of six ◀─────┘   OutcomeUnknown exactly when a write may have left

    adapter ──call──▶ impostor at the partner's address           (`WireSuite.test_an_impostor_gains_nothing`)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from contracts.conformance.adapter import needs
from contracts.conformance.faults import EXPECTED, HANGING, OF_AN_ANSWER, Fault
from contracts.conformance.impostor import BECOMES, TAKEN_BYTES, Pretence, impostor
from contracts.conformance.safety import assert_safe, assert_silent
from contracts.conformance.stage import CONNECTION, SECRET, Stage, staged
from contracts.conformance.subject import Capability, Subject
from contracts.errors import REACTIONS, NeedsPerson, TryLater

_OVER_SECONDS = 15.0
"""How long after its deadline an operation may end on a machine that has other things to do."""


async def _nothing(_stage: Stage) -> None:
    pass


_OF_ALL_ACTS = frozenset({Fault.RESET_AFTER, Fault.SERVER_500})
"""Tried on every operation each time; the others on one question and one write, and on the rest in the slow suite."""


@dataclass(frozen=True, slots=True)
class Act:
    """One operation of a port as a test performs it."""

    operation: str
    is_write: bool
    perform: Callable[[Stage, Any], Awaitable[Any]]
    """Performs it once through the connection that is given."""
    prepare: Callable[[Stage], Awaitable[None]] = _nothing
    """Makes the partner ready for it: what must be there before, with time and without faults."""
    personal: Callable[[], frozenset[str]] = frozenset
    """The citizen's texts it carries, which must not be seen in anything it says."""
    mend: Callable[[Stage], Awaitable[None]] | None = None
    """After a failed write, once all is well: does what the hub does, then checks that it arrived exactly once."""

    def __str__(self) -> str:
        return self.operation


def _firsts(acts: list[Act]) -> list[Act]:
    """Return one question and one write: all calls of an adapter go through the same client."""
    found = [next((one for one in acts if one.is_write is kind), None) for kind in (False, True)]
    return [one for one in found if one is not None]


class WireSuite:
    """Inherited beside `AdapterSuite` and the suites of ports, whose ``ACTS`` it performs under every fault."""

    ACTS: ClassVar[tuple[Act, ...]] = ()

    @classmethod
    def acts(cls) -> list[Act]:
        """Return the acts of all suites a test class inherits."""
        return [act for suite in cls.__mro__ for act in vars(suite).get("ACTS", ())]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Every act with every fault; before and after the partner acted where that is the simulator's choice."""
        acts = self.acts()
        if {"act", "fault", "after"} <= set(metafunc.fixturenames):
            firsts = _firsts(acts)
            rows = [
                pytest.param(
                    act,
                    fault,
                    after,
                    id=f"{act}-{fault}{'-after' if after else ''}",
                    marks=() if act in firsts or fault in _OF_ALL_ACTS else pytest.mark.slow,
                )
                for act in acts
                for fault in EXPECTED
                for after in ([False, True] if fault in OF_AN_ANSWER and act.is_write else [False])
            ]
            metafunc.parametrize(("act", "fault", "after"), rows)
        elif {"act", "pretence"} <= set(metafunc.fixturenames):
            rows = [
                pytest.param(act, pretence, id=f"{act}-{pretence.name.lower()}")
                for act in _firsts(acts)
                for pretence in Pretence
            ]
            metafunc.parametrize(("act", "pretence"), rows)
        elif "act" in metafunc.fixturenames:
            metafunc.parametrize("act", acts, ids=str)

    @pytest.mark.asyncio
    async def test_a_fault_has_its_error(
        self,
        subject: Subject,
        act: Act,
        *,
        fault: Fault,
        after: bool,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """The error the hub expects, in time, silent about the citizen; and once all is well, mended."""
        caplog.set_level("DEBUG")
        async with staged(subject) as stage:
            await act.prepare(stage)
            await stage.fault(fault, act.operation, after=after)
            connection = stage.connect(hasty=True) if fault in HANGING else stage.connection
            limit = connection.operations[act.operation].deadline_seconds + _OVER_SECONDS
            async with asyncio.timeout(limit):
                with pytest.raises(REACTIONS) as failed:
                    await act.perform(stage, connection)
            expected = EXPECTED[fault].write if act.is_write else EXPECTED[fault].question
            assert type(failed.value) is expected, f"{fault} in {act} became {type(failed.value).__name__}"
            assert_safe(
                failed.value,
                connection=CONNECTION,
                operation=act.operation,
                forbidden={SECRET, *act.personal()},
                said="".join((caplog.text, *capfd.readouterr())),
            )
            await stage.clear_faults()
            if act.mend is not None:
                await act.mend(stage)
            else:
                await act.perform(stage, stage.connection)

    @pytest.mark.asyncio
    async def test_nobody_listening_is_no_outcome_at_all(self, subject: Subject, act: Act) -> None:
        """A closed port proves that nothing was sent: the one fault after which a write, too, may be tried later."""
        async with staged(subject) as stage:
            await act.prepare(stage)
            await stage.fault(Fault.REFUSE)
            with pytest.raises(TryLater) as failed:
                await act.perform(stage, stage.connect())
            assert_safe(
                failed.value, connection=CONNECTION, operation=act.operation, forbidden={SECRET, *act.personal()}
            )

    @pytest.mark.asyncio
    async def test_a_field_more_is_counted_and_no_error(self, subject: Subject, act: Act) -> None:
        """The partner has something new: the answer is used, and the drift is seen before it hurts."""
        async with staged(subject) as stage:
            await act.prepare(stage)
            before = len(stage.drift)
            await stage.fault(Fault.EXTRA_FIELD, act.operation)
            await act.perform(stage, stage.connection)
            assert len(stage.drift) > before
            for message, field in stage.drift:
                assert_silent(f"{message} {field}", act.personal())

    @pytest.mark.asyncio
    async def test_a_lost_session_costs_one_login(self, subject: Subject, act: Act) -> None:
        """Declared expired once: renewed and repeated. Declared expired for ever: a matter for a person."""
        needs(subject, Capability.LOGIN)
        async with staged(subject) as stage:
            await act.prepare(stage)
            logins = max(await stage.answered("login"), 1)
            await stage.fault(Fault.EXPIRED_SESSION, act.operation, count=1)
            await act.perform(stage, stage.connection)
            assert await stage.answered("login") <= logins + 1
            await stage.fault(Fault.EXPIRED_SESSION, act.operation)
            with pytest.raises(NeedsPerson) as failed:
                await act.perform(stage, stage.connection)
            assert_safe(
                failed.value, connection=CONNECTION, operation=act.operation, forbidden={SECRET, *act.personal()}
            )

    @pytest.mark.asyncio
    async def test_an_impostor_gains_nothing(self, subject: Subject, act: Act, pretence: Pretence) -> None:
        """An answer too large, packed too well, leading elsewhere or in no known tongue ends as an error, bounded."""
        async with staged(subject) as stage:
            await act.prepare(stage)
            await act.perform(stage, stage.connection)
            await stage.close_connections()
            await stage.leave()
            connection = stage.connect()
            limit = connection.operations[act.operation].deadline_seconds + _OVER_SECONDS
            async with impostor(stage.port, pretence) as seen, asyncio.timeout(limit):
                with pytest.raises(REACTIONS) as failed:
                    await act.perform(stage, connection)
                await stage.close_connections()
            assert seen.calls, "the impostor was never called"
            assert seen.elsewhere == 0, "a redirect was followed"
            # A question may be asked again a few times.
            assert seen.sent_bytes <= TAKEN_BYTES * seen.calls
            allowed = BECOMES[pretence][0 if act.is_write else 1]
            assert type(failed.value) in allowed, f"{pretence.name} in {act} became {type(failed.value).__name__}"
            assert_safe(
                failed.value, connection=CONNECTION, operation=act.operation, forbidden={SECRET, *act.personal()}
            )

    @pytest.mark.asyncio
    async def test_a_cancelled_call_leaves_nothing_running(self, subject: Subject, act: Act) -> None:
        """A worker that is stopped drops the call; no task of it stays, and the connection still works."""
        async with staged(subject) as stage:
            await act.prepare(stage)
            before = asyncio.all_tasks()
            await stage.fault(Fault.SILENCE, act.operation)
            call = asyncio.ensure_future(act.perform(stage, stage.connection))
            async with asyncio.timeout(_OVER_SECONDS):
                while not await stage.hits():
                    await asyncio.sleep(0.001)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await stage.clear_faults()
            if act.mend is not None:
                await act.mend(stage)
            else:
                await act.perform(stage, stage.connection)
            await stage.close_connections()
            async with asyncio.timeout(_OVER_SECONDS):
                while asyncio.all_tasks() - before:
                    await asyncio.sleep(0.001)
