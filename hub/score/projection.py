"""Keeping the score facts up to date, in the background and never in the transaction of an intake.

The clerk works in the dossiers with events recorded since it last looked, and now and then compares all dossiers
with their facts, so that nothing stays behind: not what a clock that runs slow recorded in the past, not what a
changed profile counts otherwise. All of it may be broken off anywhere and repeated; facts follow from events alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

import structlog
from psycopg import AsyncConnection, sql

from contracts.history import StoredEvent
from hub.dossiers.events_store import read_events
from hub.score.facts import FactReader, FactsRow, ScoreFacts, columns
from hub.score.terms import ProcedureTerm, read_terms
from hub.store.engine import Store

BATCH = 200
"""Dossiers worked in by one transaction; what bounds the memory."""

OVERLAP = timedelta(minutes=10)
"""How far back events are looked at again: transactions end later than the time they record, and clocks differ."""

MOST_REVISIONS = 50
"""Revisions of one dossier kept beside the newest and the one confirmed; a partner takes the newest ones anyway."""

_LOCK = 0x4C545346
"""Advisory lock ("LTSF"): the clerk and a person who rebuilds take turns, batch by batch."""

_log = structlog.get_logger("hub.score")

_CHANGED: LiteralString = """
    SELECT DISTINCT e.dossier_code FROM dossier_events e
    LEFT JOIN score_facts f ON f.code = e.dossier_code AND f.newest
    WHERE e.recorded_at >= %(since)s AND (f.through IS NULL OR f.through < e.revision)
"""

_DIFFERENT: LiteralString = """
    SELECT d.code FROM dossiers d LEFT JOIN score_facts f ON f.code = d.code AND f.newest
    WHERE f.through IS DISTINCT FROM d.revision OR f.rules <> %(rules)s
       OR (f.due_at IS NULL AND f.longest_due_at IS NULL AND f.received_at IS NOT NULL AND f.ended_at IS NULL)
"""
"""The last line: a dossier without a due date waits for its procedure to appear in the catalogue."""

_COLUMNS = ("code", "revision", "through", "newest", "rules", *ScoreFacts.__dataclass_fields__)
_INSERT = sql.SQL("INSERT INTO score_facts ({}) VALUES ({})").format(
    sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)), sql.SQL(", ").join(map(sql.Placeholder, _COLUMNS))
)


class Projection:
    """Works dossiers into table ``score_facts``."""

    def __init__(self, store: Store, reader: FactReader, connection: str | None) -> None:
        """``connection`` is the one whose copy is scored: older facts are kept as long as it may hold them."""
        self._store = store
        self._reader = reader
        self._connection = connection

    async def catch_up(self) -> int:
        """Work in what was recorded since the last time; return how many dossiers."""
        async with self._store.transaction() as conn:
            row = await (
                await conn.execute("SELECT events_until, now() FROM score_progress RIGHT JOIN (SELECT) AS one ON true")
            ).fetchone()
        assert row is not None  # noqa: S101 - the right side has one row
        until, now = row
        if until is None:
            return await self.sweep()
        done = await self._work_in(_CHANGED, {"since": until - OVERLAP})
        await self._note("events_until", now)
        return done

    async def sweep(self) -> int:
        """Compare all dossiers with their facts and work in those that differ; return how many."""
        async with self._store.transaction() as conn:
            row = await (await conn.execute("SELECT now()")).fetchone()
        assert row is not None  # noqa: S101 - a moment is always now
        done = await self._work_in(_DIFFERENT, {"rules": self._reader.rules})
        await self._note("events_until", row[0])
        await self._note("swept_at", row[0])
        return done

    async def rebuild(self) -> int:
        """Work the facts of all dossiers out anew; return how many. Until then the old ones stand."""
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await conn.execute("UPDATE score_facts SET rules = '' WHERE newest")
        return await self.sweep()

    async def _note(self, column: LiteralString, moment: datetime) -> None:
        async with self._store.transaction() as conn:
            await conn.execute(
                f"INSERT INTO score_progress (id, {column}, worked_at) VALUES (1, %s, now())"  # noqa: S608 - constants
                f" ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}, worked_at = excluded.worked_at",
                (moment,),
            )

    async def _work_in(self, query: LiteralString, values: Mapping[str, object]) -> int:
        done = 0
        async for codes in self._batches(query, values):
            await self._replace(codes)
            done += len(codes)
        return done

    async def _batches(self, query: LiteralString, values: Mapping[str, object]) -> AsyncIterator[list[str]]:
        """Yield the codes a query finds, in batches, without holding them all in memory."""
        async with self._store.transaction() as conn, conn.cursor(name="score_changed") as cursor:
            await cursor.execute(query, values)
            while rows := await cursor.fetchmany(BATCH):
                yield [row[0] for row in rows]

    async def _replace(self, codes: Sequence[str]) -> None:
        """Work the facts of these dossiers out anew, from their events as they are now."""
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            since = await self._held_there(conn, codes)
            events = await read_events(conn, self._store.sealer, codes)
            terms = await self._terms(conn, codes)
            rows = [
                {"code": code, "rules": self._reader.rules, **_values(row)}
                for code, stored in events.items()
                for row in self._rows(code, stored, since.get(code), terms.get(code))
            ]
            await conn.execute("DELETE FROM score_facts WHERE code = ANY(%s)", (list(codes),))
            async with conn.cursor() as cursor:
                await cursor.executemany(_INSERT, rows)

    def _rows(
        self, code: str, stored: Sequence[StoredEvent], held: int | None, term: ProcedureTerm | None
    ) -> list[FactsRow]:
        oldest = held or 1
        kept = {oldest, *range(max(oldest, len(stored) - MOST_REVISIONS), len(stored))}
        try:
            return self._reader.rows(code, stored, revisions=kept, term=term)
        except (ValueError, OverflowError) as error:
            # One dossier with a date no calendar reaches must not keep all others from being counted.
            _log.error("score_facts_not_made", dossier_code=code, error=type(error).__name__)
            return []

    async def _held_there(self, conn: AsyncConnection[Any], codes: Sequence[str]) -> dict[str, int]:
        """Return the revision that the scored connection confirmed last, by code."""
        cursor = await conn.execute(
            "SELECT subject, confirmed_revision FROM lanes"
            " WHERE connection = %s AND subject = ANY(%s) AND confirmed_revision IS NOT NULL",
            (self._connection, list(codes)),
        )
        return dict(await cursor.fetchall())

    async def _terms(self, conn: AsyncConnection[Any], codes: Sequence[str]) -> dict[str, ProcedureTerm]:
        cursor = await conn.execute(
            "SELECT code, procedure_root FROM dossiers WHERE code = ANY(%s) AND due_at IS NULL", (list(codes),)
        )
        roots: dict[str, str] = dict(await cursor.fetchall())
        terms = await read_terms(conn, sorted(set(roots.values()))) if roots else {}
        return {code: terms[root] for code, root in roots.items() if root in terms}


def _values(row: FactsRow) -> dict[str, object]:
    return {"revision": row.revision, "through": row.through, "newest": row.newest, **columns(row.facts)}
