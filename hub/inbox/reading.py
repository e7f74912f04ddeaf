"""Reading the inbox in an order that no reader can miss anything in.

An event is written without a number. It gets one after its commit, from whoever reads first, under a lock that is
held until that numbering is committed too. So a number never appears behind a reader's back: had numbers been drawn
while writing, a slow transaction could commit a smaller one after a reader had passed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.errors import Sentence
from contracts.inbox import InboxKind
from hub.access.agencies import covers
from hub.errors import Refusal
from hub.inbox.receiving import body_context, file_context
from hub.inbox.views import Acknowledgement, event_json
from hub.store.engine import Store

NUMBERING_LOCK = 0x4C54494E
"""Advisory lock ("LTIN") of whoever gives numbers."""

NUMBER_BATCH = 5000
SCAN_BATCH = 200
MAX_SCAN = 5000
"""Most events looked through for one page, when most belong to agencies of others."""

_NOT_FOUND = Sentence(
    "There is no such event for the agencies of this client.", "Không có sự kiện này cho các cơ quan được giao."
)
_NO_FILE = Sentence("This event has no file of this number.", "Sự kiện này không có tệp mang số thứ tự này.")

_NUMBER = """
UPDATE inbox_events e SET position = n.position
FROM (
    SELECT u.id, (SELECT coalesce(max(position), 0) FROM inbox_events) + row_number() OVER (ORDER BY u.id) AS position
    FROM (SELECT id FROM inbox_events WHERE position IS NULL ORDER BY id LIMIT %s) u
) n
WHERE e.id = n.id
"""


async def number_events(conn: AsyncConnection[Any]) -> int:
    """Give numbers to events that have none; return how many got one.

    Holds the lock to the end of the caller's transaction, which should therefore be short.
    """
    cursor = await conn.execute("SELECT EXISTS (SELECT FROM inbox_events WHERE position IS NULL)", prepare=True)
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return 0
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (NUMBERING_LOCK,))
    # A statement of its own: it must see what the one who held the lock before has committed.
    return (await conn.execute(_NUMBER, (NUMBER_BATCH,))).rowcount


def may_see(agencies: Sequence[str], agency_code: str | None) -> bool:
    """Say whether a client of these agencies may see an event of that one; events of no agency are for all."""
    return agency_code is None or covers(agencies, agency_code)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of an event, opened."""

    media_type: str
    content: bytes


_SCAN = """
SELECT e.id, e.position, e.kind, e.system, e.subject, e.agency_code, e.occurred_at, e.recorded_at, e.sealed,
    a.acknowledged_at
FROM inbox_events e LEFT JOIN inbox_acknowledgements a ON a.event_id = e.id AND a.client_id = %(client)s
WHERE e.position > %(after)s AND (%(kind)s::text IS NULL OR e.kind = %(kind)s)
    AND (NOT %(open_only)s OR a.event_id IS NULL)
ORDER BY e.position LIMIT %(limit)s
"""


class InboxService:
    """Reads and acknowledges on behalf of a client."""

    def __init__(self, store: Store) -> None:
        """``store`` opens the sealed bodies."""
        self._store = store

    async def page(
        self,
        *,
        client_id: str,
        agencies: Sequence[str],
        after: int = 0,
        limit: int = 100,
        kind: InboxKind | None = None,
        open_only: bool = False,
    ) -> bytes:
        """Return a page as JSON, see `hub.inbox.views.InboxPage`."""
        async with self._store.transaction() as conn:
            await number_events(conn)
        async with self._store.transaction() as conn:
            events: list[dict[str, Any]] = []
            scanned, more = 0, True
            while more and len(events) < limit and scanned < MAX_SCAN:
                cursor = await conn.cursor(row_factory=dict_row).execute(
                    _SCAN,
                    {
                        "client": client_id,
                        "after": after,
                        "kind": kind.value if kind else None,
                        "open_only": open_only,
                        "limit": SCAN_BATCH,
                    },
                    prepare=True,
                )
                rows = await cursor.fetchall()
                more = len(rows) == SCAN_BATCH
                for row in rows:
                    if len(events) == limit:
                        more = True
                        break
                    scanned += 1
                    after = row["position"]
                    if may_see(agencies, row["agency_code"]):
                        events.append(self._event(row))
        return orjson.dumps({"events": events, "next_after": after, "more": more})

    async def acknowledge(
        self, event_id: UUID, *, client_id: str, agencies: Sequence[str], now: datetime
    ) -> Acknowledgement:
        """Note that this client has taken over the event; the first time counts. Refuses with 404."""
        async with self._store.transaction() as conn:
            await self._require(conn, event_id, agencies)
            await conn.execute(
                "INSERT INTO inbox_acknowledgements (event_id, client_id, acknowledged_at) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (event_id, client_id, now),
            )
            cursor = await conn.execute(
                "SELECT acknowledged_at FROM inbox_acknowledgements WHERE event_id = %s AND client_id = %s",
                (event_id, client_id),
            )
            row = await cursor.fetchone()
        return Acknowledgement(id=event_id, acknowledged_at=row[0] if row else now)

    async def file(self, event_id: UUID, number: int, *, agencies: Sequence[str]) -> StoredFile:
        """Return a file of an event. Refuses with 404."""
        async with self._store.transaction() as conn:
            await self._require(conn, event_id, agencies)
            cursor = await conn.execute(
                "SELECT media_type, sealed FROM inbox_files WHERE event_id = %s AND number = %s", (event_id, number)
            )
            row = await cursor.fetchone()
        if row is None:
            raise Refusal(404, "inbox_file_not_found", _NO_FILE, field="number")
        return StoredFile(row[0], self._store.sealer.open(row[1], file_context(event_id, number)))

    async def _require(self, conn: AsyncConnection[Any], event_id: UUID, agencies: Sequence[str]) -> None:
        # Held, so that it is not removed before what is done with it is done.
        cursor = await conn.execute("SELECT agency_code FROM inbox_events WHERE id = %s FOR KEY SHARE", (event_id,))
        row = await cursor.fetchone()
        # What belongs to others is answered like what does not exist.
        if row is None or not may_see(agencies, row[0]):
            raise Refusal(404, "inbox_event_not_found", _NOT_FOUND, field="id")

    def _event(self, row: dict[str, Any]) -> dict[str, Any]:
        body = self._store.sealer.open(row["sealed"], body_context(row["id"]))
        return event_json(row, body, acknowledged_at=row["acknowledged_at"])
