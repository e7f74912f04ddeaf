"""The life of an account: its states, the acts that move it, and the parties that may act.

Granting and giving back need two parties (VP 8.2, HD 9.3, YB 13.1, LĐ 9.3); taking away needs one, at once (VP 8.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from contracts.errors import Sentence
from hub.errors import Refusal


class AccountState(StrEnum):
    """Where an account stands; only an active one may look up."""

    REQUESTED = "requested"
    """Asked for in writing, not yet approved."""
    ACTIVE = "active"
    SUSPENDED = "suspended"
    """Taken out of use for a time, as during leave or an inquiry."""
    LOCKED = "locked"
    """Locked: unused for a year (VP 8.4), or by a case."""
    REVOKED = "revoked"
    """No longer needed (VP 8.3); a new written request begins it anew."""
    REFUSED = "refused"
    """The other party said no; a new written request begins it anew."""


class AccountAct(StrEnum):
    """What can be done to an account."""

    REQUEST = "request"
    """Ask for it, or after its end for a new one."""
    APPROVE = "approve"
    """Grant it, as the other party."""
    REFUSE = "refuse"
    """Say no, as the other party."""
    SUSPEND = "suspend"
    LOCK = "lock"
    REVOKE = "revoke"
    REINSTATE = "reinstate"
    """Give it back after a suspension or a lock; done when the other party approves it."""


class Party(StrEnum):
    """Who acts on an account."""

    AGENCY = "agency"
    """The agency the officer works for."""
    PROVINCIAL_OFFICE = "provincial_office"
    """The office of the provincial people's committee, with its public administration centre."""
    POLICE = "police"
    """The provincial police."""
    PROGRAM = "program"
    """The hub itself, where a rule acts and no person does."""


class RequestKind(StrEnum):
    """What waits for the other party."""

    GRANT = "grant"
    CHANGE = "change"
    """Another scope, role, unit, person or validity; what was granted stays in force until it is approved."""
    SECONDMENT = "secondment"
    """Another role or unit for a time, or from a day on."""
    REINSTATEMENT = "reinstatement"


class RequestState(StrEnum):
    """What became of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    """Another request took its place, or the account ended."""


_S, _A = AccountState, AccountAct

MOVES: Mapping[tuple[AccountState | None, AccountAct], AccountState] = {
    (None, _A.REQUEST): _S.REQUESTED,
    (_S.REFUSED, _A.REQUEST): _S.REQUESTED,
    (_S.REVOKED, _A.REQUEST): _S.REQUESTED,
    (_S.REQUESTED, _A.APPROVE): _S.ACTIVE,
    (_S.REQUESTED, _A.REFUSE): _S.REFUSED,
    (_S.REQUESTED, _A.REVOKE): _S.REVOKED,
    (_S.ACTIVE, _A.SUSPEND): _S.SUSPENDED,
    (_S.ACTIVE, _A.LOCK): _S.LOCKED,
    (_S.ACTIVE, _A.REVOKE): _S.REVOKED,
    (_S.SUSPENDED, _A.LOCK): _S.LOCKED,
    (_S.SUSPENDED, _A.REVOKE): _S.REVOKED,
    (_S.SUSPENDED, _A.REINSTATE): _S.ACTIVE,
    (_S.LOCKED, _A.REVOKE): _S.REVOKED,
    (_S.LOCKED, _A.REINSTATE): _S.ACTIVE,
}
"""Every move there is; what is not here is refused."""

ENDED = frozenset({AccountState.REVOKED, AccountState.REFUSED})
"""States in which nothing waits and nothing works; only a new written request leads out."""


def after(state: AccountState | None, act: AccountAct) -> AccountState:
    """Return the state that follows; ``None`` stands for an account that does not exist yet.

    Raises `Refusal` 409 ``account_state`` where the act is none of this state's.
    """
    try:
        return MOVES[state, act]
    except KeyError:
        shown = "unknown" if state is None else state.value
        raise Refusal(
            409,
            "account_state",
            Sentence(
                en=f"An account that is {shown} cannot take this act ({act.value}); read the account and its history.",
                vi=f"Tài khoản đang ở trạng thái {shown}, không thực hiện được thao tác {act.value};"
                " hãy xem lại tài khoản và lịch sử.",
            ),
        ) from None
