"""What is written of a run: each chunk in one transaction with its progress, so that a crash repeats one chunk at most.

A chunk is written only by the runner that read the progress before it (``chunks`` fences off a runner that lost its
lock), and what a repeated chunk finds takes the place of what the first time found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.errors import Sentence
from hub.reconciliation.classify import Outcome
from hub.reconciliation.examining import Examined
from hub.reconciliation.reading import Place
from hub.reconciliation.views import RunState


@dataclass(frozen=True, slots=True)
class Progress:
    """A run that has not ended: its scope, and how far it has come."""

    id: UUID
    connection: str
    origin: str
    requested_at: datetime
    from_day: date | None
    to_day: date | None
    agency: str | None
    phase: str
    place: Place
    chunks: int
    moved_at: datetime
    """When it last came a chunk further, or was requested."""


class Overtaken(Exception):  # noqa: N818 - no error: another runner has taken the work over
    """Another runner is further; this one stops."""


async def open_run(conn: AsyncConnection[Any], connection: str) -> Progress | None:
    """Return the run of this connection that has not ended, if there is one."""
    cursor = await conn.cursor(row_factory=dict_row).execute(
        "SELECT id, connection, origin, requested_at, from_day, to_day, agency, phase, cursor_at, cursor_code, chunks,"
        " coalesce(progressed_at, requested_at) AS moved_at"
        " FROM reconciliation_runs WHERE connection = %s AND ended_at IS NULL",
        (connection,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    place = Place(row.pop("cursor_at"), row.pop("cursor_code"))
    return Progress(place=place, **row)


async def advance(
    conn: AsyncConnection[Any],
    run: Progress,
    examined: Sequence[Examined],
    *,
    phase: str,
    place: Place,
    asked: int,
    now: datetime,
) -> None:
    """Write what a chunk found, and where the next begins; raises `Overtaken` when another runner did it already."""
    cursor = await conn.execute(
        "UPDATE reconciliation_runs SET state = %s, reason = '', reason_vi = '', phase = %s, cursor_at = %s,"
        " cursor_code = %s, chunks = chunks + 1, asked = asked + %s, progressed_at = %s,"
        " started_at = coalesce(started_at, %s) WHERE id = %s AND chunks = %s AND ended_at IS NULL",
        (RunState.RUNNING.value, phase, place.at, place.code, asked, now, now, run.id, run.chunks),
    )
    if cursor.rowcount != 1:
        raise Overtaken
    if not examined:
        return
    counts = Counter((one.standing.day, one.standing.agency, one.judgement.outcome.value) for one in examined)
    await conn.execute(
        "INSERT INTO reconciliation_counts AS c (run_id, day, agency, outcome, count)"
        " SELECT %s, * FROM unnest(%s::date[], %s::text[], %s::text[], %s::int[])"
        " ON CONFLICT (run_id, day, agency, outcome) DO UPDATE SET count = c.count + excluded.count",
        (
            run.id,
            [key[0] for key in counts],
            [key[1] for key in counts],
            [key[2] for key in counts],
            list(counts.values()),
        ),
    )
    await _write_findings(conn, run, examined, now)
    await _write_differences(conn, run.connection, examined, now)


async def wait_for(conn: AsyncConnection[Any], run_id: UUID, why: Sentence, *, asked: int) -> None:
    """Note that a run waits, for what, and the questions that were put in vain."""
    await conn.execute(
        "UPDATE reconciliation_runs SET state = %s, reason = %s, reason_vi = %s, asked = asked + %s"
        " WHERE id = %s AND ended_at IS NULL",
        (RunState.WAITING.value, why.en, why.vi, asked, run_id),
    )


async def end_run(
    conn: AsyncConnection[Any], run: Progress, state: RunState, *, now: datetime, why: Sentence | None = None
) -> None:
    """End a run; raises `Overtaken` when another runner is further."""
    said = why if why is not None else Sentence("", "")
    cursor = await conn.execute(
        "UPDATE reconciliation_runs SET state = %s, reason = %s, reason_vi = %s, ended_at = %s,"
        " started_at = coalesce(started_at, %s) WHERE id = %s AND chunks = %s AND ended_at IS NULL",
        (state.value, said.en, said.vi, now, now, run.id, run.chunks),
    )
    if cursor.rowcount != 1:
        raise Overtaken


async def forget(conn: AsyncConnection[Any], connection: str, *, before: datetime) -> None:
    """Delete runs that ended before that moment, with all they found, and differences settled before it."""
    await conn.execute("DELETE FROM reconciliation_runs WHERE connection = %s AND ended_at < %s", (connection, before))
    await conn.execute(
        "DELETE FROM reconciliation_differences WHERE connection = %s AND resolved_at < %s", (connection, before)
    )


# --- what a chunk found -------------------------------------------------------------------------------------

_FINDINGS = """
INSERT INTO reconciliation_findings (run_id, code, connection, agency, day, outcome, fields, shown, our_state,
    their_state, our_revision, confirmed_revision, missing_steps, why, found_at)
SELECT %(run)s, r.code, %(connection)s, r.agency, r.day, r.outcome, r.fields, r.shown, r.our_state, r.their_state,
    r.our_revision, r.confirmed_revision, r.missing_steps, r.why, %(now)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(code text, agency text, day date, outcome text, fields text[],
    shown jsonb, our_state smallint, their_state smallint, our_revision int, confirmed_revision int,
    missing_steps int[], why text)
ON CONFLICT (run_id, code) DO UPDATE
SET outcome = excluded.outcome, fields = excluded.fields, shown = excluded.shown, our_state = excluded.our_state,
    their_state = excluded.their_state, our_revision = excluded.our_revision,
    confirmed_revision = excluded.confirmed_revision, missing_steps = excluded.missing_steps, why = excluded.why,
    found_at = excluded.found_at
"""


async def _write_findings(
    conn: AsyncConnection[Any], run: Progress, examined: Sequence[Examined], now: datetime
) -> None:
    rows = [
        {
            "code": one.standing.code,
            "agency": one.standing.agency,
            "day": one.standing.day,
            "outcome": one.judgement.outcome,
            "fields": one.judgement.fields,
            "shown": one.judgement.shown,
            "our_state": None if one.our_state is None else one.our_state.number,
            "their_state": None if one.their_state is None else one.their_state.number,
            "our_revision": one.standing.revision,
            "confirmed_revision": one.standing.confirmed_revision,
            "missing_steps": one.judgement.missing_steps,
            "why": one.why,
        }
        for one in examined
        if one.judgement.outcome.is_difference or one.judgement.outcome is Outcome.NOT_ANSWERED
    ]
    if rows:
        values = {"run": run.id, "connection": run.connection, "rows": orjson.dumps(rows).decode(), "now": now}
        await conn.execute(_FINDINGS, values)


_DIFFER = """
INSERT INTO reconciliation_differences AS d (connection, code, agency, day, outcome, since, seen_at)
SELECT %(connection)s, r.code, r.agency, r.day, r.outcome, %(now)s, %(now)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(code text, agency text, day date, outcome text) ORDER BY r.code
ON CONFLICT (connection, code) DO UPDATE
SET agency = excluded.agency, day = excluded.day, outcome = excluded.outcome, seen_at = excluded.seen_at,
    since = CASE WHEN d.resolved_at IS NULL THEN d.since ELSE excluded.since END,
    repair_id = CASE WHEN d.resolved_at IS NULL THEN d.repair_id END,
    repaired_at = CASE WHEN d.resolved_at IS NULL THEN d.repaired_at END,
    resolved_at = NULL
"""


async def _write_differences(
    conn: AsyncConnection[Any], connection: str, examined: Sequence[Examined], now: datetime
) -> None:
    """Keep the list of what is open; a dossier in flight or not answered says nothing either way."""
    rows = [
        {
            "code": one.standing.code,
            "agency": one.standing.agency,
            "day": one.standing.day,
            "outcome": one.judgement.outcome,
        }
        for one in examined
        if one.judgement.outcome.is_difference
    ]
    if rows:
        await conn.execute(_DIFFER, {"connection": connection, "rows": orjson.dumps(rows).decode(), "now": now})
    settled = [one.standing.code for one in examined if one.judgement.outcome in {Outcome.SAME, Outcome.IN_NEITHER}]
    if settled:
        await conn.execute(
            "UPDATE reconciliation_differences SET resolved_at = %s, seen_at = %s"
            " WHERE connection = %s AND code = ANY(%s) AND resolved_at IS NULL",
            (now, now, connection, settled),
        )
