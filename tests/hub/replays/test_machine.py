"""The life of replays against a model: people and clerk in any order, with exchanges that change underneath.

The model is the plain truth: a replay never acts on what was not in its preview, never without a second person above
the limit, never while it is paused or stopped, and on nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from contracts.rules import DossierRules
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.errors import Refusal
from hub.replays.settings import ReplaySettings
from hub.settings import DeliverySettings, Settings
from hub.store.engine import Store, open_store
from tests.hub.exchanges.conftest import PROCEDURE, World
from tests.hub.exchanges.fakes import FakePortal
from tests.hub.replays.conftest import Desk

T = TypeVar("T")

LIMIT = 2
"""Above so many a second person is needed, here."""
SETTINGS = ReplaySettings(second_person_above=LIMIT, per_second=10_000, window=2)
PEOPLE = ("an", "bình")


class ReplayMachine(RuleBasedStateMachine):
    """Five dossiers whose exchanges end badly, and the replays people make of them."""

    make_settings: Callable[..., Settings]
    loop: asyncio.Runner
    store: Store | None = None

    replays = Bundle("replays")

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk
        self.keys: list[str] = []
        self.maker: dict[str, str] = {}
        self.meant: dict[str, set[str]] = {}
        self.approved: dict[str, bool] = {}
        self.state: dict[str, str] = {}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    @initialize()
    def begin(self) -> None:
        async def start() -> None:
            cls = type(self)
            if cls.store is None:
                cls.store = await open_store(self.make_settings())
            async with cls.store.transaction() as conn:
                await conn.execute(
                    "TRUNCATE replay_items, replays, attempts, exchanges, lanes, dossier_events, dossiers,"
                    " connections, ledger_queue"
                )
            await save_procedures(cls.store, "test", [PROCEDURE])
            intake = DossierIntake(
                cls.store, publishers=["national_portal"], rules=DossierRules(), procedures=ProcedureIndex(cls.store)
            )
            world = World(cls.store, FakePortal(), intake=intake, delivery=DeliverySettings())
            await world.connections.register()
            self.desk = Desk(world, SETTINGS)
            self.keys = await self.desk.ended(5)

        self.do(start())

    def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do it, or learn that it is refused."""
        try:
            return self.do(work)
        except Refusal:
            return None

    # --- people -----------------------------------------------------------------------------------------------

    @rule(target=replays, who=st.sampled_from(PEOPLE), code=st.sampled_from(["", "-1"]))
    def preview(self, who: str, code: str) -> str:
        one = self.do(self.desk.preview(who, **({"upstream_code": code} if code else {})))
        items = self.do(self.desk.replays.items(one.id)).items
        self.maker[one.id], self.approved[one.id], self.state[one.id] = who, False, "previewed"
        self.meant[one.id] = {item.exchange_id for item in items if item.state == "pending"}
        assert one.preview.count == len(self.meant[one.id])
        return one.id

    @rule(one=replays, who=st.sampled_from(PEOPLE))
    def approve(self, one: str, who: str) -> None:
        done = self.attempt(self.desk.replays.approve(one, actor=who))
        may = self.state[one] == "previewed" and not self.approved[one] and who != self.maker[one]
        assert (done is not None) is may
        self.approved[one] |= may

    @rule(one=replays, who=st.sampled_from(PEOPLE))
    def start(self, one: str, who: str) -> None:
        done = self.attempt(self.desk.replays.start(one, actor=who))
        enough = 0 < len(self.meant[one]) <= LIMIT or (self.approved[one] and self.meant[one])
        may = self.state[one] == "paused" or (self.state[one] == "previewed" and bool(enough))
        assert (done is not None) is may
        if may:
            self.state[one] = "running"

    @rule(one=replays)
    def pause(self, one: str) -> None:
        done = self.attempt(self.desk.replays.pause(one, actor="an"))
        assert (done is not None) is (self.state[one] == "running")
        if done is not None:
            self.state[one] = "paused"

    @rule(one=replays)
    def stop(self, one: str) -> None:
        done = self.attempt(self.desk.replays.stop(one, actor="an"))
        assert (done is not None) is (self.state[one] not in {"stopped", "finished"})
        if done is not None:
            self.state[one] = "stopped"

    # --- what happens meanwhile ---------------------------------------------------------------------------------

    @rule(number=st.integers(0, 4), state=st.sampled_from(["refused", "given_up", "delivered"]), code=st.booleans())
    def ends(self, number: int, state: str, code: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """A worker has sent one that was open."""
        key = self.keys[number]
        if self.do(self.desk.states_of([key])) == ["accepted"]:
            self.do(self.desk.end([key], state, upstream_code="-1" if code else ""))

    @rule(number=st.integers(0, 4))
    def a_person_acts_on_one(self, number: int) -> None:
        self.attempt(self.desk.world.exchanges.replay(self.keys[number], actor="chi"))

    @rule(crash=st.booleans())
    def the_clerk_moves(self, crash: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        before = dict(zip(self.keys, self.do(self.desk.states_of(self.keys)), strict=True))
        clerk = Desk(self.desk.world, SETTINGS).clerk if crash else self.desk.clerk
        self.do(clerk.step())
        after = dict(zip(self.keys, self.do(self.desk.states_of(self.keys)), strict=True))
        opened = {key for key in self.keys if before[key] != after[key]}
        running = [one for one, state in self.state.items() if state == "running"]
        assert opened <= {key for one in running for key in self.meant[one]}, "only what a running preview meant"
        assert all(before[key] in {"refused", "given_up"} and after[key] == "accepted" for key in opened)
        for one in running:
            self.state[one] = self.do(self.desk.replays.get(one)).state.value
            assert self.state[one] in {"running", "finished"}

    # --- always -------------------------------------------------------------------------------------------------

    @invariant()
    def every_replay_is_as_the_model_says(self) -> None:
        for one, state in self.state.items():
            found = self.do(self.desk.replays.get(one))
            assert found.state == state
            progress = found.progress
            counted = progress.pending + progress.on_the_way + sum(progress.ended.values())
            counted += sum(left.count for left in progress.skipped)
            assert counted == found.preview.count == len(self.meant[one])

    @invariant()
    def lanes_count_what_is_open(self) -> None:
        if self.keys:
            wrong = self.do(
                self.desk.world.scalar(
                    "SELECT count(*) FROM lanes l WHERE open_count <> (SELECT count(*) FROM exchanges e"
                    " WHERE e.lane_id = l.id AND e.ended_at IS NULL)"
                )
            )
            assert wrong == 0

    def teardown(self) -> None:
        if self.keys:
            self.do(self.desk.world.intake.aclose())


def run(make_settings: Callable[..., Settings], *, examples: int, steps: int) -> None:
    with asyncio.Runner() as loop:
        machine = type("Machine", (ReplayMachine,), {"loop": loop, "make_settings": staticmethod(make_settings)})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    deadline=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            if machine.store is not None:  # type: ignore[attr-defined]
                loop.run(machine.store.close())  # type: ignore[attr-defined]


def test_replays_do_what_was_previewed_and_approved(make_settings: Callable[..., Settings]) -> None:
    """A few lives with every run of the fast suite."""
    run(make_settings, examples=4, steps=15)


@pytest.mark.slow
def test_replays_do_what_was_previewed_and_approved_at_length(make_settings: Callable[..., Settings]) -> None:
    """Many lives."""
    run(make_settings, examples=20, steps=30)
