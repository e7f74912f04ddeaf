"""The guard of the API: turns the Authorization header into a `Principal`, or refuses.

A token stays cryptographically good until it expires, so the guard also holds the list of disabled clients and
reads it again every few seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from hub.access import clients
from hub.access.refusals import client_disabled, scope_missing, token_required
from hub.access.scopes import Scope
from hub.access.tokens import Principal, Tokens
from hub.store.engine import Store

RELOAD_SECONDS = 5.0
"""How long after being disabled a client with a good token may still be let in."""

_BEARER = b"bearer "


class Guard:
    """Decides who may do what."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        """The list of disabled clients is read at the first request."""
        self._store = store
        self._tokens = tokens
        self._disabled: frozenset[str] = frozenset()
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def authenticate(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Return whose token came with the request; raise `AccessRefusal` 401, or ``StoreUnavailable``."""
        value = headers.get(b"authorization", b"")
        if value[:7].lower() != _BEARER:
            raise token_required()
        principal = await self._tokens.verify(value[7:])
        if self._read_at is None or time.monotonic() - self._read_at > RELOAD_SECONDS:
            await self._reload()
        if principal.client_id in self._disabled:
            raise client_disabled()
        return principal

    async def authorise(self, headers: Mapping[bytes, bytes], scope: Scope) -> Principal:
        """Return whose token came with the request; also raise `AccessRefusal` 403 when it lacks ``scope``."""
        principal = await self.authenticate(headers)
        if scope not in principal.scopes:
            raise scope_missing(scope)
        return principal

    async def _reload(self) -> None:
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at > RELOAD_SECONDS:
                self._disabled = await clients.disabled_ids(self._store)
                self._read_at = time.monotonic()
