"""Layer 2, what an unexplained look-up rests on: no dossier, a wrong code, a dossier that has nothing to do with it.

Honest work brings some of each. How much, is learnt per account and role; a score shrinks with the probability that
honest work brings as many.
"""

from __future__ import annotations

from hub.watch.accounts import AccountState, Entry, Kind
from hub.watch.casebook import CaseBook
from hub.watch.evidence import WEEK, Claim, households, raise_claim, window
from hub.watch.explain import UNEXPLAINED, Fault, Grade
from hub.watch.places import Places
from hub.watch.rates import surprise
from hub.watch.records import Outcome, Subject
from hub.watch.rules import Rule, RuleSet
from hub.watch.usual import Usual

_DAY = 86_400.0
_HOUR = 3_600.0
_WORKED_ON = 12
"""Dossiers that an officer works on at the same time, at most."""


class PretextRules:
    """Judges look-ups that stay unexplained by what was given as their reason."""

    def __init__(self, rules: RuleSet, places: Places, usual: Usual, book: CaseBook) -> None:
        self._chance = rules.chance
        self._account = rules.account
        self._dossiers = rules.dossiers
        self._people = rules.people
        self._places = places
        self._usual = usual
        self._book = book

    def judge(self, entry: Entry, ts: float, day: int, *, also: Claim | None) -> None:
        """Judge a look-up that stays unexplained (w of .5 and more).

        Of what can be said about its reason only the gravest is said: it is one piece of evidence, whatever its names.
        ``also`` is what else was found that is not independent of it.
        """
        state = entry.account
        account = self._account
        claims = [also] if also is not None else []
        if entry.fault is not None:
            claims.append(self._bad_code(entry))
            if entry.dossier is not None and entry.grade is Grade.UNEXPLAINED and entry.outcome == Outcome.FOUND:
                # Under one wrong code several people are one mistake; who they are may say more.
                claims.append(self._unrelated(entry))
        elif entry.code is None and entry.outcome != Outcome.DENIED:
            n = window(state.no_dossier, entry, WEEK)
            score = self._dossiers.no_dossier + self._dossiers.no_dossier_per_lookup * n
            # By day most are registered in time, by night none can be: those do not count.
            on_roster = households(one for one in state.no_dossier if one.is_on_roster)
            n_weighed = households(state.no_dossier) - on_roster * self._usual.late_share(state)
            weight = self._weight(state, Kind.NO_DOSSIER, n_weighed, 7)
            claims.append(Claim(Rule.NO_DOSSIER, score * weight, state.no_dossier, n))
        elif entry.grade is Grade.UNEXPLAINED and entry.outcome == Outcome.FOUND:
            claims.append(self._unrelated(entry))
        if entry.subject is not None and entry.w > UNEXPLAINED:
            self._out_of_area(entry, entry.subject, claims)
        if claims:
            raise_claim(self._book, state, max(claims, key=lambda one: one.score), ts, day)
        if entry.is_off_hours:
            n = window(state.off_hours, entry, WEEK)
            score = account.off_hours + account.off_hours_per_lookup * n
            score *= self._weight(state, Kind.OFF_HOURS, n, 7)
            raise_claim(self._book, state, Claim(Rule.OFF_HOURS, score, state.off_hours, n), ts, day)
        if entry.outcome == Outcome.NOT_FOUND:
            n = window(state.not_found, entry, _HOUR)
            weight = self._weight(state, Kind.NOT_FOUND, n, 1)
            if n >= account.not_found_from:
                score = (account.not_found + account.not_found_per_lookup * n) * weight
                raise_claim(self._book, state, Claim(Rule.NOT_FOUND_BURST, score, state.not_found, n), ts, day)

    def sequence(self, entry: Entry, ts: float, day: int) -> None:
        """Judge whether the number continues a run of numbers, as soon as it is looked up."""
        rules = self._account
        number = _number(entry.subject_id)
        if number is None:
            return
        state = entry.account
        near = {
            value: one
            for one in state.recent
            if one.w >= UNEXPLAINED and one.ts > ts - _DAY and (value := _number(one.subject_id)) is not None
        }
        run = [entry]
        for step in (-1, 1):
            at = number
            while True:
                following = next(
                    (at + step * gap for gap in range(1, rules.sequence_step + 1) if at + step * gap in near), None
                )
                if following is None:
                    break
                at = following
                run.append(near[at])
        if len(run) >= rules.sequence_from:
            score = rules.sequence + rules.sequence_per_number * len(run)
            raise_claim(self._book, state, Claim(Rule.SEQUENCE, score, run, len(run)), ts, day)

    def _bad_code(self, entry: Entry) -> Claim:
        state = entry.account
        account = self._account
        window(state.bad_codes, entry, WEEK)
        # People looked up under one code are one mistake, or one misuse.
        codes = {one.code: one for one in sorted(state.bad_codes, key=lambda one: one.w)}
        kinds: dict[Kind, int] = {}
        for one in codes.values():
            held = _kind_of(one)
            kinds[held] = kinds.get(held, 0) + 1
        # Each kind of wrong code is a mistake of its own, with its own frequency among honest people.
        weight = max(self._surprise(n, self._usual.expected(state, kind, 7)) for kind, n in kinds.items())
        state.today.kinds[_kind_of(entry)] += 1
        total = sum(one.w for one in codes.values())
        score = (account.dossier_code + account.dossier_code_per_lookup * total) * weight
        return Claim(Rule.DOSSIER_CODE, score, state.bad_codes, len(state.bad_codes))

    def _unrelated(self, entry: Entry) -> Claim:
        """Judge people of no concern to the dossier given: how many, and how many under the same code."""
        state = entry.account
        rules = self._dossiers
        strangers = state.strangers
        window(strangers, entry, rules.unrelated_days * _DAY)
        n = households(strangers)
        same = households(one for one in strangers if one.dossier is entry.dossier)
        mean = self._usual.expected(state, Kind.UNRELATED, rules.unrelated_days)
        state.today.kinds[Kind.UNRELATED] += 1
        weight = self._surprise(n, mean)
        if same > 1:
            # One dossier that serves for several people is less likely by chance than as many of several dossiers.
            # Recent dossiers are what is worked on, however many are in hand.
            at_once = min(max(state.in_hand, 2), _WORKED_ON)
            weight = max(weight, self._surprise(same - 1, mean / at_once))
        score = (rules.unrelated + rules.unrelated_per_person * n) * weight
        return Claim(Rule.UNRELATED_PEOPLE, score, strangers, n)

    def _out_of_area(self, entry: Entry, subject: Subject, claims: list[Claim]) -> None:
        people = self._people
        if self._places.commune_share(entry.unit_code, subject.commune) >= people.area_share:
            return
        state = entry.account
        window(state.elsewhere, entry, WEEK)
        n = households(state.elsewhere)
        score = people.out_of_area + people.out_of_area_per_person * n
        score *= self._weight(state, Kind.ELSEWHERE, n, 7)
        claims.append(Claim(Rule.OUT_OF_AREA, score, state.elsewhere, n))

    def _weight(self, state: AccountState, kind: Kind, n: float, days: int) -> float:
        """Count one more of a kind; return how surprising so many are."""
        state.today.kinds[kind] += 1
        return self._surprise(n, self._usual.expected(state, kind, days))

    def _surprise(self, n: float, mean: float) -> float:
        return surprise(n, mean, shape=self._chance.shape, full_at=self._chance.full_at)


def _kind_of(entry: Entry) -> Kind:
    if entry.fault is Fault.UNKNOWN:
        return Kind.CODE_UNKNOWN
    if entry.fault is Fault.OTHER_SYSTEM:
        return Kind.CODE_FOREIGN
    if entry.fault is Fault.OTHER_UNIT:
        return Kind.CODE_OTHER_UNIT
    return Kind.CODE_CLOSED_PARTY if entry.grade is Grade.CLOSED_PARTY else Kind.CODE_CLOSED


def _number(subject_id: str) -> int | None:
    return int(subject_id) if subject_id.isascii() and subject_id.isdecimal() else None
