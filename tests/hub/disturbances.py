"""Fixtures that watch or disturb the database of a test; imported by the tests that need them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import Store


@pytest.fixture
def count_transactions(monkeypatch: pytest.MonkeyPatch) -> Callable[[Store], list[int]]:
    """Makes a store count the transactions it lends; the list holds one number.

    Without those that come by the clock and are nobody's work that a test looks at: the store's own upkeep, and the
    notification with which an intake wakes workers a little later.
    """

    def count(store: Store) -> list[int]:
        counted = [0]

        def counting(lend: Callable[..., Any]) -> Callable[..., Any]:
            def lent(*args: Any, **options: Any) -> Any:
                wakes = bool(args) and str(args[0]).startswith("NOTIFY ")
                counted[0] += asyncio.current_task() is not store._upkeep_task and not wakes
                return lend(*args, **options)

            return lent

        for name in ("transaction", "execute_alone"):
            monkeypatch.setattr(store, name, counting(getattr(store, name)))
        return counted

    return count


@pytest.fixture
def stop_database(
    database_server: EmbeddedPostgres, database_url: str
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Takes this test's database away for the length of a block: sessions end, and new ones are refused."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]

    def allow(answer: bool) -> None:  # noqa: FBT001 - said once, below
        with psycopg.connect(database_server.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(str(name)), sql.SQL(str(answer).lower())
                )
            )
            if not answer:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,)
                )

    @contextlib.asynccontextmanager
    async def stopped() -> AsyncIterator[None]:
        allow(False)
        try:
            yield
        finally:
            allow(True)

    return stopped
