"""The life of a case: what leads where, whatever is tried in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cases.states import HELD, MOVES, OF_THE_HOLDER, CaseAct, CaseState, after
from hub.errors import Refusal


@given(st.lists(st.sampled_from(list(CaseAct)), max_size=40))
def test_whatever_is_tried_a_case_stays_sound(tried: list[CaseAct]) -> None:
    """A verdict is reached only from a case somebody holds and left only by reopening; nothing else moves silently."""
    state = CaseState.NEW
    for act in tried:
        if (state, act) not in MOVES:
            with pytest.raises(Refusal) as caught:
                after(state, act)
            assert (caught.value.status, caught.value.code) == (409, f"case_{state.value}")
            continue
        reached = after(state, act)
        if reached is CaseState.DECIDED:
            assert state in HELD
        if state is CaseState.DECIDED:
            assert act is CaseAct.REOPEN
            assert reached is CaseState.NEW
        if act in OF_THE_HOLDER:
            assert state in HELD
        if reached is CaseState.TAKEN and state not in HELD:
            assert act is CaseAct.TAKE
        state = reached


def test_every_state_is_reached_and_can_be_left() -> None:
    """No dead end but none needed: a decided case can be reopened."""
    assert {state for state, _ in MOVES} == set(CaseState)
    assert {*MOVES.values()} == set(CaseState)
