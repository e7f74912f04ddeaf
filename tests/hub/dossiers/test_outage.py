"""A database that is killed in the middle of work: what was answered is kept, what was not can be repeated."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts.rules import DossierRules
from hub.dossiers.events_store import read_dossiers
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.dossiers.views import Receipt
from hub.settings import Settings
from hub.store import postmaster
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import Store, open_store
from hub.store.errors import StoreUnavailable
from tests.hub.exchanges.conftest import CALLER, PORTAL, PROCEDURE, facts
from tests.processes import gone, kill

CODES = [f"H99.12-261008-{number:04d}" for number in range(400)]


async def _put_all(
    intake: DossierIntake, content: dict[str, object], killed: asyncio.Event | None = None
) -> dict[str, Receipt | BaseException]:
    """Declare them all; the last ones not before ``killed``, however quick the machine is."""

    async def put(code: str) -> Receipt:
        if killed is not None and code in CODES[-50:]:
            await killed.wait()
        return await intake.put(code=code, facts=content[code], caller=CALLER)  # type: ignore[arg-type]

    answers = await asyncio.gather(*(put(code) for code in CODES), return_exceptions=True)
    return dict(zip(CODES, answers, strict=True))


async def _stored(store: Store) -> set[str]:
    async with store.transaction() as conn:
        return {row[0] for row in await (await conn.execute("SELECT code FROM dossiers")).fetchall()}


@pytest.mark.slow
async def test_a_database_killed_in_the_middle_loses_nothing_that_was_answered(quick_directory: Path) -> None:
    """SIGKILL to the server while hundreds of declarations are under way, with every commit synced to disk."""
    settings = Settings(data_dir=quick_directory / "data")
    async with await open_store(settings, upgrade=True) as store:
        await save_procedures(store, "test", [PROCEDURE])
        intake = DossierIntake(store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store))
        content: dict[str, object] = {code: facts(note=code) for code in CODES}
        killed = asyncio.Event()
        working = asyncio.create_task(_put_all(intake, content, killed))
        while len(await _stored(store)) < 100:
            await asyncio.sleep(0.001)
        server = postmaster.find(settings.data_dir.resolve() / "postgres")
        assert server is not None
        store._pool.timeout = 0.5
        family = [server.process, *server.process.children()]
        kill(family)
        # A session that has not noticed yet could still answer the last ones.
        assert await asyncio.to_thread(gone, family)
        killed.set()
        first = await working
        answered = {code for code, answer in first.items() if isinstance(answer, Receipt)}
        failed = {code for code, answer in first.items() if isinstance(answer, StoreUnavailable)}
        assert answered | failed == set(CODES)
        assert answered, "the kill came in the middle"
        assert failed, "the kill came in the middle"
        operator = EmbeddedPostgres(settings.data_dir)
        await asyncio.to_thread(operator.start_or_attach)
        store._pool.timeout = 30
        async with asyncio.timeout(60):
            while True:
                try:
                    kept = await _stored(store)
                    again = await _put_all(intake, content)
                    if not any(isinstance(one, StoreUnavailable) for one in again.values()):
                        break
                except StoreUnavailable:
                    pass
                await asyncio.sleep(0.2)
        assert answered <= kept, "what was answered is there"
        assert {one.revision for one in again.values() if isinstance(one, Receipt)} == {1}, "no revision was doubled"
        async with store.transaction() as conn:
            for query in ("SELECT count(*) FROM dossier_events", "SELECT count(*) FROM exchanges"):
                assert await (await conn.execute(query)).fetchone() == (len(CODES),)
            dossiers = await read_dossiers(conn, store.sealer, CODES)
        assert {code: one.facts for code, one in dossiers.items()} == content
        await intake.aclose()
        await asyncio.to_thread(operator.release)
