"""Partners on loopback that misbehave on purpose, and connections that lead to them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from pydantic import BaseModel

from contracts.errors import Sentence
from contracts.ports import Adapter, TlsFiles
from hub.health.probing import Notes
from hub.health.sessions import OwnSession, WatchedSessions
from hub.registry import OpenConnection
from hub.settings import ConnectionSettings
from tests.adapters.transport.conftest import serve_raw
from tests.hub.exchanges.fakes import FakePortal

NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)


def clock() -> datetime:
    """A clock that stands still."""
    return NOW


def http(date: datetime | None = NOW, body: bytes = b"", kind: str = "text/html") -> bytes:
    """An answer that tells this time, or none."""
    told = "" if date is None else f"Date: {format_datetime(date, usegmt=True)}\r\n"
    head = f"HTTP/1.1 200 OK\r\n{told}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@contextlib.asynccontextmanager
async def partner(answer: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer every request with this, or never; lend the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await asyncio.Event().wait()
        else:
            writer.write(answer)
            await writer.drain()

    async with serve_raw(serve, tls) as raw:
        yield raw.port
        await asyncio.sleep(0)  # what was just closed by us is seen to be


class _NoSettings(BaseModel):
    pass


def connection(
    url: str,
    *,
    name: str = "portal",
    ask: Callable[[], Awaitable[None] | None] | None = None,
    tls: TlsFiles | None = None,
) -> OpenConnection:
    """A connection that leads to ``url``; ``ask`` is what happens to its harmless question."""
    portal = FakePortal()
    if ask is not None:
        portal.before = lambda _operation, _pushes: ask()
    adapter = Adapter(
        name="fake",
        title=Sentence(name, name),
        settings=_NoSettings,
        connect=lambda _context, _settings: portal,
        addresses=lambda _settings: (url,),
        tls=None if tls is None else lambda _settings: tls,
    )
    return OpenConnection(
        id=name,
        adapter=adapter,
        configured=ConnectionSettings(adapter="fake"),
        settings=_NoSettings(),
        connection=portal,
    )


def notes() -> Notes:
    """A page of the notebook with a session of its own."""
    return Notes(WatchedSessions(OwnSession()))


def raising(error: Exception) -> Callable[[], Any]:
    """Return a question that ends so."""

    def ask() -> None:
        raise error

    return ask
