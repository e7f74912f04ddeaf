"""The mirror: what a simulator must offer, so that tests, the sandbox, training and the demonstration can use it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from contracts.conformance.adapter import first_question
from contracts.conformance.faults import OF_AN_ANSWER, Fault
from contracts.conformance.safety import assert_silent
from contracts.conformance.stage import SECRET, staged
from contracts.conformance.subject import Subject
from contracts.ports import SimulatorContext


class SimulatorSuite:
    """Inherited beside `AdapterSuite`: the partner as the sandbox plays it."""

    @pytest.mark.asyncio
    async def test_the_settings_it_hands_out_lead_to_it(self, subject: Subject) -> None:
        """A connection made of them works at once, and the call is seen there."""
        async with staged(subject) as stage:
            assert type(stage.settings) is subject.adapter.settings
            await first_question(self, stage)
            _, state = await stage.control("GET", "/state")
            assert sum(one["calls"] for one in state["counts"]) > 0

    @pytest.mark.asyncio
    async def test_it_shows_what_it_received_and_no_secret(self, subject: Subject) -> None:
        """A page for people, a state for programs."""
        async with staged(subject) as stage:
            await first_question(self, stage)
            status, page = await stage.control("GET", "/")
            assert status == 200
            assert page.lstrip().lower().startswith("<!doctype html")
            _, state = await stage.control("GET", "/state")
            assert {tuple(sorted(one)) for one in state["counts"]} == {("calls", "code", "service")}
            assert_silent(f"{page} {state}", {SECRET})

    @pytest.mark.asyncio
    @pytest.mark.parametrize("fault", list(Fault))
    async def test_every_fault_can_be_wished_for_and_taken_back(self, subject: Subject, fault: Fault) -> None:
        """By kind and operation, for a number of calls; faults of answers also after it has acted."""
        async with staged(subject) as stage:
            operation = next(iter(subject.calls))
            await stage.fault(fault, operation, count=1)
            if fault in OF_AN_ANSWER:
                await stage.fault(fault, operation, after=True)
            _, rules = await stage.control("GET", "/faults")
            assert {rule["kind"] for rule in rules} == {fault}
            assert {rule["operation"] for rule in rules} == {subject.calls[operation]}
            assert all(rule["hits"] == 0 for rule in rules)
            await stage.clear_faults()
            assert await stage.control("GET", "/faults") == (200, [])

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        "wish", [{}, {"kind": "khong_co"}, {"kind": "silence", "share": 2}, {"kind": "slow", "x": 1}]
    )
    async def test_a_wish_it_does_not_understand_is_refused(self, subject: Subject, wish: dict[str, object]) -> None:
        """A mistyped fault that is silently dropped would make a test pass that tests nothing."""
        async with staged(subject) as stage:
            status, _ = await stage.control("POST", "/faults", wish)
            assert status == 422
            assert await stage.control("GET", "/faults") == (200, [])

    @pytest.mark.asyncio
    async def test_it_forgets_on_demand(self, subject: Subject) -> None:
        """The next lesson, or test, begins with an empty partner and without faults."""
        async with staged(subject) as stage:
            await first_question(self, stage)
            await stage.fault(Fault.SERVER_500)
            status, _ = await stage.control("POST", "/reset")
            assert status == 200
            _, state = await stage.control("GET", "/state")
            assert state["counts"] == []
            assert await stage.control("GET", "/faults") == (200, [])

    @pytest.mark.asyncio
    async def test_two_of_them_know_nothing_of_each_other(self, subject: Subject) -> None:
        """State is kept in the object, never in a module."""
        async with staged(subject) as one, staged(subject) as other:
            await first_question(self, one)
            _, state = await other.control("GET", "/state")
            assert state["counts"] == []

    @pytest.mark.asyncio
    async def test_it_plays_only_its_own_settings(self, subject: Subject) -> None:
        """`Adapter.simulator` builds the application alone, and refuses the settings of another adapter."""
        assert subject.adapter.simulator is not None
        async with staged(subject) as stage:
            settings = stage.settings
        assert callable(subject.adapter.simulator(SimulatorContext(settings=settings)))
        with pytest.raises(TypeError):
            subject.adapter.simulator(SimulatorContext(settings=_Foreign()))


class _Foreign(BaseModel):
    """The settings of something else."""
