"""The emergency stop: of one connection or of all, effective at once for every worker.

A claim, and the mark before every call, read ``connections.paused`` in their own statements, so a stop is one
committed row and needs no worker to listen. One that read before that commit may still be about to commit;
`claims_ended` waits for those few, so that whoever was told "stopped" knows that only calls already under way will
finish. A stop of all also covers connections that are registered while it is in force.

All other functions take a connection inside a transaction that the caller owns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from hub.exchanges.outbox import WAKE_CHANNEL
from hub.exchanges.views import StopView
from hub.ledger.entries import record_act
from hub.store.engine import Store

_LOCK = 0x4C545354
# Advisory lock ("LTST"): a connection is registered either before a stop of all, which then stops it, or after it.

_CLAIMS_SECONDS = 5.0
"""How long a claim may take to commit at most: the database ends longer statements of a worker's round."""

ALL = "all"
"""The target of an act on all connections in the ledger."""


async def register(conn: AsyncConnection[Any], ids: Sequence[str], adapters: Sequence[str]) -> None:
    """Make sure that each of these connections has its row; new ones are stopped while all are."""
    await conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_LOCK,))
    await conn.execute(
        """
        INSERT INTO connections (id, adapter, paused, stopped, paused_reason, paused_by, paused_at)
        SELECT v.id, v.adapter, s.id IS NOT NULL, s.id IS NOT NULL, s.reason, s.stopped_by, s.stopped_at
        FROM unnest(%s::text[], %s::text[]) AS v (id, adapter)
        LEFT JOIN (
            SELECT * FROM stops WHERE connection IS NULL AND resumed_at IS NULL ORDER BY id DESC LIMIT 1
        ) s ON true
        ON CONFLICT (id) DO UPDATE SET adapter = excluded.adapter WHERE connections.adapter <> excluded.adapter
        """,
        (list(ids), list(adapters)),
    )


async def stop(conn: AsyncConnection[Any], connection: str | None, *, actor: str, reason: str, now: datetime) -> None:
    """Stop one connection, or all with ``None``; a pause of before keeps its reason, and outlasts the stop of all."""
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    await conn.execute(
        "INSERT INTO stops (connection, reason, stopped_by, stopped_at) VALUES (%s, %s, %s, %s)",
        (connection, reason, actor, now),
    )
    await conn.execute(
        """
        UPDATE connections SET paused = true, stopped = true, paused_reason = %(reason)s, paused_by = %(actor)s,
                               paused_at = %(now)s
        WHERE CASE WHEN %(id)s::text IS NULL THEN NOT paused ELSE id = %(id)s END
        """,
        {"id": connection, "reason": reason, "actor": actor, "now": now},
    )
    await record_act(conn, act="connection.stopped", actor=actor, target=connection or ALL, reason=reason)


async def resume(
    conn: AsyncConnection[Any], connection: str | None, *, actor: str, now: datetime, by_deadline: bool = False
) -> None:
    """Let one connection go on, or with ``None`` end the stop of all and every stop of one.

    A connection that was paused for a reason of its own before all were stopped stays paused when the stop of all
    ends; and resumed from that reason while the stop is in force, it stays stopped: who ends a maintenance need not
    know of the stop. Resumed once more, it goes on alone.
    """
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    await conn.execute(
        "UPDATE stops SET resumed_by = %(actor)s, resumed_at = %(now)s"
        " WHERE resumed_at IS NULL AND (%(id)s::text IS NULL OR connection = %(id)s)",
        {"id": connection, "actor": actor, "now": now},
    )
    await conn.execute(
        """
        UPDATE connections c
        SET paused = s.id IS NOT NULL, stopped = s.id IS NOT NULL, paused_reason = s.reason,
            paused_by = coalesce(s.stopped_by, %(actor)s), paused_at = s.stopped_at
        FROM connections before LEFT JOIN (
            SELECT * FROM stops WHERE connection IS NULL AND resumed_at IS NULL ORDER BY id DESC LIMIT 1
        ) s ON before.paused AND NOT before.stopped
        WHERE before.id = c.id AND CASE WHEN %(id)s::text IS NULL THEN c.stopped ELSE c.id = %(id)s END
        """,
        {"id": connection, "actor": actor},
    )
    await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
    facts = {"order": "legal_deadline"} if by_deadline else {}
    await record_act(conn, act="connection.resumed", actor=actor, target=connection or ALL, facts=facts)


async def stopped_ids(conn: AsyncConnection[Any]) -> list[str]:
    """Return the connections that a resumption of all would let go on."""
    cursor = await conn.execute("SELECT id FROM connections WHERE stopped ORDER BY id")
    return [row[0] for row in await cursor.fetchall()]


async def stop_of_all(conn: AsyncConnection[Any]) -> StopView | None:
    """Return the stop of all connections that is in force."""
    async with conn.cursor(row_factory=class_row(StopView)) as cursor:
        await cursor.execute(
            "SELECT reason, stopped_by, stopped_at FROM stops WHERE connection IS NULL AND resumed_at IS NULL"
            " ORDER BY id DESC LIMIT 1"
        )
        return await cursor.fetchone()


_WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation IN ('lanes'::regclass, 'exchanges'::regclass)
  AND mode IN ('RowExclusiveLock', 'RowShareLock')
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""


async def claims_ended(store: Store, *, seconds: float = _CLAIMS_SECONDS) -> bool:
    """Wait until every transaction that may hold a claim of before now has ended; say whether they have.

    Called after the commit of a stop: a claim that began later sees the stop and takes nothing.
    """
    async with store.transaction() as conn:
        waiting = {row[0] for row in await (await conn.execute(_WRITERS)).fetchall()}
    try:
        async with asyncio.timeout(seconds):
            while waiting:
                await asyncio.sleep(0.01)
                async with store.transaction() as conn:
                    waiting &= {row[0] for row in await (await conn.execute(_WRITERS)).fetchall()}
    except TimeoutError:
        return False
    return True
