"""The upkeep of the look-up log: months, look-ups that were cut off, the brake of each role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import redis.asyncio
import structlog

from hub.alerts.service import clear_alert
from hub.lookups import ceilings, partitions
from hub.lookups.intents import IntentKeeper
from hub.lookups.lines import FAILURES
from hub.lookups.rows import EndRow, LookupOutcome
from hub.lookups.settings import LookupSettings
from hub.lookups.telling import mismatch_alert
from hub.lookups.writer import LogWriter
from hub.store.engine import Store

EVERY_SECONDS: Final = 60.0
MONTHS_EVERY: Final = timedelta(hours=1)
MEASURE_EVERY: Final = timedelta(days=1)

ABANDONED_AFTER: Final = timedelta(minutes=15)
"""No look-up takes so long: one that has not ended by then was cut off with its process."""

LOOK_BACK: Final = timedelta(days=2)
"""How far back look-ups without an end are searched; each is found long before."""

QUIET_AFTER: Final = timedelta(days=1)
"""How long after the last answer about somebody else its alert is taken back."""

_ABANDONED = """
    SELECT a.id, a.asked_at FROM lookups a
    WHERE a.asked_at BETWEEN %s AND %s
        AND NOT EXISTS (SELECT FROM lookup_ends e WHERE e.asked_at = a.asked_at AND e.lookup_id = a.id)
    ORDER BY a.asked_at LIMIT 1000
"""

_QUIET = """
    SELECT x.connection FROM alerts x
    WHERE x.cleared_at IS NULL AND x.key = 'lookups.mismatch.' || x.connection
        AND NOT EXISTS (SELECT FROM lookup_ends e JOIN lookups a ON a.asked_at = e.asked_at AND a.id = e.lookup_id
            WHERE e.asked_at > %s AND e.outcome = 'mismatch' AND a.connection = x.connection)
"""

_log = structlog.get_logger("hub.lookups")


class LogKeeper:
    """Keeps the log; for the clerk, one at a time."""

    def __init__(
        self,
        store: Store,
        settings: LookupSettings,
        *,
        retention_months: int,
        redis_url: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``redis_url``: where the gate keeps what is asked until the log has it; unset: nowhere."""
        self._store = store
        self._settings = settings
        self._retention_months = retention_months
        self._now = now
        self._writer = LogWriter(store)
        self._redis_url = redis_url

    async def run(self) -> None:
        """Keep it for ever. Raises ``StoreUnavailable``."""
        months_at = measured_at = datetime.min.replace(tzinfo=UTC)
        while True:
            now = self._now()
            if now - months_at >= MONTHS_EVERY:
                await self.keep_months(now)
                months_at = now
            if now - measured_at >= MEASURE_EVERY:
                async with self._store.transaction() as conn:
                    await ceilings.measure(conn, self._settings, now)
                measured_at = now
            await self.recover(now)
            await self.end_abandoned(now)
            await self.take_back_alerts(now)
            await asyncio.sleep(EVERY_SECONDS)

    async def keep_months(self, now: datetime) -> tuple[list[str], list[str]]:
        """Make months ahead and drop those whose time is over; return their names."""
        async with self._store.transaction() as conn:
            made = await partitions.make_ahead(conn, now)
        async with self._store.transaction() as conn:
            dropped = await partitions.drop_old(conn, now, retention_months=self._retention_months)
        if made or dropped:
            _log.info("lookup_months", made=made, dropped=dropped)
        return made, dropped

    async def recover(self, now: datetime) -> int:
        """Move into the log what processes that died left in Redis; return how many look-ups that was.

        Where Redis does not answer, the gate says so, and this is done at the next turn.
        """
        if self._redis_url is None:
            return 0
        seconds = self._settings.redis_timeout_seconds
        client = redis.asyncio.Redis.from_url(self._redis_url, socket_connect_timeout=seconds, socket_timeout=seconds)
        try:
            return await IntentKeeper(self._store.sealer, self._writer, client).recover(now)
        except FAILURES as error:
            _log.info("lookup_intents_unread", error=type(error).__name__)
            return 0
        finally:
            await client.aclose()

    async def end_abandoned(self, now: datetime) -> int:
        """Write down of look-ups that were cut off that they never ended; return how many."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_ABANDONED, (now - LOOK_BACK, now - ABANDONED_AFTER))
            rows = await cursor.fetchall()
        await asyncio.gather(
            *(
                self._writer.end(EndRow(str(row[0]), row[1], now, LookupOutcome.FAILED.value, error="Abandoned"))
                for row in rows
            )
        )
        return len(rows)

    async def take_back_alerts(self, now: datetime) -> None:
        """Clear the alerts of partners that have not answered about somebody else for a while."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_QUIET, (now - QUIET_AFTER,))
            for row in await cursor.fetchall():
                await clear_alert(conn, mismatch_alert(row[0]), now=now)
