"""The way of one look-up into the log, beside the asking.

Before the partner hears of it, it is on record outside of this process: kept in Redis by the gate's own act, or, where
the gate kept nothing, on disk in the log. Before the caller hears the answer, both of its rows are on disk in the log.
A partner that takes longer than a blink is waited for with the first row in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Final

from hub.lookups.gate import Gate
from hub.lookups.pauses import Pauses
from hub.lookups.rows import EndRow, LookupRow
from hub.lookups.writer import LogWriter, prepare
from hub.store.errors import StoreUnavailable
from hub.store.sealing import Sealer

BLINK_SECONDS: Final = 0.1
"""How long a look-up that Redis keeps may be under way before the log has it too."""


class Entry:
    """One look-up that the gate admitted: `begin` before asking, `end` after it, whatever came of it."""

    def __init__(self, sealer: Sealer, writer: LogWriter, gate: Gate, pauses: Pauses, row: LookupRow) -> None:
        self._sealer = sealer
        self._writer = writer
        self._gate = gate
        self._pauses = pauses
        self._row = row
        self._is_kept = False
        self._is_begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, *, is_kept: bool) -> None:
        """Return when the partner may be asked; ``is_kept``: Redis has it.

        Raises `Refusal` (``connection_paused``) or ``StoreUnavailable``; the partner is not to be asked then.
        """
        if not is_kept:
            await self._writer.begin(self._row)
            self._is_begun = True
            return
        self._is_kept = True
        try:
            await self._pauses.require_open(self._row.connection)
        except BaseException:
            self._gate.written_soon(self._row.id)  # nobody is asked
            raise
        loop = asyncio.get_running_loop()
        loop.call_soon(prepare, self._sealer, self._row)
        self._timer = loop.call_later(BLINK_SECONDS, self._write)

    def end(self, end: EndRow) -> Awaitable[None]:
        """Write how it ended; wait for the commit, which is already under way. Waiting raises ``StoreUnavailable``."""
        if self._timer is not None:
            self._timer.cancel()
        writing = self._writing
        if writing is not None and not writing.done():
            return self._end_after(writing, end)
        return self._end(end)

    def _write(self) -> None:
        self._writing = asyncio.create_task(self._write_meanwhile(), name="write a look-up that is under way")

    async def _write_meanwhile(self) -> None:
        # Asked already, so it is written even where the connection is paused by now; what fails, the end writes.
        with contextlib.suppress(StoreUnavailable):
            await self._writer.begin(self._row, must_be_open=False)
            self._is_begun = True

    async def _end_after(self, writing: asyncio.Task[None], end: EndRow) -> None:
        await asyncio.shield(writing)
        await self._end(end)

    def _end(self, end: EndRow) -> Awaitable[None]:
        return self._ended(self._writer.end(end, self._row, is_begun=self._is_begun))

    async def _ended(self, written: Awaitable[None]) -> None:
        await written
        if self._is_kept:
            self._gate.written_soon(self._row.id)
