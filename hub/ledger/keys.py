"""The ledger's keys in the database: sealed, made when first needed, the checkpoint key replaced by command.

A checkpoint key is called as the log is, its *origin*. While a new one takes over, both sign, so that whoever
checks with the former key has time to learn the new one. The salt key is one for the life of the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.ledger.entries import PROGRAM, record_act
from hub.ledger.note import SEED_BYTES, SigningKey, VerifierKey
from hub.store.engine import Store
from hub.store.sealing import Sealer

OVERLAP = timedelta(days=30)
"""How long a replaced checkpoint key goes on signing beside the new one."""

LOCK = 0x4C544C44
"""Advisory lock ("LTLD"): one transaction at a time adds leaves or makes keys of the ledger."""

_SALT = "salt"
_PROGRAM = "ledger (program)"


async def lock(conn: AsyncConnection[Any]) -> None:
    """Be the only writer of the ledger until the transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


async def signing_keys(conn: AsyncConnection[Any], sealer: Sealer, origin: str) -> list[SigningKey]:
    """Return the checkpoint keys of this origin that sign now, the newest first; make the first. Under `lock`."""
    cursor = await conn.execute(
        "SELECT id, sealed FROM ledger_keys WHERE purpose = 'checkpoint' AND left(id, -9) = %s"
        " AND (signs_until IS NULL OR signs_until > now()) ORDER BY created_at DESC, id",
        (origin,),
    )
    rows = await cursor.fetchall()
    if not rows:
        return [await _make_checkpoint_key(conn, sealer, origin)]
    return [SigningKey(origin, sealer.open(row[1], key_context(row[0]))) for row in rows]


async def verifier_keys(conn: AsyncConnection[Any]) -> list[VerifierKey]:
    """Return every checkpoint key there ever was, the newest first."""
    cursor = await conn.execute(
        "SELECT id, public FROM ledger_keys WHERE purpose = 'checkpoint' ORDER BY created_at DESC, id"
    )
    return [VerifierKey(row[0][:-9], bytes(row[1])) for row in await cursor.fetchall()]


async def salt_key(conn: AsyncConnection[Any], sealer: Sealer) -> bytes:
    """Return the key that salts; make it if there is none. To make it, hold `lock`."""
    cursor = await conn.execute("SELECT sealed FROM ledger_keys WHERE id = %s", (_SALT,))
    row = await cursor.fetchone()
    if row is not None:
        return sealer.open(row[0], key_context(_SALT))
    key = secrets.token_bytes(SEED_BYTES)
    await conn.execute(
        "INSERT INTO ledger_keys (id, purpose, sealed) VALUES (%s, 'salt', %s)",
        (_SALT, sealer.seal(key, key_context(_SALT))),
    )
    return key


async def replace_checkpoint_key(store: Store, origin: str, *, actor: str, overlap: timedelta = OVERLAP) -> VerifierKey:
    """Make a new checkpoint key and return its public half; the ones in force sign beside it for ``overlap``.

    Raises:
        Refusal: ``no_key_to_replace``: nothing has been signed under this origin yet.
    """
    async with store.transaction() as conn:
        await lock(conn)
        cursor = await conn.execute(
            "UPDATE ledger_keys SET signs_until = least(signs_until, now() + %s)"
            " WHERE purpose = 'checkpoint' AND left(id, -9) = %s",
            (overlap, origin),
        )
        if cursor.rowcount == 0:
            raise Refusal(
                409,
                "no_key_to_replace",
                Sentence(
                    "The ledger has no key under this origin yet; the first one is made by itself.",
                    "Sổ cái chưa có khóa nào mang tên này; khóa đầu tiên được tạo tự động.",
                ),
            )
        made = await _make_checkpoint_key(conn, store.sealer, origin, actor=actor)
    return made.verifier


async def _make_checkpoint_key(
    conn: AsyncConnection[Any], sealer: Sealer, origin: str, *, actor: str = PROGRAM
) -> SigningKey:
    seed = secrets.token_bytes(SEED_BYTES)
    key = SigningKey(origin, seed)
    name = row_id(key.verifier)
    await conn.execute(
        "INSERT INTO ledger_keys (id, purpose, sealed, public, created_at)"
        " VALUES (%s, 'checkpoint', %s, %s, clock_timestamp())",
        (name, sealer.seal(seed, key_context(name)), key.verifier.public),
    )
    await record_act(conn, act="ledger.key_made", actor=actor, target="ledger", facts={"key_id": key.verifier.id.hex()})
    return key


def row_id(key: VerifierKey) -> str:
    """Return the id of a checkpoint key's row: its name, a plus sign, and its id in hexadecimal."""
    return f"{key.name}+{key.id.hex()}"


def key_context(row: str) -> str:
    """Return what a sealed key is bound to."""
    return f"ledger-key:{row}"


def texts(keys: Sequence[VerifierKey]) -> list[str]:
    """Return the keys in the form in which they are handed to others."""
    return [str(key) for key in keys]
