"""The guards of these tests hold, so that a mistake in a test stays on this machine."""

from __future__ import annotations

import asyncio
import socket

import pytest

ELSEWHERE = "192.0.2.1"
"""An address of RFC 5737, which belongs to nobody."""


def test_a_plain_connection_to_elsewhere_is_refused() -> None:
    """The guard stops a socket before the first packet."""
    with socket.socket() as plain, pytest.raises(AssertionError, match="another machine"):
        plain.connect((ELSEWHERE, 80))


async def test_an_asynchronous_connection_to_elsewhere_is_refused() -> None:
    """The guard also holds for what the event loop connects, as the HTTP client does."""
    with pytest.raises(AssertionError, match="another machine"):
        await asyncio.open_connection(ELSEWHERE, 80)


async def test_loopback_is_allowed() -> None:
    """The conversations of these tests take place on loopback."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.close()
    server.close()
