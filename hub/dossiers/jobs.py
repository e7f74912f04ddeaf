"""What a worker does for dossiers beside delivering them: keep the catalogue of procedures up to date."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from contracts.errors import LienThongError
from contracts.ports import ProcedureCatalogue
from hub.dossiers.procedures import save_procedures
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

FRESH_FOR = timedelta(hours=24)
"""How old a copy of a catalogue may become: procedures are published by decision, not by the hour."""

LOOK_SECONDS = 600.0
RETRY_SECONDS = 30.0
"""Wait after a failure: while a catalogue is empty every dossier is refused."""

_LOCK = 0x4C545050
"""Advisory lock ("LTPP"): of several workers one asks, and the others find it done."""

_STALE = """
    SELECT asked.name FROM unnest(%s::text[]) AS asked(name)
    WHERE NOT EXISTS (SELECT FROM connections c WHERE c.id = asked.name AND c.paused)
      AND NOT EXISTS (SELECT FROM procedures p WHERE p.source = asked.name AND p.synchronised_at > now() - %s)
"""

_log = structlog.get_logger("hub.dossiers")


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What one connection's catalogue brought."""

    connection: str
    procedures: int


class ProcedureSync:
    """Copies the catalogues of the connections that have one."""

    def __init__(self, store: Store, catalogues: Mapping[str, ProcedureCatalogue]) -> None:
        """``catalogues`` by connection id, in the order of configuration."""
        self._store = store
        self._catalogues = dict(catalogues)

    async def copy_all(self) -> list[Synchronised]:
        """Copy every catalogue now.

        Raises one of `contracts.errors`, or ``StoreUnavailable``; what was copied before stays.
        """
        async with self._alone():
            return [await self._copy(name) for name in self._catalogues]

    async def run(self) -> None:
        """Copy, for ever, each catalogue whose copy is missing or older than `FRESH_FOR`; not while it is paused."""
        while True:
            wait = LOOK_SECONDS
            try:
                async with self._alone():
                    for name in await self._stale():
                        done = await self._copy(name)
                        _log.info("procedures_synchronised", connection=name, procedures=done.procedures)
            except LienThongError as error:
                _log.warning("procedures_not_synchronised", sentence=error.sentence.en, code=error.upstream_code)
                wait = RETRY_SECONDS
            except StoreUnavailable:
                wait = RETRY_SECONDS
            await asyncio.sleep(wait)

    async def _copy(self, name: str) -> Synchronised:
        listed = await self._catalogues[name].list_procedures()
        return Synchronised(name, await save_procedures(self._store, name, listed))

    async def _stale(self) -> list[str]:
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_STALE, (list(self._catalogues), FRESH_FOR))
            return [row[0] for row in await cursor.fetchall()]

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        # Held by a transaction that does nothing else, so that a worker that dies lets go.
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield
