"""The connections to one partner: so many at once, reused while they are fresh, lent in the order of asking."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from adapters.transport.connection import Connection
from adapters.transport.http_message import Origin
from adapters.transport.wire_errors import ConnectionEndedError

_CLOSING_SECONDS = 1.0
"""How long a partner may take to say goodbye when all connections are closed."""

Waiter = tuple[asyncio.Future[Connection | None], Origin]
"""Whoever waits for a connection gets one that is free, or the right (``None``) to open one."""


class Pool:
    """A place is taken from the beginning of connecting until the connection is gone.

    Where somebody waits every place is taken and no connection lies idle: what comes free goes to the first in
    the queue, and nobody who asks later overtakes.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        keep_alive_seconds: float,
        connect: Callable[[Origin], Awaitable[Connection]],
    ) -> None:
        """For the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._max_connections = max_connections
        self._keep_alive_seconds = keep_alive_seconds
        self._connect = connect
        self._taken = 0
        self._idle: dict[Origin, list[Connection]] = {}
        """The longest idle first; the freshest is lent first."""
        self._waiters: deque[Waiter] = deque()
        self._open: set[Connection] = set()
        self._emptied: asyncio.Future[None] | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    def idle(self, origin: Origin) -> Connection | None:
        """Lend a connection that lies ready, if there is one."""
        ready = self._idle.get(origin)
        if not ready:
            return None
        oldest = self._loop.time() - self._keep_alive_seconds
        while ready:
            connection = ready.pop()
            if connection.idle_since >= oldest and connection.is_usable():
                return connection
            connection.close()
        return None

    async def obtain(self, origin: Origin) -> Connection:
        """Lend a connection, after waiting for a place and connecting where need be.

        Raises what connecting raises, or `ConnectionEndedError` when the pool is closed meanwhile.
        """
        has_waited = False
        while not self._is_closed:
            connection = self.idle(origin)
            if connection is not None:
                return connection
            if self._take_place():
                return await self._open_one(origin)
            connection = await self._wait(origin, is_first=has_waited)
            if connection is None:
                return await self._open_one(origin)
            if connection.is_usable():
                return connection
            # It was closed on its way here; its place went to the next, so this one comes before them.
            has_waited = True
        raise ConnectionEndedError

    async def aclose(self) -> None:
        """Close every connection and end every waiting; returns when the sockets are closed."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        while self._waiters:
            waiter, _ = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(ConnectionEndedError())
        for connection in tuple(self._open):
            if connection.is_idle():
                connection.close()
            else:
                connection.abort()
        if not await self._empty():
            for connection in tuple(self._open):
                connection.abort()
            await self._empty()

    # --- what connections tell ----------------------------------------------------------------------------

    def take_back(self, connection: Connection) -> None:
        """Give it to whoever waits for one like it, or put it away."""
        if self._is_closed or not self._keep_alive_seconds:
            connection.close()
            return
        waiter = self._next_waiter()
        if waiter is None:
            connection.idle_since = self._loop.time()
            self._idle.setdefault(connection.origin, []).append(connection)
            if self._sweep is None:
                self._sweep = self._loop.call_later(self._keep_alive_seconds, self._close_old)
        elif waiter[1] == connection.origin:
            waiter[0].set_result(connection)
        else:
            # The first in the queue wants another partner: this place becomes free for it.
            self._waiters.appendleft(waiter)
            connection.close()

    def gone(self, connection: Connection) -> None:
        """Free its place."""
        ready = self._idle.get(connection.origin)
        if ready is not None and connection in ready:
            ready.remove(connection)
        self._free_place()

    def lost(self, connection: Connection) -> None:
        """Forget it."""
        self._open.discard(connection)
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    # --- inside -------------------------------------------------------------------------------------------

    def _take_place(self) -> bool:
        if self._taken >= self._max_connections:
            # A connection to another partner that nobody uses has to make room.
            oldest = min((ready[0] for ready in self._idle.values() if ready), key=_idle_since, default=None)
            if oldest is None:
                return False
            oldest.close()
        self._taken += 1
        return True

    def _free_place(self) -> None:
        waiter = self._next_waiter()
        if waiter is None:
            self._taken -= 1
        else:
            waiter[0].set_result(None)

    def _next_waiter(self) -> Waiter | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter[0].done():
                return waiter
        return None

    async def _wait(self, origin: Origin, *, is_first: bool) -> Connection | None:
        waiter: Waiter = (self._loop.create_future(), origin)
        if is_first:
            self._waiters.appendleft(waiter)
        else:
            self._waiters.append(waiter)
        try:
            return await waiter[0]
        except asyncio.CancelledError:
            # Cancelled while the turn had just come: somebody else gets it.
            if not waiter[0].done() or waiter[0].cancelled():
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            elif waiter[0].exception() is None:
                self._pass_on(waiter[0].result())
            raise

    def _pass_on(self, lent: Connection | None) -> None:
        if lent is None:
            self._free_place()
        elif lent.is_usable():
            self.take_back(lent)
        else:
            lent.close()

    async def _open_one(self, origin: Origin) -> Connection:
        """Connect, on a place that is taken already."""
        try:
            connection = await self._connect(origin)
        except BaseException:
            self._free_place()
            raise
        self._open.add(connection)
        connection.adopt(self)
        if self._is_closed:
            connection.abort()
            raise ConnectionEndedError
        return connection

    async def _empty(self) -> bool:
        """Wait until every socket is closed, for a while."""
        if not self._open:
            return True
        self._emptied = self._loop.create_future()
        done, _ = await asyncio.wait((self._emptied,), timeout=_CLOSING_SECONDS)
        return bool(done)

    def _close_old(self) -> None:
        """Close what lay idle for too long, and look again when the next one will have."""
        self._sweep = None
        oldest = self._loop.time() - self._keep_alive_seconds
        for ready in self._idle.values():
            for connection in [one for one in ready if one.idle_since <= oldest]:
                connection.close()
        next_one = min((ready[0].idle_since for ready in self._idle.values() if ready), default=None)
        if next_one is not None:
            self._sweep = self._loop.call_at(next_one + self._keep_alive_seconds, self._close_old)


def _idle_since(connection: Connection) -> float:
    return connection.idle_since
