"""What goes wrong on the way to a partner, and which of the six errors an adapter makes of it.

The table is the contract: the hub decides by the class alone whether to wait, to ask or to call a person. A fault
before the partner acted and the same fault after it look alike from here, so they have one error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from contracts.errors import LienThongError, Malformed, OutcomeUnknown, TryLater


class Fault(StrEnum):
    """A fault that every simulator commits on demand, by its name in ``POST /faults``."""

    REFUSE = "refuse"
    """For one call: the connection is reset once the call was read. For all: nobody listens."""
    RESET_BEFORE = "reset_before"
    """The connection is reset before the partner gets the call."""
    RESET_AFTER = "reset_after"
    """The connection is reset after the partner has acted, without its answer."""
    SILENCE = "silence"
    """The call is taken and nothing ever comes back."""
    SLOW = "slow"
    """The partner acts and answers too late."""
    TRUNCATED = "truncated"
    """The partner acts and its answer breaks off."""
    DRIP = "drip"
    """The partner acts and its answer comes byte by byte."""
    HTML_200 = "html_200"
    """A page with status 200 in place of the answer."""
    EXPIRED_SESSION = "expired_session"
    """The session is declared expired in the middle."""
    WRONG_TYPE = "wrong_type"
    """A field of the answer has another type than agreed."""
    DUPLICATE_ANSWER = "duplicate_answer"
    """A create is answered with "already there" although it is the first."""
    SERVER_500 = "server_500"
    """The partner itself fails with status 500."""
    EXTRA_FIELD = "extra_field"
    """The answer has a field more than agreed: no error, but counted."""


HANGING = frozenset({Fault.SILENCE, Fault.SLOW, Fault.DRIP})
"""Faults that end by our own time limit; the suite meets them with the hasty settings of the subject."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a fault in one call becomes."""

    write: type[LienThongError]
    question: type[LienThongError]
    acted: frozenset[bool]
    """Whether the partner has acted then: the wire decides for faults of the wire, the test for those of answers."""


_NO, _YES, _EITHER = frozenset({False}), frozenset({True}), frozenset({False, True})

EXPECTED: Mapping[Fault, Expected] = MappingProxyType(
    {
        Fault.REFUSE: Expected(OutcomeUnknown, TryLater, _NO),
        Fault.RESET_BEFORE: Expected(OutcomeUnknown, TryLater, _NO),
        Fault.RESET_AFTER: Expected(OutcomeUnknown, TryLater, _YES),
        Fault.SILENCE: Expected(OutcomeUnknown, TryLater, _NO),
        Fault.SLOW: Expected(OutcomeUnknown, TryLater, _YES),
        Fault.TRUNCATED: Expected(OutcomeUnknown, TryLater, _YES),
        Fault.DRIP: Expected(OutcomeUnknown, TryLater, _YES),
        Fault.HTML_200: Expected(Malformed, Malformed, _EITHER),
        Fault.WRONG_TYPE: Expected(Malformed, Malformed, _EITHER),
        Fault.SERVER_500: Expected(OutcomeUnknown, TryLater, _EITHER),
    }
)
"""Faults of any call. The other three have tests of their own: an expired session and a false "already there" are
mended by the adapter where it can, and an extra field is no failure."""

OF_AN_ANSWER = frozenset(fault for fault, expected in EXPECTED.items() if expected.acted == _EITHER)
"""Faults that a simulator commits before or after acting, as it is told (``when``)."""
