"""The keys that access tokens are signed with: random, sealed in the database, shared by all api processes.

The newest key signs; older ones still verify, so that a rotation invalidates no token. A token names its key
(``kid``), and a process that does not know it yet reads the keys again at once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import datetime, timedelta

from joserfc.jwk import OctKey

from hub.ledger.entries import PROGRAM, record_act
from hub.store.engine import Store

RELOAD_SECONDS = 30.0
"""How long a process may go on signing with the former key after a rotation."""

UNKNOWN_RELOAD_SECONDS = 1.0
"""How often an unknown ``kid`` may make a process read the keys: forged tokens must not become database load."""

_KEY_BYTES = 32
_CREATION_LOCK = 0x4C54534B  # advisory lock "LTSK": of several processes that start at once, one makes the key


class KeyRing:
    """The signing keys as one process knows them."""

    def __init__(self, store: Store) -> None:
        """Start empty; the first use reads the table, and makes the first key if there is none."""
        self._store = store
        self._keys: dict[str, OctKey] = {}
        self._newest = ""
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def signing(self) -> tuple[str, OctKey]:
        """Return the id and the key to sign with."""
        await self._read_if_older_than(RELOAD_SECONDS)
        return self._newest, self._keys[self._newest]

    async def verifying(self, key_id: str) -> OctKey | None:
        """Return the key of this id, ``None`` when there is none."""
        if key_id not in self._keys:
            await self._read_if_older_than(UNKNOWN_RELOAD_SECONDS)
        return self._keys.get(key_id)

    async def _read_if_older_than(self, seconds: float) -> None:
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at > seconds:
                await self._read()
                self._read_at = time.monotonic()

    async def _read(self) -> None:
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", [_CREATION_LOCK])
            cursor = await conn.execute("SELECT id, sealed FROM signing_keys ORDER BY created_at, id")
            rows = await cursor.fetchall()
            if not rows:
                rows = [_new_key(self._store)]
                await conn.execute("INSERT INTO signing_keys (id, sealed) VALUES (%s, %s)", rows[0])
        sealer = self._store.sealer
        self._keys = {row[0]: OctKey.import_key(sealer.open(bytes(row[1]), _context(row[0]))) for row in rows}
        self._newest = rows[-1][0]


async def rotate(store: Store, *, actor: str = PROGRAM) -> str:
    """Make a new key that signs from now on and return its id; tokens of the older keys stay valid."""
    row = _new_key(store)
    async with store.transaction() as conn:
        await conn.execute("INSERT INTO signing_keys (id, sealed) VALUES (%s, %s)", row)
        await record_act(conn, act="signing_key.rotated", actor=actor, target=row[0])
    return row[0]


async def rotate_if_older_than(store: Store, age: timedelta) -> bool:
    """Make a new key if the newest is older than ``age``; say whether one was made. One of several callers makes it."""
    async with store.transaction() as conn:
        await conn.execute("SELECT pg_advisory_xact_lock(%s)", [_CREATION_LOCK])
        cursor = await conn.execute("SELECT max(created_at) < now() - %s FROM signing_keys", [age])
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return False
        made = _new_key(store)
        await conn.execute("INSERT INTO signing_keys (id, sealed) VALUES (%s, %s)", made)
        await record_act(conn, act="signing_key.rotated", actor=PROGRAM, target=made[0])
    return True


async def forget_older_than(store: Store, before: datetime) -> int:
    """Delete the keys that were replaced before that moment, and with them all tokens they signed.

    A moment further back than the lifetime of a token invalidates none.
    """
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "DELETE FROM signing_keys AS old WHERE EXISTS"
            " (SELECT 1 FROM signing_keys AS new WHERE new.created_at > old.created_at AND new.created_at < %s)",
            [before],
        )
    return cursor.rowcount


def _new_key(store: Store) -> tuple[str, bytes]:
    key_id = secrets.token_hex(8)
    return key_id, store.sealer.seal(secrets.token_bytes(_KEY_BYTES), _context(key_id))


def _context(key_id: str) -> str:
    return f"signing-key:{key_id}"
