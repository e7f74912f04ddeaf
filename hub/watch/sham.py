"""Sham dossiers: registered to justify a look-up, closed again, and nobody else ever saw them.

A dossier is suspect when one officer alone was assigned to it and used it, it lived far shorter than its procedure's
dossiers usually do, and nobody it is about has another dossier. One such is a mistake; several of unrelated people are
a habit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Mapping

from hub.watch.accounts import AccountState
from hub.watch.casebook import CaseBook
from hub.watch.days import Days
from hub.watch.rates import surprise
from hub.watch.register import KnownDossier, Register
from hub.watch.rules import Rule, RuleSet

_DAY = 86_400.0
_LIVES_KEPT = 400
_LIVES_NEEDED = 20
_MENDED_SECONDS = 7_200.0
"""Within which a dossier registered by mistake is registered again."""
_ANY = ""
"""Stands for all procedures together, where one is too rare to say what is usual."""


class ShamRule:
    """Learns how long dossiers live; judges each at its closing."""

    def __init__(self, rules: RuleSet, days: Days, register: Register, book: CaseBook) -> None:
        self._rules = rules.dossiers
        self._chance = rules.chance
        self._days = days
        self._register = register
        self._book = book
        self._closings = 0
        self._suspects = 0
        self._unsettled: deque[tuple[float, KnownDossier, AccountState]] = deque()
        self._lives: dict[str, tuple[deque[float], list[float]]] = {}

    def closed(self, known: KnownDossier, ts: float, accounts: Mapping[str, AccountState]) -> None:
        """Judge a dossier that has just been closed."""
        life = ts - known.opened_at
        for account_id in known.assigned:
            state = accounts.get(account_id)
            if state is not None:
                state.closings.append(ts)
        is_short = self._is_short(known.procedure, life)
        self._learn(known.procedure, life)
        self._learn(_ANY, life)
        self._closings += 1
        alone = known.touched_by
        if not is_short or len(alone) != 1 or any(account_id != alone[0] for account_id in known.assigned):
            return
        state = accounts.get(alone[0])
        if state is None:
            return
        self._mend(ts)
        self._unsettled.append((ts, known, state))
        since = ts - self._rules.sham_days * _DAY
        shams, closings = state.shams, state.closings
        shams.append((ts, known))
        while shams and shams[0][0] < since:
            shams.popleft()
        while closings and closings[0] < since:
            closings.popleft()
        found = [one for _, one in shams if one is known or not self._is_registered_again(one)]
        n = len(self._families(found))
        if n < self._rules.sham_from:
            return
        chance = self._chance
        # Honest dossiers are withdrawn at once, too: how often, all officers together show.
        mean = len(closings) * (self._suspects + 1) / (self._closings + _LIVES_KEPT)
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

    def _mend(self, ts: float) -> None:
        """Let go of dossiers that were registered again soon; learn how many were not."""
        unsettled = self._unsettled
        while unsettled and unsettled[0][0] < ts - _MENDED_SECONDS:
            closed_at, known, state = unsettled.popleft()
            if not self._is_registered_again(known):
                self._suspects += 1
            elif (closed_at, known) in state.shams:
                state.shams.remove((closed_at, known))

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
        for name in (procedure, _ANY):
            held = self._lives.get(name)
            if held is not None and len(held[1]) >= _LIVES_NEEDED:
                ordered = held[1]
                usual = ordered[len(ordered) // 2]
                is_rare = bisect_right(ordered, life) <= self._rules.sham_share * len(ordered)
                return is_rare and life <= self._rules.sham_of_usual * usual
        return False

    def _learn(self, procedure: str, life: float) -> None:
        held = self._lives.get(procedure)
        if held is None:
            held = self._lives[procedure] = (deque(), [])
        latest, ordered = held
        latest.append(life)
        insort(ordered, life)
        if len(latest) > _LIVES_KEPT:
            del ordered[bisect_left(ordered, latest.popleft())]
