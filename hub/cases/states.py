"""The life of a case: its states, and the acts that move it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub.cases import refusals


class CaseState(StrEnum):
    """Where a case stands."""

    NEW = "new"
    """Nobody works on it."""
    TAKEN = "taken"
    """Somebody works on it, and nobody else."""
    WAITING_EXPLANATION = "waiting_explanation"
    """Whoever took it has asked the officer, and the clock of the answer runs."""
    SUPPRESSED = "suppressed"
    """Put aside until a day, or until it becomes worse."""
    DECIDED = "decided"
    """It has a verdict."""


class CaseAct(StrEnum):
    """What is done with a case."""

    OPEN = "open"
    """The program found a reason for it."""
    GROW = "grow"
    """The program found more."""
    TAKE = "take"
    RELEASE = "release"
    ASK = "ask"
    """Ask the officer to explain look-ups."""
    ANSWER = "answer"
    """The officer has answered all that was asked."""
    NOTE = "note"
    SUPPRESS = "suppress"
    WAKE = "wake"
    """The program ends a suppression: its day has come, or it became worse."""
    DECIDE = "decide"
    REOPEN = "reopen"
    LOCK_ACCOUNT = "lock_account"
    ASK_REVEAL = "ask_reveal"
    APPROVE_REVEAL = "approve_reveal"
    READ_NUMBERS = "read_numbers"
    HAND_OVER = "hand_over"


_S, _A = CaseState, CaseAct

MOVES: Mapping[tuple[CaseState, CaseAct], CaseState] = {
    (_S.NEW, _A.TAKE): _S.TAKEN,
    (_S.NEW, _A.SUPPRESS): _S.SUPPRESSED,
    (_S.TAKEN, _A.RELEASE): _S.NEW,
    (_S.TAKEN, _A.ASK): _S.WAITING_EXPLANATION,
    (_S.TAKEN, _A.SUPPRESS): _S.SUPPRESSED,
    (_S.TAKEN, _A.DECIDE): _S.DECIDED,
    (_S.WAITING_EXPLANATION, _A.ASK): _S.WAITING_EXPLANATION,
    (_S.WAITING_EXPLANATION, _A.ANSWER): _S.TAKEN,
    (_S.WAITING_EXPLANATION, _A.RELEASE): _S.NEW,
    (_S.WAITING_EXPLANATION, _A.DECIDE): _S.DECIDED,
    (_S.SUPPRESSED, _A.TAKE): _S.TAKEN,
    (_S.SUPPRESSED, _A.WAKE): _S.NEW,
    (_S.DECIDED, _A.REOPEN): _S.NEW,
}
"""Every move there is; what is not here is refused."""

OF_THE_HOLDER = frozenset(
    {
        _A.RELEASE,
        _A.ASK,
        _A.DECIDE,
        _A.NOTE,
        _A.LOCK_ACCOUNT,
        _A.ASK_REVEAL,
        _A.READ_NUMBERS,
        _A.HAND_OVER,
    }
)
"""What only whoever took the case may do; a suppression too, where somebody has taken it."""

HELD = frozenset({_S.TAKEN, _S.WAITING_EXPLANATION})
"""States in which a case is in somebody's hands."""


def after(state: CaseState, act: CaseAct) -> CaseState:
    """Return the state that follows. Raises `Refusal` 409 where the act is none of this state's."""
    try:
        return MOVES[state, act]
    except KeyError:
        raise refusals.wrong_state(state.value, act.value) from None
