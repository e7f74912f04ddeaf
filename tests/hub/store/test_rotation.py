"""Keys in the database: begun, worn, rotated, retired, without losing a value."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from hub.settings import Settings
from hub.store import keys
from hub.store.engine import Store, open_store
from hub.store.errors import KeyFileError, SealError
from hub.store.key_file import KeyFile
from hub.store.rotation import SealedColumn, prepare_key, prune_key_file, reseal, retire_data_keys, rotate_keys
from hub.store.sealing import sealed_with

_NOW = timedelta(0)


def _context(row: Mapping[str, Any]) -> str:
    return f"note:{row['owner']}:{row['number']}:{row['kind']}"


COLUMN = SealedColumn("note", ("owner", "number"), "blob", _context, context_columns=("kind",))


async def _fill(store: Store, count: int) -> None:
    async with store.transaction() as connection:
        await connection.execute(
            "CREATE TABLE note (owner text, number int, kind text, blob bytea, PRIMARY KEY (owner, number))"
        )
        rows = [{"owner": f"o{number % 3}", "number": number, "kind": "k"} for number in range(count)]
        async with connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO note VALUES (%s, %s, %s, %s)",
                [(*row.values(), store.sealer.seal(str(row["number"]).encode(), _context(row))) for row in rows],
            )
            await cursor.execute("INSERT INTO note VALUES ('empty', 0, 'k', NULL)")


async def _values(store: Store) -> list[tuple[str, int, str, bytes]]:
    async with store.transaction() as connection:
        cursor = await connection.execute("SELECT owner, number, kind, blob FROM note WHERE blob IS NOT NULL")
        return await cursor.fetchall()


async def _assert_readable(store: Store, count: int) -> None:
    rows = await _values(store)
    assert len(rows) == count
    for owner, number, kind, blob in rows:
        context = _context({"owner": owner, "number": number, "kind": kind})
        assert store.sealer.open(blob, context) == str(number).encode()


async def test_rotation_keeps_old_values_readable_and_seals_with_the_new_key(store: Store) -> None:
    """After a rotation nothing old is lost and nothing new uses the old key."""
    await _fill(store, 5)
    before = KeyFile.load(store.key_file)
    old = store.sealer.active_id
    rotation = await rotate_keys(store, activation_delay=_NOW)
    after = KeyFile.load(store.key_file)
    assert after.active == rotation.kek_id != before.active
    assert store.sealer.active_id == rotation.data_key_id != old
    await _assert_readable(store, 5)


async def test_after_resealing_the_old_data_key_is_unused_and_can_go(store: Store) -> None:
    """Resealing ends with every value under the active key; the old one is then deleted, the key file pruned."""
    await _fill(store, 25)
    old = store.sealer.active_id
    old_kek = KeyFile.load(store.key_file).active
    rotation = await rotate_keys(store, activation_delay=_NOW)
    assert await reseal(store, [COLUMN], batch=4) == 25
    assert {sealed_with(row[3]) for row in await _values(store)} == {rotation.data_key_id}
    assert await reseal(store, [COLUMN], batch=4) == 0
    # The new key must have been in force for long enough that every process uses it.
    assert await retire_data_keys(store, [COLUMN]) == []
    async with store.transaction() as connection:
        await connection.execute("UPDATE data_keys SET active_at = active_at - interval '10 minutes'")
    assert await retire_data_keys(store, [COLUMN]) == [old]
    assert store.sealer.key_ids == {rotation.data_key_id}
    assert await prune_key_file(store) == [old_kek]
    await _assert_readable(store, 25)


async def test_a_data_key_in_use_is_not_retired(store: Store) -> None:
    """Deleting a key that a value still needs would lose the value."""
    await _fill(store, 3)
    await rotate_keys(store, activation_delay=_NOW)
    async with store.transaction() as connection:
        await connection.execute("UPDATE data_keys SET active_at = active_at - interval '10 minutes'")
    assert await retire_data_keys(store, [COLUMN]) == []
    await _assert_readable(store, 3)


async def test_resealing_comes_back_to_locked_rows(store: Store) -> None:
    """A row that is being worked on is waited for, not skipped for good and not blocked."""
    await _fill(store, 6)
    await rotate_keys(store, activation_delay=_NOW)
    async with store.transaction() as other:
        await other.execute("SELECT 1 FROM note WHERE number = 2 FOR UPDATE")
        assert await asyncio.wait_for(reseal(store, [COLUMN], batch=2), 10) == 5
    assert await reseal(store, [COLUMN], batch=2) == 1


async def test_resealing_stops_at_a_value_that_does_not_open(store: Store) -> None:
    """An altered value is never replaced: the evidence stays, and so do finished batches."""
    await _fill(store, 6)
    await rotate_keys(store, activation_delay=_NOW)
    async with store.transaction() as connection:
        await connection.execute("UPDATE note SET kind = 'altered' WHERE owner = 'o1' AND number = 4")
    with pytest.raises(SealError):
        await reseal(store, [COLUMN], batch=1)
    async with store.transaction() as connection:
        await connection.execute("UPDATE note SET kind = 'k' WHERE number = 4")
    await reseal(store, [COLUMN])
    await _assert_readable(store, 6)


async def test_a_new_data_key_waits_until_all_processes_know_it(settings: Settings, store: Store) -> None:
    """Another process opens values of a new key once it has refreshed, and that is before they exist."""
    await _fill(store, 1)
    async with await open_store(settings) as other:
        rotation = await rotate_keys(store)
        assert store.sealer.active_id != rotation.data_key_id
        await other.refresh_keys()
        assert rotation.data_key_id in other.sealer.key_ids
        await _assert_readable(other, 1)


async def test_a_prepared_key_can_be_copied_to_all_machines_first(store: Store) -> None:
    """Between preparing and rotating, the new key is in the file and wraps nothing."""
    await _fill(store, 1)
    before = KeyFile.load(store.key_file)
    name = await asyncio.to_thread(prepare_key, store.key_file)
    prepared = KeyFile.load(store.key_file)
    assert prepared.active == before.active
    assert (await rotate_keys(store, kek_id=name, activation_delay=_NOW)).kek_id == name
    assert KeyFile.load(store.key_file).active == name
    await _assert_readable(store, 1)


async def test_a_crash_before_the_file_is_switched_leaves_everything_readable(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file holds both keys whenever the database may hold either."""
    await _fill(store, 2)
    name = await asyncio.to_thread(prepare_key, store.key_file)

    def crash(_file: KeyFile) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(KeyFile, "write", crash)
        with pytest.raises(OSError):  # noqa: PT011 - the crash has no words
            await rotate_keys(store, kek_id=name, activation_delay=_NOW)
    assert KeyFile.load(store.key_file).active != name
    async with await open_store(settings) as again:
        await _assert_readable(again, 2)
        await rotate_keys(again, kek_id=name, activation_delay=_NOW)
        await _assert_readable(again, 2)


async def test_a_data_key_whose_key_is_not_in_the_file_stops_the_start(
    make_settings: Callable[..., Settings], settings: Settings
) -> None:
    """Starting without the right key file would accept dossiers that nobody can read later."""
    async with await open_store(settings):
        pass
    settings.resolved_key_file.unlink()
    KeyFile.create(settings.resolved_key_file)
    with pytest.raises(KeyFileError) as caught:
        await open_store(settings)
    assert caught.value.code == "key_missing"


async def test_another_key_under_the_same_name_stops_the_start(settings: Settings) -> None:
    """A key file of another deployment is recognised even if the ids agree."""
    async with await open_store(settings):
        pass
    file = KeyFile.load(settings.resolved_key_file)
    KeyFile(file.path, file.active, {file.active: bytes(32)}).write()
    with pytest.raises(KeyFileError) as caught:
        await open_store(settings)
    assert caught.value.code == "key_wrong"


async def test_an_external_database_never_gets_a_key_file_made_for_it(settings: Settings) -> None:
    """On several machines, made-up keys would differ; the operator brings the file."""
    settings.resolved_key_file.unlink()
    with pytest.raises(KeyFileError) as caught:
        await open_store(settings)
    assert caught.value.code == "key_file_missing"
    assert not settings.resolved_key_file.exists()


@pytest.mark.parametrize(
    "wear", ["seals = 1073741824", "created_at = now() - interval '90 days'"], ids=["2^30 seals", "90 days"]
)
async def test_a_worn_data_key_is_relieved_at_start(settings: Settings, wear: str) -> None:
    """A start finds a worn key and brings a new one that takes over after the delay."""
    async with await open_store(settings) as store:
        old = store.sealer.active_id
        async with store.transaction() as connection:
            await connection.execute(f"UPDATE data_keys SET {wear}")  # noqa: S608 - fixed words above
    async with await open_store(settings) as store:
        assert store.sealer.active_id == old
        assert len(store.sealer.key_ids) == 2
    async with await open_store(settings) as store:
        assert len(store.sealer.key_ids) == 2


async def test_what_a_process_sealed_is_added_to_its_key(settings: Settings) -> None:
    """The count survives the process."""
    async with await open_store(settings) as store:
        for _ in range(4):
            store.sealer.seal(b"", "c")
    async with await open_store(settings) as store, store.transaction() as connection:
        assert [row.seals for row in await keys.read_data_keys(connection)] == [4]


async def test_processes_that_start_together_agree_on_one_data_key(settings: Settings) -> None:
    """The first data key is made once."""
    stores = await asyncio.gather(*(open_store(settings) for _ in range(4)))
    assert len({store.sealer.active_id for store in stores}) == 1
    await asyncio.gather(*(store.close() for store in stores))
