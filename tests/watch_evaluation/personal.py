"""Misuse out of personal interest: small, and by far the most frequent."""

from __future__ import annotations

from tests.watch_evaluation.misuse import Kind, Scene
from tests.watch_evaluation.province import Household, Officer, Person

EVENING = (18 * 3600, 20 * 3600 + 3000)


def own_record(scene: Scene) -> None:
    """Officers look at what the state has about themselves."""
    for day in scene.some_days(scene.between(1, 3), 20):
        for _ in range(scene.between(1, 2)):
            scene.look(scene.officer.person, day)


def own_household(scene: Scene) -> None:
    """Officers look up who lives with them."""
    others = [one for one in scene.officer.person.household.members if one is not scene.officer.person]
    for day in scene.some_days(scene.between(1, 4), 14):
        for _ in range(scene.between(1, 3)):
            scene.look(scene.rng.choice(others), day)


def family_elsewhere(scene: Scene) -> None:
    """Relatives who live in another household, of which no file says that they are relatives."""
    house = _near_home(scene)
    for day in scene.some_days(scene.between(1, 4), 18):
        for _ in range(scene.between(1, 2)):
            scene.look(scene.rng.choice(house.members), day)


def acquaintance(scene: Scene) -> None:
    """A friend of the family or a rival in love, once or twice: hardly anything tells it from a slip."""
    aims = [_near_home(scene).members[0] for _ in range(scene.between(1, 2))]
    for day in scene.some_days(scene.between(1, 2), 12):
        scene.look(scene.rng.choice(aims), day)


def colleague(scene: Scene) -> None:
    """The people at the next desk."""
    others = [one for one in scene.officer.unit.officers if one is not scene.officer]
    aims = scene.rng.sample(others, min(len(others), scene.between(1, 2)))
    for day in scene.some_days(scene.between(1, 4), 14):
        for _ in range(scene.between(1, 2)):
            scene.look(scene.rng.choice(aims).person, day)


def neighbours(scene: Scene) -> None:
    """Houses of the officer's own hamlet."""
    home = scene.officer.person.household
    houses = [one for one in scene.province.households(home.commune, home.hamlet) if one is not home]
    aims = scene.rng.sample(houses, min(len(houses), scene.between(1, 4)))
    for day in scene.some_days(scene.between(1, 6), 14):
        for _ in range(scene.between(1, 2)):
            scene.look(scene.rng.choice(scene.rng.choice(aims).members), day)


def protected(scene: Scene) -> None:
    """Somebody known from the news."""
    aims = scene.rng.sample(scene.province.protected, scene.between(1, 2))
    for day in scene.some_days(scene.between(1, 3), 10):
        scene.look(scene.rng.choice(aims), day)


def one_person(scene: Scene) -> None:
    """The same person again and again: a former partner, a debtor."""
    aim = scene.stranger()
    for day in scene.some_days(scene.between(2, 8), 28):
        for _ in range(scene.between(1, 2)):
            scene.look(scene.rng.choice(aim.household.members) if scene.rng.random() < 0.2 else aim, day)


def many_on_one(scene: Scene) -> None:
    """Officers of several offices look up the one whom everybody talks about."""
    aim = scene.stranger()
    first = scene.some_days(1, 1)
    for officer in scene.incident.officers:
        near = [
            day
            for day in range(first[0] if first else 0, min(scene.days.count, (first[0] if first else 0) + 5))
            if scene.days.full[day] and officer.works(day) and officer.created <= scene.days.dates[day]
        ]
        for day in scene.rng.sample(near, min(len(near), scene.between(1, 2))):
            scene.look(aim, day, officer=officer)


def after_hours(scene: Scene) -> None:
    """Evenings and days off, without a roster; nobody is there to see."""
    start = scene.some_days(1, 1)
    if not start:
        return
    span = [day for day in range(start[0], min(scene.days.count, start[0] + 12)) if day not in scene.officer.duty]
    for day in sorted(scene.rng.sample(span, min(len(span), scene.between(1, 4)))):
        off = not scene.days.worked(day, saturdays=scene.officer.unit.saturdays)
        second = scene.rng.uniform(9 * 3600, 17 * 3600) if off else scene.rng.uniform(*EVENING)
        for _ in range(scene.between(1, 4)):
            scene.look(scene.stranger(), day, second)
            second += scene.between(30, 400)


def closed_dossiers(scene: Scene) -> None:
    """People of no concern under dossiers that were finished long ago."""
    for day in scene.some_days(scene.between(1, 5), 10):
        limit = scene.days.at(day, 0) - 7 * 86_400
        old = [one for one in scene.work.of_officer[scene.officer.account] if one.closed and one.closed < limit]
        for _ in range(scene.between(1, 2)):
            if old:
                one = scene.rng.choice(old)
                party = scene.rng.choice(one.parties)
                stranger = scene.stranger()
                scene.look(party if scene.rng.random() < 0.5 else stranger, day, code=one.code)


def other_office(scene: Scene) -> None:
    """Under dossiers of an office with which the officer has nothing to do."""
    there = scene.rng.choice([one for one in scene.province.units if one is not scene.officer.unit])
    for day in scene.some_days(scene.between(1, 5), 10):
        moment = scene.days.at(day, 12 * 3600)
        open_there = [
            one
            for one in scene.work.of_unit[there.code]
            if one.opened < moment - 20_000 and (one.closed is None or one.closed > moment + 20_000)
        ]
        for _ in range(scene.between(1, 2)):
            if open_there:
                one = scene.rng.choice(open_there)
                stranger = scene.stranger()
                party = scene.rng.choice(one.parties)
                scene.look(party if scene.rng.random() < 0.6 else stranger, day, code=one.code)


def unrelated_under_real(scene: Scene) -> None:
    """A few people under a dossier in hand with which none of them has to do."""
    for day in scene.some_days(scene.between(2, 4), 12):
        moment = scene.days.at(day, 9 * 3600)
        own = [
            one
            for one in scene.work.of_officer[scene.officer.account]
            if one.opened < moment and (one.closed is None or one.closed > moment + 30_000)
        ]
        if own:
            dossier = scene.rng.choice(own)
            second = scene.rng.uniform(9 * 3600, 15 * 3600)
            for _ in range(scene.between(1, 3)):
                aim = scene.stranger()
                scene.look(aim, day, second, code=dossier.code)
                second += scene.between(30, 900)


def _near_home(scene: Scene) -> Household:
    """A household in the officer's home commune, of another hamlet, that brings no work to the office."""
    home = scene.officer.person.household

    def draw() -> Person:
        person = scene.province.anyone(scene.rng, home.commune)
        while person.household.hamlet == home.hamlet:
            person = scene.province.anyone(scene.rng, home.commune)
        return person

    return scene.unexplained(draw).household


def _lives_with_others(officer: Officer) -> bool:
    return not officer.dormant and len(officer.person.household.members) > 1


KINDS = (
    Kind("own_record", own_record, 10),
    Kind("own_household", own_household, 12, fits=_lives_with_others),
    Kind("family_elsewhere", family_elsewhere, 14),
    Kind("acquaintance", acquaintance, 8),
    Kind("colleague", colleague, 10),
    Kind("neighbours", neighbours, 12),
    Kind("protected", protected, 7),
    Kind("one_person", one_person, 12),
    Kind("many_on_one", many_on_one, 6, people=(3, 5)),
    Kind("after_hours", after_hours, 9),
    Kind("closed_dossiers", closed_dossiers, 8),
    Kind("other_office", other_office, 8),
    Kind("unrelated_under_real", unrelated_under_real, 12),
)
