"""Maintenance windows: announced times in which nothing leaves for a connection."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from psycopg import AsyncConnection

from contracts.calendar import VIETNAM, WorkingCalendar
from contracts.errors import Sentence
from hub.alerts.service import clear_alert
from hub.exchanges.outbox import WAKE_CHANNEL

ALERT = "maintenance."
"""Begin of the key of the alert that announces a window; its id follows."""

_OVER = Sentence(
    "The announced maintenance is over; what was accepted meanwhile leaves now.",
    "Đã hết thời gian bảo trì; các lượt trao đổi đã nhận đang được gửi đi.",
)


async def in_maintenance(conn: AsyncConnection[Any], connection: str, now: datetime) -> datetime | None:
    """Return when the window ends that the connection is in at ``now``; ``None`` when it is in none.

    Windows that touch or overlap count as one. Workers ask the same in the statement that claims lanes.
    """
    cursor = await conn.execute(
        "SELECT starts_at, ends_at FROM maintenance_windows"
        " WHERE connection = %s AND cancelled_at IS NULL AND ends_at > %s ORDER BY starts_at",
        (connection, now),
    )
    end: datetime | None = None
    for starts_at, ends_at in await cursor.fetchall():
        if starts_at > (end if end is not None else now):
            break
        end = ends_at if end is None else max(end, ends_at)
    return end


async def end_windows(conn: AsyncConnection[Any], now: datetime) -> int:
    """Tell once of each window that has ended, and wake the workers; return how many ended.

    Delivery does not wait for this: a claim looks at the clock itself.
    """
    cursor = await conn.execute(
        "SELECT a.key FROM alerts a JOIN maintenance_windows w ON a.key = %s || w.id"
        " WHERE a.cleared_at IS NULL AND a.key LIKE %s AND w.ends_at <= %s",
        (ALERT, f"{ALERT}%", now),
    )
    ended = [row[0] for row in await cursor.fetchall()]
    for key in ended:
        await clear_alert(conn, key, now=now, sentence=_OVER)
    if ended:
        await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
    return len(ended)


# --- the notice ---------------------------------------------------------------------------------------------


def earliest_start(calendar: WorkingCalendar, announced_at: datetime, days: int) -> datetime:
    """Return the earliest lawful begin of a window announced at that moment with ``days`` working days of notice.

    The day of the announcement does not count and the last day counts to its end (Civil Code 147, 148), so the window
    may begin at the midnight after the last of them. Without notice it may begin at once.
    """
    if days < 1:
        return announced_at
    last = calendar.add_working_days(announced_at.astimezone(VIETNAM).date(), days)
    return _midnight(last + timedelta(days=1))


def latest_announcement(calendar: WorkingCalendar, starts_at: datetime, days: int) -> datetime:
    """Return until when a window that starts then has to be announced: the end of the last lawful day."""
    if days < 1:
        return starts_at
    day = starts_at.astimezone(VIETNAM).date()
    while earliest_start(calendar, _midnight(day), days) > starts_at:
        day -= timedelta(days=1)
    return _midnight(day + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=VIETNAM)
