"""What the clerk does for the score guard: bring the facts up to date, then warn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from hub.profiles.values import ProfileValues
from hub.score.facts import FactReader
from hub.score.projection import Projection
from hub.score.warnings import Warner
from hub.settings import ScoreSettings
from hub.store.engine import Store

SWEEP_EVERY = timedelta(hours=6)
"""How often all dossiers are compared with their facts, beside the first run of a clerk."""

_log = structlog.get_logger("hub.score")


def _now() -> datetime:
    return datetime.now(UTC)


class ScoreKeeper:
    """Keeps score facts and early warnings up to date."""

    def __init__(
        self,
        store: Store,
        profile: ProfileValues,
        settings: ScoreSettings,
        connection: str | None,
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """``connection`` is the one whose copy of the dossiers is scored."""
        self.projection = Projection(store, FactReader(profile), connection)
        self._warner = Warner(store, connection, settle=timedelta(minutes=settings.synchronised_within_minutes))
        self._every = settings.refresh_seconds
        self._warn_every = timedelta(seconds=settings.warnings_seconds)
        self._now = now
        self._swept: datetime | None = None
        self._warned: datetime | None = None

    async def run(self) -> None:
        """Run until cancelled; may be stopped and begun again at any moment."""
        while True:
            await self.run_once()
            await asyncio.sleep(self._every)

    async def run_once(self) -> None:
        """Bring everything up to date once."""
        now = self._now()
        if self._swept is None or now - self._swept >= SWEEP_EVERY:
            worked = await self.projection.sweep()
            await self._warner.forget(now)
            self._swept = now
        else:
            worked = await self.projection.catch_up()
        if worked:
            _log.debug("score_facts", dossiers=worked)
        if self._warned is None or now - self._warned >= self._warn_every:
            # Every dossier that is watched is looked at, so it is not done as often as what changed is worked in.
            raised, cleared = await self._warner.run_once(now)
            self._warned = now
            if raised or cleared:
                _log.info("early_warnings", raised=raised, cleared=cleared)
