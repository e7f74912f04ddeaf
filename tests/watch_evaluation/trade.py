"""Misuse for gain or by intruders: rarer, larger, and often under cover."""

from __future__ import annotations

import datetime as dt

from tests.watch_evaluation.days import DAY, SATURDAY, WARM_UP
from tests.watch_evaluation.misuse import Kind, Scene
from tests.watch_evaluation.procedures import PROCEDURES
from tests.watch_evaluation.province import Officer
from tests.watch_evaluation.records import DENIED

OUTSIDE = ("113.160", "14.224", "171.244", "27.72", "118.69")


def dormant(scene: Scene) -> None:
    """An account that nobody used for most of a year wakes up."""
    officer = scene.officer
    days = scene.some_days(scene.between(1, 4), 9)
    officer.last_before = (
        scene.days.start - dt.timedelta(days=scene.between(215, 520)) + dt.timedelta(days=days[0] if days else 0)
    )
    for day in days:
        for _ in range(scene.between(4, 20)):
            scene.look(scene.stranger(), day)


def outside(scene: Scene) -> None:
    """A session from the internet."""
    ip = f"{scene.rng.choice(OUTSIDE)}.{scene.between(1, 250)}.{scene.between(1, 250)}"
    for day in scene.some_days(scene.between(1, 3), 8):
        second = scene.rng.uniform(9 * 3600, 20 * 3600)
        for _ in range(scene.between(10, 40)):
            scene.look(scene.stranger(), day, second, ip=ip)
            second += scene.between(20, 200)


def shared_password(scene: Scene) -> None:
    """Somebody in another office works under the account while its owner does, too."""
    there = scene.rng.choice([one for one in scene.province.units if one is not scene.officer.unit])
    ip = f"{there.network}.{scene.between(10, 250)}"
    for day in scene.some_days(scene.between(2, 6), 14):
        low, high = scene.days.at(day, 0), scene.days.at(day + 1, 0)
        own = [one.ts for one in scene.work.lookups if one.officer is scene.officer and low <= one.ts < high]
        if own:
            second = scene.rng.choice(own) - low + scene.between(60, 500)
            for _ in range(scene.between(4, 16)):
                person = scene.province.anyone(scene.rng, there.commune)
                scene.look(person, day, second, ip=ip)
                second += scene.between(20, 150)


def night_harvest(scene: Scene) -> None:
    """Hundreds of people between dusk and dawn."""
    for day in scene.some_days(scene.between(2, 6), 14):
        if day in scene.officer.duty:
            continue
        second = float(scene.between(21 * 3600 + 600, 22 * 3600 + 1800))
        for _ in range(scene.between(40, 160)):
            scene.look(scene.province.anyone(scene.rng), day, min(second, DAY - 60))
            second += scene.between(8, 50)


def invented_codes(scene: Scene) -> None:
    """Codes that look like the office's own, or like another system's, and were never issued."""
    ours = scene.officer.unit.foreign_codes or scene.rng.random() < 0.7
    for day in scene.some_days(scene.between(2, 6), 12):
        date = scene.days.dates[day - scene.between(0, 3)]
        for _ in range(scene.between(2, 5)):
            code = f"{scene.officer.unit.code}-{date:%y%m%d}-{scene.between(6000, 9999)}"
            if not ours:
                code = scene.work.foreign_code(day)
            scene.look(scene.stranger(), day, code=code)


def enumeration(scene: Scene) -> None:
    """Numbers one after the other."""
    for day in scene.some_days(scene.between(1, 4), 8):
        stem = int(scene.stranger().number)
        second = scene.rng.uniform(8 * 3600, 15 * 3600)
        for step in range(scene.between(20, 80)):
            number = f"{stem + step:012}"
            home = scene.rng.choice(list(scene.province.hamlets))
            exists = scene.rng.random() < 0.45
            person = scene.province.numbers.get(number) or (
                scene.province.stranger(number, home, scene.between(1, 6)) if exists else number
            )
            scene.look(person, day, second)
            second += scene.between(4, 25)


def guessed_numbers(scene: Scene) -> None:
    """Numbers guessed from birthdays: most do not exist."""
    for day in scene.some_days(scene.between(1, 3), 6):
        second = scene.rng.uniform(8 * 3600, 15 * 3600)
        stem = scene.stranger().number[:6]
        for _ in range(scene.between(12, 40)):
            number = f"{stem}{scene.rng.randrange(10**6):06}"
            scene.look(scene.province.numbers.get(number) or number, day, second)
            second += scene.between(15, 120)


def probing(scene: Scene) -> None:
    """Try what the gate lets through: most is refused."""
    for day in scene.some_days(scene.between(1, 3), 6):
        second = scene.rng.uniform(8 * 3600, 15 * 3600)
        for _ in range(scene.between(5, 14)):
            scene.look(scene.stranger(), day, second, outcome=DENIED)
            second += scene.between(10, 300)


def sham_dossiers(scene: Scene) -> None:
    """A dossier is registered for the person of interest, the person is looked up, the dossier is withdrawn."""
    names = scene.rng.sample(("cu_tru", "chung_thuc", "ho_kinh_doanh"), 1)
    for day in scene.some_days(scene.between(3, 7), 20):
        for _ in range(scene.between(1, 2)):
            aim = scene.stranger()
            opened = scene.days.at(day, scene.days.office_second(day, scene.rng))
            unit = scene.officer.unit_on(day)
            dossier = scene.work.open(
                scene.officer, unit, PROCEDURES[names[0]], [aim], opened, lasts=scene.between(300, 2400)
            )
            second = opened - scene.days.at(day, 0) + scene.between(20, 120)
            scene.look(aim, day, second, code=dossier.code)
            if scene.rng.random() < 0.4 and len(aim.household.members) > 1:
                scene.look(scene.rng.choice(aim.household.members), day, second + 60, code=dossier.code)


def bulk(scene: Scene) -> None:
    """A list that somebody paid for, worked through in office hours."""
    home = scene.officer.unit.commune
    for day in scene.some_days(scene.between(2, 6), 12):
        second = float(scene.between(8 * 3600, 9 * 3600))
        for _ in range(scene.between(60, 200)):
            at = scene.days.in_office(scene.days.at(day, second)) - scene.days.at(day, 0)
            where = home if scene.near else None
            scene.look(scene.province.anyone(scene.rng, where), day, at)
            second += scene.between(30, 150)


def creep(scene: Scene) -> None:
    """A little more every few days."""
    days = scene.some_days(99, 32)
    for at, day in enumerate(days):
        for _ in range(1 + int(at * scene.rng.uniform(0.2, 0.6))):
            scene.look(scene.province.anyone(scene.rng, scene.officer.unit.commune), day)


def weekend(scene: Scene) -> None:
    """A day off is used for a long list of strangers."""
    free = [
        day
        for day in range(WARM_UP, scene.days.count)
        if scene.days.dates[day].weekday() > SATURDAY and day not in scene.officer.duty
    ]
    for day in scene.rng.sample(free, min(len(free), scene.between(1, 2))):
        second = scene.rng.uniform(8 * 3600, 14 * 3600)
        for _ in range(scene.between(15, 50)):
            scene.look(scene.stranger(), day, second)
            second += scene.between(20, 200)


def _asleep(officer: Officer) -> bool:
    return officer.dormant


KINDS = (
    Kind("dormant", dormant, 4, personal=False, fits=_asleep),
    Kind("outside", outside, 3, personal=False),
    Kind("shared_password", shared_password, 4, personal=False),
    Kind("night_harvest", night_harvest, 3, personal=False),
    Kind("invented_codes", invented_codes, 4, personal=False),
    Kind("enumeration", enumeration, 3, personal=False),
    Kind("guessed_numbers", guessed_numbers, 2, personal=False),
    Kind("probing", probing, 2, personal=False),
    Kind("sham_dossiers", sham_dossiers, 7, personal=False),
    Kind("bulk", bulk, 3, personal=False),
    Kind("creep", creep, 3, personal=False),
    Kind("weekend", weekend, 1, personal=False),
)
