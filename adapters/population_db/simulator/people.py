"""Invented people: families of the province 099, which no province is, in hamlets that do not exist.

The same seed gives the same people. The first family is that of the published samples.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, field

PROVINCE = "099"
COMMUNES = tuple(f"990{index:02}" for index in range(1, 11))
HAMLETS = 6

_FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Đặng", "Bùi", "Đỗ", "Vi", "Giàng")
_MIDDLE = {1: ("Văn", "Đức", "Minh", "Quốc", ""), 2: ("Thị", "Ngọc", "Thu", "Thị Hồng", "")}
_GIVEN = {
    1: ("Mẫu", "Thử", "Bình", "Dũng", "Khoa", "Sơn", "Tùng", "Đạt", "Phúc", "H'Rin"),
    2: ("Mẫu", "Thử", "An", "Đào", "Hạnh", "Lụa", "Mận", "Quỳnh", "Yến", "H'Mây"),
}
_NOBODY = 1000
"""Running numbers below are left to the first family and to people who are put in by hand."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a household lives."""

    household: str
    commune: str
    detail: str
    district: str = ""
    """Empty since districts are no more; older records still have one."""


@dataclass(slots=True)
class Person:
    """One invented citizen."""

    number: str
    family: str
    middle: str
    given: str
    birth: str
    """yyyyMMdd."""
    sex: int
    """1 male, 2 female."""
    relation: str
    home: Home
    card: str = ""
    married: str = "1"
    blood: str = "00"
    ethnicity: str = "01"
    religion: str = "00"
    father: str = ""
    mother: str = ""
    spouse: str = ""
    representative: str = ""
    head: str = ""
    dead: bool = False
    year_only: bool = False
    in_parts: bool = False
    """Whether the name is told in its three parts; most records have all of it in the last."""

    @property
    def household(self) -> str:
        """The household it belongs to."""
        return self.home.household

    @property
    def name(self) -> str:
        """The full name as on paper."""
        return " ".join(part for part in (self.family, self.middle, self.given) if part)

    def asked_name(self, form: str) -> str:
        """Return the name as a correct question writes it."""
        plain = unicodedata.normalize("NFD", self.name.replace("đ", "d").replace("Đ", "D")).upper()
        kept = "".join(one for one in plain if one == " " or "A" <= one <= "Z" or one.isdigit())
        return kept if form == "spaced" else kept.replace(" ", "")


@dataclass
class Population:
    """All of them, by number and by old card."""

    by_number: dict[str, Person] = field(default_factory=dict)
    by_card: dict[str, Person] = field(default_factory=dict)
    households: dict[str, list[Person]] = field(default_factory=dict)

    def add(self, person: Person) -> None:
        """Put a person in, in place of one with the same number."""
        old = self.by_number.pop(person.number, None)
        if old is not None:
            self.by_card.pop(old.card, None)
            self.households[old.household].remove(old)
        self.by_number[person.number] = person
        if person.card:
            self.by_card[person.card] = person
        self.households.setdefault(person.household, []).append(person)

    def other_than(self, person: Person | None) -> Person:
        """Return somebody else."""
        return next(one for one in self.by_number.values() if person is None or one.number != person.number)


def populate(seed: int, count: int) -> Population:
    """Return the first family and invented ones until there are ``count`` people or a few more."""
    people = Population()
    for one in _first_family():
        people.add(one)
    draw = random.Random(seed)  # noqa: S311 - reproducible people, no secret
    running = _NOBODY
    while len(people.by_number) < count:
        for one in _family(draw, running):
            people.add(one)
        running += 10
    return people


def number_of(birth_year: int, sex: int, running: int) -> str:
    """Return a personal number (NĐ 137/2015): province, century with sex, year, running number."""
    return f"{PROVINCE}{(birth_year - 1900) // 100 * 2 + sex - 1}{birth_year % 100:02}{running:06}"


def _first_family() -> list[Person]:
    home = Home("HO-099-1", "99001", "Số 1 đường Thử")
    father = Person("099069000121", "Trần", "Văn", "Thử", "19690310", 1, "Chủ hộ", home, "099000121")
    mother = Person("099171000122", "Lê", "Thị", "Lụa", "19710525", 2, "Vợ", home, "099000122")
    daughter = Person("099199000123", "Trần", "Thị", "Mẫu", "19990102", 2, "Con", home)
    son = Person("099212000124", "Trần", "Đức", "An & <Bình>", "20120901", 1, "Con", home, in_parts=True)
    father.married = mother.married = "2"
    father.spouse, mother.spouse = mother.number, father.number
    for child in (daughter, son):
        child.father, child.mother = father.number, mother.number
    son.representative = father.number
    for one in (father, mother, daughter, son):
        one.head = father.number
    return [father, mother, daughter, son]


def _family(draw: random.Random, running: int) -> list[Person]:
    commune, hamlet = draw.choice(COMMUNES), draw.randint(1, HAMLETS)
    detail = f"Số {draw.randint(1, 99)}, thôn Thử {hamlet}"
    home = Home(f"HO-099-{running}", commune, detail, "991" if draw.random() < _ELDER_RECORDS else "")
    family = draw.choice(_FAMILY_NAMES)
    year = draw.randint(1950, 1990)
    father = _person(draw, home, family=family, year=year, sex=1, running=running, relation="Chủ hộ")
    members = [father]
    if draw.random() < _MARRIED:
        mother = _person(
            draw,
            home,
            family=draw.choice(_FAMILY_NAMES),
            year=year + draw.randint(-3, 6),
            sex=2,
            running=running + 1,
            relation="Vợ",
        )
        father.married = mother.married = "2"
        father.spouse, mother.spouse = mother.number, father.number
        members.append(mother)
        for index in range(draw.randint(0, 3)):
            child = _person(
                draw,
                home,
                family=family,
                year=year + draw.randint(22, 35),
                sex=draw.randint(1, 2),
                running=running + 2 + index,
                relation="Con",
            )
            child.father, child.mother = father.number, mother.number
            if int(child.birth[:4]) > _OF_AGE_SINCE:
                child.representative = father.number
            members.append(child)
    elif draw.random() < _ALONE_AGAIN:
        father.married = "3"
    for one in members:
        one.head = father.number
    return members


def _person(
    draw: random.Random, home: Home, *, family: str, year: int, sex: int, running: int, relation: str
) -> Person:
    return Person(
        number=number_of(year, sex, running),
        family=family,
        middle=draw.choice(_MIDDLE[sex]),
        given=draw.choice(_GIVEN[sex]),
        birth=f"{year}{draw.randint(1, 12):02}{draw.randint(1, 28):02}",
        sex=sex,
        relation=relation,
        home=home,
        card=f"099{running:06}" if year < _CARDS_UNTIL else "",
        blood=draw.choice(("00", "01", "02", "03", "04")),
        ethnicity=draw.choice(("01", "01", "01", "05", "08")),
        year_only=year < _DAYS_SINCE and draw.random() < _MARRIED / 2,
        in_parts=draw.random() < _IN_PARTS,
    )


_ELDER_RECORDS = 0.15
_MARRIED = 0.8
_ALONE_AGAIN = 0.3
_IN_PARTS = 0.3
_OF_AGE_SINCE = 2008
_CARDS_UNTIL = 2000
_DAYS_SINCE = 1965
