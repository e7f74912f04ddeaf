"""The heads of dossiers, as the gate needs them: read for many callers at once, remembered for a moment."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from contracts.states import STATES
from hub.dossiers.events_store import read_dossiers
from hub.lookups.scope import DossierHead
from hub.store.engine import Store

MOST_REMEMBERED = 10_000

_READ = """
    SELECT code, agency_code, procedure_root, state, finished_at, cancelled, recorded_at
    FROM dossiers WHERE code = ANY(%(codes)s)
"""

_FINAL = frozenset(state.number for state in STATES if state.is_final)


class DossierHeads:
    """Gives heads by code.

    Only an open dossier is remembered: one that is unknown may be registered, and one that is closed taken up again,
    at any moment; for how long a closing may go unseen is the caller's to say.
    """

    def __init__(self, store: Store, *, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._remembered: dict[str, tuple[float, DossierHead]] = {}
        self._waiting: dict[str, asyncio.Future[DossierHead | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def get(self, code: str) -> DossierHead | None:
        """Return the head of a dossier; ``None`` where there is none. Raises ``StoreUnavailable``."""
        known = self._remembered.get(code)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        waiting = self._waiting.get(code)
        if waiting is None:
            waiting = self._waiting[code] = asyncio.get_running_loop().create_future()
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(), name="read heads of dossiers")
        return await asyncio.shield(waiting)

    async def assigned(self, head: DossierHead) -> DossierHead:
        """Return the head with the accounts the dossier is assigned to; opens the dossier, so ask seldom."""
        async with self._store.transaction() as conn:
            dossiers = await read_dossiers(conn, self._store.sealer, [head.code])
        found = dossiers.get(head.code)
        assigned = frozenset(found.facts.assigned_accounts) if found is not None else frozenset[str]()
        return DossierHead(head.code, head.agency_code, head.procedure_root, head.closed_at, assigned)

    async def _read(self) -> None:
        while self._waiting:
            wishes, self._waiting = self._waiting, {}
            try:
                rows = await self._store.execute_alone(_READ, {"codes": list(wishes)})
            except Exception as error:  # noqa: BLE001 - whatever it is, every caller must hear of it
                for future in wishes.values():
                    if not future.done():
                        future.set_exception(error)
                continue
            found = {row[0]: _head(row) for row in rows}
            self._remember(found)
            for code, future in wishes.items():
                if not future.done():
                    future.set_result(found.get(code))

    def _remember(self, found: dict[str, DossierHead]) -> None:
        if len(self._remembered) + len(found) > MOST_REMEMBERED:
            self._remembered.clear()
        until = time.monotonic() + self._seconds
        self._remembered.update((code, (until, head)) for code, head in found.items() if head.closed_at is None)


def _head(row: tuple[str, str, str, int, datetime | None, bool, datetime]) -> DossierHead:
    code, agency_code, procedure_root, state, finished_at, cancelled, recorded_at = row
    closed_at = finished_at
    if closed_at is None and (cancelled or state in _FINAL):
        closed_at = recorded_at
    return DossierHead(code, agency_code, procedure_root, closed_at)
