"""The promises of `contracts.ports.DossierPublisher`.

::

    hub                     adapter                    partner
     │ push_dossiers [A r1] ──▶ asks, creates ────────▶ A as of r1
     │ push_dossiers [A r1] ──▶ again ────────────────▶ A as of r1, created once
     │ push_dossiers [A r2] ──▶ known there: updates ─▶ A as of r2
     │ push_steps [s1 s2]   ──▶ ──────────────────────▶ s1 s2, in this order
     │ find_dossier A       ◀── state, fingerprints ◀── A
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from contracts.conformance import examples
from contracts.conformance.adapter import PortSuite, needs
from contracts.conformance.faults import EXPECTED, Fault
from contracts.conformance.safety import personal_texts
from contracts.conformance.stage import Stage, staged
from contracts.conformance.subject import Capability, Subject
from contracts.conformance.wire import Act
from contracts.dossier import Dossier, Step
from contracts.errors import REACTIONS, TryLater
from contracts.ports import DossierPublisher, DossierPush, RepeatClass, StepPush
from contracts.states import DossierState

_NEWER = "Trích yếu của lần sửa sau"


def push(dossier: Dossier, *, known_there: bool = False) -> DossierPush:
    """Return a push as the hub hands it over."""
    return DossierPush(exchange_id=f"ex-{dossier.code}", dossier=dossier, known_there=known_there)


def step_pushes(*steps: Step, code: str = examples.CODE) -> list[StepPush]:
    """Return pushes of steps of one dossier."""
    return [StepPush(exchange_id=f"ex-{step.sequence}", dossier_code=code, step=step) for step in steps]


async def _create(stage: Stage) -> None:
    await stage.connection.push_dossiers([push(examples.dossier())])


async def _mend_dossier(stage: Stage) -> None:
    await stage.connection.push_dossiers([push(examples.dossier(revision=2, summary=_NEWER))])
    held = await stage.held(examples.CODE)
    assert held is not None
    assert held["creates"] == 1, "created exactly once"
    assert _NEWER in str(held["dossier"]), "and the newest revision is what it holds"


async def _mend_step(stage: Stage) -> None:
    """As the hub: ask, and send only what is not listed. Where nothing is listed, a person decides."""
    if Capability.LISTS_STEPS not in stage.subject.capabilities:
        return
    found = await stage.connection.find_dossier(examples.CODE)
    assert found is not None
    assert found.step_fingerprints is not None
    if stage.connection.step_fingerprint(examples.CODE, examples.step()) not in found.step_fingerprints:
        await stage.connection.push_steps(step_pushes(examples.step()))
    held = await stage.held(examples.CODE)
    assert len(held["step_list"]) == 1, "the step is there exactly once"


class DossierPublisherSuite(PortSuite):
    """Needs two more fixtures: `copy_of` and `step_copy_of`, what the partner must hold, as its simulator tells it."""

    PORT = DossierPublisher
    REPEAT: ClassVar = {
        "push_dossier": frozenset({RepeatClass.IDEMPOTENT}),
        "push_step": frozenset({RepeatClass.RECONCILE_FIRST, RepeatClass.IDEMPOTENT}),
        "find_dossier": frozenset({RepeatClass.SAFE}),
    }
    ACTS: ClassVar = (
        Act(
            "find_dossier",
            is_write=False,
            prepare=_create,
            perform=lambda _stage, connection: connection.find_dossier(examples.CODE),
            personal=lambda: personal_texts(examples.dossier()),
        ),
        Act(
            "push_dossier",
            is_write=True,
            # A question before it logs in, so that the fault meets the write and nothing else.
            prepare=lambda stage: stage.connection.find_dossier(examples.CODE),
            perform=lambda _stage, connection: connection.push_dossiers([push(examples.dossier())]),
            personal=lambda: personal_texts(examples.dossier()),
            mend=_mend_dossier,
        ),
        Act(
            "push_step",
            is_write=True,
            prepare=_create,
            perform=lambda _stage, connection: connection.push_steps(step_pushes(examples.step())),
            personal=lambda: personal_texts(examples.dossier(), examples.step()),
            mend=_mend_step,
        ),
    )

    @pytest.fixture
    def copy_of(self) -> Callable[[Dossier], Any]:
        """Say what the partner must hold after a push; the test class overrides this."""
        raise NotImplementedError("a test class of the suite says what a partner must hold: fixture `copy_of`")

    @pytest.fixture
    def step_copy_of(self) -> Callable[[str, Step], Any]:
        """Say what the partner must hold of a step; the test class overrides this."""
        raise NotImplementedError("a test class of the suite says what a partner must hold: fixture `step_copy_of`")

    @pytest.mark.asyncio
    async def test_what_is_pushed_is_what_the_partner_holds(
        self, subject: Subject, copy_of: Callable[[Dossier], Any]
    ) -> None:
        """Created with the first revision, replaced as a whole by the second, field by field."""
        async with staged(subject) as stage:
            first, second = examples.dossier(), examples.dossier(revision=2, summary=_NEWER)
            await stage.connection.push_dossiers([push(first)])
            assert (await stage.held(first.code))["dossier"] == copy_of(first)
            await stage.connection.push_dossiers([push(second, known_there=True)])
            held = await stage.held(first.code)
            assert held["dossier"] == copy_of(second)
            assert held["creates"] == 1

    @pytest.mark.asyncio
    async def test_a_repeated_push_changes_nothing(self, subject: Subject, copy_of: Callable[[Dossier], Any]) -> None:
        """Whether the hub knows that it is there or not: idempotent means that nobody has to care."""
        async with staged(subject) as stage:
            for known_there in (False, False, True, True):
                await stage.connection.push_dossiers([push(examples.dossier(), known_there=known_there)])
            held = await stage.held(examples.CODE)
            assert held["dossier"] == copy_of(examples.dossier())
            assert held["creates"] == 1

    @pytest.mark.asyncio
    async def test_what_the_hub_believes_is_there_and_is_not_arrives(
        self, subject: Subject, copy_of: Callable[[Dossier], Any]
    ) -> None:
        """The partner was set up anew, or lost it in silence."""
        async with staged(subject) as stage:
            await stage.connection.push_dossiers([push(examples.dossier(revision=2), known_there=True)])
            assert (await stage.held(examples.CODE))["dossier"] == copy_of(examples.dossier(revision=2))

    @pytest.mark.asyncio
    async def test_a_batch_arrives_whole(self, subject: Subject, copy_of: Callable[[Dossier], Any]) -> None:
        """As many as the operation says, some known there and some not."""
        async with staged(subject) as stage:
            many = [
                examples.dossier(examples.code_of(n))
                for n in range(min(stage.connection.operations["push_dossier"].batch, 20))
            ]
            there = many[: len(many) // 2]
            for one in there:
                await stage.connection.push_dossiers([push(one)])
            await stage.connection.push_dossiers([push(one, known_there=one in there) for one in many])
            for one in many:
                held = await stage.held(one.code)
                assert held["dossier"] == copy_of(one)
                assert held["creates"] == 1

    @pytest.mark.asyncio
    async def test_steps_arrive_in_order_and_once(
        self, subject: Subject, step_copy_of: Callable[[str, Step], Any]
    ) -> None:
        """As many in one call as the operation says, then the next."""
        async with staged(subject) as stage:
            await _create(stage)
            batch = min(stage.connection.operations["push_step"].batch, 5)
            steps = [examples.step(n) for n in range(1, batch + 2)]
            await stage.connection.push_steps(step_pushes(*steps[:batch]))
            await stage.connection.push_steps(step_pushes(*steps[batch:]))
            held = await stage.held(examples.CODE)
            assert held["step_list"] == [step_copy_of(examples.CODE, one) for one in steps]

    @pytest.mark.asyncio
    async def test_not_found_is_an_answer(self, subject: Subject) -> None:
        """None, and the state where it is there; whatever fails raises (`WireSuite`), and is never None."""
        async with staged(subject) as stage:
            assert await stage.connection.find_dossier(examples.code_of(9999)) is None
            for state in DossierState:
                one = examples.dossier().model_copy(update={"state": state})
                await stage.connection.push_dossiers([push(one)])
                found = await stage.connection.find_dossier(one.code)
                assert found is not None
                assert (found.code, found.state) == (one.code, state)

    @pytest.mark.asyncio
    async def test_listed_steps_are_recognised(self, subject: Subject) -> None:
        """Each that arrived has its fingerprint in its place; one that did not has none. That settles doubts."""
        needs(subject, Capability.LISTS_STEPS)
        async with staged(subject) as stage:
            await _create(stage)
            found = await stage.connection.find_dossier(examples.CODE)
            assert found is not None
            assert found.step_fingerprints == ()
            arrived = [examples.step(1), examples.step(2)]
            for one in arrived:
                await stage.connection.push_steps(step_pushes(one))
            found = await stage.connection.find_dossier(examples.CODE)
            assert found is not None
            marks = [stage.connection.step_fingerprint(examples.CODE, examples.step(n)) for n in (1, 2, 3)]
            assert found.step_fingerprints == tuple(marks[:2])
            assert marks[2] not in found.step_fingerprints

    @pytest.mark.asyncio
    @pytest.mark.parametrize("fault", [one for one in EXPECTED if one not in {Fault.SLOW, Fault.DRIP, Fault.SILENCE}])
    async def test_a_push_that_could_not_ask_writes_nothing(self, subject: Subject, fault: Fault) -> None:
        """When it cannot be told whether a dossier is there, nothing is guessed and nothing is written."""
        needs(subject, Capability.ASKS_FIRST)
        async with staged(subject) as stage:
            await stage.fault(fault, "find_dossier")
            with pytest.raises(REACTIONS) as failed:
                await stage.connection.push_dossiers([push(examples.dossier())])
            assert type(failed.value) is EXPECTED[fault].question
            assert await stage.held(examples.CODE) is None
            assert await stage.answered("push_dossier") == 0

    @pytest.mark.asyncio
    async def test_a_partner_that_contradicts_itself_is_tried_later(
        self, subject: Subject, copy_of: Callable[[Dossier], Any]
    ) -> None:
        """It says "already there", and when asked that it is not: neither refused nor guessed."""
        needs(subject, Capability.SAYS_ALREADY_THERE)
        async with staged(subject) as stage:
            await stage.fault(Fault.DUPLICATE_ANSWER, "push_dossier")
            with pytest.raises(TryLater):
                await stage.connection.push_dossiers([push(examples.dossier())])
            await stage.clear_faults()
            await stage.connection.push_dossiers([push(examples.dossier())])
            assert (await stage.held(examples.CODE))["dossier"] == copy_of(examples.dossier())

    @pytest.mark.asyncio
    async def test_many_at_once_do_not_meet(self, subject: Subject, copy_of: Callable[[Dossier], Any]) -> None:
        """One connection serves all calls of a worker: each dossier arrives once, and one login serves them all."""
        async with staged(subject) as stage:
            many = [examples.dossier(examples.code_of(n), summary=f"Trích yếu {n}") for n in range(8)]
            await asyncio.gather(*(stage.connection.push_dossiers([push(one)]) for one in many))
            found = await asyncio.gather(*(stage.connection.find_dossier(one.code) for one in many))
            assert [one.code for one in found] == [one.code for one in many]
            for one in many:
                held = await stage.held(one.code)
                assert held["dossier"] == copy_of(one)
                assert held["creates"] == 1
            if Capability.LOGIN in subject.capabilities:
                assert await stage.answered("login") == 1
