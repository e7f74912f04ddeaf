"""Early warnings: found in batches by the clerk, announced once, cleared when their cause has ended.

A warning is one row per dossier and cause while the cause lasts. It is announced in the inbox in the transaction that
raises it, so that it is neither lost nor told twice; a cause that comes back later is a new warning. That a deadline
of a question is near is announced by the questions themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString

from contracts.inbox import EarlyWarning, InboxKind
from hub.inbox.receiving import announce
from hub.score.causes import WarningCause
from hub.store.engine import Store

BATCH = 200
"""Warnings raised or cleared by one transaction."""

WATCHED = timedelta(days=45)
"""How long a dossier is watched after it has ended: until the score of its month is long counted."""

KEPT = timedelta(days=400)
"""How long a warning that has ended can be read: a year of reports and a little more."""

_UNSYNCHRONISED: LiteralString = """
    %(connection)s::text IS NOT NULL AND d.recorded_at < %(settled)s
    AND NOT EXISTS (
        SELECT FROM lanes l WHERE l.connection = %(connection)s AND l.subject = f.code
        AND l.confirmed_revision = d.revision
        AND NOT EXISTS (
            SELECT FROM reconciliation_differences x WHERE x.connection = l.connection AND x.code = l.subject
            AND x.outcome <> 'differs' AND x.resolved_at IS NULL AND l.confirmed_at < x.seen_at
        )
    )
"""

_CHANNELLESS: LiteralString = """
    coalesce(f.code IN (
        SELECT x.code FROM reconciliation_differences x
        JOIN LATERAL (
            SELECT shown FROM reconciliation_findings n
            WHERE n.code = x.code AND n.connection = x.connection ORDER BY n.run_id DESC LIMIT 1
        ) n ON true
        LEFT JOIN lanes l ON l.connection = x.connection AND l.subject = x.code
        WHERE x.connection = %(connection)s AND x.resolved_at IS NULL
          AND (l.confirmed_at IS NULL OR l.confirmed_at < x.seen_at) AND n.shown->'channel'->>1 = ''
    ), false)
"""

_PRESENT: LiteralString = f"""
    SELECT f.code, f.agency_code, w.cause, w.due_at
    FROM score_facts f JOIN dossiers d ON d.code = f.code
    CROSS JOIN LATERAL (VALUES
        ('reception_ending', f.reception_due_at, f.ended_at IS NULL AND f.answered_at IS NULL
            AND f.reception_warn_at <= %(now)s AND f.reception_due_at > %(now)s),
        ('not_received_in_time', f.reception_due_at, f.ended_at IS NULL AND f.answered_at IS NULL
            AND f.reception_due_at <= %(now)s),
        ('due_soon_not_synchronised', f.due_at, f.due_warn_at <= %(now)s AND {_UNSYNCHRONISED}),
        ('second_supplement', NULL, f.supplements > 1),
        ('result_missing', NULL, f.state IN (9, 10) AND NOT f.result_filed),
        ('null_channel', NULL, {_CHANNELLESS}),
        ('apology_letter_due', f.apology_due_at, f.ended_at IS NULL AND NOT f.clock_stopped
            AND f.received_at IS NOT NULL AND f.apology_warn_at <= %(now)s AND f.due_at > %(now)s),
        ('fee_term_ending', f.fee_due_at, f.ended_at IS NULL AND f.fee_warn_at <= %(now)s)
    ) AS w(cause, due_at, holds)
    WHERE f.newest AND NOT f.cancelled AND (f.ended_at IS NULL OR f.ended_at >= %(watched)s) AND w.holds
"""  # noqa: S608 - put together from constants

_NEW: LiteralString = f"""
    SELECT p.code, p.agency_code, p.cause, p.due_at FROM ({_PRESENT}) p
    WHERE NOT EXISTS (
        SELECT FROM score_warnings w WHERE w.code = p.code AND w.cause = p.cause AND w.cleared_at IS NULL
    )
"""  # noqa: S608 - put together from constants

_RAISE: LiteralString = """
    INSERT INTO score_warnings (code, agency_code, cause, due_at, raised_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (code, cause) WHERE cleared_at IS NULL DO NOTHING RETURNING id
"""

_CLEAR: LiteralString = f"""
    UPDATE score_warnings w SET cleared_at = %(now)s
    WHERE w.cleared_at IS NULL
      AND NOT EXISTS (SELECT FROM ({_PRESENT}) p WHERE p.code = w.code AND p.cause = w.cause)
"""  # noqa: S608 - put together from constants


class Warner:
    """Raises and clears warnings."""

    def __init__(self, store: Store, connection: str | None, *, settle: timedelta) -> None:
        """``settle`` is how long a revision may be on its way to ``connection`` before it counts as not there."""
        self._store = store
        self._connection = connection
        self._settle = settle

    async def run_once(self, now: datetime) -> tuple[int, int]:
        """Clear what has ended and raise what is new; return how many were raised and cleared."""
        values = {
            "now": now,
            "connection": self._connection,
            "settled": now - self._settle,
            "watched": now - WATCHED,
        }
        async with self._store.transaction() as conn:
            cleared = (await conn.execute(_CLEAR, values)).rowcount
        return await self._raise_new(values), cleared

    async def forget(self, now: datetime) -> int:
        """Delete the warnings that ended long ago; return how many. What was announced stays in the inbox."""
        async with self._store.transaction() as conn:
            return (await conn.execute("DELETE FROM score_warnings WHERE cleared_at < %s", (now - KEPT,))).rowcount

    async def _raise_new(self, values: Mapping[str, Any]) -> int:
        raised = 0
        async with self._store.transaction() as reading, reading.cursor(name="score_warnings_new") as cursor:
            await cursor.execute(_NEW, values)
            while found := await cursor.fetchmany(BATCH):
                raised += await self._raise(found, values["now"])
        return raised

    async def _raise(self, found: list[Any], now: datetime) -> int:
        raised = 0
        async with self._store.transaction() as conn:
            for code, agency, cause, due_at in found:
                row = await (await conn.execute(_RAISE, (code, agency, cause, due_at, now))).fetchone()
                if row is None:
                    continue
                raised += 1
                sentence = WarningCause(cause).sentence
                await announce(
                    conn,
                    sealer=self._store.sealer,
                    kind=InboxKind.EARLY_WARNING,
                    subject=code,
                    key=f"score-warning:{row[0]}",
                    body=EarlyWarning(
                        rule=cause,
                        dossier_code=code,
                        due_at=due_at,
                        sentence=sentence.en,
                        sentence_vi=sentence.vi,
                    ),
                    now=now,
                    agency_code=agency,
                )
        return raised
