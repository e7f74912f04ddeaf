"""The longest time a procedure may take, as the national catalogue publishes it: counted where no due date is set."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from pydantic import ValidationError

from contracts.calendar import WorkingCalendar
from contracts.catalogue import CatalogueProcedure, EntryKind, ProcessingTime
from hub.profiles.calendar import after_working_days

_MOST = 3660.0
"""Days; a longer published time is a slip of the publisher and not believed."""

_WORKING_DAYS: Mapping[str, float] = {"ngày làm việc": 1.0, "giờ làm việc": 1 / 8}
_CALENDAR_DAYS: Mapping[str, float] = {"ngày": 1.0, "giờ": 1 / 24, "tháng": 30.0, "năm": 365.0}
"""The units in the publisher's words, each in days. Another unit is not guessed at: the time is then unknown."""


@dataclass(frozen=True, slots=True)
class ProcedureTerm:
    """The longest published time: in working days, in calendar days, or both where the ways differ."""

    working_days: float = 0.0
    calendar_days: float = 0.0

    def ends(self, received_at: datetime, calendar: WorkingCalendar) -> datetime:
        """Return the later end of the two."""
        return max(
            after_working_days(calendar, received_at, self.working_days),
            received_at + timedelta(days=self.calendar_days),
        )


def term_of(procedure: CatalogueProcedure) -> ProcedureTerm | None:
    """Return the longest of all published times; ``None`` where none can be read."""
    times = [one for way in procedure.ways for one in way.times]
    working = [days for one in times if (days := _days(one, _WORKING_DAYS)) is not None]
    calendar = [days for one in times if (days := _days(one, _CALENDAR_DAYS)) is not None]
    if not working and not calendar:
        return None
    return ProcedureTerm(max(working, default=0.0), max(calendar, default=0.0))


def _days(time: ProcessingTime, units: Mapping[str, float]) -> float | None:
    unit = units.get(unicodedata.normalize("NFC", " ".join(time.unit.split())).casefold())
    try:
        days = float(time.duration.strip().replace(",", ".")) * (unit or 0.0)
    except ValueError:
        return None
    return days if 0 < days <= _MOST else None


async def read_terms(conn: AsyncConnection[Any], roots: Sequence[str]) -> dict[str, ProcedureTerm]:
    """Return the terms of these procedures from the synchronised catalogue; one without a readable time is absent."""
    cursor = await conn.execute(
        "SELECT key, body::text FROM catalogue_entries WHERE kind = %s AND key = ANY(%s) AND withdrawn_at IS NULL",
        (EntryKind.PROCEDURE.value, list(roots)),
    )
    found: dict[str, ProcedureTerm] = {}
    for key, body in await cursor.fetchall():
        try:
            term = term_of(CatalogueProcedure.model_validate_json(body))
        except ValidationError:  # written by another version of the program; the next synchronisation mends it
            continue
        if term is not None:
            before = found.get(key, ProcedureTerm())
            found[key] = ProcedureTerm(
                max(before.working_days, term.working_days), max(before.calendar_days, term.calendar_days)
            )
    return found
