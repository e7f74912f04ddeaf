"""Ports for servers that are started by number, or anew on the number they had."""

from __future__ import annotations

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
