"""The register of the default profile: the agency requests, the police approve."""

from __future__ import annotations

import pytest

from hub.store.engine import Store
from tests.hub.accounts.world import RegisterWorld, register_world


@pytest.fixture
async def world(store: Store) -> RegisterWorld:
    """A register without accounts."""
    return await register_world(store)
