"""An invented province: its communes, hamlets, households and people, its offices and their officers."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.watch_evaluation.days import Days

ROLES = {
    # role: share of the officers, new dossiers a day
    "can_bo_mot_cua": (0.34, 5.6),
    "tu_phap_ho_tich": (0.20, 4.4),
    "dia_chinh": (0.16, 3.4),
    "bao_tro_xa_hoi": (0.14, 3.6),
    "chuyen_vien": (0.12, 3.0),
    "lanh_dao": (0.04, 0.8),
}


@dataclass(slots=True, eq=False)
class Household:
    """People who live together."""

    id: str
    commune: str
    hamlet: int
    members: list[Person] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Person:
    """Somebody the population database knows."""

    number: str
    household: Household


@dataclass(slots=True, eq=False)
class Unit:
    """An office: a commune's, or a department of the province."""

    code: str
    commune: str | None
    network: str
    saturdays: bool
    foreign_codes: bool
    """Works on dossiers of another national system every day."""
    officers: list[Officer] = field(default_factory=list)
    issued: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Officer:
    """A person with an account."""

    account: str
    role: str
    unit: Unit
    person: Person
    ips: list[str]
    pace: float
    created: dt.date
    last_before: dt.date | None
    away: set[int] = field(default_factory=set)
    duty: set[int] = field(default_factory=set)
    hosted: dict[int, Unit] = field(default_factory=dict)
    """Where a seconded officer works, by day."""
    lent: bool = False
    """Whether look-ups of a secondment name the home office, and the host's dossiers are assigned to the host's."""
    role_change: tuple[int, str] | None = None
    dormant: bool = False

    def works(self, day: int) -> bool:
        """Whether the officer is at work on a day the office is open."""
        return not self.dormant and day not in self.away

    def role_on(self, day: int) -> str:
        """Return the role held on a day."""
        return self.role_change[1] if self.role_change and day >= self.role_change[0] else self.role

    def unit_on(self, day: int) -> Unit:
        """Return the office worked in on a day."""
        return self.hosted.get(day, self.unit)

    def ip_on(self, day: int, rng: random.Random) -> str:
        """Return the address worked from: nearly always the own desk's."""
        unit = self.unit_on(day)
        if unit is not self.unit:
            return f"{unit.network}.{20 + int(self.account[-3:]) % 200}"
        return self.ips[0] if rng.random() < 0.93 else self.ips[-1]


@dataclass(slots=True)
class Province:
    """Everybody."""

    hamlets: dict[str, list[list[Household]]]
    """The households by commune and hamlet (numbered from 1 in the files)."""
    units: list[Unit]
    officers: list[Officer]
    protected: list[Person]
    numbers: dict[str, Person]

    def households(self, commune: str, hamlet: int) -> list[Household]:
        """Return the households of a hamlet."""
        return self.hamlets[commune][hamlet - 1]

    def anyone(self, rng: random.Random, commune: str | None = None) -> Person:
        """Draw somebody, of one commune or of the province."""
        where = commune or rng.choice(list(self.hamlets))
        hamlet = rng.choice(self.hamlets[where])
        return rng.choice(rng.choice(hamlet).members)

    def stranger(self, number: str, commune: str, hamlet: int) -> Person:
        """Return the person with a number; somebody is invented if nobody has it."""
        known = self.numbers.get(number)
        if known is None:
            household = Household(f"HK-X{number[-8:]}", commune, hamlet)
            known = self.numbers[number] = Person(number, household)
            household.members.append(known)
        return known


def number_of(rng: random.Random) -> str:
    """Draw a personal number: 099, century and sex, year of birth, six digits."""
    if rng.random() < 0.72:
        return f"099{rng.randrange(2)}{rng.randrange(45, 100):02}{rng.randrange(1_000_000):06}"
    return f"099{rng.randrange(2, 4)}{rng.randrange(24):02}{rng.randrange(1_000_000):06}"


def build(
    rng: random.Random, days: Days, *, officers: int, communes: int, departments: int, households_per_hamlet: int
) -> Province:
    """Make a province.

    Args:
        rng: The only source of chance.
        days: The calendar; accounts are dated by it.
        officers: How many accounts.
        communes: How many communes, each with an office.
        departments: How many departments of the province.
        households_per_hamlet: About how many households live in a hamlet.
    """
    province = Province({}, [], [], [], {})
    codes = [f"H99.{30 + at // 20}.{10 + at % 20}" for at in range(communes)]
    for code in codes:
        province.hamlets[code] = [
            [
                _household(rng, province, code, hamlet)
                for _ in range(int(households_per_hamlet * rng.uniform(0.6, 1.4)) + 2)
            ]
            for hamlet in range(1, rng.randrange(8, 15))
        ]
    for at, code in enumerate(codes):
        province.units.append(Unit(code, code, f"10.{20 + at // 200}.{at % 200}", rng.random() < 0.35, at % 4 == 1))
    for at in range(departments):
        province.units.append(Unit(f"H99.{at + 1:02}", None, f"10.11.{at + 1}", rng.random() < 0.3, at % 3 == 1))
    accounts = _accounts(rng)
    commune_share = 0.62
    for _ in range(officers):
        of_communes = rng.random() < commune_share
        unit = rng.choice(province.units[:communes] if of_communes else province.units[communes:])
        _officer(rng, days, province, unit, next(accounts))
    for unit in province.units:
        while len(unit.officers) < 4:  # an office of one has nobody to stand in
            big = max(province.units, key=lambda one: len(one.officers))
            mover = big.officers.pop()
            mover.unit = unit
            mover.ips = _ips(rng, unit)
            unit.officers.append(mover)
    province.protected = [province.anyone(rng) for _ in range(40)]
    return province


def _household(rng: random.Random, province: Province, commune: str, hamlet: int) -> Household:
    household = Household(f"HK{len(province.numbers):08}", commune, hamlet)
    for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 4, 4, 5, 6))):
        number = number_of(rng)
        while number in province.numbers:
            number = number_of(rng)
        person = Person(number, household)
        province.numbers[number] = person
        household.members.append(person)
    return household


def _accounts(rng: random.Random) -> Iterator[str]:
    at = 100
    while True:
        at += rng.randrange(1, 3)
        yield f"cb.{at:05}"


def _ips(rng: random.Random, unit: Unit) -> list[str]:
    return [f"{unit.network}.{rng.randrange(10, 250)}" for _ in range(2)]


def _officer(rng: random.Random, days: Days, province: Province, unit: Unit, account: str) -> None:
    role = rng.choices(list(ROLES), [share for share, _ in ROLES.values()])[0]
    # Half of the officers live in the commune they serve.
    home = unit.commune if unit.commune and rng.random() < 0.5 else None
    officer = Officer(
        account=account,
        role=role,
        unit=unit,
        person=province.anyone(rng, home),
        ips=_ips(rng, unit),
        pace=ROLES[role][1] * rng.lognormvariate(0, 0.4),
        created=days.start - dt.timedelta(days=rng.randrange(40, 1500)),
        last_before=days.start - dt.timedelta(days=rng.choice((1, 1, 1, 2, 3, 3, 4, 6, 11))),
    )
    day = 0
    while day < days.count:  # leave: a day or two about once a month, a week now and then
        day += 1 + int(rng.expovariate(1 / 22))
        length = rng.choice((1, 1, 1, 2, 2, 5))
        officer.away.update(range(day, day + length))
        day += length
    if rng.random() < 0.12:
        officer.duty.update(rng.sample(range(days.count), max(1, days.count // 9)))
    unit.officers.append(officer)
    province.officers.append(officer)
