"""The door on a real server: bounds in size and time hold on the wire, and a broken file is never taken for whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.national_portal.inbound import PortalInbound
from adapters.national_portal.inbound_settings import InboundMessageSettings
from adapters.transport.simulation.asgi import live
from contracts.inbound import OpenedFile
from hub.inbox import door as door_module
from hub.inbox.credentials import Doorman
from hub.inbox.door import Door, Entrance
from hub.inbox.settings import InboundSettings
from hub.settings import LogSettings
from hub.web.access_log import AccessLog
from hub.web.edge import Edge
from hub.web.server import serve
from tests.hub.inbox.portal_calls import SECRET, access

HEADERS = {"x-inbound-secret": SECRET}


class Desk:
    """Hands out files that are whole or break in the middle."""

    async def refuse_message(self, body: bytes, *, service: str) -> None:
        pass

    async def open_file(self, token: str) -> OpenedFile:
        async def pieces() -> AsyncGenerator[bytes]:
            yield b"a" * 1000
            if token == "breaks":
                raise ConnectionError
            yield b"b"

        return OpenedFile("application/pdf", pieces())


@pytest.fixture
async def address(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Address of a door on a server of its own, for messages of at most 1000 bytes within half a second.

    Whoever sends more is listened to for as long as a busy machine takes to send it.
    """
    monkeypatch.setattr(door_module, "LINGER_SECONDS", 60.0)
    desk: Any = Desk()
    handler = PortalInbound(desk, InboundMessageSettings(), agency="H99", report_drift=lambda _service, _name: None)
    entrance = Entrance(handler, Doorman(access(), InboundSettings()))
    door = Door({"portal": entrance}, max_body_bytes=1000, timeout_seconds=0.5)
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def on_started(port: int) -> None:
        started.set_result(port)

    edge = Edge(door, AccessLog(LogSettings(level="error")))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (live(receive, send) if scope["type"] == "lifespan" else edge(scope, receive, send))

    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, read_timeout_seconds=5, stop=stop, on_started=on_started))
    yield f"http://127.0.0.1:{await started}/inbound/portal/"
    stop.set()
    await serving


async def test_bounds_hold_on_the_wire(address: str) -> None:
    """Five megabytes are answered before they are sent through, half a message after the time that it had."""
    async with httpx.AsyncClient(base_url=address, headers=HEADERS) as portal:
        large = await portal.post("nhanhsdvcqg", content=b"x" * 5_000_000)
        assert (large.status_code, large.json()["error_code"]) == (200, -1)
        assert "quá lớn" in large.json()["message"]
        stranger = await portal.post("nhanhsdvcqg", content=b"x" * 5_000_000, headers={"x-inbound-secret": "wrong"})
        assert (stranger.status_code, stranger.json()["error_code"]) == (403, -1)
    url = httpx.URL(address)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [
        "POST /inbound/portal/nhanhsdvcqg HTTP/1.1",
        "Host: x",
        f"X-Inbound-Secret: {SECRET}",
        "Content-Length: 99",
    ]
    writer.write("\r\n".join([*lines, "", "{"]).encode())
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 20)
    writer.close()
    assert b" 200 " in answer
    assert b'"error_code":-1' in answer


async def test_a_file_that_breaks_is_cut_off(address: str) -> None:
    """The connection ends before the answer does: no client can take a part for the whole."""
    async with httpx.AsyncClient(base_url=address) as portal:
        assert (await portal.get("downloadfile/whole")).content == b"a" * 1000 + b"b"
        with pytest.raises(httpx.RemoteProtocolError):
            await portal.get("downloadfile/breaks")
