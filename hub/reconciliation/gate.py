"""Whether a partner may be asked now: a pause, an open breaker and a maintenance window hold here as in delivery."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.health.windows import in_maintenance
from hub.store.connections import connection_options
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

_LOCK_SPACE = 0x4C544453
"""First half of the advisory locks of runs ("LTDS"); the second is the CRC-32 of the connection."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Why nobody may be asked, and until when where that is known."""

    why: Sentence
    until: datetime | None = None


async def closed(conn: AsyncConnection[Any], connection: str, now: datetime) -> Closed | None:
    """Return why the partner may not be asked now; ``None`` when it may."""
    end = await in_maintenance(conn, connection, now)
    if end is not None:
        return Closed(
            Sentence("The connection is in an announced maintenance window.", "Kết nối đang trong khung giờ bảo trì."),
            end,
        )
    cursor = await conn.execute("SELECT paused, breaker, breaker_until FROM connections WHERE id = %s", (connection,))
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[0]:
        return Closed(
            Sentence("The connection is paused; resume it to go on.", "Kết nối đang tạm dừng; hãy mở lại để tiếp tục.")
        )
    # An open breaker whose time is over is a breaker that waits for a trial: ours does as well as another.
    if row[1] == "open" and (row[2] is None or row[2] > now):
        return Closed(
            Sentence(
                "The connection rests after failures in a row; it is tried again by itself.",
                "Kết nối đang tạm nghỉ sau nhiều lỗi liên tiếp; hệ thống tự thử lại.",
            ),
            row[2],
        )
    return None


@contextlib.asynccontextmanager
async def alone(store: Store, connection: str) -> AsyncGenerator[bool]:
    """Lend whether this process may compare or repair at the connection; one at a time may, and a death lets go."""
    try:
        async with await AsyncConnection.connect(store.url, autocommit=True, **connection_options()) as lock:
            key = zlib.crc32(connection.encode()) - (1 << 31)
            cursor = await lock.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_SPACE, key))
            row = await cursor.fetchone()
            yield row is not None and bool(row[0])
    except psycopg.OperationalError as error:
        raise StoreUnavailable from error
