"""The session at a partner that all workers share: one expiry costs one login, wherever it is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from contracts.ports import SharedSession
from hub.store.engine import Store


class StoredSessions:
    """A `contracts.ports.SessionStore` in the database; the token is sealed."""

    def __init__(self, store: Store, connection_id: str) -> None:
        """One row per connection."""
        self._store = store
        self._connection = connection_id
        self._cached: SharedSession | None = None
        digest = hashlib.sha256(f"session\0{connection_id}".encode()).digest()
        self._lock = int.from_bytes(digest[:8], "big", signed=True)

    async def current(self) -> SharedSession | None:
        """Return the session this worker last saw, or else the stored one."""
        if self._cached is None:
            self._cached = await self._read()
        return self._cached

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Log in unless another worker has done so since ``stale``; others wait for the result meanwhile."""
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (self._lock,))
            cursor = await conn.execute(
                "SELECT generation, sealed, obtained_at FROM partner_sessions WHERE connection = %s",
                (self._connection,),
            )
            row = await cursor.fetchone()
            if row is not None and (stale is None or row[0] > stale.generation):
                self._cached = self._opened(row)
                return self._cached
            generation = (row[0] if row is not None else 0) + 1
            token = await login()
            obtained_at = datetime.now(UTC)
            await conn.execute(
                "INSERT INTO partner_sessions (connection, generation, sealed, obtained_at) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (connection) DO UPDATE SET generation = excluded.generation, sealed = excluded.sealed,"
                " obtained_at = excluded.obtained_at",
                (
                    self._connection,
                    generation,
                    self._store.sealer.seal(token.encode(), self._context(generation)),
                    obtained_at,
                ),
            )
        self._cached = SharedSession(token, generation, obtained_at)
        return self._cached

    async def _read(self) -> SharedSession | None:
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT generation, sealed, obtained_at FROM partner_sessions WHERE connection = %s",
                (self._connection,),
            )
            row = await cursor.fetchone()
        return None if row is None else self._opened(row)

    def _opened(self, row: tuple[int, bytes, datetime]) -> SharedSession:
        token = self._store.sealer.open(bytes(row[1]), self._context(row[0])).decode()
        return SharedSession(token, row[0], row[2])

    def _context(self, generation: int) -> str:
        return f"partner_sessions:{self._connection}:{generation}"
