"""What a misuse is drawn with: the officer, the days, the moment, and the dossier code that is claimed for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.watch_evaluation.days import WARM_UP, Days
from tests.watch_evaluation.province import Officer, Person, Province
from tests.watch_evaluation.records import FOUND, Dossier, Incident
from tests.watch_evaluation.work import Work


@dataclass
class Scene:
    """One incident being made."""

    rng: random.Random
    work: Work
    incident: Incident
    spread: float = 1.0
    """Factor on the span of days over which a misuse is spread."""
    near: bool = False
    """Whether strangers are of the commune served, or lived in."""

    @property
    def days(self) -> Days:
        """The calendar."""
        return self.work.days

    @property
    def province(self) -> Province:
        """Everybody."""
        return self.work.province

    @property
    def officer(self) -> Officer:
        """Who does it (the first, where there are several)."""
        return self.incident.officers[0]

    def some_days(self, count: int, span: int, officer: Officer | None = None) -> list[int]:
        """Draw up to so many judged working days of an officer within a span of days, in order."""
        one = officer or self.officer
        worked = [
            day
            for day in range(WARM_UP, self.days.count)
            if self.days.worked(day, saturdays=one.unit_on(day).saturdays)
            and (one.works(day) or one.dormant)
            and one.created <= self.days.dates[day]
        ]
        if not worked:
            return []
        latest = max(worked[0], self.days.count - round(span * self.spread) // 2)
        first = self.rng.choice([day for day in worked if day <= latest])
        near = [day for day in worked if first <= day < first + max(1, round(span * self.spread))]
        return sorted(self.rng.sample(near, min(len(near), count)))

    def stranger(self) -> Person:
        """Draw somebody with whom the office has nothing to do; some misusers look near by, some anywhere."""
        near = self.near
        home = self.officer.unit.commune or self.officer.person.household.commune
        return self.unexplained(lambda: self.province.anyone(self.rng, home if near else None))

    def between(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return self.rng.randint(low, high)

    def look(
        self,
        person: Person | str,
        day: int,
        second: float | None = None,
        *,
        code: str | None = "",
        officer: Officer | None = None,
        ip: str = "",
        outcome: str = FOUND,
    ) -> int:
        """Do one look-up of the incident; returns its moment.

        Args:
            person: Who is looked up; a number that nobody has, as text.
            day: The day.
            second: Of the day; some time in office hours if None.
            code: The dossier code claimed; an empty text lets the officer choose a pretext.
            officer: Who; the incident's first officer if None.
            ip: From where; the officer's desk if empty.
            outcome: What came of it.
        """
        one = officer or self.officer
        ts = self.days.at(day, self.days.office_second(day, self.rng) if second is None else second)
        claimed = self.pretext(one, ts, person) if code == "" else code
        made = self.work.look(one, ts, claimed, person, ip=ip, outcome=outcome)
        made.incident = self.incident.id
        self.incident.lookups.append(made)
        return ts

    def pretext(self, officer: Officer, ts: int, person: Person | str) -> str | None:
        """Claim a dossier: often none, else one in hand that has nothing to do with the person."""
        draw = self.rng.random()
        if draw < 0.4:
            return None
        unit = officer.unit_on(self.days.of(ts))
        own = [one for one in self.work.of_officer[officer.account] if one.unit is unit]
        return self.unrelated(own if draw < 0.85 else self.work.of_unit[unit.code], ts, person)

    def unrelated(self, dossiers: list[Dossier], ts: int, person: Person | str) -> str | None:
        """Return the code of an open dossier whose parties neither are nor live with or near the person."""
        fitting = [
            one for one in dossiers[-4000:] if one.opened + 60 <= ts and (one.closed is None or one.closed > ts + 60)
        ]
        for _ in range(20 if fitting else 0):
            one = self.rng.choice(fitting)
            if isinstance(person, str) or not _touches(one, person):
                return one.code
        return None

    def unexplained(self, draw: Callable[[], Person], officer: Officer | None = None) -> Person:
        """Draw people until one is no party (nor lives with one) of any dossier of the officer's office."""
        unit = (officer or self.officer).unit
        for _ in range(200):
            person = draw()
            if all(not _lives_with_party(one, person) for one in self.work.of_unit[unit.code]):
                return person
        return person

    def known_nobody(self, person: Person, officer: Officer | None = None) -> bool:
        """Whether no dossier of the officer's office has to do with the person."""
        unit = (officer or self.officer).unit
        return all(not _lives_with_party(one, person) for one in self.work.of_unit[unit.code])


def _lives_with_party(dossier: Dossier, person: Person) -> bool:
    return any(party.household is person.household for party in dossier.parties)


def _touches(dossier: Dossier, person: Person) -> bool:
    home = person.household
    return any(
        party.household is home
        or (dossier.land and party.household.commune == home.commune and abs(party.household.hamlet - home.hamlet) <= 1)
        for party in dossier.parties
    )


@dataclass(frozen=True)
class Kind:
    """One kind of misuse: how it is done, how often among all, and by whom."""

    name: str
    act: Callable[[Scene], None]
    weight: float
    people: tuple[int, int] = (1, 1)
    """How many officers take part."""
    personal: bool = True
    """Small and out of personal interest, like four in five misuses found in practice."""
    fits: Callable[[Officer], bool] = field(default=lambda officer: not officer.dormant)
