"""Which workers live: so that the lanes of one that was killed need not wait for their leases to run out.

Only a death that is certain counts: the process was on this machine, in this boot and process namespace, and
is gone. A worker that merely lost its database connection may still be sending, so its leases are left to run
out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from datetime import timedelta
from pathlib import Path

import psutil
from psycopg import errors

from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 2.0


def this_host() -> str:
    """Name the machine, its boot and the process namespace: within it a pid means one process."""
    parts = [socket.gethostname()]
    boot = Path("/proc/sys/kernel/random/boot_id")
    if boot.exists():
        parts.append(boot.read_text().strip())
    namespace = Path("/proc/self/ns/pid")
    if namespace.is_symlink():
        parts.append(str(namespace.readlink()))
    return "/".join(parts)


class Crew:
    """This worker among the others."""

    def __init__(self, store: Store, settle_delay_seconds: float) -> None:
        """``settle_delay_seconds``: a partner may still be working on what the dead worker sent."""
        self._store = store
        self._delay = timedelta(seconds=settle_delay_seconds)
        self._host = this_host()
        self._pid = os.getpid()
        self._started = psutil.Process().create_time()
        self.name = f"{socket.gethostname()}:{self._pid}:{int(self._started)}"

    async def join(self) -> None:
        """Register this worker and free the lanes of the dead."""
        async with self._store.transaction() as conn:
            await conn.execute(
                "INSERT INTO workers (name, host, pid, process_started) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (name) DO NOTHING",
                (self.name, self._host, self._pid, self._started),
            )
        await self.bury()

    async def leave(self) -> None:
        """Unregister after a clean stop."""
        async with self._store.transaction() as conn:
            await conn.execute("DELETE FROM workers WHERE name = %s", (self.name,))

    async def reap(self) -> None:
        """Look after the others for ever."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.bury()
            except (StoreUnavailable, errors.DeadlockDetected):
                continue

    async def bury(self) -> int:
        """Make the lanes of workers that died on this machine due again; return how many workers were found dead."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT name, pid, process_started FROM workers WHERE host = %s AND name <> %s FOR UPDATE SKIP LOCKED",
                (self._host, self.name),
            )
            dead = [row[0] for row in await cursor.fetchall() if not _alive(row[1], row[2])]
            if dead:
                await conn.execute(
                    "UPDATE lanes SET due_at = least(due_at, now() + %s)"
                    " WHERE leased_by = ANY(%s) AND due_at IS NOT NULL",
                    (self._delay, dead),
                )
                await conn.execute("DELETE FROM workers WHERE name = ANY(%s)", (dead,))
        if dead:
            _log.warning("found workers dead, their lanes are due again", extra={"workers": len(dead)})
        return len(dead)


def _alive(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
