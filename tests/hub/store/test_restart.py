"""The store and the embedded server together: an outage in the middle of work, and everything begun anew."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from hub.settings import Settings
from hub.store import engine, postmaster
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import Store, open_store
from hub.store.errors import KeyFileError, StoreUnavailable

pytestmark = pytest.mark.slow


@pytest.fixture
def own_settings(quick_directory: Path) -> Settings:
    """Settings of an embedded server for this test alone, with a short wait for connections."""
    return Settings(data_dir=quick_directory / "data", store={"pool_timeout_seconds": 0.5, "pool_min_size": 3})


async def _count(store: Store) -> int:
    async with store.transaction() as connection:
        row = await (await connection.execute("SELECT count(*) FROM note")).fetchone()
        assert row is not None
        return int(row[0])


async def _works_within(store: Store, seconds: float) -> int:
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await _count(store)
            except StoreUnavailable:
                await asyncio.sleep(0.1)


async def test_one_store_lives_through_restarts_of_its_database(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is down callers are told at once; once it is back they work again without a new store."""
    monkeypatch.setattr(engine, "RECONNECT_SECONDS", 1.0)
    async with await open_store(own_settings, upgrade=True) as store:
        await store._pool.wait(60)
        async with store.transaction() as connection:
            await connection.execute("CREATE TABLE note AS SELECT 1")
        notifications = store.listen("wake_up")
        assert await anext(notifications) == ""
        operator = EmbeddedPostgres(own_settings.data_dir)
        for _ in range(2):
            await asyncio.to_thread(operator.stop)
            with pytest.raises(StoreUnavailable):
                await _count(store)
            # Long enough that the pool has given up trying by itself.
            await asyncio.sleep(1.5)
            with pytest.raises(StoreUnavailable):
                await _count(store)
            await asyncio.to_thread(operator.start_or_attach)
            assert await _works_within(store, 60) == 1
            assert [await _count(store) for _ in range(20)] == [1] * 20
            assert await asyncio.wait_for(anext(notifications), 60) == ""
        assert not await asyncio.to_thread(operator.release)


async def test_the_last_store_stops_the_server(own_settings: Settings) -> None:
    """Processes share the embedded server; it ends with the last of them."""
    first = await open_store(own_settings, upgrade=True)
    second = await open_store(own_settings)
    await first.close()
    assert postmaster.find(own_settings.data_dir.resolve() / "postgres") is not None
    await second._pool.wait(60)
    async with second.transaction() as connection:
        await connection.execute("SELECT 1")
    await second.close()
    assert postmaster.find(own_settings.data_dir.resolve() / "postgres") is None


async def test_the_first_start_makes_keys_and_deleting_the_directory_begins_anew(own_settings: Settings) -> None:
    """The embedded mode needs no preparation, and its directory is all there is of it."""
    for _ in range(2):
        async with await open_store(own_settings, upgrade=True) as store:
            assert own_settings.resolved_key_file.stat().st_mode & 0o777 == 0o600
            assert store.sealer.open(store.sealer.seal(b"x", "c"), "c") == b"x"
            assert store.sealer.active_id == 1
        shutil.rmtree(own_settings.data_dir)


async def test_a_lost_key_file_is_not_replaced_by_a_new_one(own_settings: Settings) -> None:
    """With a database full of sealed values, a fresh key would only hide the loss; and no server is left running."""
    async with await open_store(own_settings, upgrade=True):
        pass
    own_settings.resolved_key_file.unlink()
    with pytest.raises(KeyFileError) as caught:
        await open_store(own_settings)
    assert caught.value.code == "key_file_missing"
    assert postmaster.find(own_settings.data_dir.resolve() / "postgres") is None
