"""The life of an account against a model: any acts of anybody in any order.

The plain truth: an account is active only when the police said so after somebody else had asked, what takes it away
works at once, and every act that was taken stands in the history with the state it led to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.frame import Caller
from hub.accounts.states import AccountState
from hub.errors import Refusal
from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.accounts.world import RegisterWorld, decision, declared, measure, register_world

ACTS = ("declare", "redeclare", "approve", "refuse", "suspend", "lock", "revoke", "reinstate")
PEOPLE = ("dossier_system", "police", "manager")

_R, _A, _S, _L, _X, _N = (
    AccountState.REQUESTED,
    AccountState.ACTIVE,
    AccountState.SUSPENDED,
    AccountState.LOCKED,
    AccountState.REVOKED,
    AccountState.REFUSED,
)
_TAKEN: dict[str, dict[AccountState, AccountState]] = {
    "suspend": {_A: _S},
    "lock": {_A: _L, _S: _L},
    "revoke": {_R: _X, _A: _X, _S: _X, _L: _X},
}


class Model:
    """What must be true of one account."""

    def __init__(self) -> None:
        self.state: AccountState | None = None
        self.waits = ""
        self.documents = 0
        self.requests = 0

    def expects(self, act: str, person: str) -> bool:
        """Say whether the act is taken; if it is, take it."""
        before = vars(self).copy()
        taken = self._do(act, person)
        if not taken:
            vars(self).update(before)
        return taken

    def _do(self, act: str, person: str) -> bool:
        if act in _TAKEN:
            to = _TAKEN[act].get(self.state) if self.state is not None else None
            self.waits = "" if to is _X else self.waits
            self.state = to or self.state
            return to is not None
        if act in {"approve", "refuse"}:
            if person != "police" or not self.waits:
                return False
            if act == "approve":
                self.state = _A
            elif self.waits == "grant":
                self.state = _N
            self.waits = ""
            return True
        if person == "police":
            return False  # who approves does not ask
        if act == "reinstate":
            allowed = self.state in {_S, _L}
            self.waits, self.requests = ("reinstatement", self.requests + 1) if allowed else (self.waits, self.requests)
            return allowed
        if act == "redeclare":
            self.documents += 1
        asks = self.state is None or (act == "redeclare" and self.state in {_R, _X, _N})
        if asks:
            self.state, self.waits, self.requests = _R, "grant", self.requests + 1
        return True


async def _does(world: RegisterWorld, act: str, person: str, *, documents: int, requests: int) -> bool:
    caller: Caller = getattr(world, person)
    number = f"{documents + (act == 'redeclare')}/CV"
    said = decision(max(requests, 1))
    work: dict[str, Callable[[], Any]] = {
        "declare": lambda: world.requests.declare("x", declared(request={"document_number": number}), caller),
        "redeclare": lambda: world.requests.declare("x", declared(request={"document_number": number}), caller),
        "approve": lambda: world.decisions.approve("x", said, caller),
        "refuse": lambda: world.decisions.refuse("x", said, caller),
        "suspend": lambda: world.measures.suspend("x", measure(), caller),
        "lock": lambda: world.measures.lock("x", measure(), caller),
        "revoke": lambda: world.measures.revoke("x", measure(), caller),
        "reinstate": lambda: world.requests.reinstate("x", measure(), caller),
    }
    try:
        await work[act]()
    except Refusal:
        return False
    return True


async def _run(world: RegisterWorld, acts: list[tuple[str, str]]) -> None:
    model = Model()
    for act, person in acts:
        documents, requests = model.documents, model.requests
        expected = model.expects(act, person)
        taken = await _does(world, act, person, documents=documents, requests=requests)
        assert taken is expected, (act, person, model.state)
        if model.state is None:
            continue
        one = await world.get("x")
        assert one.state is model.state
        assert (one.pending.kind.value if one.pending else "") == model.waits
        history = (await world.reader.history("x", Caller("reader"))).items
        assert history[0].to_state is model.state
        active = [entry for entry in history if entry.to_state is _A and entry.from_state is not _A]
        assert all(entry.party == "police" for entry in active)
    async with world.store.transaction() as conn:
        for table in ("roles", "requests", "acts", "rosters"):
            await conn.execute(f"DELETE FROM lookup_account_{table}")  # noqa: S608 - our own tables
        await conn.execute("DELETE FROM lookup_accounts")


@pytest.mark.parametrize("examples", [6, pytest.param(150, marks=pytest.mark.slow)])
def test_any_acts_in_any_order(make_settings: Callable[..., Settings], examples: int) -> None:
    """Against the model; each run on the same database, emptied."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(make_settings()))
        try:
            world = runner.run(register_world(store))

            @settings(
                max_examples=examples,
                deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture],
                derandomize=True,
            )
            @given(st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(PEOPLE)), max_size=10))
            def life(acts: list[tuple[str, str]]) -> None:
                runner.run(_run(world, [("declare", "dossier_system"), ("approve", "police"), *acts]))

            life()
        finally:
            runner.run(store.close())
