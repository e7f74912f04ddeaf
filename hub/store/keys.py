"""Envelope keys: data keys in table ``data_keys``, wrapped with a key-encryption key from the key file.

A wrapped data key is a 12-byte nonce, then 32 bytes of key and the 16-byte tag, AES-256-GCM, with
``lienthong/data-key/1/{data key id}/{key-encryption key id}`` as additional authenticated data.

A new data key seals only after `ACTIVATION_DELAY`; by then every process has read it (`REFRESH_SECONDS`),
so none meets a value it cannot open. A data key is replaced when it has sealed 2^30 values (NIST SP 800-38D
allows 2^32 random nonces per key; the margin covers counts that a crash lost) or is 90 days old.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.store.errors import KeyFileError
from hub.store.key_file import KeyFile, missing_key
from hub.store.sealing import KEY_BYTES, NONCE_BYTES, DataKey

SEAL_LIMIT = 2**30
AGE_LIMIT = timedelta(days=90)
ACTIVATION_DELAY = timedelta(seconds=60)
REFRESH_SECONDS = 20.0

KEYS_LOCK = 0x4C544B45
"""Advisory lock held while data keys are made or re-wrapped ("LTKE")."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredDataKey:
    """A row of ``data_keys``."""

    id: int
    kek_id: str
    wrapped: bytes
    seals: int
    age: timedelta
    active_in: timedelta
    """Until it begins to seal, by the database's clock; negative when it already does."""


def wrap(data_key_id: int, secret: bytes, kek_id: str, kek: bytes) -> bytes:
    """Wrap a data key for its row."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(kek).encrypt(nonce, secret, _bound_to(data_key_id, kek_id))


def unwrap(row: StoredDataKey, key_file: KeyFile) -> bytes:
    """Return the secret of a data key.

    Raises:
        KeyFileError: Its key-encryption key is not in the file, or is another one of the same name.
    """
    kek = key_file.keys.get(row.kek_id)
    if kek is None:
        raise missing_key(key_file.path, row.kek_id)
    try:
        return AESGCM(kek).decrypt(row.wrapped[:NONCE_BYTES], row.wrapped[NONCE_BYTES:], _bound_to(row.id, row.kek_id))
    except InvalidTag as error:
        raise KeyFileError(
            Sentence(
                en=f"The key {row.kek_id} in {key_file.path} is not the one this database was sealed with.",
                vi=f"Khóa {row.kek_id} trong {key_file.path} không phải là khóa đã niêm phong cơ sở dữ liệu này.",
            ),
            code="key_wrong",
        ) from error


async def read_data_keys(connection: AsyncConnection[Any]) -> list[StoredDataKey]:
    """Return all data keys, oldest first."""
    cursor = await connection.execute(
        "SELECT id, kek_id, wrapped, seals, now() - created_at, active_at - now() FROM data_keys ORDER BY id"
    )
    return [StoredDataKey(*row) for row in await cursor.fetchall()]


def unwrap_all(rows: list[StoredDataKey], key_file: KeyFile) -> list[DataKey]:
    """Unwrap rows just read, for a `Sealer`."""
    now = monotonic()
    return [DataKey(row.id, unwrap(row, key_file), now + row.active_in.total_seconds()) for row in rows]


async def add_data_key(connection: AsyncConnection[Any], key_file: KeyFile, *, delay: timedelta) -> int:
    """Make a data key, wrapped with the active key-encryption key, that seals after ``delay``; return its id."""
    cursor = await connection.execute("SELECT nextval(pg_get_serial_sequence('data_keys', 'id'))")
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one value has one row
    data_key_id = int(row[0])
    wrapped = wrap(data_key_id, os.urandom(KEY_BYTES), key_file.active, key_file.keys[key_file.active])
    await connection.execute(
        "INSERT INTO data_keys (id, kek_id, wrapped, active_at) VALUES (%s, %s, %s, now() + %s)",
        (data_key_id, key_file.active, wrapped, delay),
    )
    return data_key_id


async def ensure_data_key(connection: AsyncConnection[Any], key_file: KeyFile) -> list[StoredDataKey]:
    """Make the first data key, or a fresh one when the newest has reached its limit; return all.

    Runs in the caller's transaction; processes that start at the same time wait for each other.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (KEYS_LOCK,))
    rows = await read_data_keys(connection)
    if not rows:
        await add_data_key(connection, key_file, delay=timedelta(0))
    elif is_worn(rows[-1]):
        _log.warning("data_key_worn", data_key_id=rows[-1].id, seals=rows[-1].seals, age_days=rows[-1].age.days)
        await add_data_key(connection, key_file, delay=ACTIVATION_DELAY)
    else:
        return rows
    return await read_data_keys(connection)


def is_worn(row: StoredDataKey) -> bool:
    """Say whether a data key has reached its limit of use or age."""
    return row.seals >= SEAL_LIMIT or row.age >= AGE_LIMIT


async def add_counts(connection: AsyncConnection[Any], counts: dict[int, int]) -> None:
    """Add what a process has sealed to the rows of its data keys."""
    for data_key_id, count in sorted(counts.items()):
        await connection.execute("UPDATE data_keys SET seals = seals + %s WHERE id = %s", (count, data_key_id))


def _bound_to(data_key_id: int, kek_id: str) -> bytes:
    return f"lienthong/data-key/1/{data_key_id}/{kek_id}".encode()
