"""Ports for servers that are started by number, or anew on the number they had; and whether anybody listens there."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket

_RANGE = range(10_000, 30_000)
"""Below the ports that the system hands out by itself (``ip_local_port_range``), to outgoing connections too: one of
those would be taken between the choice and the start, or between a stop and the next start."""

_dice = random.SystemRandom()


def free_ports(count: int = 1) -> int:
    """Return the first of so many ports in a row of 127.0.0.1 on which nobody listens."""
    while True:
        first = _dice.choice(_RANGE)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


async def until_port(port: int, *, is_open: bool) -> None:
    """Wait for the kernel itself to take, or to refuse, connections to a port of 127.0.0.1."""
    async with asyncio.timeout(60):
        while await _is_open(port) != is_open:
            await asyncio.sleep(0.001)


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
