"""Work that may be a transaction of its own or a part of one that is under way."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from hub.store.connections import Connection
from hub.store.engine import Store


@contextlib.asynccontextmanager
async def joined(store: Store, within: Connection | None) -> AsyncGenerator[Connection]:
    """Lend ``within``, whose owner commits, or where it is ``None`` a connection in a transaction of its own."""
    if within is not None:
        yield within
    else:
        async with store.transaction() as conn:
            yield conn
