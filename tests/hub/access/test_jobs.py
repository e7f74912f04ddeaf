"""Housekeeping forgets what is old, keeps what is needed, and goes on when the database was away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.access import jobs, signing
from hub.access.clients import Client
from hub.access.jobs import Housekeeping
from hub.access.scopes import Scope
from hub.access.signing import KeyRing
from hub.access.tokens import Tokens
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.web.idempotency import IdempotencyClaim, fingerprint, recall, remember

CLIENT = Client("client-0123456789abcdef", "Thử", frozenset(Scope), ("H99",), datetime(2026, 1, 1, tzinfo=UTC), None)


def claim(key: str) -> IdempotencyClaim:
    """A claim of one request."""
    return IdempotencyClaim(CLIENT.id, key, fingerprint("POST", "/v1/x", b"{}"))


async def keys(store: Store) -> list[str]:
    """The ids of all signing keys, oldest first."""
    async with store.transaction() as conn:
        rows = await (await conn.execute("SELECT id FROM signing_keys ORDER BY created_at, id")).fetchall()
    return [str(row[0]) for row in rows]


async def age(store: Store, table: str, days: float, where: str = "true") -> None:
    """Make rows older."""
    async with store.transaction() as conn:
        await conn.execute(
            f"UPDATE {table} SET created_at = created_at - make_interval(secs => %s) WHERE {where}",  # noqa: S608
            [days * 86_400],
        )


async def test_old_answers_are_forgotten(store: Store) -> None:
    """An answer is kept for 30 days, longer than any outage."""
    async with store.transaction() as conn:
        await remember(conn, [(claim("old"), 201, b"{}"), (claim("young"), 201, b"{}")])
    await age(store, "idempotency_keys", 31, "key = 'old'")
    await age(store, "idempotency_keys", 29, "key = 'young'")
    await Housekeeping(store, token_lifetime_seconds=3600).tidy()
    async with store.transaction() as conn:
        assert list(await recall(conn, [claim("old"), claim("young")])) == [claim("young")]


async def test_the_signing_key_is_renewed_without_harm(store: Store) -> None:
    """A key is replaced after a month; tokens of the old one stay valid, and it is retired when none can be."""
    tokens = Tokens(KeyRing(store), lifetime_seconds=3600)
    token = (await tokens.issue(CLIENT, frozenset({Scope.DOSSIERS_READ}))).encode()
    [first] = await keys(store)
    housekeeping = Housekeeping(store, token_lifetime_seconds=3600)
    await housekeeping.tidy()
    assert await keys(store) == [first], "young keys stay alone"
    await age(store, "signing_keys", 31)
    await asyncio.gather(*(housekeeping.tidy() for _ in range(3)))
    assert len(await keys(store)) == 2, "one new key, whoever makes it"
    assert (await keys(store))[0] == first
    assert (await Tokens(KeyRing(store), lifetime_seconds=3600).verify(token)).client_id == CLIENT.id
    await age(store, "signing_keys", 2.5 / 24, f"id <> '{first}'")
    await housekeeping.tidy()
    assert first not in await keys(store)
    assert len(await keys(store)) == 1


async def test_without_a_key_nothing_is_rotated(store: Store) -> None:
    """The first key is made by the first token, not by housekeeping."""
    assert await signing.rotate_if_older_than(store, timedelta(0)) is False
    assert await keys(store) == []


async def test_it_goes_on_after_the_database_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """One failure postpones the work, and does not end it."""
    monkeypatch.setattr(jobs, "EVERY_SECONDS", 0.001)
    store: Any = None
    housekeeping = Housekeeping(store, token_lifetime_seconds=3600)
    tries: asyncio.Queue[int] = asyncio.Queue()

    async def tidy() -> None:
        tries.put_nowait(1)
        raise StoreUnavailable

    monkeypatch.setattr(housekeeping, "tidy", tidy)
    running = asyncio.create_task(housekeeping.run())
    for _ in range(3):
        await asyncio.wait_for(tries.get(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
