"""The endpoints: who wants which events where, and the secrets their messages are signed with.

An endpoint belongs to a client and sees what that client sees: events of its agencies, while it may read the inbox
and is not disabled. A secret is shown once and stored sealed; a rotation leaves the former one in force for a while,
and during that time every message carries a signature of both.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.errors import Sentence
from contracts.inbox import InboxKind
from hub.access.scopes import Scope
from hub.alerts.service import clear_alert
from hub.errors import Refusal
from hub.inbox.reading import may_see, number_events
from hub.inbox.receiving import WAKE_CHANNEL
from hub.ledger.entries import record_act
from hub.reach import Reach
from hub.store.engine import Store
from hub.webhooks.settings import WebhookSettings
from hub.webhooks.views import Attempt, Deliveries, Delivery, DeliveryState, Endpoint, NewEndpoint, Replayed

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a secret, of the standard
MAX_ENDPOINTS = 20
"""Most endpoints of one client that are not disabled."""
MAX_REPLAY = 10_000
MAX_SHOWN = 200

_NOT_FOUND = Sentence("This client has no webhook of this id.", "Ứng dụng này không có webhook mang mã này.")


def secret_context(endpoint_id: str, number: int) -> str:
    """Name the place of a secret for the sealing."""
    return f"webhook-secret:{endpoint_id}:{number}"


def alert_key(endpoint_id: str) -> str:
    """Name the alert of an endpoint that failed too often."""
    return f"webhook-disabled:{endpoint_id}"


def shown(secret: bytes) -> str:
    """Return a secret as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """Which events to send again."""

    since: datetime
    until: datetime | None = None
    kinds: Sequence[InboxKind] = ()
    failed_only: bool = False
    """Only what was never taken; without it also what was."""


class Endpoints:
    """Manages endpoints. ``client_id`` limits a call to that client's; ``None`` is an operator at the machine."""

    def __init__(self, store: Store, reach: Reach, *, overlap: timedelta = timedelta(hours=24)) -> None:
        """``reach`` is where webhooks may go, ``overlap`` how long a replaced secret stays in force."""
        self._store = store
        self._reach = reach
        self._overlap = overlap

    async def add(
        self, *, client_id: str, url: str, kinds: Sequence[InboxKind], actor: str, now: datetime
    ) -> NewEndpoint:
        """Register an address for events from now on; returns its secret, once.

        Refuses an address the settings do not allow, a client that is disabled or may not read the inbox (422),
        and more endpoints than `MAX_ENDPOINTS` (409).
        """
        self._reach.check(url)
        endpoint_id = f"wh-{secrets.token_hex(8)}"
        secret = secrets.token_bytes(SECRET_BYTES)
        async with self._store.transaction() as conn:
            await self._require_client(conn, client_id)
            await number_events(conn)
            await conn.execute(
                "INSERT INTO webhook_endpoints (id, client_id, url, kinds, created_at, position)"
                " SELECT %s, %s, %s, %s, %s, coalesce(max(position), 0) FROM inbox_events",
                (endpoint_id, client_id, url, [one.value for one in dict.fromkeys(kinds)], now),
            )
            await self._insert_secret(conn, endpoint_id, 1, secret, now)
            await record_act(
                conn, act="webhook.added", actor=actor, target=endpoint_id, facts={"client": client_id}, at=now
            )
            endpoint = await _one(conn, endpoint_id, client_id)
        return NewEndpoint(endpoint=endpoint, secret=shown(secret))

    async def all(self, client_id: str | None = None) -> list[Endpoint]:
        """Return the endpoints, oldest first."""
        async with self._store.transaction() as conn:
            return await _select(conn, client_id=client_id)

    async def get(self, endpoint_id: str, client_id: str | None = None) -> Endpoint:
        """Return one. Refuses with 404."""
        async with self._store.transaction() as conn:
            return await _one(conn, endpoint_id, client_id)

    async def rotate(self, endpoint_id: str, client_id: str | None, *, actor: str, now: datetime) -> NewEndpoint:
        """Give the endpoint a new secret; the one in force goes on signing for the overlap, older ones end now."""
        secret = secrets.token_bytes(SECRET_BYTES)
        async with self._store.transaction() as conn:
            endpoint = await _one(conn, endpoint_id, client_id, lock=True)
            await conn.execute(
                "UPDATE webhook_secrets SET expires_at = CASE WHEN expires_at IS NULL THEN %s ELSE %s END"
                " WHERE endpoint_id = %s AND (expires_at IS NULL OR expires_at > %s)",
                (now + self._overlap, now, endpoint_id, now),
            )
            cursor = await conn.execute(
                "SELECT max(number) FROM webhook_secrets WHERE endpoint_id = %s", (endpoint_id,)
            )
            row = await cursor.fetchone()
            await self._insert_secret(conn, endpoint_id, (row[0] if row else 0) + 1, secret, now)
            await record_act(conn, act="webhook.rotated", actor=actor, target=endpoint_id, at=now)
        return NewEndpoint(endpoint=endpoint, secret=shown(secret))

    async def disable(self, endpoint_id: str, client_id: str | None, *, actor: str, now: datetime) -> Endpoint:
        """Stop calling it; what comes meanwhile waits."""
        async with self._store.transaction() as conn:
            await _one(conn, endpoint_id, client_id, lock=True)
            cursor = await conn.execute(
                "UPDATE webhook_endpoints SET disabled_at = %s, disabled_by = %s WHERE id = %s AND disabled_at IS NULL",
                (now, actor, endpoint_id),
            )
            if cursor.rowcount:
                await record_act(conn, act="webhook.disabled", actor=actor, target=endpoint_id, at=now)
            return await _one(conn, endpoint_id, client_id)

    async def enable(self, endpoint_id: str, client_id: str | None, *, actor: str, now: datetime) -> Endpoint:
        """Call it again, beginning with what waited."""
        async with self._store.transaction() as conn:
            endpoint = await _one(conn, endpoint_id, client_id, lock=True)
            self._reach.check(endpoint.url)
            cursor = await conn.execute(
                "UPDATE webhook_endpoints SET disabled_at = NULL, disabled_by = NULL, failures = 0,"
                " failing_since = NULL, rests_until = NULL WHERE id = %s AND disabled_at IS NOT NULL",
                (endpoint_id,),
            )
            if cursor.rowcount:
                await record_act(conn, act="webhook.enabled", actor=actor, target=endpoint_id, at=now)
            await clear_alert(conn, alert_key(endpoint_id), now=now)
            await _wake(conn)
            return await _one(conn, endpoint_id, client_id)

    async def replay(
        self, endpoint_id: str, client_id: str | None, wanted: ReplayFilter, *, actor: str, now: datetime
    ) -> Replayed:
        """Send events again, also those from before the endpoint was made; their ids stay the same.

        At most `MAX_REPLAY` at a time, oldest first: ``complete`` says whether that was all.
        """
        async with self._store.transaction() as conn:
            endpoint = await _one(conn, endpoint_id, client_id, lock=True)
            await number_events(conn)
            rows = await self._to_replay(conn, endpoint, wanted)
            chosen = rows[:MAX_REPLAY]
            # Held while it is noted: an event whose time is over may be removed at this moment (`hub.inbox.retention`).
            cursor = await conn.execute(
                "INSERT INTO webhook_deliveries (endpoint_id, event_id, position, state, due_at)"
                " SELECT %s, id, position, 'pending', %s FROM inbox_events WHERE id = ANY(%s) FOR KEY SHARE"
                " ON CONFLICT (endpoint_id, event_id) DO UPDATE"
                " SET state = 'pending', tries = 0, due_at = excluded.due_at, ended_at = NULL",
                (endpoint_id, now, chosen),
            )
            count = cursor.rowcount
            await record_act(
                conn,
                act="webhook.replayed",
                actor=actor,
                target=endpoint_id,
                facts={"events": str(count), "since": wanted.since.isoformat()},
                at=now,
            )
            await _wake(conn)
        return Replayed(events=count, complete=len(chosen) == len(rows))

    async def deliveries(self, endpoint_id: str, client_id: str | None = None, *, limit: int = 50) -> Deliveries:
        """Return the newest deliveries with every attempt of each. Refuses with 404."""
        async with self._store.transaction() as conn:
            await _one(conn, endpoint_id, client_id)
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT d.event_id, d.state, d.attempts, d.due_at, d.ended_at, e.kind FROM webhook_deliveries d"
                " JOIN inbox_events e ON e.id = d.event_id WHERE d.endpoint_id = %s ORDER BY d.position DESC LIMIT %s",
                (endpoint_id, min(limit, MAX_SHOWN)),
            )
            rows = await cursor.fetchall()
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT event_id, number, started_at, duration_ms, outcome, status FROM webhook_attempts"
                " WHERE endpoint_id = %s AND event_id = ANY(%s) ORDER BY number",
                (endpoint_id, [row["event_id"] for row in rows]),
            )
            attempts: dict[UUID, list[Attempt]] = {}
            for one in await cursor.fetchall():
                attempts.setdefault(one.pop("event_id"), []).append(Attempt(**one))
        return Deliveries(
            deliveries=tuple(
                Delivery(
                    event_id=row["event_id"],
                    kind=row["kind"],
                    state=DeliveryState(row["state"]),
                    next_attempt_at=row["due_at"],
                    ended_at=row["ended_at"],
                    attempts=tuple(attempts.get(row["event_id"], ())),
                )
                for row in rows
            )
        )

    async def _to_replay(self, conn: AsyncConnection[Any], endpoint: Endpoint, wanted: ReplayFilter) -> list[UUID]:
        cursor = await conn.execute("SELECT agencies FROM clients WHERE id = %s", (endpoint.client_id,))
        client = await cursor.fetchone()
        agencies = client[0] if client else ()
        cursor = await conn.execute(
            "SELECT e.id, e.agency_code FROM inbox_events e"
            " LEFT JOIN webhook_deliveries d ON d.event_id = e.id AND d.endpoint_id = %(endpoint)s"
            " WHERE e.position IS NOT NULL AND e.recorded_at >= %(since)s"
            " AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s)"
            " AND (cardinality(%(kinds)s::text[]) = 0 OR e.kind = ANY(%(kinds)s))"
            " AND (NOT %(failed_only)s OR CASE WHEN d.event_id IS NOT NULL THEN d.state <> 'delivered'"
            # What was noted for this endpoint and is so no more had arrived, long ago (`hub.inbox.retention`).
            " ELSE e.recorded_at < %(created)s OR e.position > (SELECT position FROM webhook_endpoints WHERE id ="
            " %(endpoint)s) OR (cardinality(%(own)s::text[]) > 0 AND e.kind <> ALL(%(own)s)) END)"
            " ORDER BY e.position",
            {
                "endpoint": endpoint.id,
                "since": wanted.since,
                "until": wanted.until,
                "kinds": [one.value for one in wanted.kinds or endpoint.kinds],
                "failed_only": wanted.failed_only,
                "created": endpoint.created_at,
                "own": [one.value for one in endpoint.kinds],
            },
        )
        found: list[UUID] = []
        async for row in cursor:
            if may_see(agencies, row[1]):
                found.append(row[0])
                if len(found) > MAX_REPLAY:
                    break
        return found

    async def _require_client(self, conn: AsyncConnection[Any], client_id: str) -> None:
        cursor = await conn.execute(
            "SELECT scopes, disabled_at, (SELECT count(*) FROM webhook_endpoints w WHERE w.client_id = c.id"
            " AND w.disabled_at IS NULL) FROM clients c WHERE id = %s FOR UPDATE",
            (client_id,),
        )
        row = await cursor.fetchone()
        if row is None or row[1] is not None or Scope.INBOX_READ.value not in row[0]:
            raise Refusal(
                422,
                "webhook_client_invalid",
                Sentence(
                    "A webhook needs an enabled client with the scope inbox:read; see lienthong clients list.",
                    "Webhook cần một ứng dụng đang hoạt động có quyền inbox:read; xem lienthong clients list.",
                ),
                field="client_id",
            )
        if row[2] >= MAX_ENDPOINTS:
            raise Refusal(
                409,
                "too_many_webhooks",
                Sentence(
                    f"This client has {MAX_ENDPOINTS} webhooks already; disable one first.",
                    f"Ứng dụng này đã có {MAX_ENDPOINTS} webhook; hãy tắt bớt một cái.",
                ),
            )

    async def _insert_secret(
        self, conn: AsyncConnection[Any], endpoint_id: str, number: int, secret: bytes, now: datetime
    ) -> None:
        await conn.execute(
            "INSERT INTO webhook_secrets (endpoint_id, number, created_at, sealed) VALUES (%s, %s, %s, %s)",
            (endpoint_id, number, now, self._store.sealer.seal(secret, secret_context(endpoint_id, number))),
        )


def webhook_endpoints(store: Store, settings: WebhookSettings) -> Endpoints:
    """Return the endpoints of this deployment."""
    return Endpoints(store, settings.reach(), overlap=timedelta(hours=settings.rotation_overlap_hours))


_COLUMNS = """
SELECT w.id, w.client_id, w.url, w.kinds, w.created_at, w.failures, w.failing_since, w.disabled_at, w.disabled_by,
    (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.due_at IS NOT NULL) AS waiting
FROM webhook_endpoints w
WHERE (%(client)s::text IS NULL OR w.client_id = %(client)s) AND (%(id)s::text IS NULL OR w.id = %(id)s)
ORDER BY w.created_at, w.id
"""


async def _select(
    conn: AsyncConnection[Any], *, client_id: str | None, endpoint_id: str | None = None
) -> list[Endpoint]:
    cursor = await conn.cursor(row_factory=dict_row).execute(_COLUMNS, {"client": client_id, "id": endpoint_id})
    return [Endpoint(**{**row, "kinds": tuple(row["kinds"])}) for row in await cursor.fetchall()]


async def _one(conn: AsyncConnection[Any], endpoint_id: str, client_id: str | None, *, lock: bool = False) -> Endpoint:
    if lock:
        await conn.execute("SELECT FROM webhook_endpoints WHERE id = %s FOR UPDATE", (endpoint_id,))
    found = await _select(conn, client_id=client_id, endpoint_id=endpoint_id)
    if not found:
        raise Refusal(404, "webhook_not_found", _NOT_FOUND, field="id")
    return found[0]


async def _wake(conn: AsyncConnection[Any]) -> None:
    await conn.execute("SELECT pg_notify(%s, '')", (WAKE_CHANNEL,))
