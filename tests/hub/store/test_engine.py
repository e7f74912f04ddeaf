"""The store as its callers meet it: transactions, outages, notifications."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import uuid
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
import uvloop
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from hub.settings import Settings
from hub.store import connections
from hub.store.engine import Store, open_store
from hub.store.errors import StoreUnavailable
from hub.store.failures import is_unavailable


@pytest.fixture
async def notes(store: Store) -> Store:
    async with store.transaction() as connection:
        await connection.execute("CREATE TABLE note (text text PRIMARY KEY)")
    return store


async def _texts(store: Store) -> list[str]:
    async with store.transaction() as connection:
        return [row[0] for row in await (await connection.execute("SELECT text FROM note ORDER BY 1")).fetchall()]


async def _end_all_sessions(store: Store) -> None:
    async with await psycopg.AsyncConnection.connect(store.url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_transaction_is_committed_when_its_block_ends(notes: Store) -> None:
    """Leaving the block normally makes what was written visible to others."""
    async with notes.transaction() as connection:
        await connection.execute("INSERT INTO note VALUES ('kept')")
    assert await _texts(notes) == ["kept"]


async def test_a_transaction_is_undone_when_its_block_raises(notes: Store) -> None:
    """An error of the caller leaves nothing behind and reaches the caller unchanged."""

    async def fail() -> None:
        async with notes.transaction() as connection:
            await connection.execute("INSERT INTO note VALUES ('lost')")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _texts(notes) == []


async def test_a_cancelled_transaction_is_undone_and_its_connection_reused(notes: Store) -> None:
    """A request that is cut off stores nothing and costs no connection."""

    async def slow() -> None:
        async with notes.transaction() as connection:
            await connection.execute("INSERT INTO note VALUES ('lost')")
            await connection.execute("SELECT pg_sleep(30)")

    for _ in range(20):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await _texts(notes) == []


async def test_mistakes_in_statements_are_not_called_outages(notes: Store) -> None:
    """A unique violation is the caller's business."""
    with pytest.raises(errors.UniqueViolation):
        async with notes.transaction() as connection:
            await connection.execute("INSERT INTO note VALUES ('a'), ('a')")


async def test_a_deadlock_reaches_the_caller(notes: Store) -> None:
    """Only the caller can repeat its work, so the store does not hide the error."""
    async with notes.transaction() as connection:
        await connection.execute("INSERT INTO note VALUES ('a'), ('b')")
    ready = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with notes.transaction() as connection:
            await connection.execute("SET LOCAL deadlock_timeout = '50ms'")
            await connection.execute("SELECT 1 FROM note WHERE text = %s FOR UPDATE", (first,))
            await ready.wait()
            await connection.execute("SELECT 1 FROM note WHERE text = %s FOR UPDATE", (second,))

    outcomes = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [errors.DeadlockDetected]


async def test_sessions_ended_by_the_server_cost_one_failure_each_at_most_and_heal(notes: Store) -> None:
    """After the server ended all sessions, callers see `StoreUnavailable` briefly and then work again."""
    await _end_all_sessions(notes)
    with pytest.raises(StoreUnavailable) as caught:
        await _texts(notes)
    assert caught.value.committed is False
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StoreUnavailable):
                await _texts(notes)
                break
            await asyncio.sleep(0.05)
    for _ in range(20):
        assert await _texts(notes) == []


async def test_a_connection_that_breaks_during_the_commit_leaves_the_outcome_open(notes: Store) -> None:
    """The caller is told that the commit may have happened, so that it does not claim otherwise."""

    async def write() -> None:
        async with notes.transaction() as connection:
            await connection.execute("INSERT INTO note VALUES ('perhaps')")
            await _end_all_sessions(notes)

    with pytest.raises(StoreUnavailable) as caught:
        await write()
    assert caught.value.committed is None


async def test_a_full_pool_is_an_outage_after_the_configured_wait(make_settings: Callable[..., Settings]) -> None:
    """A request waits for a connection only as long as configured."""
    settings = make_settings(store={"pool_min_size": 1, "pool_max_size": 1, "pool_timeout_seconds": 0.1})
    async with await open_store(settings) as store:
        await store._pool.wait(60)  # making the connection may take longer than that wait
        async with store.transaction():
            with pytest.raises(StoreUnavailable):
                async with store.transaction():
                    pass


async def test_values_come_back_as_the_hub_expects(store: Store) -> None:
    """Times are UTC whatever the server's zone, JSON is plain data, statements are prepared after two uses."""
    async with store.transaction() as connection:
        key = uuid.uuid4()
        for _ in range(4):
            cursor = await connection.execute(
                "SELECT '2026-10-08 00:00+07'::timestamptz, '{\"ố\": 1}'::jsonb, %s::uuid", (key,)
            )
        row = await cursor.fetchone()
        assert row is not None
        assert row[0].isoformat() == "2026-10-07T17:00:00+00:00"
        assert row[1:] == ({"ố": 1}, key)
        prepared = await (await connection.execute("SELECT count(*) FROM pg_prepared_statements")).fetchone()
        assert prepared is not None
        assert prepared[0] >= 1


async def _next(notifications: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(notifications), 20)


async def test_notifications_arrive_and_missed_ones_are_announced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a broken connection an empty payload says "look for yourself", then notifications flow again."""
    monkeypatch.setattr(connections, "RETRY_SECONDS", 0.05)
    notifications = store.listen("wake:up")
    assert await _next(notifications) == ""
    async with store.transaction() as connection:
        await connection.execute("SELECT pg_notify('wake:up', 'first')")
    assert await _next(notifications) == "first"
    await _end_all_sessions(store)
    assert await _next(notifications) == ""
    async with await psycopg.AsyncConnection.connect(store.url, autocommit=True) as connection:
        await connection.execute("SELECT pg_notify('wake:up', 'second')")
    assert await _next(notifications) == "second"


async def test_closing_the_store_ends_its_listeners(settings: Settings) -> None:
    """A worker that stops is not held up by a loop over notifications."""
    store = await open_store(settings)
    heard: list[str] = []
    listening = asyncio.Event()

    async def consume() -> None:
        async for payload in store.listen("wake_up"):
            heard.append(payload)
            listening.set()

    task = asyncio.create_task(consume())
    await asyncio.wait_for(listening.wait(), 60)
    await store.close()
    await asyncio.wait_for(task, 60)
    assert heard == [""]


async def test_an_abandoned_listener_gives_its_connection_back(store: Store) -> None:
    """Stopping an iteration closes the connection it held."""
    notifications = store.listen("wake_up")
    await _next(notifications)
    assert await _listeners(store) == 1
    await notifications.aclose()  # type: ignore[attr-defined] # it is a generator
    async with asyncio.timeout(20):  # a session ends after its connection: its process has yet to notice
        while await _listeners(store):
            await asyncio.sleep(0.01)


async def _listeners(store: Store) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    async with store.transaction() as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_closed_store_may_be_closed_again_and_refuses_work(settings: Settings) -> None:
    """Clean-up works in any order."""
    store = await open_store(settings)
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        async with store.transaction():
            pass


def test_the_store_works_under_uvloop(settings: Settings) -> None:
    """Production runs on uvloop."""

    async def run() -> str:
        async with await open_store(settings) as store:
            assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
            notifications = store.listen("wake_up")
            await _next(notifications)
            async with store.transaction() as connection:
                await connection.execute("SELECT pg_notify('wake_up', 'x')")
            return await _next(notifications)

    assert uvloop.run(run()) == "x"


# Every operational error psycopg knows, by what the store makes of it. A new one must be put somewhere.
_OUTAGES = {
    *("AdminShutdown", "CannotConnectNow", "ConfigurationLimitExceeded", "ConnectionDoesNotExist"),
    *("ConnectionException", "ConnectionFailure", "CrashShutdown", "DatabaseDropped", "DiskFull", "DuplicateFile"),
    *("IdleSessionTimeout", "InsufficientResources", "IoError", "OutOfMemory", "ProtocolViolation"),
    *("SqlclientUnableToEstablishSqlconnection", "SqlserverRejectedEstablishmentOfSqlconnection", "SystemError"),
    *("TooManyConnections", "TransactionResolutionUnknown", "UndefinedFile", "FileNameTooLong"),
}
# Classes of SQLSTATE whose operational errors are the caller's: its data, its rights, its statement, its locks.
_CALLERS_CLASSES = {"27", "28", "2F", "38", "39", "3B", "40", "54", "55", "F0", "HV"}
_CALLERS = {"OperatorIntervention", "QueryCanceled"}


def test_every_operational_error_of_the_library_is_classified() -> None:
    """A new error of psycopg must be thought about, not fall through."""
    known = {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, psycopg.OperationalError) and getattr(kind, "sqlstate", None)
    }
    outages = {name for name, kind in known.items() if is_unavailable(kind("x"))}
    callers = {name for name, kind in known.items() if str(kind.sqlstate)[:2] in _CALLERS_CLASSES} | _CALLERS
    assert set(known) - _OUTAGES - callers == set(), "unclassified"
    assert outages == _OUTAGES


@pytest.mark.parametrize(
    "error",
    [
        *(PoolTimeout("x"), PoolClosed("x"), TooManyRequests("x"), psycopg.OperationalError("connection lost")),
        *(errors.ReadOnlySqlTransaction("x"), errors.IdleInTransactionSessionTimeout("x")),
    ],
)
def test_pool_errors_lost_connections_and_standbys_are_outages(error: psycopg.Error) -> None:
    """All of these heal without a change of ours."""
    assert is_unavailable(error)


def test_the_sentence_of_an_outage_is_in_both_languages() -> None:
    """The API shows it as it is."""
    sentence = StoreUnavailable().sentence
    assert "database" in sentence.en
    assert "Cơ sở dữ liệu" in sentence.vi
