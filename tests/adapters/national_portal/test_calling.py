"""The simulated portal calls the province when it is told to, and says what it was answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from adapters.national_portal.simulator import SimulatorApp
from adapters.national_portal.simulator.app import CONTROL
from adapters.transport.simulation.asgi import answer, header, live, read_body
from adapters.transport.simulation.server import AsgiServer
from tests.adapters.national_portal import situations as s


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorApp]:
    """A simulator of its own."""
    app = SimulatorApp(s.settings())
    yield app
    await app.calling.aclose()


async def control(app: SimulatorApp, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Call the control plane."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": f"{CONTROL}/{path}".rstrip("/"), "headers": []}
    await app(scope, receive, send)
    content = sent[1]["body"]
    return sent[0]["status"], orjson.loads(content) if content.startswith((b"{", b"[")) else content.decode()


async def test_it_calls_every_service_with_its_secret_and_notes_what_was_answered(simulator: SimulatorApp) -> None:
    """By JSON and by the page's button; what it notes holds no content and no address of a file."""
    heard: list[tuple[str, str, str | None]] = []

    async def province(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        await read_body(receive)
        heard.append((scope["method"], scope["path"], header(scope, "x-inbound-secret")))
        await answer(send, 200, b'{"error_code":0}')

    assert (await control(simulator, "POST", "calls/search"))[0] == 409
    async with AsgiServer(province) as server:
        target = {"url": f"http://{server.host}:{server.port}/inbound/portal", "secret": "s3"}
        assert (await control(simulator, "POST", "inbound_target", orjson.dumps(target)))[0] == 200
        for name in simulator.calling.samples:
            status, said = await control(simulator, "POST", f"calls/{name}")
            assert (status, said["status"], said["answer"]) == (200, 200, {"error_code": 0})
        await control(simulator, "POST", "calls/fetch_file", b'{"token": "abc"}')
        await control(simulator, "POST", "", b"call=search")
        own = await control(simulator, "POST", "calls/search", b'{"message": {"masohoso": "X"}}')
        assert own[1]["sent"] == {"masohoso": "X"}
    assert {secret for _, _, secret in heard} == {"s3"}
    assert ("GET", "/inbound/portal/downloadfile/abc", "s3") in heard
    _, state = await control(simulator, "GET", "state")
    assert [one["code"] for one in state["calls_out"]] == ["0"] * 9
    assert "abc" not in str(state["calls_out"])
    _, page = await control(simulator, "GET", "")
    assert "Nộp hồ sơ trên Cổng" in page


async def test_wishes_that_make_no_sense_are_refused(simulator: SimulatorApp) -> None:
    """Unknown calls, wrong fields, and a province that does not answer."""
    assert (await control(simulator, "POST", "inbound_target", b'{"url": "ftp://x"}'))[0] == 422
    assert (await control(simulator, "POST", "calls/search", b'{"x": 1}'))[0] == 422
    await control(simulator, "POST", "inbound_target", b'{"url": "http://127.0.0.1:1/inbound/portal"}')
    assert (await control(simulator, "POST", "calls/nothing"))[0] == 404
    status, said = await control(simulator, "POST", "calls/search")
    assert (status, said["status"]) == (200, 0)
