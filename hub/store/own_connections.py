"""Database connections kept for a few statements of one purpose, each of them a transaction by itself.

They go straight to libpq: borrowing from the pool, a cursor and its waiting cost the process more than the server
spends on the statement itself. Statements are prepared when they are first used.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from hub.store.connections import connection_options
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.store.failures import UNAVAILABLE, is_unavailable

_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class Statement:
    """One statement in two spellings: for a connection of the pool, and for one kept for it.

    Its values are written ``@name`` and given as bytes: text in UTF-8, or, of those named ``binary``, a ``bytea``.
    """

    def __init__(self, query: LiteralString, *values: LiteralString, binary: Sequence[LiteralString] = ()) -> None:
        """``values`` name all of them."""
        self.values = values
        self.pooled = query
        self.own = query
        for number, name in enumerate(values, 1):
            self.pooled = self.pooled.replace(f"@{name}", f"%({name})b" if name in binary else f"%({name})s")
            self.own = self.own.replace(f"@{name}", f"${number}")
        self.own_bytes = self.own.encode()
        self.formats = [Format.BINARY if name in binary else Format.TEXT for name in values] if binary else None
        self._binary = frozenset(binary)

    def pooled_values(self, values: Mapping[str, bytes]) -> dict[str, str | bytes]:
        """Return the values for a connection of the pool."""
        return {name: one if name in self._binary else one.decode() for name, one in values.items()}


class OwnConnections:
    """As many as execute at once; of what is more than that, and with none, each borrows from the pool."""

    def __init__(self, store: Store, count: int) -> None:
        """They are opened when they are first needed; close them with `aclose`."""
        self._store = store
        self._free = [OwnConnection(store) for _ in range(count)]

    async def execute(self, statement: Statement, values: Mapping[str, bytes]) -> list[str]:
        """Execute a statement; return the first column of its rows, as text.

        Raises:
            StoreUnavailable: The database does not answer; ``committed`` is ``None`` where it may have been done.
        """
        if not self._free:
            found = await self._store.execute_alone(statement.pooled, statement.pooled_values(values) or None)
            return [str(row[0]) for row in found]
        own = self._free.pop()
        try:
            rows = await own.execute(
                statement.own_bytes, [values[name] for name in statement.values], statement.formats
            )
        finally:
            self._free.append(own)
        return [one.decode() for one in rows]

    async def aclose(self) -> None:
        """Close those that nothing is executed on."""
        for one in self._free:
            await one.aclose()


class OwnConnection:
    """Opened when it is first needed, and anew after it broke. For one caller at a time; close it with `aclose`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: _Open | None = None

    async def execute(
        self, query: bytes, values: Sequence[bytes], formats: Sequence[Format] | None = None
    ) -> list[bytes]:
        """Execute one statement with the values of ``$1``, ``$2``, …; return the first column of its rows, as text.

        ``formats`` tells which values are binary; without it all are text.

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
            return await self._open.execute(query, values, formats)
        except UNAVAILABLE as error:
            if not is_unavailable(error):
                raise
            await self.aclose()
            self._store.check_soon()
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

    async def execute(self, query: bytes, values: Sequence[bytes], formats: Sequence[Format] | None) -> list[bytes]:
        name = self._prepared.get(query)
        if name is None:
            name = b"own_%d" % len(self._prepared)
            self._pgconn.send_prepare(name, query)
            await self._answered()
            self._prepared[query] = name
        self._pgconn.send_query_prepared(name, values, formats)
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
