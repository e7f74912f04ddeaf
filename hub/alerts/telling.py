"""Telling alerts: each transition once through each channel, tried again until it is taken or too old.

Done by one clerk at a time. A channel that does not take messages is itself an alert, told through the others and
shown with the list of alerts.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.errors import Sentence
from hub.alerts.email import Email
from hub.alerts.message import Message, Telling, Told
from hub.alerts.service import WAKE_CHANNEL, Alert, AlertEvent, clear_alert, raise_alert
from hub.alerts.settings import AlertSettings, Channel, EmailChannel, SyslogChannel
from hub.alerts.severity import Severity
from hub.alerts.syslog import Syslog
from hub.alerts.webhook import AlertWebhook
from hub.health import metrics
from hub.outgoing import OutgoingClient
from hub.settings import Settings
from hub.store.engine import Store

OF_CHANNEL = "channel."
"""Begin of the key of the alert about a channel that does not work; its name follows."""

FAILING_AFTER = 3
"""Attempts at one message after which its channel counts as failing."""

POLL_SECONDS = 5.0
MOST_AT_ONCE = 100

_log = structlog.get_logger("hub.alerts")


@contextlib.asynccontextmanager
async def open_channels(settings: Settings) -> AsyncGenerator[dict[str, Telling]]:
    """Lend every channel of this configuration, by name."""
    tls = await asyncio.to_thread(_trust, settings)
    async with OutgoingClient(settings.webhooks.reach(), tls=tls) as http:
        yield {name: _open(channel, http) for name, channel in settings.alerts.channels.items()}


def _trust(settings: Settings) -> ssl.SSLContext | None:
    file = settings.webhooks.ca_file
    return None if file is None else ssl.create_default_context(cafile=str(file))


def _open(channel: Channel, http: OutgoingClient) -> Telling:
    if isinstance(channel, EmailChannel):
        return Email(channel)
    if isinstance(channel, SyslogChannel):
        return Syslog(channel)
    return AlertWebhook(channel, http)


class Teller:
    """Tells what is to be told."""

    def __init__(self, store: Store, settings: AlertSettings, channels: Mapping[str, Telling]) -> None:
        """``channels`` are those of `open_channels`, by the names of ``settings``."""
        self._store = store
        self._settings = settings
        self._channels = dict(channels)
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Tell, for ever."""
        listening = asyncio.create_task(self._listen(), name="listen for alerts")
        try:
            while True:
                self._awake.clear()
                while await self.tell_due(datetime.now(UTC)):
                    pass  # what followed in the same alert is due now
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._awake.wait()
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        async for _ in self._store.listen(WAKE_CHANNEL):
            self._awake.set()

    async def tell_due(self, now: datetime) -> int:
        """Tell everything that is due at ``now``; return how many messages were taken."""
        async with self._store.transaction() as conn:
            await self._plan(conn, now)
        taken = await asyncio.gather(*(self._tell_on(name, now) for name in self._channels))
        return sum(taken)

    # --- planning -------------------------------------------------------------------------------------------

    async def _plan(self, conn: AsyncConnection[Any], now: datetime) -> None:
        """Give each new message a delivery on every channel that wants it."""
        cursor = await conn.cursor(row_factory=dict_row).execute(
            "SELECT m.id, m.alert_id, m.event, m.severity, a.key FROM alert_messages m JOIN alerts a"
            " ON a.id = m.alert_id WHERE NOT m.planned ORDER BY m.id LIMIT %s FOR UPDATE OF m",
            (MOST_AT_ONCE,),
        )
        for row in await cursor.fetchall():
            for name, channel in self._settings.channels.items():
                if await self._wants(conn, name, channel, row):
                    await conn.execute(
                        "INSERT INTO alert_deliveries (message_id, channel, due_at) VALUES (%s, %s, %s)"
                        " ON CONFLICT DO NOTHING",
                        (row["id"], name, now),
                    )
            await conn.execute("UPDATE alert_messages SET planned = true WHERE id = %s", (row["id"],))
        # What waits for a channel that is configured no longer will never be taken.
        await conn.execute(
            "UPDATE alert_deliveries SET due_at = NULL, given_up_at = %s WHERE due_at IS NOT NULL"
            " AND NOT channel = ANY(%s)",
            (now, list(self._channels)),
        )

    async def _wants(self, conn: AsyncConnection[Any], name: str, channel: Channel, row: Mapping[str, Any]) -> bool:
        if row["key"] == f"{OF_CHANNEL}{name}":
            return False  # that it does not work cannot be told through itself
        if row["event"] != AlertEvent.CLEARED:
            return Severity(row["severity"]).rank >= channel.least.rank
        # The all-clear goes where the alert went.
        cursor = await conn.execute(
            "SELECT 1 FROM alert_deliveries d JOIN alert_messages m ON m.id = d.message_id"
            " WHERE m.alert_id = %s AND d.channel = %s LIMIT 1",
            (row["alert_id"], name),
        )
        return await cursor.fetchone() is not None

    # --- telling --------------------------------------------------------------------------------------------

    async def _tell_on(self, name: str, now: datetime) -> int:
        async with self._store.transaction() as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                """
                SELECT d.message_id, d.attempts, m.alert_id, m.event, m.severity, m.sentence, m.sentence_vi, m.at,
                       a.key, a.connection, a.cause
                FROM alert_deliveries d JOIN alert_messages m ON m.id = d.message_id JOIN alerts a ON a.id = m.alert_id
                WHERE d.channel = %(channel)s AND d.due_at <= %(now)s AND NOT EXISTS (
                    -- The messages of one alert are told in their order.
                    SELECT 1 FROM alert_deliveries e JOIN alert_messages n ON n.id = e.message_id
                    WHERE e.channel = d.channel AND n.alert_id = m.alert_id AND e.due_at IS NOT NULL AND n.id < m.id)
                ORDER BY d.message_id LIMIT %(most)s
                """,
                {"channel": name, "now": now, "most": MOST_AT_ONCE},
            )
            rows = await cursor.fetchall()
        taken = 0
        for row in rows:
            told = await self._once(name, _message(row))
            metrics.alert_told(name, taken=told.failure is None)
            await self._record(name, row, told, now)
            taken += told.failure is None
            if told.failure is not None:
                break  # the others would fail alike, and each may take its whole time
        return taken

    async def _once(self, name: str, message: Message) -> Told:
        try:
            return await self._channels[name].tell(message)
        except Exception as error:  # noqa: BLE001 - one channel must not silence the others
            _log.error("alert_channel_failed", channel=name, error=type(error).__name__)
            return Told(_FAULT)

    async def _record(self, name: str, row: Mapping[str, Any], told: Told, now: datetime) -> None:
        key = (row["message_id"], name)
        async with self._store.transaction() as conn:
            if told.failure is None:
                await conn.execute(
                    "UPDATE alert_deliveries SET due_at = NULL, sent_at = %s, attempts = attempts + 1, failure = '',"
                    " failure_vi = '' WHERE message_id = %s AND channel = %s",
                    (now, *key),
                )
                await clear_alert(conn, f"{OF_CHANNEL}{name}", now=now, sentence=_works_again(name))
                return
            attempts = row["attempts"] + 1
            too_old = now - row["at"] > timedelta(hours=self._settings.give_up_hours)
            await conn.execute(
                "UPDATE alert_deliveries SET due_at = %s, given_up_at = %s, attempts = attempts + 1, failure = %s,"
                " failure_vi = %s WHERE message_id = %s AND channel = %s",
                (
                    None if too_old else now + self._wait(attempts),
                    now if too_old else None,
                    told.failure.en,
                    told.failure.vi,
                    *key,
                ),
            )
            if attempts >= FAILING_AFTER or too_old:
                await raise_alert(
                    conn, Alert(f"{OF_CHANNEL}{name}", Severity.WARNING, _fails(name, told.failure)), now=now
                )

    def _wait(self, attempts: int) -> timedelta:
        seconds = self._settings.first_delay_seconds * float(1 << min(attempts - 1, 30))
        return timedelta(seconds=min(seconds, self._settings.max_delay_seconds))


def _message(row: Mapping[str, Any]) -> Message:
    return Message(
        id=row["message_id"],
        alert_id=row["alert_id"],
        event=AlertEvent(row["event"]),
        severity=Severity(row["severity"]),
        key=row["key"],
        sentence=Sentence(row["sentence"], row["sentence_vi"]),
        at=row["at"],
        connection=row["connection"],
        cause=row["cause"],
    )


_FAULT = Sentence(
    "The channel failed in an unforeseen way; see the log of the clerk.",
    "Kênh gặp lỗi không lường trước; xem nhật ký tiến trình văn thư.",
)


def _fails(name: str, why: Sentence) -> Sentence:
    return Sentence(
        f"The alert channel {name} does not take messages; they are tried again. {why.en}",
        f"Kênh cảnh báo {name} không nhận thông điệp; hệ thống tiếp tục thử lại. {why.vi}",
    )


def _works_again(name: str) -> Sentence:
    return Sentence(f"The alert channel {name} works again.", f"Kênh cảnh báo {name} đã hoạt động trở lại.")


async def forget_older_than(conn: AsyncConnection[Any], before: datetime) -> int:
    """Delete alerts that were closed before that moment, with their messages; return how many."""
    cursor = await conn.execute("DELETE FROM alerts WHERE cleared_at < %s", (before,))
    return cursor.rowcount
