"""From a name to a connection: every address of the name in its turn, within one time limit."""

from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import ip_address

from adapters.transport.connection import Connection
from adapters.transport.http_message import Origin

NAMES_KEPT_SECONDS = 10.0
"""How long the addresses of a name are believed: many connections at once cost one question."""
_NAMES_MAX = 64
_TLS_SHUTDOWN_SECONDS = 2.0
"""How long a partner may take to say goodbye on a connection that is closed."""


class Connector:
    """Opens connections. For one event loop; constructing it has no side effects."""

    def __init__(self, timeout_seconds: float) -> None:
        """``timeout_seconds`` covers a connection from the name to the end of the TLS handshake."""
        self._timeout_seconds = timeout_seconds
        self._names: dict[tuple[str, int], tuple[float, asyncio.Task[tuple[str, ...]]]] = {}

    async def connect(self, origin: Origin, context: ssl.SSLContext | None) -> Connection:
        """Return a new connection, over TLS where there is a ``context``.

        Each address gets an equal share of the time that is left, so that one that is silent leaves time for the
        next. Raises ``TimeoutError``, or an ``OSError``, the TLS errors among them.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout_seconds
        async with asyncio.timeout_at(until):
            addresses = await self._addresses(origin.host, origin.port)
        failures: list[OSError] = []
        for place, address in enumerate(addresses):
            share = (until - loop.time()) / (len(addresses) - place)
            try:
                async with asyncio.timeout(share):
                    return await self._connect(loop, origin, address, context)
            except OSError as exc:
                failures.append(exc)
        # An address where somebody answered says more than one where nobody did.
        raise next((one for one in failures if isinstance(one, ssl.SSLError)), failures[-1])

    async def _connect(
        self, loop: asyncio.AbstractEventLoop, origin: Origin, address: str, context: ssl.SSLContext | None
    ) -> Connection:
        if context is None:
            _, connection = await loop.create_connection(lambda: Connection(loop, origin), address, origin.port)
        else:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, origin),
                address,
                origin.port,
                ssl=context,
                server_hostname=origin.host.rstrip("."),
                ssl_handshake_timeout=self._timeout_seconds,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_SECONDS,
            )
        return connection

    async def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        try:
            return (str(ip_address(host)),)
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        key = (host, port)
        known = self._names.get(key)
        if known is None or (known[1].done() and known[0] <= loop.time()):
            if len(self._names) >= _NAMES_MAX:
                self._names.clear()
            known = (loop.time() + NAMES_KEPT_SECONDS, loop.create_task(_resolve(host, port)))
            known[1].add_done_callback(lambda task: self._forget_failure(key, task))
            self._names[key] = known
        # Whoever stops waiting leaves the question to the others who asked it.
        return await asyncio.shield(known[1])

    def _forget_failure(self, key: tuple[str, int], task: asyncio.Task[tuple[str, ...]]) -> None:
        known = self._names.get(key)
        if known is not None and known[1] is task and (task.cancelled() or task.exception() is not None):
            del self._names[key]


async def _resolve(host: str, port: int) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))
