"""Raising and clearing alerts, in the transaction of whatever found the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.alerts.severity import Severity

__all__ = ["Alert", "AlertEvent", "Severity", "clear_alert", "raise_alert", "tell"]

WAKE_CHANNEL = "lienthong_alerts"
"""Notified when there is a message to tell."""


class AlertEvent(StrEnum):
    """What happened to an alert; each is told once."""

    OPENED = "opened"
    ESCALATED = "escalated"
    CLEARED = "cleared"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a person should look at. Its sentence names no citizen."""

    key: str
    """What it is about, e.g. ``connection.portal``; there is one open alert for each key."""
    severity: Severity
    sentence: Sentence
    connection: str | None = None
    cause: str | None = None
    """The root cause it shares with others, where one is known."""


OVER = Sentence("This is over; nothing needs to be done.", "Đã hết; không cần làm gì thêm.")


async def raise_alert(conn: AsyncConnection[Any], alert: Alert, *, now: datetime) -> bool:
    """Open an alert, in the caller's transaction; told through the channels after its commit.

    Returns whether there is something to tell: ``False`` when that key is open already. An open alert takes the new
    sentence quietly; if it becomes more severe, that is told as a transition of its own, and ``True`` is returned. It
    never becomes less severe while it is open: what goes up and down would be told every time it goes up.
    """
    row = await _open_row(conn, alert.key)
    if row is None:
        cursor = await conn.execute(
            "INSERT INTO alerts (key, severity, connection, cause, sentence, sentence_vi, opened_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (key) WHERE cleared_at IS NULL DO NOTHING RETURNING id",
            (
                alert.key,
                alert.severity.value,
                alert.connection,
                alert.cause,
                alert.sentence.en,
                alert.sentence.vi,
                now,
            ),
        )
        opened = await cursor.fetchone()
        if opened is not None:
            await tell(conn, opened[0], AlertEvent.OPENED, alert.severity, alert.sentence, now=now)
            return True
        row = await _open_row(conn, alert.key)
    if row is None:  # opened and cleared by somebody else at this very moment
        return False
    worse = alert.severity.rank > Severity(row[1]).rank
    await conn.execute(
        "UPDATE alerts SET severity = %s, connection = %s, cause = %s, sentence = %s, sentence_vi = %s,"
        " escalated_at = CASE WHEN %s THEN %s ELSE escalated_at END"
        " WHERE id = %s AND (severity, connection, cause, sentence) IS DISTINCT FROM (%s, %s, %s, %s)",
        (
            alert.severity.value if worse else row[1],
            alert.connection,
            alert.cause,
            alert.sentence.en,
            alert.sentence.vi,
            worse,
            now,
            row[0],
            alert.severity.value if worse else row[1],
            alert.connection,
            alert.cause,
            alert.sentence.en,
        ),
    )
    if worse:
        await tell(conn, row[0], AlertEvent.ESCALATED, alert.severity, alert.sentence, now=now)
    return worse


async def _open_row(conn: AsyncConnection[Any], key: str) -> tuple[Any, ...] | None:
    cursor = await conn.execute(
        "SELECT id, severity FROM alerts WHERE key = %s AND cleared_at IS NULL FOR UPDATE", (key,)
    )
    return await cursor.fetchone()


async def clear_alert(conn: AsyncConnection[Any], key: str, *, now: datetime, sentence: Sentence | None = None) -> bool:
    """Close the open alert with this key and tell the all-clear once; ``False`` when there is none."""
    said = sentence if sentence is not None else OVER
    query: LiteralString = (
        "UPDATE alerts SET cleared_at = %s, cleared_sentence = %s, cleared_sentence_vi = %s"
        " WHERE key = %s AND cleared_at IS NULL RETURNING id"
    )
    row = await (await conn.execute(query, (now, said.en, said.vi, key))).fetchone()
    if row is None:
        return False
    await tell(conn, row[0], AlertEvent.CLEARED, Severity.INFO, said, now=now)
    return True


async def tell(
    conn: AsyncConnection[Any],
    alert_id: int,
    event: AlertEvent,
    severity: Severity,
    sentence: Sentence,
    *,
    now: datetime,
) -> None:
    """Leave one message to be told through every channel."""
    await conn.execute(
        "INSERT INTO alert_messages (alert_id, event, severity, sentence, sentence_vi, at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (alert_id, event.value, severity.value, sentence.en, sentence.vi, now),
    )
    await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
