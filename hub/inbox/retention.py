"""What came in and was taken over is removed when its time is over. A job of the clerk.

Removed are deliveries to webhooks that arrived, with their attempts, some months later; and events that a client has
acknowledged, with their files and acknowledgements, some years later. Never removed is what nobody has acknowledged,
what is still on its way to a webhook or never arrived there, what reconciliation still reads (a partner's word on a
dossier that we do not hold, or not as new), and the newest event, from which the next one takes its number. Bounds are
taken from ids (UUIDv7, time of arrival), so that no index of its own has to be kept.

A run is one transaction of bounded size, and leaves one act in the ledger if it removed anything: numbers and limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from hub.exchanges.listing import first_id_at
from hub.ledger.entries import PROGRAM, record_act
from hub.reconciliation.reading import FILED_THERE
from hub.store.engine import Store

EVERY_SECONDS: Final = 3600.0
REST_SECONDS: Final = 1.0
"""Between two runs while there is more to remove."""

MOST: Final = 500
"""Events that one run looks at, and deliveries of one endpoint that it removes."""

_FIRST: Final = UUID(int=0)

_DELIVERED: LiteralString = """
DELETE FROM webhook_deliveries d USING (
    SELECT endpoint_id, event_id FROM webhook_deliveries
    WHERE endpoint_id = %(endpoint)s AND event_id < %(beyond)s AND state = 'delivered' AND ended_at < %(limit)s
    ORDER BY event_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
) over
WHERE d.endpoint_id = over.endpoint_id AND d.event_id = over.event_id
RETURNING d.event_id
"""

_REMOVABLE: LiteralString = """
    e.position < (SELECT max(position) FROM inbox_events)
    AND (SELECT max(a.acknowledged_at) FROM inbox_acknowledgements a WHERE a.event_id = e.id) < %(limit)s
    AND NOT EXISTS (SELECT FROM webhook_endpoints w WHERE w.position < e.position OR EXISTS (
        SELECT FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.event_id = e.id))
    AND (e.subject IS NULL OR e.kind <> ALL(%(filed)s)
        OR EXISTS (SELECT FROM dossiers k WHERE k.code = e.subject AND k.recorded_at >= e.recorded_at))
"""

_LOOKED_AT: LiteralString = f"""
SELECT e.id, coalesce({_REMOVABLE}, false) FROM (
    SELECT * FROM inbox_events WHERE id > %(after)s AND id < %(beyond)s ORDER BY id LIMIT %(most)s
) e ORDER BY e.id
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one run has removed."""

    events: int = 0
    deliveries: int = 0
    more: bool = False
    """Whether the next run has something to look at now."""


class Retention:
    """Removes it; one at a time."""

    def __init__(
        self,
        store: Store,
        *,
        events_for: timedelta,
        deliveries_for: timedelta,
        most: int = MOST,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Events are kept for so long after their last acknowledgement, deliveries after they arrived."""
        self._store = store
        self._events_for = events_for
        self._deliveries_for = deliveries_for
        self._most = most
        self._now = now
        self._after = _FIRST

    async def run(self) -> None:
        """Do it for ever. Raises ``StoreUnavailable``."""
        while True:
            done = await self.forget(self._now())
            await asyncio.sleep(REST_SECONDS if done.more else EVERY_SECONDS)

    async def forget(self, now: datetime) -> Forgotten:
        """Remove what is over at ``now``, a bounded part of it; the next call goes on from there."""
        events_limit, deliveries_limit = now - self._events_for, now - self._deliveries_for
        async with self._store.transaction() as conn:
            deliveries, more_deliveries = await self._deliveries(conn, deliveries_limit)
            events, last = await self._events(conn, events_limit)
            if events or deliveries:
                facts = {
                    "events": str(events),
                    "events_until": events_limit.isoformat(),
                    "deliveries": str(deliveries),
                    "deliveries_until": deliveries_limit.isoformat(),
                }
                await record_act(conn, act="inbox.forgotten", actor=PROGRAM, target="inbox", facts=facts, at=now)
        self._after = last or _FIRST  # only now: what was rolled back is looked at again
        if events or deliveries:
            _log.info("inbox_forgotten", events=events, deliveries=deliveries)
        return Forgotten(events, deliveries, more=last is not None or more_deliveries)

    async def _deliveries(self, conn: AsyncConnection[Any], limit: datetime) -> tuple[int, bool]:
        """Remove deliveries that arrived; return how many, and whether an endpoint had more than one run may remove."""
        cursor = await conn.execute("SELECT id FROM webhook_endpoints ORDER BY id")
        removed, more = 0, False
        for (endpoint,) in await cursor.fetchall():
            values = {"endpoint": endpoint, "beyond": first_id_at(limit), "limit": limit, "most": self._most}
            gone = [row[0] for row in await (await conn.execute(_DELIVERED, values)).fetchall()]
            await conn.execute(
                "DELETE FROM webhook_attempts WHERE endpoint_id = %s AND event_id = ANY(%s)", (endpoint, gone)
            )
            removed += len(gone)
            more = more or len(gone) == self._most
        return removed, more

    async def _events(self, conn: AsyncConnection[Any], limit: datetime) -> tuple[int, UUID | None]:
        """Remove events; return how many, and where the next run goes on, ``None`` where it begins anew."""
        rule = {"limit": limit, "filed": list(FILED_THERE)}
        values = {"after": self._after, "beyond": first_id_at(limit), "most": self._most, **rule}
        rows = await (await conn.execute(_LOOKED_AT, values)).fetchall()
        wanted = [row[0] for row in rows if row[1]]
        if wanted:
            # Nobody can acknowledge or replay what is locked, so what holds now holds until it is gone.
            cursor = await conn.execute(
                "SELECT id FROM inbox_events WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED", (wanted,)
            )
            locked = [row[0] for row in await cursor.fetchall()]
            cursor = await conn.execute(
                f"SELECT e.id FROM inbox_events e WHERE e.id = ANY(%(locked)s) AND {_REMOVABLE}",  # noqa: S608
                {"locked": locked, **rule},
            )
            wanted = [row[0] for row in await cursor.fetchall()]
            for table in ("inbox_files", "inbox_acknowledgements"):
                await conn.execute(f"DELETE FROM {table} WHERE event_id = ANY(%s)", (wanted,))  # noqa: S608
            await conn.execute("DELETE FROM inbox_events WHERE id = ANY(%s)", (wanted,))
        return len(wanted), rows[-1][0] if len(rows) == self._most else None


_log = structlog.get_logger("hub.inbox")
