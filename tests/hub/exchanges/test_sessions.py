"""The session all workers share: one expiry costs one login, and the token is sealed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.errors import NeedsPerson, Sentence
from hub.exchanges.sessions import StoredSessions
from hub.settings import Settings
from hub.store.engine import Store, open_store
from hub.store.errors import SealError


class Partner:
    """Gives out numbered tokens, slowly, and counts them."""

    def __init__(self) -> None:
        self.logins = 0
        self.at_once = 0
        self.most_at_once = 0

    async def login(self) -> str:
        """Give a new token."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.05)
        self.at_once -= 1
        self.logins += 1
        return f"the-token-{self.logins}"


@pytest.fixture
async def workers(store: Store, settings: Settings) -> AsyncIterator[list[StoredSessions]]:
    """Four holders of one session, in two processes' worth of stores."""
    async with await open_store(settings) as other:
        yield [StoredSessions(one, "portal") for one in (store, store, other, other)]


async def test_one_expiry_noticed_by_all_costs_one_login(workers: list[StoredSessions]) -> None:
    """Whoever comes second waits and gets what the first obtained, again and again."""
    partner = Partner()
    stale = None
    for generation in range(1, 4):
        renewed = await asyncio.gather(*(one.renew(stale, partner.login) for one in workers))
        assert set(renewed) == {renewed[0]}
        assert (renewed[0].token, renewed[0].generation) == (f"the-token-{generation}", generation)
        assert [await one.current() for one in workers] == renewed
        stale = renewed[0]
    assert (partner.logins, partner.most_at_once) == (3, 1)


async def test_a_session_that_is_already_newer_is_taken_over(workers: list[StoredSessions]) -> None:
    """A worker that slept through two logins needs none of its own."""
    partner = Partner()
    first = await workers[0].renew(None, partner.login)
    await workers[1].current()
    second = await workers[2].renew(first, partner.login)
    assert await workers[1].current() == first, "a worker uses what it has until the partner says otherwise"
    assert await workers[1].renew(first, partner.login) == second
    assert partner.logins == 2


async def test_a_new_worker_begins_with_the_stored_session(workers: list[StoredSessions]) -> None:
    """Restarting the hub must not cost a login, as some partners allow few a day."""
    partner = Partner()
    assert await workers[0].current() is None
    first = await workers[0].renew(None, partner.login)
    assert await workers[3].current() == first
    assert await workers[2].renew(None, partner.login) == first, "no session known is older than any"
    assert partner.logins == 1
    assert first.obtained_at.tzinfo is not None


async def test_a_failed_login_leaves_the_old_session_and_the_way_free(workers: list[StoredSessions]) -> None:
    """The error reaches its caller; the next one may try."""

    async def fail() -> str:
        raise NeedsPerson(Sentence("Locked.", "Bị khóa."))

    partner = Partner()
    first = await workers[0].renew(None, partner.login)
    with pytest.raises(NeedsPerson):
        await workers[1].renew(first, fail)
    assert await workers[3].current() == first
    second = await asyncio.wait_for(workers[2].renew(first, partner.login), 60)
    assert second.generation == 2, "a failed login makes no generation"


async def test_a_login_that_is_cut_off_frees_the_way(workers: list[StoredSessions]) -> None:
    """A deadline that runs out in the middle must not lock the others out."""

    async def hang() -> str:
        await asyncio.sleep(3600)
        return ""

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(workers[0].renew(None, hang), 0.2)
    session = await asyncio.wait_for(workers[2].renew(None, Partner().login), 60)
    assert session.generation == 1


async def test_connections_do_not_share_sessions(store: Store) -> None:
    """Each partner has its own, also while another is logging in."""
    partner = Partner()
    both = asyncio.Barrier(2)

    async def login() -> str:
        await both.wait()
        return await partner.login()

    one, other = StoredSessions(store, "portal"), StoredSessions(store, "ministry")
    async with asyncio.timeout(60):  # one partner's login does not wait for the end of the other's
        first, second = await asyncio.gather(one.renew(None, login), other.renew(None, login))
    assert first.token != second.token
    assert await StoredSessions(store, "portal").current() == first


async def test_the_token_is_sealed_and_bound_to_its_place(store: Store) -> None:
    """A token in a copy of the database is of no use, and one row's token does not open in another's."""
    session = await StoredSessions(store, "portal").renew(None, Partner().login)
    async with store.transaction() as conn:
        row = await (await conn.execute("SELECT sealed FROM partner_sessions")).fetchone()
        assert row is not None
        assert session.token.encode() not in bytes(row[0])
        await conn.execute("UPDATE partner_sessions SET connection = 'ministry'")
    with pytest.raises(SealError):
        await StoredSessions(store, "ministry").current()
