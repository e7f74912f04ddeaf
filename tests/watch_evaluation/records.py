"""What a stream is made of: look-ups, dossiers, labelled incidents, honest windows; and its seven files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.watch_evaluation.days import DAY, HOLIDAYS, MAKE_UP, ZONE, Days
from tests.watch_evaluation.province import Officer, Person, Province, Unit

FOUND, NOT_FOUND, DENIED = "found", "not_found", "denied"


@dataclass(slots=True, eq=False)
class LookUp:
    """One look-up; `person` is None where nobody has the number."""

    ts: int
    officer: Officer
    role: str
    unit: Unit
    ip: str
    code: str | None
    purpose: str
    number: str
    person: Person | None
    outcome: str
    incident: str | None = None


@dataclass(slots=True, eq=False)
class Dossier:
    """One dossier of the dossier system."""

    code: str
    unit: Unit
    procedure: str
    land: bool
    assigned: list[Officer]
    parties: list[Person]
    opened: int
    closed: int | None


@dataclass(slots=True)
class Incident:
    """One labelled misuse: who, what kind, which look-ups."""

    id: str
    kind: str
    officers: list[Officer]
    lookups: list[LookUp] = field(default_factory=list)


@dataclass(slots=True)
class Window:
    """An honest time that looks unusual: nobody in it may be suspected for it."""

    id: str
    kind: str
    officers: list[Officer]
    first_day: int
    last_day: int


@dataclass(slots=True)
class Stream:
    """A whole stream."""

    days: Days
    province: Province
    lookups: list[LookUp]
    dossiers: list[Dossier]
    incidents: list[Incident]
    windows: list[Window]


EVENTS, DOSSIERS, OFFICERS, SUBJECTS = "events.jsonl", "dossiers.jsonl", "officers.jsonl", "subjects.jsonl"
CONTEXT, LABELS, WINDOWS = "context.json", "labels.jsonl", "windows.jsonl"


def write(stream: Stream, folder: Path) -> None:
    """Write the five files of lookup-monitoring §3, the labels and the honest windows into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    days = stream.days
    order = sorted(stream.lookups, key=lambda one: one.ts)
    line_of = {id(one): at for at, one in enumerate(order, 1)}
    _lines(folder / EVENTS, (_event(days, one) for one in order))
    by_opening = sorted(stream.dossiers, key=lambda one: (one.opened, one.code))
    _lines(folder / DOSSIERS, (_dossier(days, one) for one in by_opening))
    _lines(folder / OFFICERS, (_officer(days, one) for one in stream.province.officers))
    found = {one.person.number: one.person for one in order if one.person is not None and one.outcome == FOUND}
    _lines(folder / SUBJECTS, (_subject(one) for one in found.values()))
    (folder / CONTEXT).write_text(json.dumps(_context(stream), indent=1) + "\n", "utf-8")
    _lines(folder / LABELS, (_label(days, one, line_of) for one in stream.incidents))
    _lines(folder / WINDOWS, (_window(days, one) for one in stream.windows))


def _lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def _event(days: Days, one: LookUp) -> dict[str, Any]:
    return {
        "ts": days.written(one.ts),
        "account_id": one.officer.account,
        "officer_role": one.role,
        "unit_code": one.unit.code,
        "ip": one.ip,
        "dossier_code": one.code,
        "purpose": one.purpose,
        "subject_id": one.number,
        "outcome": one.outcome,
    }


def _dossier(days: Days, one: Dossier) -> dict[str, Any]:
    end = days.at(days.count, 0)
    return {
        "code": one.code,
        "unit_code": one.unit.code,
        "procedure": one.procedure,
        "assigned_officers": [officer.account for officer in one.assigned],
        "party_ids": [person.number for person in one.parties],
        "opened_at": days.written(one.opened),
        "closed_at": days.written(one.closed) if one.closed is not None and one.closed < end else None,
    }


def _officer(days: Days, one: Officer) -> dict[str, Any]:
    change = one.role_change
    return {
        "account_id": one.account,
        "officer_role": one.role,
        "unit_code": one.unit.code,
        "own_subject_id": one.person.number,
        "household_id": one.person.household.id,
        "home_commune": one.person.household.commune,
        "home_hamlet": one.person.household.hamlet,
        "account_created": one.created.isoformat(),
        "last_lookup_before_stream": one.last_before.isoformat() if one.last_before else None,
        "role_change": {"date": days.dates[change[0]].isoformat(), "to": change[1]} if change else None,
        "duty_dates": [days.dates[day].isoformat() for day in sorted(one.duty)],
    }


def _subject(one: Person) -> dict[str, Any]:
    home = one.household
    return {"subject_id": one.number, "commune": home.commune, "hamlet": home.hamlet, "household_id": home.id}


def _context(stream: Stream) -> dict[str, Any]:
    days, units = stream.days, stream.province.units
    return {
        "start": days.start.isoformat(),
        "days": days.count,
        "timezone": "Asia/Ho_Chi_Minh",
        "holidays": [day.isoformat() for day in HOLIDAYS[days.season]],
        "makeup_workdays": [day.isoformat() for day in MAKE_UP[days.season]],
        "office_hours": [["07:30", "11:30"], ["13:30", "17:00"]],
        "saturday_morning_units": [unit.code for unit in units if unit.saturdays],
        "protected_persons": [person.number for person in stream.province.protected],
        "communes": [unit.code for unit in units if unit.commune],
        "departments": [unit.code for unit in units if not unit.commune],
    }


def _label(days: Days, one: Incident, line_of: dict[int, int]) -> dict[str, Any]:
    done = sorted(one.lookups, key=lambda lookup: line_of[id(lookup)])
    return {
        "incident": one.id,
        "kind": one.kind,
        "accounts": [officer.account for officer in one.officers],
        "lookups": [
            {"line": line_of[id(lookup)], "ts": days.written(lookup.ts), "account_id": lookup.officer.account}
            for lookup in done
        ],
        "days": sorted({days.dates[days.of(lookup.ts)].isoformat() for lookup in done}),
    }


def _window(days: Days, one: Window) -> dict[str, Any]:
    return {
        "window": one.id,
        "kind": one.kind,
        "accounts": [officer.account for officer in one.officers],
        "from": days.dates[one.first_day].isoformat(),
        "to": days.dates[one.last_day].isoformat(),
    }


# --- read back: by the scorer, which knows nothing of how a stream was made -----------------------------------


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read one JSON object a line."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def moment(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 moment."""
    return dt.datetime.fromisoformat(text).timestamp()


def day_number(start: dt.date, at: float) -> int:
    """Return the number of the day of a moment, local time."""
    return int(at - dt.datetime.combine(start, dt.time(), ZONE).timestamp()) // DAY
