"""Honest times that look like misuse: rushes, lists, covers, relief, changes. Whoever is in one must stay quiet."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field

from tests.watch_evaluation.days import WARM_UP, Days
from tests.watch_evaluation.procedures import PROCEDURES
from tests.watch_evaluation.province import ROLES, Officer, Person, Province, Unit
from tests.watch_evaluation.records import Window
from tests.watch_evaluation.work import Plan, Work


@dataclass
class Lookalikes:
    """Plans honest windows before the work is done (`plan`), and adds what is not daily work after it (`add`)."""

    rng: random.Random
    days: Days
    province: Province
    windows: list[Window] = field(default_factory=list)
    made: Plan = field(default_factory=Plan)
    _later: list[tuple[str, Officer, Unit, int, int]] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def plan(self) -> Plan:
        """Choose the windows; their number grows with the province and the days judged."""
        scale = max(0.12, len(self.province.officers) / 800 * (self.days.count - WARM_UP) / 46)
        enrolment = {"winter": 10, "summer": 16, "autumn": 20}[self.days.season]
        self._after_holidays()
        for _ in range(_share(self.rng, enrolment * scale)):
            self._enrolment()
        for kind, count in (
            ("approved_list", 12),
            ("approved_codes", 6),
            ("relief", {"winter": 3, "summer": 8, "autumn": 12}[self.days.season]),
        ):
            for _ in range(_share(self.rng, count * scale)):
                self._listed(kind)
        for _ in range(_share(self.rng, 14 * scale)):
            self._desk_cover()
        for _ in range(_share(self.rng, 9 * scale)):
            self._role_change()
        for _ in range(_share(self.rng, 9 * scale)):
            self._new_account()
        for _ in range(_share(self.rng, 9 * scale)):
            self._secondment()
        for _ in range(_share(self.rng, 8 * scale)):
            self._back_from_leave()
        return self.made

    def add(self, work: Work) -> None:
        """Do the work of lists and relief files."""
        for kind, officer, unit, first, last in self._later:
            {"approved_list": self._list, "approved_codes": self._codes, "relief": self._relief}[kind](
                work, officer, unit, first, last
            )

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _window(self, kind: str, officers: list[Officer], first: int, last: int) -> None:
        self.windows.append(
            Window(f"W{len(self.windows) + 1:03}", kind, officers, first, min(last, self.days.count - 1))
        )

    def _first_day(self, length: int) -> int:
        """Draw a working day after the warm-up on which a window of some days may begin."""
        last = max(WARM_UP + 1, self.days.count - length)
        return self.rng.choice([day for day in range(WARM_UP, last + 1) if self.days.full[day]])

    def _someone(self) -> Officer:
        """Draw an officer who is in no other window of their own."""
        while True:
            one = self.rng.choice(self.province.officers)
            if one.account not in self._taken and not one.dormant and one.role != "lanh_dao":
                self._taken.add(one.account)
                return one

    def _present(self, officer: Officer, first: int, last: int) -> None:
        officer.away.difference_update(range(first, last + 1))

    def _after_holidays(self) -> None:
        """Two weeks of work in one: the citizens waited."""
        after = [day for day in self.days.after_holidays if day >= WARM_UP]
        if not after:
            return
        for unit in self.province.units:
            strength = self.rng.uniform(1.1, 1.7)
            for officer in unit.officers:
                self._busy(officer, after[0], after[-1], strength)
            if strength > 1.45:
                self._window("after_holidays", list(unit.officers), after[0], after[-1])

    def _busy(self, officer: Officer, first: int, last: int, strength: float) -> None:
        for day in range(first, last + 1):
            key = (officer.account, day)
            self.made.factor[key] = self.made.factor.get(key, 1.0) * strength * self.rng.uniform(0.85, 1.15)

    def _enrolment(self) -> None:
        """School enrolment: everybody needs a confirmation in the same week."""
        first = self._first_day(7)
        last = first + self.rng.randrange(3, 8)
        unit = self.rng.choice([one for one in self.province.units if one.commune])
        strength = self.rng.uniform(1.5, 2.2)
        officers = [one for one in unit.officers if one.role not in {"dia_chinh", "lanh_dao"}]
        for officer in officers:
            self._busy(officer, first, last, strength)
        self._window("enrolment", officers, first, last)

    def _listed(self, kind: str) -> None:
        officer = self._someone()
        first = self._first_day(5)
        last = first + self.rng.randrange(2, 6)
        unit = officer.unit
        if kind == "approved_codes" and not unit.foreign_codes:
            officer = self.rng.choice(
                self.rng.choice([one for one in self.province.units if one.foreign_codes]).officers
            )
            unit = officer.unit
        if kind == "relief":
            officer = self.rng.choice(self.rng.choice([one for one in self.province.units if one.commune]).officers)
            unit = officer.unit
        self._present(officer, first, last)
        if kind == "relief":  # the whole house works through, weekend and evenings, and the roster says so
            for one in unit.officers:
                one.duty.update(day for day in range(first, last + 1) if not one.dormant)
        self._later.append((kind, officer, unit, first, last))
        self._window(kind, [officer] if kind != "relief" else list(unit.officers), first, last)

    def _desk_cover(self) -> None:
        """A colleague is away for days, one officer does both desks."""
        officer = self._someone()
        first = self._first_day(8)
        last = first + self.rng.randrange(3, 10)
        covers = [one for one in officer.unit.officers if one is not officer and not one.dormant]
        if not covers:
            return
        cover = self.rng.choice(covers)
        self._present(cover, first, last)
        officer.away.update(range(first, last + 1))
        for day in range(first, last + 1):
            self.made.cover[officer.account, day] = cover
        self._window("desk_cover", [cover], first, last)

    def _role_change(self) -> None:
        officer = self._someone()
        day = self._first_day(12)
        role = self.rng.choice([one for one in ROLES if one not in {officer.role, "lanh_dao"}])
        officer.role_change = (day, role)
        factor = ROLES[role][1] / ROLES[officer.role][1] * self.rng.uniform(1.1, 1.8)
        self._present(officer, day, day + 5)
        for later in range(day, self.days.count):
            self.made.factor[officer.account, later] = factor
        self._window("role_change", [officer], day, day + 10)

    def _new_account(self) -> None:
        officer = self._someone()
        day = self._first_day(12)
        officer.created = self.days.dates[day] - dt.timedelta(days=self.rng.choice((0, 0, 1, 3)))
        officer.away.update(range(day))
        officer.last_before = None
        self._present(officer, day, day + 5)
        self._window("new_account", [officer], day, day + 10)

    def _secondment(self) -> None:
        """Work for two weeks or so in another office, from its network, on its dossiers."""
        officer = self._someone()
        first = self._first_day(10)
        last = first + self.rng.randrange(5, 16)
        host = self.rng.choice([one for one in self.province.units if one is not officer.unit])
        self._present(officer, first, first + 4)
        officer.lent = self.rng.random() < 0.4
        for day in range(first, last + 1):
            officer.hosted[day] = host
            self.made.busy_ips.add((officer.account, day))
        self._window("secondment", [officer], first, last)

    def _back_from_leave(self) -> None:
        """Half a year of leave ends: long unused, yet honest."""
        officer = self._someone()
        first = self._first_day(8)
        officer.last_before = self.days.start - dt.timedelta(days=self.rng.randrange(100, 180) - first)
        officer.away.update(range(first))
        self._present(officer, first, first + 4)
        self._window("back_from_leave", [officer], first, first + 7)

    # --- what is not daily work ----------------------------------------------------------------------------------

    def _list(self, work: Work, officer: Officer, unit: Unit, first: int, last: int) -> None:
        """Check an approved list: one dossier, a hundred names and more."""
        rng = self.rng
        days = [day for day in range(first, last + 1) if self.days.full[day]] or [first]
        people = [self.province.anyone(rng, unit.commune) for _ in range(rng.randrange(30, 100))]
        opened = self.days.at(days[0], 7.6 * 3600)
        dossier = work.open(officer, unit, PROCEDURES["bao_tro"], people, opened, lasts=20 * 86_400)
        for at, part in zip(days, _parts(people, len(days)), strict=True):
            ts = self.days.at(at, 8 * 3600 + rng.randrange(3600))
            for person in part:
                work.look(officer, ts, dossier.code, person)
                ts = self.days.in_office(ts + rng.randrange(20, 90))

    def _codes(self, work: Work, officer: Officer, unit: Unit, first: int, last: int) -> None:
        """A batch of another national system, in an office that works with its codes every day."""
        one_list = self.rng.random() < 0.4
        code = work.foreign_code(first)
        for day in range(first, last + 1):
            if self.days.full[day]:
                ts = self.days.at(day, 8.5 * 3600 + self.rng.randrange(7200))
                for _ in range(self.rng.randrange(6, 18)):
                    code = code if one_list else work.foreign_code(day)
                    work.look(officer, ts, code, self.province.anyone(self.rng, unit.commune))
                    ts = self.days.in_office(ts + self.rng.randrange(30, 240))

    def _relief(self, work: Work, officer: Officer, unit: Unit, first: int, last: int) -> None:
        """After the storm: a file per hamlet, the heads are its parties, everybody in the house is looked up."""
        rng = self.rng
        for day in range(first, last + 1):
            hamlet = rng.choice(self.province.hamlets[unit.commune or ""])
            houses = rng.sample(hamlet, min(len(hamlet), rng.randrange(8, 20)))
            late = not self.days.worked(day, saturdays=unit.saturdays)
            opened = self.days.at(day, 8 * 3600 + rng.randrange(3600))
            heads = [house.members[0] for house in houses]
            dossier = work.open(officer, unit, PROCEDURES["bao_tro"], heads, opened, lasts=8 * 86_400)
            workers = [one for one in unit.officers if one.works(day) and one.created <= self.days.dates[day]]
            ts = opened + rng.randrange(300, 1800) + (3600 if late else 0)
            for house in houses:
                doer = rng.choice(workers) if workers else officer
                for member in house.members[: rng.randrange(1, 6)]:
                    ts += rng.randrange(20, 200)
                    work.look(doer, ts, dossier.code, member)


def _share(rng: random.Random, mean: float) -> int:
    """Round a mean up or down by chance."""
    return int(mean) + (rng.random() < mean - int(mean))


def _parts(items: list[Person], count: int) -> list[list[Person]]:
    return [items[at::count] for at in range(count)]
