"""Measuring for the forecasts, alerting on them, and forgetting what is old: a job of the clerk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.alerts import telling
from hub.alerts.service import Alert, clear_alert, raise_alert
from hub.health import facts
from hub.health.forecast import (
    BACKLOG_ALERT,
    CERTIFICATE_ALERT,
    DISK_ALERT,
    Sample,
    SeenUntil,
    judge_backlog,
    judge_certificates,
    judge_disk,
)
from hub.health.settings import HealthSettings
from hub.store.engine import Store

EVERY_SECONDS = 600.0
TREND = timedelta(days=7)
"""How far back the trend of the disk looks; of a backlog it is a day."""

BACKLOG_TREND = timedelta(days=1)
MOST_SAMPLES = 2_000

DISK, DATABASE, BACKLOG = "disk", "database", "backlog "


@dataclass(frozen=True, slots=True)
class Forecasted:
    """A connection whose backlog and certificates are looked at."""

    title: Sentence
    rate_per_second: float | None = None


class Forecasting:
    """Samples, judges and tidies."""

    def __init__(
        self, store: Store, connections: Mapping[str, Forecasted], settings: HealthSettings, data_dir: Path
    ) -> None:
        """``data_dir`` is the directory whose disk must not run full."""
        self._store = store
        self._connections = dict(connections)
        self._settings = settings
        self._data_dir = data_dir

    async def run(self) -> None:
        """Measure and judge, for ever."""
        while True:
            await self.look(datetime.now(UTC))
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self, now: datetime) -> None:
        """Measure and judge once."""
        free = await asyncio.to_thread(free_bytes, self._data_dir)
        async with self._store.transaction() as conn:
            await self._sample(conn, free, now)
            alerts = judge_certificates(await _certificates(conn, list(self._connections)), self._settings, now)
            disk = judge_disk(
                await read_samples(conn, DISK, now - TREND),
                await read_samples(conn, DATABASE, now - TREND),
                self._settings,
                now,
            )
            alerts += [disk] if disk is not None else []
            for name, one in self._connections.items():
                waiting = await read_samples(conn, f"{BACKLOG}{name}", now - BACKLOG_TREND)
                found = judge_backlog(
                    name, one.title, waiting, rate_per_second=one.rate_per_second, settings=self._settings, now=now
                )
                alerts += [found] if found is not None else []
            await _settle(conn, alerts, now)
            before = now - timedelta(days=self._settings.keep_days)
            await facts.forget_older_than(conn, before, self._connections)
            await telling.forget_older_than(conn, before)
            await conn.execute("DELETE FROM space_samples WHERE at < %s", (before,))

    async def _sample(self, conn: AsyncConnection[Any], free: int | None, now: datetime) -> None:
        row = await (await conn.execute("SELECT pg_database_size(current_database())")).fetchone()
        samples = [(DATABASE, int(row[0]))] if row is not None else []
        if free is not None:
            samples.append((DISK, free))
        cursor = await conn.execute(
            "SELECT connection, sum(open_count) FROM lanes WHERE open_count > 0 AND connection = ANY(%s)"
            " GROUP BY connection",
            (list(self._connections),),
        )
        waiting = {row[0]: int(row[1]) for row in await cursor.fetchall()}
        samples += [(f"{BACKLOG}{name}", waiting.get(name, 0)) for name in self._connections]
        for what, count in samples:
            await conn.execute(
                "INSERT INTO space_samples (what, at, bytes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (what, now, count),
            )


def free_bytes(directory: Path) -> int | None:
    """Return what is free on the disk of a directory, or of the one in which it will be made."""
    place = next((one for one in (directory, *directory.resolve().parents) if one.exists()), None)
    return None if place is None else shutil.disk_usage(place).free


async def read_samples(conn: AsyncConnection[Any], what: str, since: datetime) -> list[Sample]:
    """Return the samples of one thing, oldest first."""
    cursor = await conn.execute(
        "SELECT at, bytes FROM space_samples WHERE what = %s AND at >= %s ORDER BY at DESC LIMIT %s",
        (what, since, MOST_SAMPLES),
    )
    return [Sample(row[0], float(row[1])) for row in reversed(await cursor.fetchall())]


async def _certificates(conn: AsyncConnection[Any], connections: list[str]) -> list[SeenUntil]:
    cursor = await conn.execute(
        "SELECT connection, kind, place, fingerprint, not_after FROM certificates WHERE connection = ANY(%s)"
        " ORDER BY connection, kind, place",
        (connections,),
    )
    return [SeenUntil(*row) for row in await cursor.fetchall()]


async def _settle(conn: AsyncConnection[Any], alerts: list[Alert], now: datetime) -> None:
    """Raise what is forecast, and clear what is forecast no more."""
    for one in alerts:
        await raise_alert(conn, one, now=now)
    raised = {one.key for one in alerts}
    cursor = await conn.execute(
        "SELECT key FROM alerts WHERE cleared_at IS NULL AND (key = %s OR key LIKE %s OR key LIKE %s)",
        (DISK_ALERT, f"{CERTIFICATE_ALERT}%", f"{BACKLOG_ALERT}%"),
    )
    for (key,) in await cursor.fetchall():
        if key not in raised:
            await clear_alert(conn, key, now=now)
