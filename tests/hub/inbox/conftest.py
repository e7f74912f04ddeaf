"""The portal calling us."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hub.outgoing import OutgoingClient
from hub.reach import Reach
from hub.store.engine import Store
from tests.hub.inbox.portal_calls import PortalCalls, access


@pytest.fixture
async def portal(store: Store) -> AsyncIterator[PortalCalls]:
    """The portal at the door, allowed in from loopback with the shared secret; files come from loopback."""
    async with OutgoingClient(Reach(["127.0.0.0/8"], plain_http=True)) as files:
        yield PortalCalls(store, files, access())
