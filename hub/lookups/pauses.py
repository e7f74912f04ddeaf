"""Which connections are paused, as look-ups see it: never older than a quarter of a second."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from hub.store.engine import Store
from hub.web.partner import connection_paused

BELIEVE_SECONDS: Final = 0.25
"""How long what was read is believed: so soon a stop reaches every look-up in every process."""

_PAUSED = "SELECT id FROM connections WHERE paused"


class Pauses:
    """Read for many look-ups at once; one for each process, closed with `aclose`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._paused: frozenset[str] = frozenset()
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def require_open(self, connection: str) -> None:
        """Refuse (503 ``connection_paused``) to ask over a paused connection; raises ``StoreUnavailable``."""
        # As seen from here: a reading that began after this question is new enough, however long it takes.
        oldest = time.monotonic() - BELIEVE_SECONDS
        while self._read_at < oldest:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(), name="read paused connections")
            await asyncio.shield(self._reading)
        if connection in self._paused:
            raise connection_paused()

    async def aclose(self) -> None:
        """End a reading under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))

    async def _read(self) -> None:
        began = time.monotonic()
        rows = await self._store.execute_alone(_PAUSED, None)
        self._paused = frozenset(row[0] for row in rows)
        self._read_at = began
