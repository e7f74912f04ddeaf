"""Connections kept for a few statements: one statement after the other, whatever its size, and anew after it broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.store.own_connections import OwnConnection, OwnConnections, Statement


@pytest.fixture
async def own(store: Store) -> AsyncIterator[OwnConnection]:
    """One connection, closed at the end."""
    opened = OwnConnection(store)
    yield opened
    await opened.aclose()


async def test_statements_large_and_small(own: OwnConnection) -> None:
    """What is more than the socket takes at once arrives whole; an error leaves the connection as it was."""
    large = b"x" * 3_000_000
    assert await own.execute(b"SELECT length($1::text) UNION ALL SELECT 7 ORDER BY 1", [large]) == [b"7", b"3000000"]
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        await own.execute(b"SELECT $1::int", [b"x"])
    assert await own.execute(b"SELECT 1 WHERE false", []) == []
    assert await own.execute(b"SELECT $1::int", [b"5"]) == [b"5"]


async def test_a_connection_that_broke_is_opened_anew(
    own: OwnConnection, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statement that met it may have been done, and says so; the next one finds another connection.

    Those of the pool are looked at before others meet what broke with it.
    """
    checked: list[None] = []
    monkeypatch.setattr(store, "check_soon", lambda: checked.append(None))
    with pytest.raises(StoreUnavailable) as caught:
        await own.execute(b"SELECT pg_terminate_backend(pg_backend_pid())", [])
    assert caught.value.committed is None
    assert len(checked) == 1
    assert await own.execute(b"SELECT 1", []) == [b"1"]


BOTH = Statement("SELECT octet_length(@raw::bytea) || @word::text", "raw", "word", binary=("raw",))


@pytest.mark.parametrize("count", [0, 1])
async def test_a_statement_means_the_same_on_every_connection(store: Store, count: int) -> None:
    """Of the pool, kept, and of the pool again when those kept are taken; text and bytes."""
    connections = OwnConnections(store, count)
    values = {"raw": b"\x00\\\xff", "word": "ố".encode()}
    assert await connections.execute(BOTH, values) == ["3ố"]
    assert await asyncio.gather(*(connections.execute(BOTH, values) for _ in range(3))) == [["3ố"]] * 3
    assert await connections.execute(Statement("NOTIFY nobody"), {}) == []
    await connections.aclose()
