"""The dispatcher: gives new events to the endpoints that want them, and sends what is due. A job of the clerk.

One round: number what is new, note for each endpoint what it is to get, then serve every endpoint that has something
due, many at the same time, each in the order of events. An endpoint that fails rests a little before anything else
goes there, and the event that failed waits for its turn in the schedule; so the order is kept as long as a receiver
works, and one event that it never takes does not hold the others for ever. A message sent whose record was lost with
the process is sent again under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.errors import Sentence
from contracts.inbox import InboxKind, WebhookDisabled
from hub.access.scopes import Scope
from hub.alerts.service import Alert, Severity, raise_alert
from hub.inbox.reading import may_see, number_events
from hub.inbox.receiving import WAKE_CHANNEL, announce, body_context
from hub.inbox.views import event_json
from hub.ledger.entries import record_act
from hub.outgoing import OutgoingClient
from hub.store.engine import Store
from hub.store.errors import SealError
from hub.webhooks import schedule
from hub.webhooks.endpoints import alert_key, secret_context
from hub.webhooks.sending import Outcome, Sent, send
from hub.webhooks.settings import WebhookSettings
from hub.webhooks.views import DeliveryState

BATCH = 50
FAN_OUT = 1000

_log = structlog.get_logger("hub.webhooks")


@dataclass(frozen=True, slots=True)
class _Due:
    """One message ready to be sent."""

    event_id: UUID
    attempts: int
    tries: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to, and signed with what."""

    id: str
    url: str
    secrets: tuple[bytes, ...]


class Dispatcher:
    """Sends events to webhooks."""

    def __init__(
        self,
        store: Store,
        http: OutgoingClient,
        settings: WebhookSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: random.Random | None = None,
    ) -> None:
        """``http`` is open for as long as this is used; ``chance`` makes the jitter."""
        self._store = store
        self._http = http
        self._settings = settings
        self._now = now
        self._gate = asyncio.Semaphore(settings.endpoints_in_flight)
        self._serving: set[str] = set()
        self._chance = chance if chance is not None else random.Random()  # noqa: S311 - jitter is no secret

    async def run(self) -> None:
        """Work until cancelled, looking whenever an event comes and at least every ``poll_seconds``.

        An endpoint that hangs is waited for by nobody: the others get what comes meanwhile.
        """
        woken = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_wake_on(self._store.listen(WAKE_CHANNEL), woken), name="listen for events")
                while True:
                    woken.clear()
                    await self._begin(tasks, woken)
                    await _wait(woken, await self._pause())
        except ExceptionGroup as several:
            # The clerk tells a database that is away from a fault by the kind of the error.
            raise several.exceptions[0] from several

    async def round(self) -> None:
        """Do everything that is to be done now; returns when all that is due has been tried once."""
        async with asyncio.TaskGroup() as tasks:
            await self._begin(tasks, asyncio.Event())

    async def _begin(self, tasks: asyncio.TaskGroup, woken: asyncio.Event) -> None:
        """Note what is new, and begin to serve every endpoint with something due that is not being served."""
        while await self._fan_out():
            pass

        async def serve(endpoint_id: str) -> None:
            try:
                async with self._gate:
                    await self._serve(endpoint_id)
            except SealError as error:
                # Of this endpoint only: a secret or a body that does not open must not hold the others.
                _log.error("webhook_not_opened", webhook=endpoint_id, code=error.code)
                await self._rest(endpoint_id, schedule.LONGEST_REST)
            finally:
                self._serving.discard(endpoint_id)
                woken.set()  # what came while it was being served is looked at now

        for endpoint_id in await self._with_work():
            if endpoint_id not in self._serving:
                self._serving.add(endpoint_id)
                tasks.create_task(serve(endpoint_id), name=f"webhook {endpoint_id}")

    # --- what is to be sent -----------------------------------------------------------------------------

    async def _fan_out(self) -> bool:
        """Note what each endpoint is to get; true when there may be more."""
        more = False
        async with self._store.transaction() as conn:
            more = await number_events(conn) > 0
        async with self._store.transaction() as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT w.id, w.kinds, w.position, c.agencies FROM webhook_endpoints w JOIN clients c"
                " ON c.id = w.client_id WHERE w.position < (SELECT coalesce(max(position), 0) FROM inbox_events)"
                " ORDER BY w.id FOR UPDATE OF w"
            )
            for endpoint in await cursor.fetchall():
                more = await self._note(conn, endpoint) or more
        return more

    async def _note(self, conn: AsyncConnection[Any], endpoint: dict[str, Any]) -> bool:
        cursor = await conn.execute(
            "SELECT id, position, kind, agency_code FROM inbox_events WHERE position > %s ORDER BY position LIMIT %s",
            (endpoint["position"], FAN_OUT),
        )
        rows = await cursor.fetchall()
        if not rows:
            return False
        wanted = [
            row
            for row in rows
            if (not endpoint["kinds"] or row[2] in endpoint["kinds"]) and may_see(endpoint["agencies"], row[3])
        ]
        await conn.execute(
            "INSERT INTO webhook_deliveries (endpoint_id, event_id, position, state, due_at)"
            " SELECT %s, event_id, position, 'pending', %s"
            " FROM unnest(%s::uuid[], %s::bigint[]) AS r (event_id, position) ON CONFLICT DO NOTHING",
            (endpoint["id"], self._now(), [row[0] for row in wanted], [row[1] for row in wanted]),
        )
        await conn.execute("UPDATE webhook_endpoints SET position = %s WHERE id = %s", (rows[-1][1], endpoint["id"]))
        return len(rows) == FAN_OUT

    async def _with_work(self) -> list[str]:
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                f"{_CALLABLE} AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = w.id"
                " AND d.due_at <= %(now)s) ORDER BY w.id",
                {"now": self._now(), "scope": Scope.INBOX_READ.value},
            )
            return [row[0] for row in await cursor.fetchall()]

    async def _pause(self) -> float:
        """Return how long nothing is due that is not being sent, at most the time between two polls."""
        now = self._now()
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT min(greatest(d.due_at, w.rests_until)) FROM webhook_deliveries d JOIN webhook_endpoints w"
                " ON w.id = d.endpoint_id JOIN clients c ON c.id = w.client_id"
                " WHERE d.due_at IS NOT NULL AND w.disabled_at IS NULL AND c.disabled_at IS NULL"
                " AND %s = ANY(c.scopes) AND w.id <> ALL(%s)",
                (Scope.INBOX_READ.value, list(self._serving)),
            )
            row = await cursor.fetchone()
        due = row[0] if row else None
        longest = self._settings.poll_seconds
        return longest if due is None else min(max((due - now).total_seconds(), 0.05), longest)

    # --- sending ----------------------------------------------------------------------------------------

    async def _serve(self, endpoint_id: str) -> None:
        """Send what is due to one endpoint, in order, until it fails or nothing is left."""
        while True:
            target, batch = await self._load(endpoint_id)
            if target is None or not batch:
                return
            for due in batch:
                began = self._now()
                sent = await send(
                    self._http,
                    url=target.url,
                    secrets=target.secrets,
                    id=str(due.event_id),
                    at=began,
                    body=due.body,
                    timeout_seconds=self._settings.timeout_seconds,
                )
                if not await self._record(target, due, sent, began):
                    return

    async def _load(self, endpoint_id: str) -> tuple[_Target | None, list[_Due]]:
        now = self._now()
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                f"{_CALLABLE} AND w.id = %(id)s",
                {"id": endpoint_id, "now": now, "scope": Scope.INBOX_READ.value},
            )
            endpoint = await cursor.fetchone()
            if endpoint is None:
                return None, []
            cursor = await conn.execute(
                "SELECT number, sealed FROM webhook_secrets WHERE endpoint_id = %s"
                " AND (expires_at IS NULL OR expires_at > %s) ORDER BY number DESC",
                (endpoint_id, now),
            )
            secrets = tuple(
                self._store.sealer.open(sealed, secret_context(endpoint_id, number))
                for number, sealed in await cursor.fetchall()
            )
            events = await conn.cursor(row_factory=dict_row).execute(
                "SELECT e.id, e.position, e.kind, e.system, e.subject, e.occurred_at, e.recorded_at, e.sealed,"
                " d.attempts, d.tries FROM webhook_deliveries d JOIN inbox_events e ON e.id = d.event_id"
                " WHERE d.endpoint_id = %s AND d.due_at <= %s ORDER BY d.position LIMIT %s",
                (endpoint_id, now, BATCH),
            )
            rows = await events.fetchall()
        target = _Target(endpoint_id, endpoint[1], secrets)
        return target, [_Due(row["id"], row["attempts"], row["tries"], self._message(row)) for row in rows]

    def _message(self, row: dict[str, Any]) -> bytes:
        body = self._store.sealer.open(row["sealed"], body_context(row["id"]))
        event = event_json(row, body, of_webhook=True)
        return orjson.dumps({"type": row["kind"], "timestamp": row["occurred_at"], "data": event})

    async def _record(self, target: _Target, due: _Due, sent: Sent, began: datetime) -> bool:
        """Write down how it ended; false when nothing more should go there for now."""
        tries = due.tries + 1
        delay = None if sent.delivered else schedule.delay_after(tries, chance=self._chance)
        now = self._now()
        if sent.delivered:
            state, due_at = DeliveryState.DELIVERED, None
        elif delay is None:
            state, due_at = DeliveryState.FAILED, None
        else:
            state, due_at = DeliveryState.PENDING, now + delay
        async with self._store.transaction() as conn:
            await conn.execute(
                "INSERT INTO webhook_attempts (endpoint_id, event_id, number, started_at, duration_ms, outcome, status)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    target.id,
                    due.event_id,
                    due.attempts + 1,
                    began,
                    sent.duration_ms,
                    sent.outcome.value,
                    sent.status,
                ),
            )
            await conn.execute(
                "UPDATE webhook_deliveries SET state = %s, attempts = attempts + 1, tries = %s, due_at = %s,"
                " ended_at = %s WHERE endpoint_id = %s AND event_id = %s",
                (state.value, tries, due_at, None if due_at else now, target.id, due.event_id),
            )
            if sent.delivered:
                await conn.execute(
                    "UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, rests_until = NULL"
                    " WHERE id = %s AND failures > 0",
                    (target.id,),
                )
                return True
            await self._note_failure(conn, target, sent, now)
        return False

    async def _rest(self, endpoint_id: str, rest: timedelta) -> None:
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE webhook_endpoints SET rests_until = %s WHERE id = %s", (self._now() + rest, endpoint_id)
            )

    async def _note_failure(self, conn: AsyncConnection[Any], target: _Target, sent: Sent, now: datetime) -> None:
        cursor = await conn.execute(
            "UPDATE webhook_endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, %s)"
            " WHERE id = %s RETURNING failures, failing_since",
            (now, target.id),
        )
        row = await cursor.fetchone()
        failures, since = row if row is not None else (1, now)
        _log.warning("webhook_failed", webhook=target.id, outcome=sent.outcome.value, failures=failures)
        await conn.execute(
            "UPDATE webhook_endpoints SET rests_until = %s WHERE id = %s",
            (now + schedule.rest_after(failures), target.id),
        )
        patience = timedelta(hours=self._settings.disable_after_hours)
        worn_out = failures >= self._settings.disable_after_failures and now - since >= patience
        if worn_out or sent.outcome is Outcome.GONE:
            await self._disable(conn, target, failures=failures, since=since, now=now)

    async def _disable(
        self, conn: AsyncConnection[Any], target: _Target, *, failures: int, since: datetime, now: datetime
    ) -> None:
        cursor = await conn.execute(
            "UPDATE webhook_endpoints SET disabled_at = %s, disabled_by = 'hub' WHERE id = %s AND disabled_at IS NULL",
            (now, target.id),
        )
        if cursor.rowcount == 0:
            return
        sentence = Sentence(
            en=f"The webhook {target.id} failed {failures} times in a row and is not called any more; its events "
            f"wait. Repair the receiver, then run: lienthong webhooks enable {target.id}",
            vi=f"Webhook {target.id} lỗi {failures} lần liên tiếp nên không gọi nữa; các sự kiện vẫn chờ. "
            f"Hãy sửa máy nhận rồi chạy: lienthong webhooks enable {target.id}",
        )
        await record_act(conn, act="webhook.disabled", actor="hub", target=target.id, at=now)
        await raise_alert(conn, Alert(key=alert_key(target.id), severity=Severity.WARNING, sentence=sentence), now=now)
        await announce(
            conn,
            sealer=self._store.sealer,
            kind=InboxKind.WEBHOOK_DISABLED,
            subject=None,
            key=f"{target.id}:{now.isoformat()}",
            body=WebhookDisabled(
                endpoint_id=target.id,
                failures=failures,
                failing_since=since,
                sentence=sentence.en,
                sentence_vi=sentence.vi,
            ),
            now=now,
        )


_CALLABLE = """
SELECT w.id, w.url FROM webhook_endpoints w JOIN clients c ON c.id = w.client_id
WHERE w.disabled_at IS NULL AND (w.rests_until IS NULL OR w.rests_until <= %(now)s)
    AND c.disabled_at IS NULL AND %(scope)s = ANY(c.scopes)
"""
"""Endpoints that may be called now: enabled, rested, and of a client that may still read the inbox."""


async def _wake_on(notifications: AsyncIterator[str], woken: asyncio.Event) -> None:
    async for _ in notifications:
        woken.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
