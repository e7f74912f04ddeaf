"""Who was looked up, as the log's clear columns have it: a keyed hash of the number.

With the key the same person is found again, in every month of the log; without it a hash says nothing, although
there are few enough citizens to try all numbers. So the key lies sealed, like the ledger's, and never leaves the hub.
It is one for the life of the log: under another key nobody's earlier look-ups could be found.
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from hub.store.engine import Store

LOCK = 0x4C544C4B
"""Advisory lock ("LTLK"): one process makes the key."""

KEY_BYTES = 32

_SUBJECT = "subject"


def key_context(key_id: str) -> str:
    """Name the place of a key of the log for the sealing."""
    return f"lookup_keys:{key_id}"


def subject_hash(key: bytes, number: str) -> bytes:
    """Return HMAC-SHA256 of a personal number, old card or enterprise code, 32 bytes."""
    return _finished(HMAC(key, SHA256()), number.encode())


def _finished(made: HMAC, content: bytes) -> bytes:
    made.update(content)
    return made.finalize()


class SubjectHasher:
    """Hashes numbers under the log's key."""

    def __init__(self, key: bytes) -> None:
        """See `open`."""
        # Begun once with the key and copied for each number: of a look-up's own steps, setting the key up anew was one
        # of the dearest.
        self._begun = HMAC(key, SHA256())

    @classmethod
    async def open(cls, store: Store) -> SubjectHasher:
        """Read the key of this store, made where there is none yet. Raises ``StoreUnavailable``."""
        async with store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            cursor = await conn.execute("SELECT sealed FROM lookup_keys WHERE id = %s", (_SUBJECT,))
            row = await cursor.fetchone()
            if row is not None:
                return cls(store.sealer.open(row[0], key_context(_SUBJECT)))
            key = secrets.token_bytes(KEY_BYTES)
            sealed = store.sealer.seal(key, key_context(_SUBJECT))
            await conn.execute("INSERT INTO lookup_keys (id, sealed) VALUES (%s, %s)", (_SUBJECT, sealed))
        return cls(key)

    def hash(self, number: str) -> bytes:
        """Return the hash of a number, 32 bytes."""
        return _finished(self._begun.copy(), number.encode())

    def derive(self, purpose: bytes) -> bytes:
        """Return a key for another purpose inside the gate, which says nothing of this one."""
        return _finished(self._begun.copy(), b"lienthong lookup key: " + purpose)
