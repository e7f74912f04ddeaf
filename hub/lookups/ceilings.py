"""The brake of each role: how many different people an hour are usual, measured from the log once a day.

A ceiling starts at four times the 99th percentile of different people an account looks up in an hour of work. It is
data: the settings may name another one for a role, and every change stands in the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from hub.ledger.entries import PROGRAM, record_act
from hub.lookups.settings import LookupSettings
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

WINDOW = timedelta(days=28)
ENOUGH_HOURS = 100
"""Hours of work of a role below which nothing is concluded."""

_RELOAD_SECONDS = 60.0

_MEASURE = """
    SELECT role, percentile_disc(0.99) WITHIN GROUP (ORDER BY people)::int, count(*)::int
    FROM (
        SELECT a.role, count(DISTINCT a.subject_hash) AS people
        FROM lookups a JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
        WHERE a.asked_at >= %s AND a.asked_at < %s AND a.role <> '' AND e.outcome IN ('found', 'not_found')
        GROUP BY a.role, a.account_id, date_trunc('hour', a.asked_at)
    ) AS worked
    GROUP BY role HAVING count(*) >= %s
"""


async def measure(conn: AsyncConnection[Any], settings: LookupSettings, now: datetime) -> int:
    """Measure every role with enough work, in the caller's transaction; return how many ceilings changed."""
    cursor = await conn.execute(_MEASURE, (now - WINDOW, now, ENOUGH_HOURS))
    changed = 0
    for role, p99, hours in await cursor.fetchall():
        per_hour = max(settings.least_ceiling, round(settings.ceiling_factor * p99))
        cursor = await conn.execute("SELECT per_hour FROM lookup_ceilings WHERE role = %s", (role,))
        row = await cursor.fetchone()
        await conn.execute(
            "INSERT INTO lookup_ceilings (role, p99, account_hours, per_hour, measured_at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (role) DO UPDATE SET p99 = excluded.p99, account_hours = excluded.account_hours,"
            " per_hour = excluded.per_hour, measured_at = excluded.measured_at",
            (role, p99, hours, per_hour, now),
        )
        if row is None or row[0] != per_hour:
            changed += 1
            facts = {"per_hour": str(per_hour), "p99": str(p99), "account_hours": str(hours)}
            await record_act(conn, act="lookups.ceiling_measured", actor=PROGRAM, target=role, facts=facts, at=now)
    return changed


class Ceilings:
    """The ceilings in force, in memory; a newly measured one is seen within a minute."""

    def __init__(self, store: Store, settings: LookupSettings) -> None:
        self._store = store
        self._settings = settings
        self._measured: dict[str, int] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def of(self, role: str) -> int:
        """Return how many different people an hour a role may look up without giving a reason."""
        own = self._settings.ceilings.get(role)
        if own is not None:
            return own
        if time.monotonic() - self._read_at > _RELOAD_SECONDS and (self._reading is None or self._reading.done()):
            first = self._reading is None
            self._reading = asyncio.create_task(self._read(), name="read look-up ceilings")
            if first:
                await asyncio.shield(self._reading)
        return self._measured.get(role, self._settings.first_ceiling)

    async def aclose(self) -> None:
        """End a reading under way."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self) -> None:
        self._read_at = time.monotonic()
        # Without a database nothing is looked up either; the next look-up tries again.
        with contextlib.suppress(StoreUnavailable):
            async with self._store.transaction() as conn:
                cursor = await conn.execute("SELECT role, per_hour FROM lookup_ceilings")
                self._measured = {row[0]: row[1] for row in await cursor.fetchall()}
