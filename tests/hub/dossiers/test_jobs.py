"""The catalogue of procedures is copied when it is missing or old, by one worker at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

import pytest

from contracts.dossier import Procedure
from contracts.errors import Sentence, TryLater
from contracts.ports import ProcedureCatalogue
from hub.dossiers import jobs
from hub.dossiers.jobs import ProcedureSync, Synchronised
from hub.store.engine import Store

PROCEDURE = Procedure(code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Lĩnh vực mẫu")


class Catalogue:
    """A catalogue that counts who asks, and how many ask at once."""

    def __init__(self, failures: int = 0) -> None:
        self.asked = self.most_at_once = 0
        self._now = 0
        self._failures = failures

    async def list_procedures(self) -> Sequence[Procedure]:
        """Return one procedure, after the wished failures."""
        self.asked += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0.02)
        self._now -= 1
        if self.asked <= self._failures:
            raise TryLater(Sentence("Not now.", "Chưa được."))
        return [PROCEDURE]


@contextlib.asynccontextmanager
async def running(*syncs: ProcedureSync) -> AsyncGenerator[None]:
    """Run these for the length of the block."""
    tasks = [asyncio.create_task(sync.run()) for sync in syncs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def known(store: Store) -> int:
    """Count the procedures copied."""
    async with store.transaction() as conn:
        row = await (await conn.execute("SELECT count(*) FROM procedures")).fetchone()
    assert row is not None
    return int(row[0])


async def until_known(store: Store) -> None:
    """Wait for the copy."""
    async with asyncio.timeout(10):
        while not await known(store):
            await asyncio.sleep(0.02)


async def test_copying_says_what_came(store: Store) -> None:
    """A person who asks for it gets the count of each connection."""
    catalogue = Catalogue()
    assert isinstance(catalogue, ProcedureCatalogue)
    assert await ProcedureSync(store, {"portal": catalogue}).copy_all() == [Synchronised("portal", 1)]
    assert await known(store) == 1


async def test_a_missing_copy_is_made_at_once(store: Store) -> None:
    """Until then every dossier is refused."""
    async with running(ProcedureSync(store, {"portal": Catalogue()})):
        await until_known(store)


async def test_a_fresh_copy_is_left_alone(store: Store) -> None:
    """Workers that come and go do not ask the portal each time."""
    await ProcedureSync(store, {"portal": Catalogue()}).copy_all()
    catalogue = Catalogue()
    async with running(ProcedureSync(store, {"portal": catalogue})):
        await asyncio.sleep(0.2)
    assert catalogue.asked == 0


async def test_an_old_copy_is_renewed(store: Store) -> None:
    """A procedure published yesterday is known today."""
    await ProcedureSync(store, {"portal": Catalogue()}).copy_all()
    async with store.transaction() as conn:
        await conn.execute("UPDATE procedures SET synchronised_at = now() - interval '25 hours'")
    catalogue = Catalogue()
    async with running(ProcedureSync(store, {"portal": catalogue})):
        async with asyncio.timeout(10):
            while not catalogue.asked:
                await asyncio.sleep(0.02)


async def test_many_workers_ask_once(store: Store) -> None:
    """Of workers that start together one copies, and the others find it done."""
    catalogue = Catalogue()
    async with running(*(ProcedureSync(store, {"portal": catalogue}) for _ in range(4))):
        await until_known(store)
        await asyncio.sleep(0.3)
    assert (catalogue.asked, catalogue.most_at_once) == (1, 1)


async def test_a_failure_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that is down when the hub starts does not leave it without procedures."""
    monkeypatch.setattr(jobs, "RETRY_SECONDS", 0.05)
    async with running(ProcedureSync(store, {"portal": Catalogue(failures=2)})):
        await until_known(store)


async def test_a_paused_connection_is_not_asked(store: Store) -> None:
    """A stop is a stop."""
    async with store.transaction() as conn:
        await conn.execute("INSERT INTO connections (id, adapter, paused) VALUES ('portal', 'x', true)")
    catalogue = Catalogue()
    async with running(ProcedureSync(store, {"portal": catalogue})):
        await asyncio.sleep(0.2)
    assert catalogue.asked == 0
