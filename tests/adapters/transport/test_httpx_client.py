"""The httpx client that libraries are handed runs over the same wire and tells the same truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from adapters.transport.faults_to_errors import Call, Progress, Stage, to_error
from adapters.transport.http import HttpSettings, make_client
from adapters.transport.httpx_transport import PROGRESS
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import OutcomeUnknown, TryLater

WRITE = Call("h99_sso", "introspect", is_write=True)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(HttpSettings(), connection="h99_sso") as made:
        yield made


async def test_a_call_goes_there_and_back(client: httpx.AsyncClient, recorder: Any) -> None:
    """Body, headers, parameters and the answer are httpx's own objects."""
    recorder.headers = (("X-A", "1"), ("X-A", "2"))
    async with AsgiServer(recorder) as server:
        answer = await client.post(f"{server.url}/token", params={"q": "ấ"}, data={"grant_type": "x"})
    assert (answer.status_code, answer.json()) == (200, {"error_code": "0"})
    assert answer.headers.get_list("x-a") == ["1", "2"]
    seen = recorder.seen[0]
    assert (seen.path, seen.query, seen.body) == ("/token", "q=%E1%BA%A5", b"grant_type=x")
    assert seen.headers["accept-encoding"] == "identity"


async def test_a_streamed_body_is_sent_whole(client: httpx.AsyncClient, recorder: Any) -> None:
    """A library may hand over its body in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cd"

    async with AsgiServer(recorder) as server:
        await client.post(server.url, content=pieces())
    assert recorder.seen[0].body == b"abcd"


async def test_no_cookie_and_no_redirect(client: httpx.AsyncClient, recorder: Any) -> None:
    """The same rules as for our own client."""
    recorder.status = 302
    recorder.headers = (("Set-Cookie", "a=b"), ("Location", "/elsewhere"))
    async with AsgiServer(recorder) as server:
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 302
    assert all("cookie" not in seen.headers for seen in recorder.seen)


async def test_closed_without_a_reply_is_a_read_error(client: httpx.AsyncClient, serve_raw: Any) -> None:
    """The case for which this transport exists: not ConnectTimeout, so nobody sends twice."""

    async def slam(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with serve_raw(slam) as partner:
        progress = Progress()
        with pytest.raises(httpx.ReadError) as caught:
            await client.post(partner.url, content=b"{}", extensions={PROGRESS: progress})
    assert progress.stage is Stage.SENT
    assert type(to_error(caught.value, WRITE)) is OutcomeUnknown
    assert str(caught.value.request.url).startswith(partner.url)


async def test_an_answer_that_breaks_off_is_a_read_error(
    client: httpx.AsyncClient, serve_raw: Any, read_request: Any
) -> None:
    """Also while the body is read."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await writer.drain()

    async with serve_raw(half) as partner:
        with pytest.raises(httpx.ReadError):
            await client.get(partner.url)


async def test_a_refused_connection_is_a_connect_error(client: httpx.AsyncClient) -> None:
    """And means that nothing was sent."""
    with pytest.raises(httpx.ConnectError) as caught:
        await client.post("http://127.0.0.1:1/", content=b"{}")
    assert type(to_error(caught.value, WRITE)) is TryLater


async def test_a_stubbed_partner_works_over_our_transport(client: httpx.AsyncClient) -> None:
    """Tests of adapters that use a library may stub its partner with respx."""
    with respx.mock(using="httpx") as router:
        router.get("http://sso.h99.example/jwks").respond(json={"keys": []})
        router.get("http://sso.h99.example/down").mock(side_effect=httpx.ReadTimeout)
        assert (await client.get("http://sso.h99.example/jwks")).json() == {"keys": []}
        with pytest.raises(httpx.ReadTimeout):
            await client.get("http://sso.h99.example/down")


async def test_addresses_are_not_logged(
    client: httpx.AsyncClient, recorder: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """By itself httpx writes every address with its query at INFO."""
    caplog.set_level(logging.DEBUG)
    async with AsgiServer(recorder) as server:
        await client.get(server.url, params={"id": "099199000123"})
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    assert "099199000123" not in "".join(record.getMessage() for record in ours)
