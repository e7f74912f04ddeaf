"""Reading our side: pages of dossiers by reception date, and what we know of each and of its lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.calendar import VIETNAM
from contracts.codes import agency_of_dossier, day_of_dossier, parse_dossier_code
from contracts.comparison import comparable_facts, states_before
from contracts.dossier import Dossier
from contracts.errors import Unsupported
from contracts.ports import DossierPublisher
from contracts.states import STATES, DossierState
from hub.access.agencies import covers
from hub.dossiers.events_store import read_dossiers
from hub.reconciliation.classify import Ours
from hub.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the reception and the code of its last dossier."""

    at: datetime | None
    code: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in clear of one dossier at one connection; two equal ones mean that nothing moved in between."""

    code: str
    agency: str
    day: date
    """Of reception, in Vietnam; of the code where we do not hold the dossier."""
    revision: int | None
    """``None`` where we do not hold it."""
    claims: int
    """How often its lane was taken to be sent from."""
    open_count: int
    held_reason: str | None
    confirmed_revision: int | None
    confirmed_state: DossierState | None
    amended_there: bool
    """Whether the partner told us of an amendment after our newest revision."""

    @property
    def is_in_flight(self) -> bool:
        """Whether something is on its way, or will be without a person."""
        return self.open_count > 0 and self.held_reason is None

    @property
    def is_held(self) -> bool:
        """Whether an exchange waits for a person."""
        return self.held_reason is not None


_PAGE = """
SELECT d.received_at, d.code FROM dossiers d
WHERE d.received_at >= %(since)s AND d.received_at < %(until)s
  AND (%(at)s::timestamptz IS NULL OR (d.received_at, d.code) > (%(at)s, %(code)s))
  AND (%(agencies)s::text[] IS NULL OR d.agency_code = ANY(%(agencies)s))
ORDER BY d.received_at, d.code LIMIT %(limit)s
"""


async def agencies_within(conn: AsyncConnection[Any], agency: str) -> list[str]:
    """Return the agencies of our dossiers that are ``agency`` or below it."""
    cursor = await conn.execute("SELECT DISTINCT agency_code FROM dossiers")
    return sorted(row[0] for row in await cursor.fetchall() if covers([agency], row[0]))


async def next_page(
    conn: AsyncConnection[Any], *, days: tuple[date, date], after: Place, agencies: Sequence[str] | None, limit: int
) -> tuple[list[str], Place, bool]:
    """Return the codes of the next dossiers received on these days, where the page ends, and whether it is the last.

    ``agencies`` are those wanted; ``None`` wants all.
    """
    cursor = await conn.execute(
        _PAGE,
        {
            # From the cursor on, so that a page costs the same wherever it is.
            "since": start_of(days[0]) if after.at is None else after.at,
            "until": start_of(days[1] + timedelta(days=1)),
            "at": after.at,
            "code": after.code,
            "agencies": None if agencies is None else list(agencies),
            "limit": limit,
        },
        prepare=True,
    )
    rows = await cursor.fetchall()
    return [row[1] for row in rows], Place(rows[-1][0], rows[-1][1]) if rows else after, len(rows) < limit


async def count_received(conn: AsyncConnection[Any], *, first: date, last: date, agency: str | None) -> int:
    """Return how many dossiers were received on these days."""
    cursor = await conn.execute(
        "SELECT agency_code, count(*) FROM dossiers WHERE received_at >= %s AND received_at < %s GROUP BY agency_code",
        (start_of(first), start_of(last + timedelta(days=1))),
    )
    return sum(row[1] for row in await cursor.fetchall() if agency is None or covers([agency], row[0]))


def start_of(day: date) -> datetime:
    """Return the first moment of a day in Vietnam."""
    return datetime.combine(day, time(0), VIETNAM).astimezone(UTC)


# Lanes that were confirmed though we hold no dossier, and events of the partner about dossiers never declared.
_CANDIDATES = """
SELECT code FROM (
    SELECT l.subject AS code FROM lanes l
    WHERE l.connection = %(connection)s AND l.subject > %(after)s AND l.known_there
      AND NOT EXISTS (SELECT FROM dossiers d WHERE d.code = l.subject)
    UNION
    SELECT e.subject FROM inbox_events e
    WHERE e.system = %(connection)s AND e.subject > %(after)s AND e.kind = ANY(%(kinds)s)
      AND NOT EXISTS (SELECT FROM dossiers d WHERE d.code = e.subject)
) AS found
ORDER BY code LIMIT %(limit)s
"""

FILED_THERE = ("dossier.filed", "dossier.amended", "promotion_notice.received")
"""Kinds of inbox events that say that the partner holds a dossier."""

# What the other phases of the same run have looked at is left out, so that nothing is counted twice.
_STILL_OPEN = """
SELECT d.code FROM reconciliation_differences d
WHERE d.connection = %(connection)s AND d.resolved_at IS NULL AND d.seen_at < %(before)s AND d.code > %(after)s
  AND (d.outcome = 'missing_here' OR d.day NOT BETWEEN %(first)s AND %(last)s)
  AND NOT EXISTS (SELECT FROM reconciliation_findings f WHERE f.run_id = %(run)s AND f.code = d.code)
ORDER BY d.code LIMIT %(limit)s
"""


async def next_candidates(
    conn: AsyncConnection[Any], connection: str, *, after: str, agency: str | None, limit: int
) -> tuple[list[str], str, bool]:
    """Return codes the partner must hold by what we know otherwise and that we do not: see `_CANDIDATES`."""
    cursor = await conn.execute(
        _CANDIDATES, {"connection": connection, "after": after, "kinds": list(FILED_THERE), "limit": limit}
    )
    return _page_of_codes([row[0] for row in await cursor.fetchall()], after, agency, limit)


async def next_open(
    conn: AsyncConnection[Any],
    connection: str,
    *,
    run_id: UUID,
    before: datetime,
    days: tuple[date, date],
    agency: str | None,
    after: str,
    limit: int,
) -> tuple[list[str], str, bool]:
    """Return dossiers of other days with a difference that was not looked at since ``before``, when the run began."""
    cursor = await conn.execute(
        _STILL_OPEN,
        {"connection": connection, "run": run_id, "before": before, "first": days[0], "last": days[1]}
        | {"after": after, "limit": limit},
    )
    return _page_of_codes([row[0] for row in await cursor.fetchall()], after, agency, limit)


async def next_listed(
    conn: AsyncConnection[Any], run_id: Any, *, after: str, limit: int
) -> tuple[list[str], str, bool]:
    """Return the next of the codes that a person handed in."""
    cursor = await conn.execute(
        "SELECT code FROM reconciliation_codes WHERE run_id = %s AND code > %s ORDER BY code LIMIT %s",
        (run_id, after, limit),
    )
    return _page_of_codes([row[0] for row in await cursor.fetchall()], after, None, limit)


def is_dossier_code(code: str) -> bool:
    """Say whether this is a dossier code of our form."""
    try:
        parse_dossier_code(code)
    except ValueError:
        return False
    return True


def _page_of_codes(codes: list[str], after: str, agency: str | None, limit: int) -> tuple[list[str], str, bool]:
    # A partner's event may be about a code outside our form; nobody can be asked about that one.
    wanted = [
        code
        for code in codes
        if is_dossier_code(code) and (agency is None or covers([agency], agency_of_dossier(code)))
    ]
    return wanted, codes[-1] if codes else after, len(codes) < limit


# --- one dossier --------------------------------------------------------------------------------------------

_STANDINGS = """
SELECT asked.code, d.agency_code, d.received_at, d.submitted_at, d.revision, coalesce(l.claims, 0),
       coalesce(l.open_count, 0), l.held_reason, l.confirmed_revision, l.confirmed_state,
       EXISTS (SELECT FROM inbox_events e
               WHERE e.subject = asked.code AND e.system = %(connection)s AND e.kind = 'dossier.amended'
                 AND e.recorded_at > coalesce(d.recorded_at, 'infinity'))
FROM unnest(%(codes)s::text[]) AS asked(code)
LEFT JOIN dossiers d ON d.code = asked.code
LEFT JOIN lanes l ON l.subject = asked.code AND l.connection = %(connection)s
"""


async def read_standings(conn: AsyncConnection[Any], connection: str, codes: Sequence[str]) -> dict[str, Standing]:
    """Return where each of these dossiers stands at the connection now."""
    cursor = await conn.execute(_STANDINGS, {"connection": connection, "codes": list(codes)}, prepare=True)
    found: dict[str, Standing] = {}
    for row in await cursor.fetchall():
        code = row[0]
        received = row[2] or row[3]
        found[code] = Standing(
            code=code,
            agency=row[1] or agency_of_dossier(code),
            day=received.astimezone(VIETNAM).date() if received is not None else day_of_dossier(code),
            revision=row[4],
            claims=row[5],
            open_count=row[6],
            held_reason=row[7],
            confirmed_revision=row[8],
            confirmed_state=None if row[9] is None else STATES[row[9] - 1],
            amended_there=row[10],
        )
    return found


async def read_ours(
    conn: AsyncConnection[Any], sealer: Sealer, publisher: DossierPublisher, standings: Mapping[str, Standing]
) -> dict[str, Ours]:
    """Return our side of those of these dossiers that we hold, opened and folded; held in memory for one chunk."""
    held = [code for code, one in standings.items() if one.revision is not None]
    dossiers = await read_dossiers(conn, sealer, held) if held else {}
    return {code: ours_of(dossier, standings[code], publisher) for code, dossier in dossiers.items()}


def ours_of(dossier: Dossier, standing: Standing, publisher: DossierPublisher) -> Ours:
    """Return what is compared of a dossier of ours."""
    return Ours(
        state=dossier.state,
        states_before=states_before(dossier),
        revision=dossier.revision,
        confirmed_revision=standing.confirmed_revision,
        confirmed_state=standing.confirmed_state,
        steps=tuple(_fingerprint(dossier, number, publisher) for number in range(len(dossier.steps))),
        facts=comparable_facts(dossier),
    )


def _fingerprint(dossier: Dossier, index: int, publisher: DossierPublisher) -> str | None:
    try:
        return publisher.step_fingerprint(dossier.code, dossier.steps[index])
    except Unsupported:
        return None  # it was refused before it left; the partner cannot have it
