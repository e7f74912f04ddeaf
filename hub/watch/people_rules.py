"""Layer 2, who was looked up: oneself, one's own people, the protected, the same again, one whom many look up."""

from __future__ import annotations

from collections import deque

from hub.watch.accounts import AccountState, Entry, Kind
from hub.watch.casebook import CaseBook
from hub.watch.evidence import WEEK, Claim, raise_claim, window
from hub.watch.explain import UNEXPLAINED, Grade
from hub.watch.places import Places
from hub.watch.rates import surprise
from hub.watch.records import Context, Subject
from hub.watch.rules import Rule, RuleSet
from hub.watch.usual import Usual

_DAY = 86_400.0
_BORROWED = 0.2
"""From this weight on the person is party of another dossier than the one given."""
_CAME_BACK = 2
"""Days on which somebody is looked up who was told to come back."""
_HOUSEHOLD = 4.0
"""People of a household, about."""


class PeopleRules:
    """Who was looked up without an explanation."""

    def __init__(self, context: Context, rules: RuleSet, places: Places, usual: Usual, book: CaseBook) -> None:
        self._usual = usual
        self._chance = rules.chance
        self._places = places
        self._people = rules.people
        self._book = book
        self._protected = context.protected_persons
        self._own: dict[str, AccountState] = {}
        self._units: dict[str, dict[str, int]] = {}
        """Of each unit: how many officers live in which commune."""
        self._by_subject: dict[str, deque[Entry]] = {}
        self._by_household: dict[str, deque[Entry]] = {}

    @property
    def own_numbers(self) -> dict[str, AccountState]:
        """The officers' own numbers."""
        return self._own

    def learn_officer(self, state: AccountState) -> None:
        """Know whose number it is."""
        officer = state.officer
        if officer.own_subject_id and officer.own_subject_id not in self._own:
            self._own[officer.own_subject_id] = state
            homes = self._units.setdefault(officer.unit_code, {})
            homes[officer.home_commune] = homes.get(officer.home_commune, 0) + 1

    def explained_in_part(
        self, state: AccountState, w: float, ts: float, day: int, *, subject_id: str, household_id: str, lookup_id: str
    ) -> None:
        """Judge what a dossier explains for the most part: only oneself and one's household are asked about."""
        people = self._people
        officer = state.officer
        if subject_id == officer.own_subject_id:
            score = people.own_record * people.partly
            rule = Rule.OWN_RECORD
        elif w >= _BORROWED and household_id and household_id == officer.household_id:
            score = people.own_household * people.partly
            rule = Rule.OWN_HOUSEHOLD
        else:
            return
        self._book.raise_alert(state, rule, score, ts, day, subjects=(subject_id,), lookups=(lookup_id,))

    def partly(self, entry: Entry, ts: float, day: int) -> None:
        """Judge a look-up that is explained in part at most: rules that ask for little."""
        if entry.subject_id in self._protected:
            mean = self._met(entry.account, ts) * len(self._protected) / self._places.everybody
            self._relation(entry, Rule.PROTECTED_PERSON, self._people.protected_person, mean, ts, day)

    def unexplained(self, entry: Entry, ts: float, day: int) -> Claim | None:
        """Judge a look-up that stays unexplained (w of .5 and more); return what only its place says of it."""
        state = entry.account
        neighbour = None
        if entry.subject_id == state.officer.own_subject_id:
            mean = self._met(state, ts) * self._places.chance(entry.unit_code, state.officer.home_commune, 1.0)
            self._relation(entry, Rule.OWN_RECORD, self._people.own_record, mean, ts, day)
        else:
            neighbour = self._relations(entry, ts, day)
        if entry.subject is not None and entry.grade is not Grade.NEIGHBOURING_HAMLET:
            self._again(entry, entry.subject, ts, day)
        return neighbour

    def take_back(self, entry: Entry) -> None:
        """Forget a look-up that was explained after all."""
        state = entry.account
        for kept in (
            state.off_hours,
            state.bad_codes,
            state.no_dossier,
            state.elsewhere,
            state.not_found,
            state.neighbours,
            state.strangers,
            *state.relations.values(),
        ):
            if entry in kept:
                kept.remove(entry)
        for index, key in ((self._by_subject, entry.subject_id), (self._by_household, entry.household_id)):
            held = index.get(key)
            if held is not None and entry in held:
                held.remove(entry)
                if not held:
                    del index[key]

    def forget(self, before: float) -> None:
        """Drop look-ups older than the longest window."""
        for index in (self._by_subject, self._by_household):
            # Whoever was looked up last stands last.
            while index and index[key := next(iter(index))][-1].ts < before:
                del index[key]

    # --- one rule each -------------------------------------------------------------------------------------------

    def _relations(self, entry: Entry, ts: float, day: int) -> Claim | None:
        people = self._people
        state = entry.account
        officer = state.officer
        household = entry.household_id
        if household and household == officer.household_id:
            mean = self._met(state, ts) * self._places.chance(entry.unit_code, officer.home_commune, _HOUSEHOLD)
            self._relation(entry, Rule.OWN_HOUSEHOLD, people.own_household, mean, ts, day)
            return None
        colleague = self._own.get(entry.subject_id)
        if colleague is not None and colleague.unit == state.unit:
            home = colleague.officer.home_commune
            there = self._units.get(state.unit, {}).get(home, 1)
            mean = self._met(state, ts) * self._places.chance(entry.unit_code, home, there)
            self._relation(entry, Rule.COLLEAGUE, people.colleague, mean, ts, day)
        subject = entry.subject
        if subject is None or not officer.home_commune or subject.commune != officer.home_commune:
            return None
        if subject.hamlet != officer.home_hamlet:
            return None
        window(state.neighbours, entry, WEEK)
        n = len({one.subject_id for one in state.neighbours})
        mean = self._met(state, ts) * self._places.share(entry.unit_code, subject.commune, subject.hamlet)
        weight = surprise(n, mean, shape=self._chance.shape, full_at=self._chance.neighbour_full_at)
        return Claim(Rule.NEIGHBOUR, people.neighbour * weight, state.neighbours, n)

    def _relation(  # noqa: PLR0917 - who, which rule, how grave, when
        self, entry: Entry, rule: Rule, score: float, mean: float, ts: float, day: int
    ) -> None:
        """Judge somebody the officer has to do with, by how likely chance alone leads to them."""
        chance = self._chance
        kept = entry.account.relations.setdefault(rule, deque(maxlen=100))
        window(kept, entry, WEEK)
        # The same person on another day is no coincidence either.
        n = len({(one.subject_id, one.day) for one in kept})
        weight = surprise(n, mean, shape=chance.shape, full_at=chance.relation_full_at)
        raise_claim(self._book, entry.account, Claim(rule, score * weight, kept, n), ts, day)

    @staticmethod
    def _met(state: AccountState, ts: float) -> int:
        """Return how many people were looked up without explanation within seven days."""
        since = ts - WEEK
        return max(1, len({one.subject_id for one in state.recent if one.w >= UNEXPLAINED and one.ts >= since}))

    def _again(self, entry: Entry, subject: Subject, ts: float, day: int) -> None:
        people = self._people
        chance = self._chance
        state = entry.account
        held = self._remember(self._by_subject, entry.subject_id, entry)
        since = ts - people.repeated_days * _DAY
        earlier = sum(
            1
            for one in state.recent
            if one.w >= UNEXPLAINED
            and one.ts >= since
            and one.day != day
            and one.subject is not None
            and one.subject.commune == subject.commune
        )
        best, best_score, best_days = [entry], 0.0, 1
        mine = [one for one in held if one.account is state and one.ts >= since]
        groups = [(mine, self._places.people(subject.commune))]
        if entry.household_id:
            family = self._remember(self._by_household, entry.household_id, entry)
            together = [one for one in family if one.account is state and one.ts >= since]
            groups.append((together, self._places.households(subject.commune)))
        for entries, among in groups:
            days = len({one.day for one in entries})
            if days > 1:
                weight = surprise(days - 1, earlier / among, shape=chance.shape, full_at=chance.full_at)
                if days == _CAME_BACK and len({one.subject_id for one in entries}) == 1:
                    # Citizens come back on another day: how often, honest work shows.
                    usual = self._usual.expected(state, Kind.REPEATED, 7)
                    weight = min(weight, surprise(1, usual, shape=chance.shape, full_at=chance.came_back_full_at))
                score = (people.repeated + people.repeated_per_day * days) * weight
                if score > best_score:
                    best, best_score, best_days = entries, score, days
        if best_days == _CAME_BACK:
            state.today.kinds[Kind.REPEATED] += 1
        if best_score:
            raise_claim(self._book, state, Claim(Rule.REPEATED_PERSON, best_score, best, best_days), ts, day)
        lately = self._places.unexplained(subject, ts)
        since = ts - people.shared_days * _DAY
        others = {one.account.id: one for one in held if one.ts >= since}
        if len(others) > 1:
            mean = lately / self._places.people(subject.commune)
            weight = surprise(len(others) - 1, mean, shape=chance.shape, full_at=chance.full_at)
            score = (people.shared + people.shared_per_officer * len(others)) * weight
            for one in others.values():
                claim = Claim(Rule.SHARED_PERSON, score, [one], len(others))
                raise_claim(self._book, one.account, claim, ts, day, is_fresh=one.day == day)

    @staticmethod
    def _remember(index: dict[str, deque[Entry]], key: str, entry: Entry) -> deque[Entry]:
        held = index.pop(key, None)
        if held is None:
            held = deque(maxlen=50)
        held.append(entry)
        index[key] = held
        return held
