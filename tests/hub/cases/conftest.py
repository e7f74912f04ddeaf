"""The world of cases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hub.settings import Settings
from hub.store.engine import Store
from tests.hub.cases.world import WatchWorld, watch_world


@pytest.fixture
async def world(store: Store, settings: Settings) -> AsyncIterator[WatchWorld]:
    """An office that is watched."""
    opened = await watch_world(store, settings)
    yield opened
    await opened.writer.aclose()
