"""What every connection of the hub has in common, and the one that waits for notifications."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

Connection = AsyncConnection[TupleRow]
Queue = asyncio.Queue[str | None]

PREPARE_AFTER = 2
"""Executions after which a statement of a connection becomes a prepared one."""

RETRY_SECONDS = 1.0
CHECK_SECONDS = 30.0


def connection_options() -> dict[str, Any]:
    """Return what every connection of the hub is opened with, besides the URL."""
    return {
        "application_name": "lienthong",
        "connect_timeout": 5,
        "prepare_threshold": PREPARE_AFTER,
        # A machine that vanished without closing its connections is noticed within about a minute.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }


async def pump_notifications(url: str, channel: str, queue: Queue) -> None:
    """Put the payload of every notification into ``queue``, for ever; reconnect when the connection breaks.

    An empty payload follows every connect. Whatever ends the pump, ``None`` is the last thing it puts.
    """
    try:
        while True:
            try:
                async with await AsyncConnection.connect(url, autocommit=True, **connection_options()) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    queue.put_nowait("")
                    while True:
                        async for notification in connection.notifies(timeout=CHECK_SECONDS):
                            queue.put_nowait(notification.payload)
                        await connection.execute("SELECT 1")  # a quiet connection may be a dead one
            except psycopg.OperationalError:
                await asyncio.sleep(RETRY_SECONDS)
    finally:
        queue.put_nowait(None)
