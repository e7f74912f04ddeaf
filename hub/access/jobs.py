"""What the api processes do beside serving: forget answers nobody will ask for again, and renew the signing key.

Every process does it, once an hour at moments of its own; doing it twice changes nothing.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import structlog

from hub.access import signing
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.web import idempotency

EVERY_SECONDS = 3600.0
SIGNING_KEY_AGE = timedelta(days=30)
"""After which a new signing key is made; tokens of the former one stay valid until they expire."""

_log = structlog.get_logger("hub.access")


class Housekeeping:
    """Keeps the tables of this folder from growing, and the signing key from growing old."""

    def __init__(self, store: Store, *, token_lifetime_seconds: int) -> None:
        """A signing key is kept for as long as a token signed with it may be valid, and an hour longer."""
        self._store = store
        self._key_rest = timedelta(seconds=token_lifetime_seconds) + timedelta(hours=1)

    async def run(self) -> None:
        """Tidy up every hour or so, for ever."""
        while True:
            await asyncio.sleep(EVERY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - so that processes take turns
            try:
                await self.tidy()
            except StoreUnavailable:
                _log.warning("housekeeping_postponed")

    async def tidy(self) -> None:
        """Do it once, now."""
        now = datetime.now(UTC)
        forgotten = 0
        while True:
            # One small transaction after the other: nobody has to wait for this.
            async with self._store.transaction() as conn:
                deleted = await idempotency.forget_older_than(conn, now - idempotency.KEEP)
            forgotten += deleted
            if deleted == 0:
                break
        renewed = await signing.rotate_if_older_than(self._store, SIGNING_KEY_AGE)
        retired = await signing.forget_older_than(self._store, now - self._key_rest)
        if forgotten or renewed or retired:
            _log.info("housekeeping", answers_forgotten=forgotten, key_renewed=renewed, keys_retired=retired)
