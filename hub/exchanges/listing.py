"""The list of exchanges in constant time: a page examines a bounded number of rows, however many are stored.

Newest first by id, which sorts by time of acceptance. The most selective filter that has an index in this order
chooses where to read (or the open exchanges themselves, where they are few); the others are applied to what is
read there, `MAX_EXAMINED` rows at most. Where that was not enough to fill the page, it is short and still has a
cursor: short is honest, slow is not (decision 0016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from hub.access.agencies import patterns
from hub.exchanges.ownership import CONFINED, OWNER, is_owned
from hub.exchanges.views import ATTENTION_STATES, ExchangeState

MAX_EXAMINED = 1_000
"""Rows that one page examines at most."""

SUMMARY_COLUMNS = """
    e.id, e.connection, e.operation, e.subject, e.revision, e.state, e.accepted_at, e.ended_at, e.attempts,
    CASE WHEN e.ended_at IS NULL THEN (SELECT l.due_at FROM lanes l WHERE l.id = e.lane_id) END AS next_attempt_at,
    e.upstream_code, e.reason, e.reason_vi, e.dismissed_by, e.dismissed_reason
"""

_CLOCK_SLACK = timedelta(minutes=1)
"""How far the moment in an id may lie from the recorded moment of acceptance: a batch waits for its commit."""


@dataclass(frozen=True, slots=True)
class ExchangeFilter:
    """What a page is narrowed to; everything given must hold."""

    connection: str | None = None
    state: ExchangeState | None = None
    operation: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    agencies: Sequence[str] = ()
    """Those the reader is confined to; none: all."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows newest first, and the id after which the next page begins."""

    rows: Sequence[dict[str, Any]]
    next_cursor: UUID | None


async def read_page(
    conn: AsyncConnection[Any],
    wanted: ExchangeFilter,
    *,
    after: UUID | None,
    limit: int,
    max_examined: int = MAX_EXAMINED,
) -> Page:
    """Read one page of at most ``limit`` exchanges that come after ``after``.

    It may be short, even empty, and still have a cursor; without a cursor there is nothing more.
    """
    page = await _read_page(conn, wanted, after=after, limit=limit, max_examined=max_examined)
    if not wanted.agencies:
        return page
    return Page([row for row in page.rows if is_owned(wanted.agencies, row.pop("owner"))], page.next_cursor)


async def _read_page(
    conn: AsyncConnection[Any], wanted: ExchangeFilter, *, after: UUID | None, limit: int, max_examined: int
) -> Page:
    place, rest, values = _conditions(wanted, after)
    values |= {"most": max_examined, "limit": limit + 1}
    columns = f"{SUMMARY_COLUMNS}, {OWNER} AS owner" if wanted.agencies else SUMMARY_COLUMNS
    if wanted.state is not None and wanted.state.is_open and wanted.subject is None:
        rows = await _among_open(conn, columns, [*place, *rest], values)
        if rows is not None:
            return Page(rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None)
    where = f"WHERE {' AND '.join(place)}" if place else ""
    also = f"WHERE {' AND '.join(rest)}" if rest else ""
    # The inner limit is a fence: whatever the planner believes of the filters, no more than that is read.
    rows = await (
        await conn.cursor(row_factory=dict_row).execute(
            f"SELECT {columns} FROM ("  # noqa: S608 - columns and conditions are constants
            f"  SELECT * FROM (SELECT * FROM exchanges {where} ORDER BY id DESC LIMIT %(most)s) e {also}"
            "   ORDER BY id DESC LIMIT %(limit)s"
            ") e ORDER BY e.id DESC",
            values,
        )
    ).fetchall()
    if len(rows) > limit:
        return Page(rows[:limit], rows[limit - 1]["id"])
    if not rest:
        return Page(rows, None)
    cursor = await conn.execute(
        f"SELECT id FROM exchanges {where} ORDER BY id DESC OFFSET %(most)s - 1 LIMIT 1",  # noqa: S608
        values,
    )
    last = await cursor.fetchone()
    return Page(rows, None if last is None else last[0])


async def _among_open(
    conn: AsyncConnection[Any], columns: str, conditions: Sequence[str], values: dict[str, Any]
) -> list[dict[str, Any]] | None:
    """Return a page of the open exchanges, or ``None`` when there are as many of them as a page examines.

    They are read in the order of the index that the claims use, so that no index of its own has to be kept for them.
    Where they are many, the newest of all are open ones, and the list is read from there.
    """
    open_ones = "SELECT * FROM exchanges WHERE ended_at IS NULL ORDER BY lane_id, position"
    counting = f"SELECT count(*) FROM ({open_ones} LIMIT %(most)s) e"  # noqa: S608 - constants
    cursor = await conn.execute(counting, values)
    row = await cursor.fetchone()
    if row is None or row[0] >= values["most"]:
        return None
    return await (
        await conn.cursor(row_factory=dict_row).execute(
            f"SELECT {columns} FROM ({open_ones} LIMIT %(most)s) e"  # noqa: S608 - constants
            f" WHERE {' AND '.join(conditions)} ORDER BY e.id DESC LIMIT %(limit)s",
            values,
        )
    ).fetchall()


def _conditions(wanted: ExchangeFilter, after: UUID | None) -> tuple[list[str], list[str], dict[str, Any]]:
    """Return the conditions that an index answers in the order of ids, the others, and their values."""
    place: list[str] = []
    rest: list[str] = []
    values: dict[str, Any] = {}
    for name, value in (
        ("connection", wanted.connection),
        ("state", wanted.state.value if wanted.state else None),
        ("operation", wanted.operation),
        ("subject", wanted.subject),
    ):
        if value is not None:
            values[name] = value
            rest.append(f"{name} = %({name})s")
    if wanted.subject is not None:
        place.append("subject = %(subject)s")
        rest.remove("subject = %(subject)s")
    elif wanted.state in ATTENTION_STATES:
        place.append("attention = %(state)s")
        rest.remove("state = %(state)s")
    if wanted.since is not None:
        place.append("id >= %(first)s")
        rest.append("accepted_at >= %(since)s")
        values |= {"since": wanted.since, "first": first_id_at(wanted.since - _CLOCK_SLACK)}
    if wanted.until is not None:
        place.append("id < %(beyond)s")
        rest.append("accepted_at < %(until)s")
        values |= {"until": wanted.until, "beyond": first_id_at(wanted.until + _CLOCK_SLACK)}
    if after is not None:
        place.append("id < %(after)s")
        values["after"] = after
    if wanted.agencies:
        rest.append(CONFINED)
        values["confined"] = patterns(wanted.agencies)
    return place, rest, values


def first_id_at(moment: datetime) -> UUID:
    """Return the least UUIDv7 of a moment; ids made earlier are less."""
    milliseconds = int(max(moment - datetime(1970, 1, 1, tzinfo=UTC), timedelta(0)) / timedelta(milliseconds=1))
    return UUID(int=min(milliseconds, (1 << 48) - 1) << 80)
