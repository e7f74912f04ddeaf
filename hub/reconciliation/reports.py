"""Reports: runs with their counts, the report by day and agency, and both as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.calendar import VIETNAM
from contracts.states import STATES
from hub.reconciliation.classify import DIFFERENCES, Outcome
from hub.reconciliation.views import Counts, DifferenceView, Report, ReportLine, RunPage, RunState, RunView

_RUNS = """
SELECT r.id, r.connection, r.origin, r.requested_by, r.requested_at, r.from_day, r.to_day, r.agency, r.state, r.reason,
       r.reason_vi, r.started_at, r.progressed_at, r.ended_at, r.phase, r.expected, r.asked,
       (SELECT coalesce(jsonb_object_agg(c.outcome, c.n), '{}')
        FROM (SELECT outcome, sum(count) AS n FROM reconciliation_counts
              WHERE run_id = r.id GROUP BY outcome) c) AS counts
FROM reconciliation_runs r
"""


async def run_by_id(conn: AsyncConnection[Any], run_id: UUID) -> RunView | None:
    """Return one run."""
    cursor = await conn.cursor(row_factory=dict_row).execute(f"{_RUNS} WHERE r.id = %s", (run_id,))
    row = await cursor.fetchone()
    return None if row is None else _run(row)


async def page_of_runs(
    conn: AsyncConnection[Any], *, connection: str | None, after: UUID | None, limit: int
) -> RunPage:
    """Return runs, newest first, those before ``after``."""
    cursor = await conn.cursor(row_factory=dict_row).execute(
        f"{_RUNS} WHERE (%(connection)s::text IS NULL OR r.connection = %(connection)s)"
        " AND (%(after)s::uuid IS NULL OR r.id < %(after)s) ORDER BY r.id DESC LIMIT %(limit)s",
        {"connection": connection, "after": after, "limit": limit + 1},
    )
    rows = await cursor.fetchall()
    items = tuple(_run(row) for row in rows[:limit])
    return RunPage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


def _run(row: dict[str, Any]) -> RunView:
    counts = _counts(row["counts"].items())
    values = {
        **row,
        "id": str(row["id"]),
        "state": RunState(row["state"]),
        "counts": counts,
        "examined": sum(counts.values()),
        "differences": sum(counts[one] for one in DIFFERENCES),
    }
    return RunView(**values)


def _counts(found: Iterable[tuple[str, int]]) -> Counts:
    values = {Outcome(name): int(count) for name, count in found}
    return {outcome: values.get(outcome, 0) for outcome in Outcome}


async def report_of(conn: AsyncConnection[Any], run: RunView) -> Report:
    """Return the report of a run: a line for each day and agency, with what is open there of whatever run."""
    cursor = await conn.execute(
        "SELECT day, agency, jsonb_object_agg(outcome, count) FROM reconciliation_counts WHERE run_id = %s"
        " GROUP BY day, agency ORDER BY day, agency",
        (run.id,),
    )
    counted = await cursor.fetchall()
    cursor = await conn.execute(
        "SELECT day, agency, count(*) FILTER (WHERE resolved_at IS NULL),"
        " count(*) FILTER (WHERE resolved_at IS NOT NULL AND repaired_at IS NOT NULL),"
        " min(since) FILTER (WHERE resolved_at IS NULL)"
        " FROM reconciliation_differences WHERE connection = %s GROUP BY day, agency",
        (run.connection,),
    )
    standing: dict[tuple[date, str], tuple[int, int, datetime | None]] = {
        (row[0], row[1]): (row[2], row[3], row[4]) for row in await cursor.fetchall()
    }
    lines: list[ReportLine] = []
    for day, agency, counts in counted:
        still_open, repaired, oldest = standing.get((day, agency), (0, 0, None))
        lines.append(
            ReportLine(
                day=day,
                agency=agency,
                counts=_counts(counts.items()),
                open=still_open,
                repaired=repaired,
                oldest_open_at=oldest,
            )
        )
    return Report(
        run=run,
        lines=tuple(lines),
        open=sum(one[0] for one in standing.values()),
        repaired=sum(one[1] for one in standing.values()),
        oldest_open_at=min((one[2] for one in standing.values() if one[2] is not None), default=None),
    )


# --- CSV ------------------------------------------------------------------------------------------------------

BOM = "\ufeff"
"""Without it spreadsheets of this country read UTF-8 as something else."""


def report_csv(report: Report) -> str:
    """Return the report as CSV: UTF-8 with BOM, identifiers quoted as text, days as ISO 8601."""
    head = ["day", "agency", *(outcome.value for outcome in Outcome), "open", "repaired", "oldest_open_at"]
    rows = (
        [
            line.day.isoformat(),
            line.agency,
            *(line.counts[outcome] for outcome in Outcome),
            line.open,
            line.repaired,
            _moment(line.oldest_open_at),
        ]
        for line in report.lines
    )
    return _csv(head, rows)


def differences_csv(differences: Iterable[DifferenceView], *, with_head: bool = True) -> str:
    """Return what a run found as CSV; without values, whose place is the API."""
    head = [
        "code",
        "agency",
        "day",
        "outcome",
        "fields",
        "our_state",
        "their_state",
        "our_revision",
        "confirmed_revision",
        "missing_steps",
        "why",
        "repair_outcome",
    ]
    rows = (
        [
            one.code,
            one.agency,
            one.day.isoformat(),
            one.outcome.value,
            " ".join(one.fields),
            _state(one.our_state),
            _state(one.their_state),
            "" if one.our_revision is None else one.our_revision,
            "" if one.confirmed_revision is None else one.confirmed_revision,
            " ".join(map(str, one.missing_steps)),
            one.why,
            one.repair_outcome or "",
        ]
        for one in differences
    )
    return _csv(head if with_head else None, rows)


def _csv(head: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    if head is not None:
        text.write(BOM)
        writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _state(number: int | None) -> str:
    return "" if number is None else f"{number} {STATES[number - 1].vietnamese}"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(VIETNAM).isoformat(timespec="seconds")
