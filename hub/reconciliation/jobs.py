"""The clerk's part: carries out what was asked for, and asks for one comparison each night."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import structlog

from contracts.calendar import VIETNAM
from hub.clerk import seconds_until
from hub.errors import Refusal
from hub.reconciliation.running import Reconciler
from hub.reconciliation.service import NIGHTLY, WAKE_CHANNEL, ReconciliationService
from hub.store.engine import Store

ACTOR = "clerk"

LOOK_SECONDS = 60.0
"""How often to look without being woken, and whether the night has come."""

_log = structlog.get_logger("hub.reconciliation")


class ReconciliationJob:
    """Runs for ever; see `hub.clerk.Job`."""

    def __init__(
        self, store: Store, service: ReconciliationService, reconcilers: Sequence[Reconciler], *, nightly: time
    ) -> None:
        """``nightly`` is when the comparison of a connection begins that has no time of its own."""
        self._store = store
        self._service = service
        self._reconcilers = list(reconcilers)
        self._nightly = nightly
        self._wakers = {one.connection: asyncio.Event() for one in reconcilers}

    async def run(self) -> None:
        """Do it until cancelled; what was written of a run stays, and whoever comes next goes on."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                for one in self._reconcilers:
                    group.create_task(self._serve(one))
        except ExceptionGroup as several:
            # The clerk tells a database that is away from everything else; a group hides it.
            first = several.exceptions[0]
            raise first from first.__cause__

    async def _listen(self) -> None:
        async for _ in self._store.listen(WAKE_CHANNEL):
            for waker in self._wakers.values():
                waker.set()

    async def _serve(self, reconciler: Reconciler) -> None:
        waker = self._wakers[reconciler.connection]
        while True:
            waker.clear()
            await reconciler.work()
            await self.ask_if_due(reconciler, datetime.now(UTC))
            at = reconciler.settings.at or self._nightly
            try:
                async with asyncio.timeout(min(LOOK_SECONDS, seconds_until(at, datetime.now(UTC)))):
                    await waker.wait()
            except TimeoutError:
                continue

    async def ask_if_due(self, reconciler: Reconciler, now: datetime) -> bool:
        """Ask for the comparison of the night if its time has come and nobody did; a missed night is made up for.

        The first night of all is waited for: a hub that was just set up has nothing to compare.
        """
        settings = reconciler.settings
        if not settings.enabled:
            return False
        due = last_due(settings.at or self._nightly, now)
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT max(requested_at) FROM reconciliation_runs WHERE connection = %s AND origin = %s",
                (reconciler.connection, NIGHTLY),
            )
            row = await cursor.fetchone()
            last = None if row is None else row[0]
            if last is None:
                cursor = await conn.execute("SELECT min(recorded_at) FROM dossiers")
                row = await cursor.fetchone()
                # Counts as compared up to the first dossier: the night after it is the first that is due.
                last = now if row is None or row[0] is None else row[0]
        if last >= due:
            return False
        yesterday = due.astimezone(VIETNAM).date() - timedelta(days=1)
        try:
            run = await self._service.start(
                actor=ACTOR,
                connection=reconciler.connection,
                from_day=yesterday - timedelta(days=settings.days - 1),
                to_day=yesterday,
                origin=NIGHTLY,
                now=now,
            )
        except Refusal as refusal:
            _log.info("nightly_reconciliation_waits", connection=reconciler.connection, code=refusal.code)
            return False
        _log.info("nightly_reconciliation_requested", connection=reconciler.connection, run=run.id)
        return True


def last_due(at: time, now: datetime) -> datetime:
    """Return when it was last ``at`` o'clock in Vietnam."""
    then = datetime.combine(now.astimezone(VIETNAM).date(), at, VIETNAM)
    return then if then <= now else then - timedelta(days=1)
