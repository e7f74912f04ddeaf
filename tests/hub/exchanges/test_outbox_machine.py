"""The outbox against a model: whatever is accepted, whatever fails, and whenever a worker dies.

Hypothesis drives declarations, steps, deliveries with failures before and after the partner acted, workers
that are lost in the middle of a call, pauses and leases that run out. The model is the plain truth: per
dossier, the steps accepted in order and the newest facts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contracts.errors import Malformed, NeedsPerson, OutcomeUnknown, Sentence, TryLater
from contracts.rules import DossierRules
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.settings import DeliverySettings, Settings
from hub.store.engine import open_store
from tests.hub.exchanges.conftest import PORTAL, PROCEDURE, World, step
from tests.hub.exchanges.fakes import FakePortal

T = TypeVar("T")

WORDS = Sentence("Test.", "Thử.")
CODES = tuple(f"H99.12-261008-{number:04d}" for number in range(1, 4))
FAILURES = {
    ("push_dossier", "before"): (TryLater, OutcomeUnknown, Malformed, NeedsPerson),
    ("push_dossier", "after"): (OutcomeUnknown, Malformed),
    ("push_step", "before"): (TryLater, OutcomeUnknown, Malformed, NeedsPerson),
    ("push_step", "after"): (OutcomeUnknown, Malformed),
    ("find_dossier", "before"): (TryLater, Malformed),
}
DELIVERY = DeliverySettings(
    first_delay_seconds=0.01,
    max_delay_seconds=0.01,
    retry_budget_ratio=10,
    retry_budget_floor_per_second=1000,
    breaker_failures=1000,
    breaker_cooldown_seconds=0.01,
    breaker_max_cooldown_seconds=0.01,
    settle_delay_seconds=0.01,
    malformed_limit=100,
)


class OutboxMachine(RuleBasedStateMachine):
    """One connection, three dossiers, one database that is emptied for every run."""

    make_settings: Callable[..., Settings]
    loop: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, list[str]] = {}
        self.newest: dict[str, str] = {}
        self.counter = 0
        self.plan: list[tuple[str, str, type[Exception]]] = []
        self.world: World

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    @initialize()
    def begin(self) -> None:
        async def start() -> World:
            store = await open_store(self.make_settings())
            async with store.transaction() as conn:
                await conn.execute(
                    "TRUNCATE attempts, exchanges, lanes, dossier_events, dossiers, connections, workers"
                )
            await save_procedures(store, "test", [PROCEDURE])
            intake = DossierIntake(store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store))
            world = World(store, FakePortal(batch=3), intake=intake, delivery=DELIVERY)
            await world.connections.register()
            return world

        self.world = self.do(start())
        self.world.portal.before = lambda operation, _pushes: self._fail(operation, "before")
        self.world.portal.after = lambda operation, _pushes: self._fail(operation, "after")

    def _fail(self, operation: str, when: str) -> None:
        for index, (planned, planned_when, error) in enumerate(self.plan):
            if (planned, planned_when) == (operation, when):
                del self.plan[index]
                raise error(WORDS)  # type: ignore[arg-type]

    # --- what the dossier system does -----------------------------------------------------------------------

    @rule(code=st.sampled_from(CODES))
    def declare(self, code: str) -> None:
        self.counter += 1
        self.newest[code] = f"Lần {self.counter}"
        self.accepted.setdefault(code, [])
        self.do(self.world.put(code, summary=self.newest[code]))

    @precondition(lambda self: self.newest)
    @rule(data=st.data(), count=st.integers(1, 4))
    def record_steps(self, data: st.DataObject, count: int) -> None:
        code = data.draw(st.sampled_from(sorted(self.newest)))
        for _ in range(count):
            self.counter += 1
            content = f"Bước {self.counter}"
            self.do(self.world.record(code, step(minutes=len(self.accepted[code]), content=content)))
            self.accepted[code].append(content)

    # --- what happens on the way ------------------------------------------------------------------------------

    @rule(where=st.sampled_from(sorted(FAILURES)), data=st.data())
    def plan_failure(self, where: tuple[str, str], data: st.DataObject) -> None:
        error = data.draw(st.sampled_from(FAILURES[where]))
        self.plan.append((*where, error))

    @rule(rounds=st.integers(1, 6))
    def deliver_a_while(self, rounds: int) -> None:
        async def deliver() -> None:
            async with self.world.working():
                await asyncio.sleep(0.02 * rounds)

        self.do(deliver())

    @rule(operation=st.sampled_from(["push_dossier", "push_step"]), after=st.booleans())
    def lose_a_worker(self, operation: str, after: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """A worker is gone at the moment just before or just after the partner acted."""

        async def die() -> None:
            reached = asyncio.Event()

            async def hang(called: str, _pushes: Sequence[Any]) -> None:
                if called == operation:
                    reached.set()
                    await asyncio.sleep(3600)

            portal = self.world.portal
            kept = portal.before, portal.after
            if after:
                portal.after = hang
            else:
                portal.before = hang
            task = asyncio.create_task(self.world.runner(name="dying").run())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reached.wait(), 0.15)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            portal.before, portal.after = kept

        self.do(die())

    @rule()
    def leases_run_out(self) -> None:
        self.do(self._expire())

    async def _expire(self) -> None:
        async with self.world.store.transaction() as conn:
            await conn.execute("UPDATE lanes SET due_at = now() WHERE lease_token IS NOT NULL")

    @rule()
    def pause_and_resume(self) -> None:
        async def stop_and_go() -> None:
            await self.world.connections.pause(PORTAL, actor="trực ca", reason="Thử")
            calls = len(self.world.portal.calls)
            async with self.world.working():
                await asyncio.sleep(0.05)
            assert len(self.world.portal.calls) == calls, "a pause is a stop"
            await self.world.connections.resume(PORTAL, actor="trực ca")

        self.do(stop_and_go())

    # --- what must always be true -----------------------------------------------------------------------------

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        if not hasattr(self, "world"):
            return
        for code, steps in self.world.portal.steps.items():
            arrived = [one.content for one in steps]
            assert arrived == self.accepted[code][: len(arrived)]

    @invariant()
    def lanes_count_what_is_open(self) -> None:
        if not hasattr(self, "world"):
            return
        wrong = self.do(
            self.world.scalar(
                "SELECT count(*) FROM lanes l WHERE open_count <> (SELECT count(*) FROM exchanges e"
                " WHERE e.lane_id = l.id AND e.ended_at IS NULL)"
            )
        )
        assert wrong == 0

    def teardown(self) -> None:
        """Without further failures everything arrives."""
        if not hasattr(self, "world"):
            return
        self.plan.clear()

        async def finish() -> None:
            await self._expire()
            async with self.world.store.transaction() as conn:
                # What rests for a person's sake is due now, as if the person had acted.
                await conn.execute("UPDATE lanes SET due_at = now() WHERE due_at IS NOT NULL")
            async with self.world.working(name="last"):
                await self.world.until(self.world.settled)
            await self.world.intake.aclose()
            await self.world.store.close()

        self.do(finish())
        for code, contents in self.accepted.items():
            assert [one.content for one in self.world.portal.steps[code]] == contents
            assert self.world.portal.dossiers[code].dossier.facts.summary == self.newest[code]
            assert self.world.portal.dossiers[code].dossier.revision >= 1


@pytest.mark.slow
def test_the_outbox_keeps_its_promises(make_settings: Callable[..., Settings]) -> None:
    """No sequence of calls, failures, deaths and pauses loses, doubles or reorders anything."""
    with asyncio.Runner() as runner:
        OutboxMachine.make_settings = staticmethod(make_settings)
        OutboxMachine.loop = runner
        run_state_machine_as_test(
            OutboxMachine,
            settings=settings(
                max_examples=40,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
