"""The honest daily work of the offices: dossiers come in, people are looked up for them, small things go wrong."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.watch_evaluation.days import AFTERNOON, DAY, Days, poisson
from tests.watch_evaluation.habits import Habits
from tests.watch_evaluation.procedures import FOREIGN, OF_ROLE, PROCEDURES, Procedure
from tests.watch_evaluation.province import Household, Officer, Person, Province, Unit
from tests.watch_evaluation.records import DENIED, FOUND, NOT_FOUND, Dossier, LookUp

PURPOSES = ("Giải quyết thủ tục hành chính", "Kiểm tra thông tin công dân", "Xác minh cư trú", "Đối chiếu hồ sơ")


@dataclass
class Plan:
    """What is unusual, by officer and day; made by the look-alikes before the work begins."""

    factor: dict[tuple[str, int], float] = field(default_factory=dict)
    cover: dict[tuple[str, int], Officer] = field(default_factory=dict)
    busy_ips: set[tuple[str, int]] = field(default_factory=set)


@dataclass
class Work:
    """Honest work. Everything it makes is in `lookups` and `dossiers`."""

    rng: random.Random
    days: Days
    province: Province
    plan: Plan
    vocabulary: int
    intensity: float
    alike: bool
    """Whether codes of other systems have the form of the office's own."""
    habits: Habits = field(default_factory=Habits)
    lookups: list[LookUp] = field(default_factory=list)
    dossiers: list[Dossier] = field(default_factory=list)
    of_unit: dict[str, list[Dossier]] = field(default_factory=lambda: defaultdict(list))
    of_officer: dict[str, list[Dossier]] = field(default_factory=lambda: defaultdict(list))

    def run(self) -> None:
        """Do all the work of all days; two weeks of dossiers are already in hand at the start."""
        for officer in self.province.officers:
            self._inherit(officer)
        for day in range(self.days.count):
            for officer in self.province.officers:
                unit = officer.unit_on(day)
                if self.days.worked(day, saturdays=unit.saturdays):
                    self._office_day(officer, unit, day)
                if day in officer.duty and not officer.dormant and officer.created <= self.days.dates[day]:
                    self._roster(officer, day)
        self._visits()

    def look(
        self, officer: Officer, ts: int, code: str | None, person: Person | str, *, ip: str = "", outcome: str = FOUND
    ) -> LookUp:
        """Record one look-up; a number in place of a person is one that nobody has."""
        day = self.days.of(ts)
        known = None if isinstance(person, str) else person
        made = LookUp(
            ts=ts,
            officer=officer,
            role=officer.role_on(day),
            unit=officer.unit if officer.lent else officer.unit_on(day),
            ip=ip or officer.ip_on(day, self.rng),
            code=code,
            purpose=self.rng.choice(PURPOSES),
            number=known.number if known else str(person),
            person=known,
            outcome=outcome if known else NOT_FOUND,
        )
        self.lookups.append(made)
        return made

    def open(
        self,
        officer: Officer,
        unit: Unit,
        procedure: Procedure,
        parties: Sequence[Person],
        opened: int,
        *,
        lasts: float | None = None,
        colleague: Officer | None = None,
    ) -> Dossier:
        """Register a dossier; `lasts` is its life in seconds, the procedure's habit if none is given."""
        day = self.days.of(opened)
        unit.issued[day] = at = unit.issued.get(day, 0) + 1
        date = self.days.dates[day] if day >= 0 else self.days.start + dt.timedelta(days=day)
        life = lasts if lasts is not None else self.rng.expovariate(1 / (procedure.days * DAY)) + 600
        closed = opened + int(life)
        if procedure.days >= 1 and lasts is None:  # finished in office hours, not on the day it came in
            closed = self._office_moment(max(closed, self.days.at(day + 1, 0)))
        made = Dossier(
            code=f"{unit.code}-{date:%y%m%d}-{at:04}",
            unit=unit,
            procedure=procedure.names[self.vocabulary],
            land=procedure.land,
            assigned=[officer] if colleague is None else [officer, colleague],
            parties=list(parties),
            opened=opened,
            closed=max(closed, opened + 300),
        )
        self.dossiers.append(made)
        self.of_unit[unit.code].append(made)
        for one in made.assigned:
            self.of_officer[one.account].append(made)
        return made

    def colleague(self, officer: Officer, day: int) -> Officer | None:
        """Return somebody of the same office who is at work."""
        unit = officer.unit_on(day)
        there = [
            one
            for one in unit.officers
            if one is not officer
            and one.works(day)
            and one.unit_on(day) is unit
            and one.created <= self.days.dates[day]
        ]
        return self.rng.choice(there) if there else None

    def typo(self, number: str) -> str:
        """Mistype a number: one digit, or two neighbours swapped."""
        at = self.rng.randrange(4, 11)
        if self.rng.random() < 0.5 and number[at] != number[at + 1]:
            return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        return number[:at] + str((int(number[at]) + self.rng.randrange(1, 10)) % 10) + number[at + 1 :]

    # --- one day -----------------------------------------------------------------------------------------------

    def _visits(self) -> None:
        """Let officers work in another office for the afternoon now and then, from its network."""
        rng, days = self.rng, self.days
        there: dict[tuple[str, int], str] = {}
        for officer in self.province.officers:
            for day in range(days.count):
                if rng.random() < self.habits.visit and (officer.account, day) not in self.plan.busy_ips:
                    network = rng.choice(self.province.units).network
                    there[officer.account, day] = f"{network}.{rng.randrange(10, 250)}"
        for one in self.lookups:
            day = days.of(one.ts)
            ip = there.get((one.officer.account, day))
            if ip is not None and one.ts >= days.at(day, AFTERNOON[0] - 1800):
                one.ip = ip

    def _inherit(self, officer: Officer) -> None:
        """Dossiers opened before the stream begins; those that would be closed by then are of no interest."""
        if officer.dormant or officer.created > self.days.start:
            return
        for back in range(1, 15):
            for _ in range(poisson(self.rng, officer.pace * self.intensity * 0.5)):
                procedure = PROCEDURES[self.rng.choice(OF_ROLE[officer.role])]
                opened = self.days.at(-back, self.days.office_second(0, self.rng))
                life = self.rng.expovariate(1 / (procedure.days * DAY))
                if life > back * DAY:
                    dossier = self.open(
                        officer, officer.unit, procedure, self._parties(officer.unit, procedure), opened, lasts=life
                    )
                    self._revisits(officer, dossier, procedure)

    def _office_day(self, officer: Officer, unit: Unit, day: int) -> None:
        if officer.dormant or officer.created > self.days.dates[day]:
            return
        doer = officer if officer.works(day) else self.plan.cover.get((officer.account, day))
        if doer is None:
            return  # nobody covers the desk: the citizens come another day
        share = 0.45 if self.days.saturday(day) else 1.0
        factor = self.plan.factor.get((officer.account, day), 1.0) * share * self.rng.lognormvariate(0, 0.18)
        role = officer.role_on(day)
        for _ in range(poisson(self.rng, officer.pace * self.intensity * factor)):
            self._dossier(officer, doer, unit, role, day)
        if officer.works(day):
            self._odds(officer, unit, day, share)

    def _dossier(self, officer: Officer, doer: Officer, unit: Unit, role: str, day: int) -> None:
        rng, habits = self.rng, self.habits
        procedure = PROCEDURES[rng.choice(OF_ROLE[role])]
        parties = self._parties(unit, procedure)
        if officer.lent and unit is not officer.unit:
            officer = self.colleague(officer, day) or officer
        if any(party.household in (officer.person.household, doer.person.household) for party in parties):
            return  # nobody handles the dossiers of their own house
        opened = self.days.at(day, self.days.office_second(day, rng))
        if rng.random() < habits.late:  # looked up first, registered within 45 minutes
            ts = opened
            opened += rng.randrange(120, 2640)
            for party in parties[:2]:
                self.look(doer, ts, None, party)
                ts += rng.randrange(15, 60)
            self.open(officer, unit, procedure, parties, opened, colleague=self._second(officer, day))
            return
        dossier = self.open(officer, unit, procedure, parties, opened, colleague=self._second(officer, day))
        if rng.random() < habits.backdated:  # the paper was entered the next morning
            self.look(doer, opened, None, parties[0])
            dossier.opened = self.days.at(self._next_office_day(unit, day), 7.6 * 3600 + rng.randrange(3600))
            dossier.closed = max(dossier.closed or 0, dossier.opened + 3600)
            return
        if rng.random() < habits.withdrawn:
            self.look(doer, opened + 40, dossier.code, parties[0])
            dossier.closed = opened + rng.randrange(300, 2700)
            return
        if rng.random() < habits.again:  # registered wrongly, withdrawn, registered again for the same person
            wrong = self.open(officer, unit, procedure, parties, opened, lasts=rng.randrange(120, 900))
            self.look(doer, opened + 40, wrong.code, parties[0])
            dossier.opened = (wrong.closed or opened) + rng.randrange(30, 600)
            dossier.closed = max(dossier.closed or 0, dossier.opened + 3600)
            opened = dossier.opened
        actor = doer
        if doer is officer and rng.random() < habits.stand_in:
            actor = self.colleague(officer, day) or doer
        self._asked(actor, dossier, opened)
        self._revisits(officer, dossier, procedure)

    def _asked(self, actor: Officer, dossier: Dossier, ts: int) -> None:
        """Look up the parties of a new dossier, with the usual slips."""
        rng, habits = self.rng, self.habits
        for party in dossier.parties:
            if rng.random() < 0.08 and party is not dossier.parties[0]:
                continue
            ts += rng.randrange(15, 200)
            if rng.random() < habits.typo:
                self._slip(actor, dossier, party, ts)
                ts += rng.randrange(8, 55) if rng.random() < 0.9 else rng.randrange(60, 200)
            code: str | None = dossier.code
            if rng.random() < habits.wrong_own and self.of_officer[actor.account]:
                code = self._recent(self.of_officer[actor.account], ts, code)
            elif rng.random() < habits.wrong_unit:
                code = self._recent(self.of_unit[dossier.unit.code], ts, code)
            self.look(actor, ts, code, party, outcome=DENIED if rng.random() < 0.001 else FOUND)
            ts = self._family(actor, dossier, party, ts)
        if dossier.land and rng.random() < habits.neighbours:
            for _ in range(rng.randrange(1, 4)):
                ts += rng.randrange(30, 300)
                self.look(actor, ts, dossier.code, self._neighbour(dossier.parties[0].household))

    def _family(self, actor: Officer, dossier: Dossier, party: Person, ts: int) -> int:
        """Look up who lives with a party, or a relative elsewhere; return the moment reached."""
        rng, habits = self.rng, self.habits
        if rng.random() < habits.household and len(party.household.members) > 1:
            ts += rng.randrange(15, 120)
            self.look(actor, ts, dossier.code, rng.choice(party.household.members))
        if rng.random() < habits.kin:
            ts += rng.randrange(15, 120)
            kin = self.province.anyone(rng, party.household.commune)
            if kin.household is not actor.person.household:
                self.look(actor, ts, dossier.code, kin)
        return ts

    def _slip(self, actor: Officer, dossier: Dossier, party: Person, ts: int) -> None:
        wrong = self.typo(party.number)
        known = self.province.numbers.get(wrong)
        if known is None and self.rng.random() < 0.2:  # a mistyped number can be somebody's
            commune = self.rng.choice(list(self.province.hamlets))
            known = self.province.stranger(wrong, commune, self.rng.randrange(1, 7))
        self.look(actor, ts, dossier.code, known or wrong)

    def _revisits(self, officer: Officer, dossier: Dossier, procedure: Procedure) -> None:
        """Come back to a dossier while it is in hand, and now and then shortly after it was closed."""
        rng = self.rng
        end = dossier.closed or dossier.opened
        for _ in range(poisson(rng, procedure.revisits)):
            day = self.days.of(dossier.opened + rng.random() * (end - dossier.opened))
            self._again(officer, dossier, day, latest=end)
        if rng.random() < self.habits.after_close:
            self._again(officer, dossier, self.days.of(end) + rng.randrange(1, 4))
        if rng.random() < self.habits.old_paper:
            self._again(officer, dossier, self.days.of(end) + rng.randrange(6, 30))

    def _again(self, officer: Officer, dossier: Dossier, day: int, latest: int | None = None) -> None:
        days = self.days
        if not (0 <= day < days.count and days.worked(day, saturdays=dossier.unit.saturdays)):
            return
        present = officer.works(day) and officer.unit_on(day) is dossier.unit
        actor = officer if present and self.rng.random() > self.habits.stand_in else None
        if actor is None and dossier.unit is officer.unit_on(day):
            actor = self.plan.cover.get((officer.account, day)) or self.colleague(officer, day)
        ts = days.at(day, days.office_second(day, self.rng))
        if actor is None or ts < dossier.opened or (latest is not None and ts >= latest):
            return
        for party in dossier.parties:
            if self.rng.random() < 0.6:
                ts += self.rng.randrange(10, 120)
                self.look(actor, ts, dossier.code, party)

    def _odds(self, officer: Officer, unit: Unit, day: int, share: float) -> None:
        """The rest of a day: walk-ins, other systems, refusals, a visit elsewhere, work after hours."""
        rng, habits, days = self.rng, self.habits, self.days
        for _ in range(poisson(rng, habits.walk_in * share)):
            ts = days.at(day, days.office_second(day, rng))
            open_one = self._recent(self.of_officer[officer.account], ts, None) if rng.random() < 0.3 else None
            who = self.province.anyone(rng, unit.commune if rng.random() < 0.7 else None)
            self.look(officer, ts, open_one, who)
            later = self._next_office_day(unit, day)
            if rng.random() < 0.05 and later < days.count and officer.works(later):  # told to come back
                self.look(officer, days.at(later, days.office_second(later, rng)), None, who)
        rate = habits.foreign if unit.foreign_codes else habits.foreign_elsewhere / (5 if self.alike else 1)
        for _ in range(poisson(rng, rate * share)):
            ts = days.at(day, days.office_second(day, rng))
            self.look(officer, ts, self.foreign_code(day), self.province.anyone(rng, unit.commune))
        if rng.random() < habits.denied:
            ts = days.at(day, days.office_second(day, rng))
            code = self._recent(self.of_unit[unit.code], ts, None)
            for _ in range(rng.choice((1, 1, 1, 2))):
                self.look(officer, ts, code, self.province.anyone(rng, unit.commune), outcome=DENIED)
                ts += rng.randrange(10, 90)
        if rng.random() < habits.overtime:
            self._some(officer, days.at(day, 17.4 * 3600 + rng.randrange(4800)), rng.randrange(1, 4))

    def foreign_code(self, day: int) -> str:
        """Return a code of another national system; in half of the streams it looks like the dossier system's own."""
        date = self.days.dates[day]
        if self.alike:
            return f"{FOREIGN[2]}-{date:%y%m%d}-{self.rng.randrange(10**4):04}"
        return f"{self.rng.choice(FOREIGN[:2])}.99.{date:%y%m}.{self.rng.randrange(10**6):06}"

    def _roster(self, officer: Officer, day: int) -> None:
        """A night or a day off on duty: work on what is in hand."""
        rng = self.rng
        off = not self.days.worked(day, saturdays=officer.unit_on(day).saturdays)
        start = 8 * 3600 if off else 18.5 * 3600
        self._some(officer, self.days.at(day, start + rng.randrange(9000)), rng.randrange(2, 12))

    def _some(self, officer: Officer, ts: int, count: int, ip: str = "") -> None:
        """Look up people of dossiers in hand, one after the other."""
        for _ in range(count):
            dossier = self._in_hand(self.of_officer[officer.account], ts)
            if dossier is not None:
                ts += self.rng.randrange(40, 600)
                self.look(officer, ts, dossier.code, self.rng.choice(dossier.parties), ip=ip)

    # --- little helpers ------------------------------------------------------------------------------------------

    def _in_hand(self, dossiers: Sequence[Dossier], ts: int) -> Dossier | None:
        """Return one of the dossiers that is open, and stays so for an hour; None if chance finds none."""
        for _ in range(12 if dossiers else 0):
            one = dossiers[max(0, len(dossiers) - 1 - int(self.rng.expovariate(1 / 25)))]
            if one.opened <= ts and (one.closed is None or one.closed > ts + 7200):
                return one
        return None

    def _recent(self, dossiers: Sequence[Dossier], ts: int, otherwise: str | None) -> str | None:
        found = self._in_hand(dossiers, ts)
        return found.code if found else otherwise

    def _second(self, officer: Officer, day: int) -> Officer | None:
        return self.colleague(officer, day) if self.rng.random() < 0.12 else None

    def _parties(self, unit: Unit, procedure: Procedure) -> list[Person]:
        first = self.province.anyone(self.rng, unit.commune if self.rng.random() < 0.93 else None)
        people = [first]
        for _ in range(self.rng.choice(procedure.parties) - 1):
            near = self.rng.random() < 0.55
            other = self.rng.choice(first.household.members) if near else self.province.anyone(self.rng, unit.commune)
            if other not in people:
                people.append(other)
        return people

    def _neighbour(self, household: Household) -> Person:
        hamlets = self.province.hamlets[household.commune]
        step = self.rng.choice((0, 0, 0, 0, -1, 1))
        there = hamlets[min(max(household.hamlet - 1 + step, 0), len(hamlets) - 1)]
        return self.rng.choice(self.rng.choice(there).members)

    def _office_moment(self, ts: int) -> int:
        return self.days.in_office(self.days.at(self.days.of(ts), 7.5 * 3600 + (ts % 34_200)))

    def _next_office_day(self, unit: Unit, day: int) -> int:
        return next(
            (later for later in range(day + 1, day + 12) if self.days.worked(later, saturdays=unit.saturdays)),
            day + 1,
        )
