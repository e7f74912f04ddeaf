"""Sham dossiers: registered to justify a look-up, closed again, and nobody else ever saw them.

A dossier is suspect when one officer alone was assigned to it and used it, it lived far shorter than its procedure's
dossiers usually do, and nobody it is about has another dossier. One such is a mistake; several of unrelated people are
a habit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple

from hub.watch.accounts import AccountState
from hub.watch.casebook import CaseBook
from hub.watch.days import Days
from hub.watch.rates import surprise
from hub.watch.register import KnownDossier, Register
from hub.watch.rules import Rule, RuleSet

_DAY = 86_400.0
_LIVES_KEPT = 400
_LIVES_NEEDED = 20
_NEVER = float("inf")


class _Suspect(NamedTuple):
    """A short-lived dossier that may still be registered again."""

    due: float
    closed_at: float
    known: KnownDossier
    account: AccountState


class ShamRule:
    """Learns how long dossiers live; judges each at its closing."""

    def __init__(self, rules: RuleSet, days: Days, register: Register, book: CaseBook) -> None:
        self._rules = rules.dossiers
        self._of_usual = rules.dossiers.sham_of_usual
        self._chance = rules.chance
        self._days = days
        self._register = register
        self._book = book
        self._closings: Counter[str] = Counter()
        self._suspects: Counter[str] = Counter()
        """By procedure: dossiers closed, and suspects among them."""
        self._open: Counter[str] = Counter()
        """By procedure: dossiers in work."""
        self._wait = rules.weights.registration_seconds
        self._unsettled: deque[_Suspect] = deque()
        self._lives: dict[str, tuple[deque[float], list[float]]] = {}
        self._latest: deque[float] = deque(maxlen=_LIVES_KEPT)
        """Of all procedures together, for those that are too rare to say what is usual."""

    @property
    def due(self) -> float:
        """The moment at which the next suspect is judged."""
        return self._unsettled[0].due if self._unsettled else _NEVER

    def opened(self, known: KnownDossier) -> None:
        """Count a dossier as in work."""
        self._open[known.procedure] += 1

    def closed(self, known: KnownDossier, ts: float, accounts: Mapping[str, AccountState]) -> None:
        """Look at a dossier that has just been closed; `settle` judges it, when nobody has registered it again."""
        life = ts - known.opened_at
        for account_id in known.assigned:
            state = accounts.get(account_id)
            if state is not None:
                state.closings.append((ts, known.procedure))
        alone = known.touched_by
        is_alone = len(alone) == 1 and (known.assigned == alone or set(known.assigned) <= set(alone))
        is_suspect = is_alone and self._is_short(known.procedure, life)
        self._open[known.procedure] -= 1
        self._learn(known.procedure, life)
        self._latest.append(life)
        self._closings[known.procedure] += 1
        state = accounts.get(alone[0]) if is_suspect else None
        if state is not None:
            self._unsettled.append(_Suspect(ts + self._wait, ts, known, state))

    def settle(self) -> None:
        """Judge the suspect that is due: by now a mistake would have been mended."""
        ts, closed_at, known, state = self._unsettled.popleft()
        if self._is_registered_again(known):
            return
        since = closed_at - self._rules.sham_days * _DAY
        shams, closings = state.shams, state.closings
        shams.append((closed_at, known))
        while shams and shams[0][0] < since:
            shams.popleft()
        while closings and closings[0][0] < since:
            closings.popleft()
        found = [one for _, one in shams if one is known or not self._is_registered_again(one)]
        n = len(self._families(found))
        own = Counter(one.procedure for _, one in shams if one is not known)
        mean = self._expected(Counter(procedure for _, procedure in closings), own)
        self._suspects[known.procedure] += 1
        if n < self._rules.sham_from:
            return
        chance = self._chance
        weight = surprise(n, mean, shape=chance.shape, full_at=chance.sham_full_at)
        self._book.raise_alert(
            state,
            Rule.SHAM_DOSSIER,
            (self._rules.sham + self._rules.sham_per_dossier * n) * weight,
            ts,
            self._days.day(ts),
            subjects=tuple(sorted({party for one in found for party in one.parties}))[:20],
            lookups=tuple(lookup_id for one in found for lookup_id in one.lookup_ids)[-20:],
            n=n,
        )

    def _expected(self, closings: Counter[str], own: Counter[str]) -> float:
        """Return how many suspects are to be expected among an officer's closings, by procedure.

        Honest dossiers are withdrawn at once, too, and some procedures are often done within the hour: how often, all
        officers together show, of the procedure as far as it is known and of all. The officer's ``own`` suspects do
        not speak for the officer.
        """
        usual = (self._suspects.total() - own.total() + 1) / (self._closings.total() + _LIVES_KEPT)
        return sum(
            number * (self._suspects[one] - own[one] + usual * _LIVES_KEPT) / (self._closings[one] + _LIVES_KEPT)
            for one, number in closings.items()
        )

    def _is_registered_again(self, known: KnownDossier) -> bool:
        """Say whether somebody it is about has another dossier: then this one was a mistake, and that one mends it."""
        of_party = self._register.of_party
        return any(other is not known for party in known.parties for other in of_party.get(party, ()))

    def _families(self, shams: list[KnownDossier]) -> set[str]:
        """Return the households that the dossiers are about: a family's dossiers are one errand."""
        families: set[str] = set()
        for one in shams:
            parties = sorted(one.parties)
            answered = (self._register.subjects.get(party) for party in parties)
            households = sorted({who.household_id for who in answered if who is not None and who.household_id})
            families.add(households[0] if households else (parties[0] if parties else one.code))
        return families

    def _is_short(self, procedure: str, life: float) -> bool:
        """Say whether a life is far shorter than is usual; never where too few are known to say what is usual."""
        held = self._lives.get(procedure)
        ordered = held[1] if held is not None else []
        if len(ordered) < _LIVES_NEEDED:
            if self._open[procedure] >= _LIVES_NEEDED:
                # Not rare but new, as enrolment is on its first day: the quickest are done first.
                return False
            ordered = sorted(self._latest)
        if len(ordered) < _LIVES_NEEDED:
            return False
        if life > self._of_usual * ordered[len(ordered) // 2]:
            return False
        return bisect_right(ordered, life) <= self._rules.sham_share * len(ordered)

    def _learn(self, procedure: str, life: float) -> None:
        held = self._lives.get(procedure)
        if held is None:
            held = self._lives[procedure] = (deque(), [])
        latest, ordered = held
        latest.append(life)
        insort(ordered, life)
        if len(latest) > _LIVES_KEPT:
            del ordered[bisect_left(ordered, latest.popleft())]
