"""The hub's way to its database: a pool that outlives a restart, transactions, notifications, sealing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import orjson
import structlog
from psycopg import AsyncConnection
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool

from hub.settings import Settings, StoreSettings
from hub.store import external, keys, schema
from hub.store.connections import Connection, Queue, connection_options, pump_notifications
from hub.store.embedded import EmbeddedPostgres
from hub.store.errors import KeyFileError, StoreUnavailable
from hub.store.failures import UNAVAILABLE, is_unavailable
from hub.store.key_file import KeyFile
from hub.store.sealing import Sealer

RECONNECT_SECONDS = 5.0
"""How long the pool tries by itself to replace a lost connection.

Its waits double from one second, so a longer time would leave the hub waiting long after the database is back;
after it, every request tries anew.
"""

_UPKEEP_PAUSE_SECONDS = 0.2
_UPKEEP_END_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Store:
    """One process's access to the database. Made by `open_store`; ``async with`` closes it."""

    def __init__(
        self,
        *,
        url: str,
        key_file: Path,
        sealer: Sealer,
        pool_settings: StoreSettings,
        embedded: EmbeddedPostgres | None = None,
    ) -> None:
        self.url = url
        """The connection string, with its password: never log it."""
        self.sealer = sealer
        self.embedded = embedded
        """The embedded server this process uses; ``None`` when the database is external."""
        self.key_file = key_file
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            kwargs=connection_options(),
            configure=_configure,
            min_size=pool_settings.pool_min_size,
            max_size=pool_settings.pool_max_size,
            timeout=pool_settings.pool_timeout_seconds,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
            name="lienthong",
        )
        self._listeners: dict[asyncio.Task[None], Queue] = {}
        self._upkeep_wanted = asyncio.Event()
        self._upkeep_task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the pool and begin the upkeep of keys and connections."""
        await self._pool.open()
        self._upkeep_task = asyncio.create_task(self._upkeep(), name="store upkeep")

    async def close(self) -> None:
        """Release everything; stops the embedded server if no other process uses it. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._closing.set()
        self._upkeep_wanted.set()
        if self._upkeep_task is not None:
            # It is let finish: a check of the pool that is broken off would lose the connections it holds.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_UPKEEP_END_SECONDS):
                    await self._upkeep_task
            with contextlib.suppress(StoreUnavailable):
                await self._add_counts()
        for pump in list(self._listeners):
            pump.cancel()  # its end ends the iteration
        await self._pool.close()
        if self.embedded is not None:
            await asyncio.to_thread(self.embedded.release)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Lend a connection in a transaction: committed when the block ends well, rolled back when it raises.

        ``connection.transaction()`` inside it makes a savepoint. Serialization failures and deadlocks reach
        the caller as psycopg raises them, because only the caller can repeat its work.

        Raises:
            StoreUnavailable: No connection within ``store.pool_timeout_seconds``, or it broke. Its
                ``committed`` is ``None`` if it broke during the commit.
        """
        committing = False
        try:
            async with self._pool.connection() as connection:
                yield connection
                committing = True
        except UNAVAILABLE as error:
            if not is_unavailable(error):
                raise
            self.check_soon()
            raise StoreUnavailable(committed=None if committing else False) from error

    @contextlib.asynccontextmanager
    async def unattended(self) -> AsyncGenerator[Connection]:
        """Lend a connection on which every statement is a transaction by itself.

        Saves the two round trips of a transaction's begin and commit.

        Raises:
            StoreUnavailable: As `transaction`; ``committed`` is ``None``, for the last statement may have been done.
        """
        try:
            async with self._pool.connection() as connection:
                await connection.set_autocommit(True)
                try:
                    yield connection
                finally:
                    if not connection.closed:
                        await connection.set_autocommit(False)
        except UNAVAILABLE as error:
            if not is_unavailable(error):
                raise
            self.check_soon()
            raise StoreUnavailable(committed=None) from error

    def check_soon(self) -> None:
        """Have idle connections of the pool checked and replaced: one broke, so they may have, too."""
        self._upkeep_wanted.set()

    async def execute_alone(self, query: LiteralString, values: Mapping[str, object] | None) -> list[tuple[Any, ...]]:
        """Execute one statement that is a transaction by itself, and return its rows. Raises as `unattended`."""
        async with self.unattended() as connection:
            cursor = await connection.execute(query, values, prepare=values is not None)
            return await cursor.fetchall() if cursor.description is not None else []

    async def listen(self, channel: str) -> AsyncIterator[str]:
        """Yield the payload of every ``NOTIFY`` on ``channel``, for ever, until the store is closed.

        After every connect and reconnect an empty payload comes first: notifications may have been missed
        while there was no connection, so the consumer should look for itself.
        """
        queue: Queue = asyncio.Queue()
        pump = asyncio.create_task(pump_notifications(self.url, channel, queue), name=f"listen {channel}")
        self._listeners[pump] = queue
        try:
            while (payload := await queue.get()) is not None:
                yield payload
        finally:
            del self._listeners[pump]
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump

    async def refresh_keys(self) -> None:
        """Read the data keys again, so that values sealed by others after a rotation can be opened.

        Raises:
            StoreUnavailable: The database does not answer.
            KeyFileError: A key-encryption key is missing; the data keys known so far stay in use.
        """
        async with self.transaction() as connection:
            rows = await keys.read_data_keys(connection)
        key_file = await asyncio.to_thread(KeyFile.load, self.key_file)
        self.sealer.replace(keys.unwrap_all(rows, key_file))

    async def _upkeep(self) -> None:
        while not await _is_set_within(self._closing, _UPKEEP_PAUSE_SECONDS):
            wanted = await _is_set_within(self._upkeep_wanted, keys.REFRESH_SECONDS)
            if self._closing.is_set():
                return
            if wanted:
                # A connection broke, so the idle ones did too: replace them before requests meet them.
                self._upkeep_wanted.clear()
                await self._pool.check()
            try:
                await self._add_counts()
                await self.refresh_keys()
            except StoreUnavailable:
                continue  # whoever needs the database says so; this loop comes back
            except KeyFileError as error:
                _log.error("data_keys_not_refreshed", code=error.code, sentence=error.sentence.en)

    async def _add_counts(self) -> None:
        counts = self.sealer.take_counts()
        if counts:
            async with self.transaction() as connection:
                await keys.add_counts(connection, counts)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def open_store(settings: Settings, *, upgrade: bool = False) -> Store:
    """Start or attach to the database and open it; the result is closed by ``async with`` or ``close()``.

    Args:
        settings: Without ``database_url`` the embedded server in ``data_dir`` is used.
        upgrade: Bring the tables up to date first; without it outdated ones are an error.

    Raises:
        StoreStartError: With a sentence that says what to do; also `SchemaError` and `KeyFileError`.
        StoreUnavailable: The database went away while it was being opened.
    """
    embedded: EmbeddedPostgres | None = None
    if settings.database_url is None:
        embedded = EmbeddedPostgres(settings.data_dir)
        await asyncio.to_thread(embedded.start_or_attach)
        url = embedded.url
    else:
        url = settings.database_url.get_secret_value()
        await external.check(url)
    try:
        if upgrade:
            await asyncio.to_thread(schema.upgrade, url)
        else:
            await asyncio.to_thread(schema.check_schema, url)
        sealer = await _open_sealer(url, settings.resolved_key_file, may_create=embedded is not None)
        store = Store(
            url=url,
            key_file=settings.resolved_key_file,
            sealer=sealer,
            pool_settings=settings.store,
            embedded=embedded,
        )
        await store.open()
    except BaseException:
        if embedded is not None:
            await asyncio.to_thread(embedded.release)
        raise
    return store


async def _open_sealer(url: str, path: Path, *, may_create: bool) -> Sealer:
    """Read the keys; where there is no data key yet, begin with fresh ones."""
    try:
        async with (
            await AsyncConnection.connect(url, **connection_options()) as connection,
            connection.transaction(),
        ):
            # Two processes that start at once must not both write a key file.
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (keys.KEYS_LOCK,))
            fresh = not await keys.read_data_keys(connection)
            if may_create and fresh and not await asyncio.to_thread(path.exists):
                key_file = await asyncio.to_thread(KeyFile.create, path)
                _log.info("key_file_created", path=str(path))
            else:
                key_file = await asyncio.to_thread(KeyFile.load, path)
            rows = await keys.ensure_data_key(connection, key_file)
            return Sealer(keys.unwrap_all(rows, key_file))
    except UNAVAILABLE as error:
        if is_unavailable(error):
            raise StoreUnavailable from error
        raise


async def _configure(connection: Connection) -> None:
    set_json_loads(orjson.loads, connection)
    set_json_dumps(orjson.dumps, connection)
    await connection.execute("SET timezone TO 'UTC'")
    await connection.commit()
