"""Idempotency keys hold under repetition, concurrency and failure."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hub.errors import Refusal
from hub.store.engine import Store
from hub.web.idempotency import IdempotencyClaim, StoredAnswer, fingerprint, forget_older_than, once, recall, remember


def claim(key: str = "k", body: bytes = b"{}", client: str = "client-a") -> IdempotencyClaim:
    """A claim of one request."""
    return IdempotencyClaim(client, key, fingerprint("POST", "/v1/x", body))


def test_method_path_and_body_make_the_request() -> None:
    """The same key for another dossier, or for another kind of event, is another request."""
    prints = {
        fingerprint("POST", "/v1/a", b"1"),
        fingerprint("POST", "/v1/a", b"2"),
        fingerprint("POST", "/v1/b", b"1"),
        fingerprint("PUT", "/v1/a", b"1"),
    }
    assert len(prints) == 4


async def test_what_is_remembered_is_recalled(store: Store) -> None:
    """Answers come back to the byte, many at once; unknown keys are absent."""
    claims = [claim(f"k{n}") for n in range(5)]
    async with store.transaction() as conn:
        assert await recall(conn, claims) == {}
        await remember(conn, [(one, 201, b'{"n": %d}' % n) for n, one in enumerate(claims)])
    async with store.transaction() as conn:
        found = await recall(conn, [*claims, claim("other")])
    assert found == {one: StoredAnswer(201, b'{"n": %d}' % n, same_request=True) for n, one in enumerate(claims)}


async def test_another_body_is_told(store: Store) -> None:
    """A key that was used for something else is found, and marked as such."""
    async with store.transaction() as conn:
        await remember(conn, [(claim(body=b"1"), 201, b"{}")])
    async with store.transaction() as conn:
        answer = (await recall(conn, [claim(body=b"2")]))[claim(body=b"2")]
    assert not answer.same_request


async def test_the_answer_goes_with_the_work(store: Store) -> None:
    """When the work is rolled back, so is its answer: the key is free again."""
    with pytest.raises(RuntimeError):  # noqa: PT012 - the transaction is what must see it
        async with store.transaction() as conn:
            await remember(conn, [(claim(), 201, b"{}")])
            raise RuntimeError
    async with store.transaction() as conn:
        assert await recall(conn, [claim()]) == {}


async def test_the_second_waits_for_the_first(store: Store) -> None:
    """Of two transactions with the same key the second sees the answer of the first; other keys do not wait."""
    started, finish = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with store.transaction() as conn:
            await recall(conn, [claim("a"), claim("b")])
            started.set()
            await finish.wait()
            await remember(conn, [(claim("b"), 201, b'"first"')])

    async def ask(key: str) -> StoredAnswer | None:
        async with store.transaction() as conn:
            return (await recall(conn, [claim(key)])).get(claim(key))

    working = asyncio.create_task(first())
    await started.wait()
    assert await asyncio.wait_for(ask("c"), 20) is None
    second = asyncio.create_task(ask("b"))
    await asyncio.sleep(0.1)
    assert not second.done()
    finish.set()
    await working
    assert await asyncio.wait_for(second, 20) == StoredAnswer(201, b'"first"', same_request=True)


async def test_batches_in_opposite_order_do_not_deadlock(store: Store) -> None:
    """Keys are locked in one order, whatever the order they come in."""
    keys = [claim(f"k{n}") for n in range(20)]

    async def batch(claims: list[IdempotencyClaim]) -> None:
        async with store.transaction() as conn:
            await recall(conn, claims)
            await asyncio.sleep(0.005)

    await asyncio.gather(*(batch(keys if n % 2 else keys[::-1]) for n in range(10)))


async def test_work_done_twice_is_undone(store: Store) -> None:
    """Should a caller forget to recall, the database refuses the second answer and with it the work."""
    async with store.transaction() as conn:
        await remember(conn, [(claim(), 201, b"{}")])
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with store.transaction() as conn:
            await remember(conn, [(claim(), 201, b"{}")])


async def test_once(store: Store) -> None:
    """Work behind a key is done once; the key with other work is a conflict."""
    done: list[int] = []

    async def work() -> bytes:
        done.append(1)
        return b'"done"'

    assert await once(store, claim(), work) == (b'"done"', False)
    assert await once(store, claim(), work) == (b'"done"', True)
    with pytest.raises(Refusal) as refused:
        await once(store, claim(body=b"other"), work)
    assert refused.value.code == "idempotency_conflict"
    assert len(done) == 1


async def test_old_answers_are_forgotten(store: Store) -> None:
    """Forgetting takes the old ones only, and no more at once than it is told."""
    async with store.transaction() as conn:
        await remember(conn, [(claim(f"k{n}"), 201, b"{}") for n in range(5)])
        await conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '40 days' WHERE key <> 'k4'")
    before = datetime.now(UTC) - timedelta(days=30)
    async with store.transaction() as conn:
        assert await forget_older_than(conn, before, limit=3) == 3
        assert await forget_older_than(conn, before) == 1
        assert await forget_older_than(conn, before) == 0
        assert list(await recall(conn, [claim("k4")])) == [claim("k4")]
