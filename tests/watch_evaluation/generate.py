"""Makes a whole stream from a seed: the same seed and shape give the same bytes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from tests.watch_evaluation import personal, trade
from tests.watch_evaluation.days import Days
from tests.watch_evaluation.habits import Habits
from tests.watch_evaluation.lookalikes import Lookalikes
from tests.watch_evaluation.misuse import Kind, Scene
from tests.watch_evaluation.province import Officer, Province, build
from tests.watch_evaluation.records import Incident, Stream, write
from tests.watch_evaluation.work import Work

KINDS: tuple[Kind, ...] = personal.KINDS + trade.KINDS


@dataclass(frozen=True)
class Shape:
    """How large a stream is, and of which season."""

    officers: int = 800
    days: int = 60
    incidents: int = 160
    communes: int = 40
    departments: int = 16
    households_per_hamlet: int = 190
    season: str = "winter"
    intensity: float = 1.08
    """Factor on every officer's dossiers a day."""
    spread: float = 1.0
    """Factor on the days over which a misuse is spread."""
    noise: float = 1.0
    """Factor on honest work that no dossier explains well."""
    even: bool = False
    """Whether all kinds are as frequent, instead of as in practice."""


LARGE = Shape()
SHAPES = {
    "large": LARGE,
    "half": replace(LARGE, officers=400, incidents=80, communes=22, departments=8),
    "summer": replace(LARGE, season="summer"),
    "autumn": replace(LARGE, season="autumn"),
    "slow": replace(LARGE, spread=3.0),
    "noisy": replace(LARGE, noise=2.5),
    "even": replace(LARGE, even=True),
    "few": replace(LARGE, incidents=25),
    "small": Shape(120, 34, 11, communes=6, departments=3, households_per_hamlet=60),
    "tiny": Shape(24, 21, 8, communes=2, departments=1, households_per_hamlet=25, intensity=0.3),
}


def make(seed: int, shape: Shape) -> Stream:
    """Make a stream.

    Args:
        seed: All chance comes from it; it also picks the vocabulary in which procedures are named.
        shape: Its size.
    """
    days = Days(shape.season, shape.days)

    def chance(part: str) -> random.Random:
        """Return chance of its own for each part, so that a change in one leaves the others as they were."""
        return random.Random(f"{seed}/{part}")

    rng = chance("province")
    province = build(
        rng,
        days,
        officers=shape.officers,
        communes=shape.communes,
        departments=shape.departments,
        households_per_hamlet=shape.households_per_hamlet,
    )
    asleep = max(2, shape.officers // 60)
    for officer in rng.sample(province.officers, asleep):
        officer.dormant = True
    lookalikes = Lookalikes(chance("lookalikes"), days, province)
    work = Work(
        chance("work"),
        days,
        province,
        lookalikes.plan(),
        seed % 3,
        shape.intensity,
        alike=seed % 2 == 0,
        habits=Habits().times(shape.noise),
    )
    work.run()
    lookalikes.add(work)
    incidents = _misuse(chance("misuse"), work, province, shape, lookalikes)
    lookups = sorted(work.lookups, key=lambda one: one.ts)
    lookups = [one for one in lookups if 0 <= days.of(one.ts) < days.count]
    return Stream(days, province, lookups, work.dossiers, incidents, lookalikes.windows)


def _misuse(rng: random.Random, work: Work, province: Province, shape: Shape, lookalikes: Lookalikes) -> list[Incident]:
    incidents: list[Incident] = []
    # Nobody of an honest window of their own does anything wrong; in a rush of a whole office anybody may.
    taken = {
        officer.account
        for window in lookalikes.windows
        if window.kind != "after_holidays"
        for officer in window.officers
    }
    for kind in _kinds(rng, shape.incidents, even=shape.even):
        people = rng.randint(*kind.people)
        free = [one for one in province.officers if one.account not in taken and kind.fits(one)]
        if len(free) < people:
            continue
        officers: list[Officer] = rng.sample(free, people)
        incident = Incident(f"I{len(incidents) + 1:03}", kind.name, officers)
        kind.act(Scene(rng, work, incident, shape.spread, near=rng.random() < 0.5))
        if incident.lookups:
            incident.officers = list(dict.fromkeys(one.officer for one in incident.lookups))
            incidents.append(incident)
            taken.update(one.account for one in officers)
    return incidents


def _kinds(rng: random.Random, count: int, *, even: bool = False) -> list[Kind]:
    """Share out the incidents by weight, with chance deciding the remainders; every kind that can be is there."""
    weights = {kind.name: 1.0 if even else kind.weight for kind in KINDS}
    exact = {name: count * weight / sum(weights.values()) for name, weight in weights.items()}
    shares = Counter({name: int(value) for name, value in exact.items()})
    rest = sorted(exact, key=lambda name: (exact[name] - int(exact[name])) * rng.random(), reverse=True)
    for name in rest[: count - shares.total()]:
        shares[name] += 1
    chosen = [kind for kind in KINDS for _ in range(shares[kind.name])]
    rng.shuffle(chosen)
    return chosen


def generate(seed: int, shape: Shape, folder: Path) -> Stream:
    """Make a stream and write its files into a folder."""
    stream = make(seed, shape)
    write(stream, folder)
    return stream
