"""Storing what the watch says, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

import orjson

from hub.lookups.log import LogPosition
from hub.store.connections import Connection
from hub.watch.records import Explanation


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation with the unit for which the look-up was made."""

    explanation: Explanation
    unit_code: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the watch has come."""

    position: LogPosition
    judged_until: datetime | None
    """The latest moment of a look-up judged."""


_ADD: LiteralString = """
    INSERT INTO lookup_explanations (lookup_id, late, asked_at, account_id, unit_code, grade, w, decided_at, evidence,
        rules_version)
    SELECT lookup_id, late, asked_at, account_id, unit_code, grade, w, %(now)s, evidence::jsonb, %(version)s
    FROM unnest(%(ids)s::uuid[], %(late)s::bool[], %(asked)s::timestamptz[], %(accounts)s::text[], %(units)s::text[],
        %(grades)s::text[], %(w)s::float8[], %(evidence)s::text[])
        AS given (lookup_id, late, asked_at, account_id, unit_code, grade, w, evidence)
    ON CONFLICT DO NOTHING
"""


async def store_explanations(
    conn: Connection, explained: Sequence[Explained], *, rules_version: str, now: datetime
) -> None:
    """Add explanations in one statement; one that is there already stays as it is."""
    if not explained:
        return
    # An engine may decide a look-up late more than once within a step: what it said last counts.
    newest = {(one.explanation.lookup_id, one.explanation.decided_late): one for one in explained}.values()
    said = [one.explanation for one in newest]
    await conn.execute(
        _ADD,
        {
            "now": now,
            "version": rules_version,
            "ids": [UUID(one.lookup_id) for one in said],
            "late": [one.decided_late for one in said],
            "asked": [datetime.fromtimestamp(one.ts, UTC) for one in said],
            "accounts": [one.account_id for one in said],
            "units": [one.unit_code for one in newest],
            "grades": [str(one.grade) for one in said],
            "w": [one.w for one in said],
            "evidence": [orjson.dumps(dict(one.evidence)).decode() for one in said],
        },
    )


async def read_progress(conn: Connection) -> Progress | None:
    """Return how far the watch has come; ``None`` before its first look-up."""
    cursor = await conn.execute("SELECT position, judged_until FROM watch_progress WHERE id = 1")
    row = await cursor.fetchone()
    return None if row is None else Progress(LogPosition.parse(row[0]), row[1])


async def write_progress(
    conn: Connection, position: LogPosition, judged_until: datetime | None, *, now: datetime
) -> None:
    """Note how far the watch has come, in the transaction that stores what it said."""
    await conn.execute(
        "INSERT INTO watch_progress (id, position, judged_until, worked_at) VALUES (1, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET position = excluded.position, worked_at = excluded.worked_at,"
        " judged_until = greatest(watch_progress.judged_until, excluded.judged_until)",
        (str(position), judged_until, now),
    )


async def forget_explanations(conn: Connection, before: datetime, *, limit: int = 20_000) -> int:
    """Delete at most ``limit`` explanations of look-ups asked before a moment, and return how many."""
    cursor = await conn.execute(
        "DELETE FROM lookup_explanations WHERE ctid = ANY(ARRAY("
        "SELECT ctid FROM lookup_explanations WHERE asked_at < %s LIMIT %s))",
        (before, limit),
    )
    return cursor.rowcount
