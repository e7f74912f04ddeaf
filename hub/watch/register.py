"""What the watch knows of dossiers and people at this moment: never more than has happened.

Dossiers are kept by code and by party; people by what the population database answered when they were looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hub.watch.records import Dossier, Subject
from hub.watch.rules import Weights

DAY = 86_400.0
_NEAR_NEEDED = 8
_ACCOUNTS_NEEDED = 4
_NEAR_SHARE = 0.6
_DIGITS = "0123456789"
_RUNS = re.compile(r"[0-9]+")
_MOST_STEMS = 20_000


class LandHabit:
    """Whether a procedure's dossiers lead to the neighbours of their parties, as those about land do.

    Provinces name procedures as they like, so beside the name the habit counts: of the people unrelated to a party who
    were looked up under the procedure, most live next to one, and several officers did so.
    """

    __slots__ = ("accounts", "far", "is_named", "near")

    def __init__(self, *, is_named: bool) -> None:
        self.is_named = is_named
        self.near = 0
        self.far = 0
        self.accounts: set[str] = set()

    @property
    def is_land(self) -> bool:
        """Whether neighbours are part of the work."""
        if self.is_named:
            return True
        enough = self.near >= _NEAR_NEEDED and len(self.accounts) >= _ACCOUNTS_NEEDED
        return enough and self.near >= _NEAR_SHARE * (self.near + self.far)

    def note(self, account_id: str, *, is_near: bool) -> None:
        """Count somebody unrelated to the parties."""
        if not is_near:
            self.far += 1
            return
        self.near += 1
        if len(self.accounts) < _ACCOUNTS_NEEDED:
            self.accounts.add(account_id)


class KnownDossier:
    """A dossier as known now; ``touched_by`` holds every account that looked somebody up under its code."""

    __slots__ = (
        "assigned",
        "closed_at",
        "code",
        "habit",
        "lookup_ids",
        "opened_at",
        "parties",
        "procedure",
        "touched_by",
        "unit_code",
    )

    def __init__(self, dossier: Dossier, habit: LandHabit) -> None:
        self.code = dossier.code
        self.unit_code = dossier.unit_code
        self.procedure = dossier.procedure
        self.assigned = dossier.assigned_officers
        self.parties = frozenset(dossier.party_ids)
        self.opened_at = dossier.opened_at
        self.closed_at: float | None = None
        self.habit = habit
        self.touched_by: tuple[str, ...] = ()
        self.lookup_ids: tuple[str, ...] = ()
        """The first look-ups under its code, as evidence."""

    def touch(self, account_id: str, lookup_id: str) -> None:
        """Note who looked somebody up for this dossier."""
        if account_id not in self.touched_by:
            self.touched_by = (*self.touched_by, account_id)
            self.lookup_ids = (*self.lookup_ids, lookup_id)


class Register:
    """Dossiers and people as known now."""

    def __init__(self, weights: Weights) -> None:
        self._keep = weights.closed_days * DAY
        self._land = tuple(word.casefold() for word in weights.land_procedures)
        self._habits: dict[str, LandHabit] = {}
        self.dossiers: dict[str, KnownDossier] = {}
        self.of_party: dict[str, list[KnownDossier]] = {}
        self.subjects: dict[str, Subject] = {}
        self._shapes: set[tuple[str, str]] = set()
        self._stems: set[str] = set()
        """Codes without their number at the end, of which the shape is known."""

    def open(self, dossier: Dossier) -> KnownDossier:
        """Take a dossier in, or what has become of it; return how it is known."""
        known = self.dossiers.get(dossier.code)
        if known is None:
            habit = self._habits.get(dossier.procedure)
            if habit is None:
                name = dossier.procedure.casefold()
                habit = LandHabit(is_named=any(word in name for word in self._land))
                self._habits[dossier.procedure] = habit
            known = KnownDossier(dossier, habit)
            self.dossiers[dossier.code] = known
            self._learn_shape(dossier.code)
        else:
            self._unlist(known, known.parties - frozenset(dossier.party_ids))
            known.assigned, known.unit_code = dossier.assigned_officers, dossier.unit_code
            fresh = frozenset(dossier.party_ids) - known.parties
            known.parties = frozenset(dossier.party_ids)
            self._list(known, fresh)
            return known
        self._list(known, known.parties)
        return known

    def close(self, code: str, ts: float) -> KnownDossier | None:
        """Note a closing; ``None`` for a dossier that is not known or closed already."""
        known = self.dossiers.get(code)
        if known is None or known.closed_at is not None:
            return None
        known.closed_at = ts
        return known

    def retire(self, known: KnownDossier) -> None:
        """Let go of what a dossier explains, days after its closing; its code stays known."""
        self._unlist(known, known.parties)

    def learn_subject(self, subject: Subject) -> bool:
        """Note what was answered about a person; say whether nothing was known before."""
        is_new = subject.subject_id not in self.subjects
        self.subjects[subject.subject_id] = subject
        return is_new

    def looks_like_ours(self, code: str) -> bool:
        """Say whether a code is written as the dossier system of this province writes them."""
        return _shape(code) in self._shapes

    def _learn_shape(self, code: str) -> None:
        stem = code.rstrip(_DIGITS)
        if stem in self._stems and stem != code:
            return
        if len(self._stems) >= _MOST_STEMS:
            self._stems.clear()
        self._stems.add(stem)
        self._shapes.add(_shape(code))

    def forget(self, before: float, *, keep: Iterable[str] = ()) -> None:
        """Drop dossiers closed before a moment, and people who are party to none that is left."""
        gone = [one for one in self.dossiers.values() if one.closed_at is not None and one.closed_at < before]
        for one in gone:
            self._unlist(one, one.parties)
            del self.dossiers[one.code]
        wanted = set(keep)
        self.subjects = {key: value for key, value in self.subjects.items() if key in self.of_party or key in wanted}

    def _list(self, known: KnownDossier, parties: Iterable[str]) -> None:
        of_party = self.of_party
        for party in parties:
            held = of_party.get(party)
            if held is None:
                of_party[party] = [known]
            else:
                held.append(known)

    def _unlist(self, known: KnownDossier, parties: Iterable[str]) -> None:
        for party in parties:
            held = self.of_party.get(party)
            if held is not None and known in held:
                held.remove(known)
                if not held:
                    del self.of_party[party]


def _shape(code: str) -> tuple[str, str]:
    """Return who issued a code, as far as it tells, and how it is written: ``H99.31`` and ``H9.9-9-9``."""
    issuer, dash, _ = code.partition("-")
    return (issuer if dash else issuer.rstrip(_DIGITS), _RUNS.sub("9", code))
