"""Layer 1: the best explanation of a look-up, graded by how much it leaves unexplained.

The dossier decides; the purpose that somebody typed is no evidence. What is known at the moment of the look-up decides
at once. A look-up without an explanation yet, and without a dossier that would deny it one, waits 45 minutes for a
dossier to be registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from hub.watch.records import Lookup, Subject
from hub.watch.register import DAY, KnownDossier, Register
from hub.watch.rules import Weights

if TYPE_CHECKING:
    from hub.watch.networks import Network


class Grade(StrEnum):
    """Stable names of the explanations, the best first."""

    PARTY_ASSIGNED = "party_assigned"
    REGISTERED_AFTERWARDS = "registered_afterwards"
    TYPING_SLIP = "typing_slip"
    CORRECTED = "corrected"
    OTHER_SYSTEM_STEADY = "other_system_steady"
    STAND_IN = "stand_in"
    HOUSEHOLD = "household"
    OWN_OTHER_DOSSIER = "own_other_dossier"
    UNIT_OTHER_DOSSIER = "unit_other_dossier"
    NEIGHBOURING_HAMLET = "neighbouring_hamlet"
    OTHER_UNIT_PARTY = "other_unit_party"
    CLOSED_PARTY = "closed_party"
    OTHER_SYSTEM = "other_system"
    AWAITING_REGISTRATION = "awaiting_registration"
    UNEXPLAINED = "unexplained"


class Fault(StrEnum):
    """What is wrong with the dossier code itself."""

    UNKNOWN = "unknown"
    """No dossier has it, and it is written as ours are."""
    OTHER_SYSTEM = "other_system"
    """No dossier has it, and it is written otherwise."""
    OTHER_UNIT = "other_unit"
    CLOSED = "closed"


class Finding(NamedTuple):
    """The best explanation, before anybody has asked how the rest of the day looks."""

    grade: Grade
    w: float
    evidence: Mapping[str, str | int | float]
    dossier: KnownDossier | None = None
    """The dossier given, when it is known."""
    fault: Fault | None = None


UNEXPLAINED: Final = 0.5
"""From this weight on a look-up counts as unexplained."""

NOTHING: Mapping[str, str | int | float] = {}
_PARTY_ASSIGNED = Grade.PARTY_ASSIGNED
_NO_ADDRESS = {"address": "unknown"}


class Explainer:
    """Finds the best explanation. Reads the register, changes nothing; neighbours are judged by `settle_neighbour`."""

    def __init__(self, register: Register, weights: Weights) -> None:
        self._register = register
        self._weights = weights

    def find(self, lookup: Lookup, home: str, network: Network | None) -> Finding:
        """Explain a look-up by what is known at its moment.

        The officer works in the unit of the account, ``home``, in the one named by the look-up, and in the one whose
        network it came from. They differ during a secondment.
        """
        code = lookup.dossier_code
        known = self._register.dossiers.get(code) if code is not None else None
        if (
            known is not None
            and known.closed_at is None
            and lookup.account_id in known.assigned
            and lookup.subject_id in known.parties
        ):
            return Finding(_PARTY_ASSIGNED, 0.0, {"dossier": known.code}, known)
        there = network.owner if network is not None else None
        units = (lookup.unit_code, home) if there is None else (lookup.unit_code, home, there)
        if code is None:
            return self._elsewhere(lookup, units, None, None)
        if known is None:
            if not self._register.looks_like_ours(code):
                found = self._elsewhere(lookup, units, None, None)
                if found.w <= self._weights.own_other_dossier:
                    return found._replace(fault=Fault.OTHER_SYSTEM)
                evidence = {"code": "unknown"}
                return Finding(Grade.OTHER_SYSTEM, self._weights.other_system, evidence, fault=Fault.OTHER_SYSTEM)
            return self._elsewhere(lookup, units, None, Fault.UNKNOWN)
        return self._under(lookup, units, known)

    def settle_neighbour(self, account_id: str, finding: Finding) -> Finding:
        """Let a neighbour of a party explain only where neighbours are the procedure's habit; learn that habit."""
        known = finding.dossier
        if known is None or finding.fault is not None:
            return finding
        is_near = finding.grade is Grade.NEIGHBOURING_HAMLET
        is_land = known.habit.is_land
        if not is_near or "address" not in finding.evidence:
            known.habit.note(account_id, is_near=is_near)
        if not is_near or is_land:
            return finding
        return Finding(Grade.UNEXPLAINED, 1.0, NOTHING, known)

    def _under(self, lookup: Lookup, units: tuple[str, ...], known: KnownDossier) -> Finding:
        """Explain a look-up under the code of a known dossier."""
        weights = self._weights
        ours = lookup.account_id in known.assigned
        within = ours or known.unit_code in units
        extra = 0.0
        evidence: dict[str, str | int | float] = {"dossier": known.code}
        if known.closed_at is not None and known.closed_at <= lookup.ts:
            days = (lookup.ts - known.closed_at) / DAY
            evidence["closed_days"] = int(days)
            if days > weights.closed_days:
                if within and lookup.subject_id in known.parties:
                    return Finding(Grade.CLOSED_PARTY, weights.closed_party, evidence, known, Fault.CLOSED)
                return self._elsewhere(lookup, units, known, Fault.CLOSED)
            extra = weights.recently_closed
        if not within:
            return self._of_another_unit(lookup, units, known, evidence)
        if lookup.subject_id not in known.parties:
            return self._no_party(lookup, units, known, evidence, extra)
        if ours:
            return Finding(Grade.PARTY_ASSIGNED, extra, evidence, known)
        return Finding(Grade.STAND_IN, weights.stand_in + extra, evidence, known)

    def _of_another_unit(
        self, lookup: Lookup, units: tuple[str, ...], known: KnownDossier, evidence: Mapping[str, str | int | float]
    ) -> Finding:
        other = self._elsewhere(lookup, units, known, Fault.OTHER_UNIT)
        w = self._weights.other_unit_party
        if lookup.subject_id not in known.parties or other.w < w:
            return other
        return Finding(Grade.OTHER_UNIT_PARTY, w, evidence, known, Fault.OTHER_UNIT)

    def _no_party(
        self,
        lookup: Lookup,
        units: tuple[str, ...],
        known: KnownDossier,
        evidence: dict[str, str | int | float],
        extra: float,
    ) -> Finding:
        near = self._near_a_party(lookup, known)
        if near is not None:
            grade, w = near
            return Finding(grade, min(1.0, w + extra), evidence, known)
        w = self._weights.neighbouring_hamlet
        other = self._elsewhere(lookup, units, known, None)
        if other.w < w or lookup.subject is None:
            return other
        is_near = self._is_neighbour(lookup.subject, known)
        if is_near is None:
            # Not all parties were looked up yet, so nobody knows where they live.
            return Finding(Grade.NEIGHBOURING_HAMLET, w, evidence | _NO_ADDRESS, known)
        return Finding(Grade.NEIGHBOURING_HAMLET, w, evidence, known) if is_near else other

    def _near_a_party(self, lookup: Lookup, known: KnownDossier) -> tuple[Grade, float] | None:
        """Say whether the number is a party's mistyped, or the person lives with one."""
        subject_id = lookup.subject_id
        for party in known.parties:
            if is_slip(subject_id, party):
                return Grade.TYPING_SLIP, self._weights.typing_slip
        subject = lookup.subject
        if subject is None or not subject.household_id:
            return None
        people = self._register.subjects
        for party in known.parties:
            answered = people.get(party)
            if answered is not None and answered.household_id == subject.household_id:
                return Grade.HOUSEHOLD, self._weights.household
        return None

    def _is_neighbour(self, subject: Subject, known: KnownDossier) -> bool | None:
        """Say whether a person lives next to a party; ``None`` where it may be one whose address is not known."""
        if subject.hamlet is None:
            return False
        people = self._register.subjects
        found: bool | None = False
        for party in known.parties:
            answered = people.get(party)
            if answered is None or answered.hamlet is None:
                found = None
            elif answered.commune == subject.commune and abs(answered.hamlet - subject.hamlet) <= 1:
                return True
        return found

    def _elsewhere(
        self, lookup: Lookup, units: tuple[str, ...], known: KnownDossier | None, fault: Fault | None
    ) -> Finding:
        """Look for another dossier of this officer or unit that the person is a party of."""
        held = self._register.of_party.get(lookup.subject_id)
        if held:
            weights = self._weights
            best: KnownDossier | None = None
            best_w = 1.0
            for one in held:
                if lookup.account_id in one.assigned:
                    w = weights.own_other_dossier
                elif one.unit_code in units:
                    w = weights.unit_other_dossier
                else:
                    continue
                if one.closed_at is not None:
                    w += weights.recently_closed
                if w < best_w:
                    best, best_w = one, w
            if best is not None:
                own = lookup.account_id in best.assigned
                grade = Grade.OWN_OTHER_DOSSIER if own else Grade.UNIT_OTHER_DOSSIER
                return Finding(grade, best_w, {"dossier": best.code}, known, fault)
        if lookup.dossier_code is None or fault is Fault.UNKNOWN:
            return Finding(Grade.AWAITING_REGISTRATION, 1.0, NOTHING, None, fault)
        return Finding(Grade.UNEXPLAINED, 1.0, NOTHING, known, fault)


def is_slip(one: str, other: str) -> bool:
    """Say whether two different numbers differ by one digit or by one swap of neighbouring digits."""
    if len(one) != len(other) or one == other:
        return False
    at = [position for position, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(at) == 1:
        return True
    if len(at) != 2 or at[1] - at[0] != 1:  # noqa: PLR2004 - a swap touches two places
        return False
    first, second = at
    return one[first] == other[second] and one[second] == other[first]
