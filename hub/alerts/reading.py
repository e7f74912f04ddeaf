"""Reading alerts, and acknowledging them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg.rows import dict_row

from contracts.errors import Sentence
from hub.alerts.settings import AlertSettings
from hub.alerts.telling import FAILING_AFTER
from hub.alerts.views import AlertPage, AlertView, ChannelView, DeliveryView
from hub.errors import Refusal
from hub.ledger.entries import record_act
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.web import cursors

MOST = 200

_NO_ALERT = Sentence("There is no alert with this id.", "Không có cảnh báo nào với mã này.")

_DELIVERIES = """
SELECT m.alert_id, m.event, d.* FROM alert_deliveries d JOIN alert_messages m ON m.id = d.message_id
WHERE m.alert_id = ANY(%s) ORDER BY d.message_id, d.channel
"""

_CHANNELS = """
SELECT channel, max(sent_at) AS last_sent_at, count(due_at) AS waiting,
       max(attempts) FILTER (WHERE due_at IS NOT NULL) AS attempts,
       (array_agg(failure ORDER BY message_id) FILTER (WHERE due_at IS NOT NULL AND failure <> ''))[1] AS failure,
       (array_agg(failure_vi ORDER BY message_id) FILTER (WHERE due_at IS NOT NULL AND failure <> ''))[1] AS failure_vi
FROM alert_deliveries WHERE channel = ANY(%s) GROUP BY channel
"""


class AlertService:
    """Shows alerts and takes note of who looked at them."""

    def __init__(self, store: Store, settings: AlertSettings) -> None:
        """``settings`` name the channels."""
        self._store = store
        self._settings = settings

    async def page(
        self,
        *,
        state: Literal["open", "cleared", "all"] = "open",
        connection: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> AlertPage:
        """Return alerts newest first; ``cursor`` continues after the page before. Refuses a bad cursor (400)."""
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):  # noqa: PLR2004
            raise cursors.bad_cursor()
        most = min(max(limit, 1), MOST)
        async with self._store.transaction() as conn:
            found = await conn.cursor(row_factory=dict_row).execute(
                "SELECT * FROM alerts WHERE (%(id)s::text IS NULL OR connection = %(id)s)"
                " AND (%(state)s = 'all' OR (cleared_at IS NULL) = (%(state)s = 'open'))"
                " AND (%(cursor)s::bigint IS NULL OR id < %(cursor)s) ORDER BY id DESC LIMIT %(most)s",
                {
                    "id": connection,
                    "state": state,
                    "cursor": None if cursor is None else int(cursor),
                    "most": most + 1,
                },
            )
            rows = await found.fetchall()
            shown = rows[:most]
            items = await _views(conn, shown)
            channels = await self._channels(conn)
        return AlertPage(items=items, next_cursor=str(shown[-1]["id"]) if len(rows) > most else None, channels=channels)

    async def acknowledge(
        self, alert_id: int, *, actor: str, now: datetime | None = None, within: Connection | None = None
    ) -> AlertView:
        """Take note that a person looks after an alert; the first who says so stays on record. 404 without one."""
        at = now if now is not None else datetime.now(UTC)
        async with joined(self._store, within) as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT * FROM alerts WHERE id = %s FOR UPDATE", (alert_id,)
            )
            row = await cursor.fetchone()
            if row is None:
                raise Refusal(404, "alert_not_found", _NO_ALERT, field="id")
            if row["acknowledged_at"] is None:
                await conn.execute(
                    "UPDATE alerts SET acknowledged_at = %s, acknowledged_by = %s WHERE id = %s", (at, actor, alert_id)
                )
                await record_act(conn, act="alert.acknowledged", actor=actor, target=f"alert-{alert_id}", at=at)
                row = {**row, "acknowledged_at": at, "acknowledged_by": actor}
            return (await _views(conn, [row]))[0]

    async def _channels(self, conn: Connection) -> tuple[ChannelView, ...]:
        cursor = await conn.cursor(row_factory=dict_row).execute(_CHANNELS, (list(self._settings.channels),))
        known = {row["channel"]: row for row in await cursor.fetchall()}
        return tuple(
            _channel(name, channel.kind, known.get(name, {})) for name, channel in self._settings.channels.items()
        )


def _channel(name: str, kind: str, row: Mapping[str, Any]) -> ChannelView:
    return ChannelView(
        name=name,
        kind=kind,
        last_sent_at=row.get("last_sent_at"),
        waiting=row.get("waiting") or 0,
        failing=(row.get("attempts") or 0) >= FAILING_AFTER,
        failure=row.get("failure") or "",
        failure_vi=row.get("failure_vi") or "",
    )


async def _views(conn: Connection, rows: list[dict[str, Any]]) -> tuple[AlertView, ...]:
    cursor = await conn.cursor(row_factory=dict_row).execute(_DELIVERIES, ([row["id"] for row in rows],))
    told: dict[int, list[DeliveryView]] = {}
    for one in await cursor.fetchall():
        told.setdefault(one["alert_id"], []).append(
            DeliveryView(
                event=one["event"],
                channel=one["channel"],
                attempts=one["attempts"],
                sent_at=one["sent_at"],
                given_up_at=one["given_up_at"],
                next_attempt_at=one["due_at"],
                failure=one["failure"],
                failure_vi=one["failure_vi"],
            )
        )
    return tuple(AlertView(**row, deliveries=tuple(told.get(row["id"], ()))) for row in rows)
