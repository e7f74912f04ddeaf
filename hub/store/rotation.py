"""Rotation of keys, by command: new keys, re-wrapping of data keys, sealing anew of what old ones sealed.

The order of the steps makes every crash harmless: a key-encryption key is in the file before anything is
wrapped with it, and leaves the file only when nothing is.

On several machines the key file is copied by the operator: run `prepare_key` on one, copy the file to all,
then run `rotate_keys`; a process that lacks a key says so in its log and goes on with the keys it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from psycopg import sql

from hub.ledger.entries import PROGRAM, record_act
from hub.store import keys
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.key_file import KeyFile
from hub.store.sealing import header

BATCH = 500

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did."""

    kek_id: str
    data_key_id: int
    rewrapped: int


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that holds sealed values, and how the context of each follows from its row."""

    table: str
    key_columns: tuple[str, ...]
    blob_column: str
    context: Callable[[Mapping[str, Any]], str]
    """Gets the key columns and `context_columns` of a row."""
    context_columns: tuple[str, ...] = ()
    batch: int = BATCH
    """Most values taken at once; fewer where one may be a whole file, which is held in memory meanwhile."""


def prepare_key(path: Path) -> str:
    """Add a new key-encryption key to the file without using it; return its id. Blocks."""
    before = KeyFile.load(path)
    after = before.with_new_key()
    after.write()
    return next(iter(after.keys.keys() - before.keys.keys()))


async def rotate_keys(
    store: Store,
    *,
    kek_id: str | None = None,
    activation_delay: timedelta = keys.ACTIVATION_DELAY,
    actor: str = PROGRAM,
) -> Rotation:
    """Wrap all data keys with another key-encryption key and bring a new data key.

    Old values stay readable; `reseal` seals them anew. May be repeated after a crash.

    Args:
        store: An open store.
        kek_id: A key already in the key file, see `prepare_key`; ``None`` makes a new one.
        activation_delay: When the new data key begins to seal; other processes must have read it by then.
        actor: Who rotates, for the record.

    Raises:
        KeyFileError: The file cannot be used, or ``kek_id`` is not in it.
        StoreUnavailable: The database does not answer; nothing changed but the file.
    """
    name = kek_id if kek_id is not None else await asyncio.to_thread(prepare_key, store.key_file)
    key_file = (await asyncio.to_thread(KeyFile.load, store.key_file)).with_active(name)
    async with store.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (keys.KEYS_LOCK,))
        rows = await keys.read_data_keys(connection)
        for row in rows:
            secret = keys.unwrap(row, key_file)
            await connection.execute(
                "UPDATE data_keys SET kek_id = %s, wrapped = %s WHERE id = %s",
                (name, keys.wrap(row.id, secret, name, key_file.keys[name]), row.id),
            )
        data_key_id = await keys.add_data_key(connection, key_file, delay=activation_delay)
        await record_act(
            connection, act="keys.rotated", actor=actor, target=name, facts={"data_key_id": str(data_key_id)}
        )
    await asyncio.to_thread(key_file.write)
    await store.refresh_keys()
    _log.info("keys_rotated", kek_id=name, data_key_id=data_key_id, rewrapped=len(rows))
    return Rotation(kek_id=name, data_key_id=data_key_id, rewrapped=len(rows))


async def reseal(store: Store, columns: Sequence[SealedColumn], *, batch: int = BATCH) -> int:
    """Seal anew, with the active data key, every value another one sealed; return how many.

    Works in small transactions beside normal traffic, skips rows that are locked just now and comes back to
    them. May be stopped and run again at any time: what is done shows in the values themselves.

    Raises:
        SealError: A value does not open; it is left as it is, and earlier batches stay done.
        StoreUnavailable: The database does not answer.
    """
    await store.refresh_keys()
    total = 0
    for column in columns:
        done = 1
        while done:
            done = await _pass_over(store, column, min(batch, column.batch))
            total += done
    return total


async def retire_data_keys(store: Store, columns: Sequence[SealedColumn]) -> list[int]:
    """Delete the data keys that no value uses any more and that do not seal; return their ids.

    ``columns`` must be all columns that hold sealed values: what a deleted key sealed is lost for good.
    """
    retired: list[int] = []
    async with store.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (keys.KEYS_LOCK,))
        rows = await keys.read_data_keys(connection)
        in_force = [row.id for row in rows if row.active_in <= -keys.ACTIVATION_DELAY]
        # The newest key in force seals, later ones will; a key that has just been relieved may still be sealing
        # in a process that has not noticed.
        for data_key_id in in_force[:-1]:
            if not [column for column in columns if await _is_used(connection, column, data_key_id)]:
                await connection.execute("DELETE FROM data_keys WHERE id = %s", (data_key_id,))
                retired.append(data_key_id)
    await store.refresh_keys()
    return retired


async def prune_key_file(store: Store) -> list[str]:
    """Take out of the key file the keys that wrap no data key; return their ids.

    A database restored from a backup older than the last rotation needs them: prune when those are gone.
    """
    async with store.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (keys.KEYS_LOCK,))
        used = {row.kek_id for row in await keys.read_data_keys(connection)}
        before = await asyncio.to_thread(KeyFile.load, store.key_file)
        after = before.without(frozenset(before.keys.keys() - used))
        await asyncio.to_thread(after.write)
    return sorted(before.keys.keys() - after.keys.keys())


async def _pass_over(store: Store, column: SealedColumn, batch: int) -> int:
    """Go once through the column in the order of its key; return how many values were sealed anew."""
    total = 0
    after: tuple[Any, ...] | None = None
    while True:
        async with store.transaction() as connection:
            found = await _fetch(connection, column, store.sealer.active_id, after, batch)
            await _write(connection, column, [_seal_anew(store, column, row) for row in found])
        if not found:
            return total
        total += len(found)
        after = tuple(found[-1][name] for name in column.key_columns)


def _seal_anew(store: Store, column: SealedColumn, row: Mapping[str, Any]) -> tuple[Any, ...]:
    context = column.context({name: row[name] for name in (*column.key_columns, *column.context_columns)})
    blob = store.sealer.seal(store.sealer.open(row[column.blob_column], context), context)
    return (blob, *(row[name] for name in column.key_columns))


async def _fetch(
    connection: Connection, column: SealedColumn, active: int, after: tuple[Any, ...] | None, batch: int
) -> list[dict[str, Any]]:
    names = (*column.key_columns, *column.context_columns, column.blob_column)
    key = sql.SQL(", ").join(map(sql.Identifier, column.key_columns))
    query = sql.SQL(
        "SELECT {names} FROM {table} WHERE {blob} IS NOT NULL AND substring({blob} FROM 1 FOR 5) <> %s {further} "
        "ORDER BY {key} LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"
    ).format(
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        table=sql.Identifier(column.table),
        blob=sql.Identifier(column.blob_column),
        further=sql.SQL("AND ({}) > ({})").format(key, sql.SQL(", ").join([sql.Placeholder()] * len(after)))
        if after
        else sql.SQL(""),
        key=key,
    )
    cursor = await connection.execute(query, (header(active), *(after or ()), batch))
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def _write(connection: Connection, column: SealedColumn, values: Sequence[tuple[Any, ...]]) -> None:
    query = sql.SQL("UPDATE {table} SET {blob} = %s WHERE ({key}) = ({values})").format(
        table=sql.Identifier(column.table),
        blob=sql.Identifier(column.blob_column),
        key=sql.SQL(", ").join(map(sql.Identifier, column.key_columns)),
        values=sql.SQL(", ").join([sql.Placeholder()] * len(column.key_columns)),
    )
    async with connection.cursor() as cursor:
        await cursor.executemany(query, values)


async def _is_used(connection: Connection, column: SealedColumn, data_key_id: int) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {table} WHERE substring({blob} FROM 1 FOR 5) = %s)").format(
        table=sql.Identifier(column.table), blob=sql.Identifier(column.blob_column)
    )
    row = await (await connection.execute(query, (header(data_key_id),))).fetchone()
    return row is not None and bool(row[0])
