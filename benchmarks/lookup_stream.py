"""A seeded stream of look-ups for the benchmark of the watch: offices at work, and some who are not.

It is made for its weight, not for its wit: about as many dossiers, unexplained look-ups and alerts as a province has.
How well the watch judges is measured elsewhere (docs/watch-evaluation.md).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_START = datetime(2026, 6, 1, tzinfo=UTC)
_DAY = 86_400
_OPENS, _CLOSES = 30 * 60, 10 * 3600
"""Office hours in seconds of UTC: half past seven to five in Vietnam."""
_SATURDAY = 5
_HAMLETS = 10


def write_stream(folder: Path, *, lookups: int, officers: int = 800, days: int = 60, seed: int = 1) -> int:
    """Write the five files of a replay into a folder; return how many look-ups there are, about as many as asked."""
    rng = random.Random(seed)  # noqa: S311 - a stream that is the same every time
    worked = [day for day in range(days) if (_START + timedelta(days=day)).weekday() < _SATURDAY]
    a_day = lookups / officers / len(worked)
    communes = [f"H99.{30 + at}" for at in range(max(4, officers // 12))]
    people = [_person(number, communes) for number in range(officers * 120)]
    staff = [_officer(rng, number, communes, people) for number in range(officers)]
    dossiers: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for day in worked:
        for one in staff:
            _work(rng, one, day, a_day, people, dossiers, events)
    events.sort(key=lambda one: one["ts"])
    _lines(folder / "events.jsonl", events)
    _lines(folder / "dossiers.jsonl", dossiers)
    _lines(folder / "officers.jsonl", staff)
    _lines(folder / "subjects.jsonl", people)
    context = {
        "start": _START.date().isoformat(),
        "days": days,
        "timezone": "Asia/Ho_Chi_Minh",
        "holidays": [],
        "makeup_workdays": [],
        "office_hours": [["07:30", "11:30"], ["13:30", "17:00"]],
        "saturday_morning_units": [],
        "protected_persons": [one["subject_id"] for one in rng.sample(people, 20)],
        "communes": communes,
        "departments": [],
    }
    (folder / "context.json").write_text(json.dumps(context), encoding="utf-8")
    return len(events)


def _person(number: int, communes: list[str]) -> dict[str, Any]:
    household = number // 3
    return {
        "subject_id": f"0990{number:08}",
        "commune": communes[household % len(communes)],
        "hamlet": household // len(communes) % _HAMLETS + 1,
        "household_id": f"HK{household}",
    }


def _officer(rng: random.Random, number: int, communes: list[str], people: list[dict[str, Any]]) -> dict[str, Any]:
    own = rng.choice(people)
    return {
        "account_id": f"cb{number:04}",
        "officer_role": f"role{number % 4}",
        "unit_code": communes[number % len(communes)],
        "own_subject_id": own["subject_id"],
        "household_id": own["household_id"],
        "home_commune": own["commune"],
        "home_hamlet": own["hamlet"],
        "account_created": "2024-01-01",
        "last_lookup_before_stream": "2026-05-29",
        "role_change": None,
        "duty_dates": [],
    }


def _work(  # noqa: PLR0917 - what an office day touches
    rng: random.Random,
    officer: dict[str, Any],
    day: int,
    a_day: float,
    people: list[dict[str, Any]],
    dossiers: list[dict[str, Any]],
    events: list[dict[str, Any]],
) -> None:
    """One officer's day: dossiers of one to three parties, each looked up once or twice; now and then somebody else."""
    left = round(a_day * rng.uniform(0.5, 1.5))
    unit = officer["unit_code"]
    network = f"10.{20 + sum(map(ord, unit)) % 200}.{sum(map(ord, officer['account_id'])) % 3}.7"
    while left > 0:
        opened = day * _DAY + rng.randrange(_OPENS, _CLOSES)
        parties = [rng.choice(people)["subject_id"] for _ in range(rng.choice((1, 1, 2, 3)))]
        code = f"{unit}-{(_START + timedelta(days=day)):%y%m%d}-{len(dossiers):06}"
        life = rng.expovariate(1 / (5 * _DAY)) + 3600
        dossiers.append(
            {
                "code": code,
                "unit_code": unit,
                "procedure": f"1.00{rng.randrange(20):04}",
                "assigned_officers": [officer["account_id"]],
                "party_ids": parties,
                "opened_at": _written(opened),
                "closed_at": _written(opened + life),
            }
        )
        for party in parties * rng.choice((1, 1, 2)):
            draw = rng.random()
            subject_id, asked = party, code
            if draw < 0.03:
                asked = ""
            elif draw < 0.06:
                subject_id = rng.choice(people)["subject_id"]
            events.append(
                {
                    "ts": _written(opened + rng.randrange(1, 600)),
                    "account_id": officer["account_id"],
                    "officer_role": officer["officer_role"],
                    "unit_code": unit,
                    "ip": network,
                    "dossier_code": asked or None,
                    "purpose": "handling",
                    "subject_id": subject_id,
                    "outcome": "found" if rng.random() < 0.98 else "not_found",
                }
            )
            left -= 1


def _written(second: float) -> str:
    return (_START + timedelta(seconds=int(second))).isoformat()


def _lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
