"""A process's end of the line to its supervisor, and how it is told to stop.

The line is a socket the process inherits. The supervisor sends one JSON line of orders, the process answers with
one when it is ready. When the supervisor is gone, however it ended, the line breaks and the process stops as on
SIGTERM: nothing stays behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncGenerator, Mapping
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PATIENCE_SECONDS = 0.5
"""A second Ctrl-C after this time means that the first was not enough."""

_LINE_LIMIT = 1 << 20


class Line:
    """The line; without a supervisor every method works and does nothing."""

    def __init__(self, reader: asyncio.StreamReader | None = None, writer: asyncio.StreamWriter | None = None) -> None:
        """Use `open_line`."""
        self._reader = reader
        self._writer = writer
        self.orders: Mapping[str, Any] = {}
        """What the supervisor wants beyond the command line; secrets among it."""

    @property
    def is_supervised(self) -> bool:
        """Whether somebody is at the other end."""
        return self._reader is not None

    async def ready(self, **facts: Any) -> None:
        """Tell the supervisor that this process does its work now, and what it needs to know of it."""
        if self._writer is not None:
            with contextlib.suppress(ConnectionError):
                self._writer.write(json.dumps(facts).encode() + b"\n")
                await self._writer.drain()

    async def broken(self) -> None:
        """Wait until the supervisor is gone; for ever when there is none."""
        if self._reader is None:
            await asyncio.Event().wait()
        else:
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(4096):
                    pass

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()


@contextlib.asynccontextmanager
async def open_line(descriptor: int | None) -> AsyncGenerator[Line]:
    """Lend the line on an inherited socket, its orders read; ``None`` means that nobody supervises."""
    if descriptor is None:
        yield Line()
        return
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor), limit=_LINE_LIMIT)
    line = Line(reader, writer)
    try:
        orders = await reader.readline()
        line.orders = json.loads(orders) if orders.strip() else {}
        yield line
    finally:
        line.close()


@contextlib.asynccontextmanager
async def told_to_stop(line: Line) -> AsyncGenerator[asyncio.Event]:
    """Lend an event that a signal sets, or the end of the supervisor. A later Ctrl-C ends the process at once.

    SIGTERM may come more than once: ``timeout`` and some service managers send it to a process and to its group.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        if not stop.is_set():
            loop.call_later(PATIENCE_SECONDS, loop.remove_signal_handler, signal.SIGINT)
        stop.set()

    async def watch() -> None:
        await line.broken()
        stop.set()

    for one in STOP_SIGNALS:
        loop.add_signal_handler(one, tell)
    watching = asyncio.create_task(watch(), name="watch the supervisor")
    try:
        yield stop
    finally:
        watching.cancel()
        for one in STOP_SIGNALS:
            loop.remove_signal_handler(one)
