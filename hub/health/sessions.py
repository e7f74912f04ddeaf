"""Sessions at partners as a probe uses them: seen while they are renewed, or of one examination only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from contracts.errors import LienThongError
from contracts.ports import SessionStore, SharedSession


class OwnSession:
    """A session for one examination, kept in memory; a `contracts.ports.SessionStore`."""

    def __init__(self) -> None:
        self._session: SharedSession | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> SharedSession | None:
        """Return the session, if one was obtained."""
        return self._session

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Log in."""
        async with self._lock:
            if self._session is None or self._session is stale:
                generation = 1 if self._session is None else self._session.generation + 1
                self._session = SharedSession(await login(), generation, datetime.now(UTC))
            return self._session


class WatchedSessions:
    """A session store that remembers whether a login was refused, so that a probe can name the layer."""

    def __init__(self, inner: SessionStore) -> None:
        self._inner = inner
        self.failure: LienThongError | None = None
        """How the last login failed; ``None`` when it succeeded or was not needed."""

    def forget(self) -> None:
        """Begin a new probe."""
        self.failure = None

    async def current(self) -> SharedSession | None:
        """Return the session in use, if there is one."""
        return await self._inner.current()

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Renew it, and see whether the login succeeds."""

        async def watched() -> str:
            try:
                token = await login()
            except LienThongError as error:
                self.failure = error
                raise
            self.failure = None
            return token

        return await self._inner.renew(stale, watched)
