"""A database connection kept for a few statements of one purpose, each of them a transaction by itself.

They go straight to libpq: borrowing from the pool, a cursor and its waiting cost the process more than the server
spends on the statement itself. Statements are prepared when they are first used; their values are text.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from hub.store.connections import connection_options
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.store.failures import UNAVAILABLE, is_unavailable

_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class OwnConnection:
    """Opened when it is first needed, and anew after it broke. For one caller at a time; close it with `aclose`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: _Open | None = None

    async def execute(self, query: bytes, values: Sequence[bytes]) -> list[bytes]:
        """Execute one statement with the values of ``$1``, ``$2``, …; return the first column of its rows, as text.

        Raises:
            StoreUnavailable: The database does not answer; ``committed`` is ``None`` where it may have been done.
        """
        begun = False
        try:
            if self._open is None or self._open.broken:
                await self.aclose()
                self._open = _Open(
                    await AsyncConnection.connect(self._store.url, autocommit=True, **connection_options())
                )
            begun = True
            return await self._open.execute(query, values)
        except UNAVAILABLE as error:
            if not is_unavailable(error):
                raise
            await self.aclose()
            raise StoreUnavailable(committed=None if begun else False) from error
        except asyncio.CancelledError:
            # What is on its way there is nobody's now.
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Close it."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.aclose()


class _Open:
    """One open connection, read as its answers come."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn: PGconn = connection.pgconn
        self._prepared: dict[bytes, bytes] = {}
        self._results: list[PGresult] = []
        self._answer: asyncio.Future[list[PGresult]] | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = self._pgconn.socket
        self._loop.add_reader(self._socket, self._read)
        self.broken = False

    async def execute(self, query: bytes, values: Sequence[bytes]) -> list[bytes]:
        name = self._prepared.get(query)
        if name is None:
            name = b"own_%d" % len(self._prepared)
            self._pgconn.send_prepare(name, query)
            await self._answered()
            self._prepared[query] = name
        self._pgconn.send_query_prepared(name, values)
        result = await self._answered()
        return [result.get_value(row, 0) or b"" for row in range(result.ntuples)]

    async def aclose(self) -> None:
        self._forsake()
        with contextlib.suppress(psycopg.Error):
            await self._connection.close()

    async def _answered(self) -> PGresult:
        answer = self._answer = self._loop.create_future()
        try:
            while self._pgconn.flush():  # more than the socket takes at once
                await self._writable()
            results = await answer
        finally:
            self._answer = None
        for one in results:
            if one.status not in _DONE:
                if self._pgconn.status == ConnStatus.BAD:
                    self._forsake()
                    raise psycopg.OperationalError("the connection broke")
                raise error_from_result(one)
        result: PGresult = results[-1]
        return result

    async def _writable(self) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        answer = self._answer
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                result = self._pgconn.get_result() if answer is not None else None
                if result is not None:
                    self._results.append(result)
                    continue
                if answer is not None and self._results:
                    results, self._results = self._results, []
                    if not answer.done():
                        answer.set_result(results)
                return
        except psycopg.Error as error:
            self._forsake()
            if answer is not None and not answer.done():
                answer.set_exception(error)

    def _forsake(self) -> None:
        if not self.broken:
            self.broken = True
            self._loop.remove_reader(self._socket)
