"""What others hear of look-ups: the register when an account was used, the operators when a partner mixes people up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime

from contracts.errors import Sentence
from hub.accounts.directory import USE_PRECISION, note_use
from hub.alerts.service import Alert, Severity, raise_alert
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

_SOON_SECONDS = 1.0
_MOST_REMEMBERED = 20_000


def mismatch_alert(connection: str) -> str:
    """Return the key of the alert."""
    return f"lookups.mismatch.{connection}"


def _sentence(connection: str) -> Sentence:
    return Sentence(
        f"{connection} answered a look-up with the record of somebody else. Nothing of it was handed out. Tell the"
        " partner at once; the look-up log has the look-up under outcome mismatch.",
        f"{connection} trả về thông tin của người khác so với yêu cầu tra cứu. Kết quả không được cung cấp. Hãy báo"
        " ngay cho hệ thống bạn; xem nhật ký tra cứu với kết quả mismatch.",
    )


class MismatchAlarm:
    """Opens an alert; without anybody's data."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ring(self, connection: str) -> None:
        """Tell the operators; the log has it in any case, so a database that is away just now changes nothing."""
        alert = Alert(mismatch_alert(connection), Severity.CRITICAL, _sentence(connection), connection=connection)
        with contextlib.suppress(StoreUnavailable):
            async with self._store.transaction() as conn:
                await raise_alert(conn, alert, now=datetime.now(UTC))


class UseNotes:
    """Tells the register when accounts were last used: soon, many at once, and each seldom."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[str, float] = {}
        self._waiting: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def used(self, account_id: str, at: datetime) -> None:
        """Note that an account was used."""
        clock = time.monotonic()
        if clock - self._noted.get(account_id, float("-inf")) < USE_PRECISION.total_seconds():
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[account_id] = clock
        self._waiting[account_id] = at
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell_soon(), name="note use of accounts")

    async def tell(self) -> None:
        """Write what waits. Raises ``StoreUnavailable``; it then waits on."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            async with self._store.transaction() as conn:
                await note_use(conn, waiting)
        except StoreUnavailable:
            self._waiting = {**waiting, **self._waiting}
            raise

    async def aclose(self) -> None:
        """Write what waits, if the database is there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        with contextlib.suppress(StoreUnavailable):
            await self.tell()

    async def _tell_soon(self) -> None:
        while True:
            await asyncio.sleep(_SOON_SECONDS)
            with contextlib.suppress(StoreUnavailable):
                await self.tell()
                if not self._waiting:
                    return
