"""The servers of the simulation side: the ASGI server, the forward gate, the LGSP gate."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from typing import Any

import aiohttp
import pytest

from adapters.transport.simulation.forward import PREFIXES, ForwardSimulator
from adapters.transport.simulation.lgsp import LgspSimulator
from adapters.transport.simulation.server import AsgiServer

PORTAL = "VN:GOV:000.00.00.G22:vpcpdvcprovider"


# --- AsgiServer -------------------------------------------------------------------------------------------


def test_a_server_leaves_signals_and_ports_as_they_were(run: Any, recorder: Any) -> None:
    """It lives inside a program that has its own idea of stopping."""

    async def scenario() -> int:
        before = signal.getsignal(signal.SIGINT)
        async with AsgiServer(recorder) as server:
            assert signal.getsignal(signal.SIGINT) == before
            async with aiohttp.ClientSession() as session, session.get(server.url) as answer:
                assert answer.status == 200
            return server.port

    port = run(scenario())
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_the_application_is_started_and_stopped(run: Any) -> None:
    """Its lifespan frames everything else."""
    events: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        while True:
            message = await receive()
            events.append(message["type"])
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def scenario() -> None:
        async with AsgiServer(app):
            assert events == ["lifespan.startup"]

    run(scenario())
    assert events == ["lifespan.startup", "lifespan.shutdown"]


async def test_an_application_that_cannot_start_is_said_so() -> None:
    """Instead of ending the whole process."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    server = AsgiServer(app)
    with pytest.raises(RuntimeError, match="refused to start"):
        await server.__aenter__()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


async def test_a_port_that_is_taken_is_said_so(recorder: Any) -> None:
    """The caller sees the system's own error."""
    async with AsgiServer(recorder) as first:
        with pytest.raises(OSError, match="in use"):
            await AsgiServer(recorder, port=first.port).__aenter__()


async def test_stopping_ends_what_hangs(recorder: Any) -> None:
    """An answer that never comes does not keep the server alive."""
    asked = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await recorder(scope, receive, send)
        else:
            asked.set()
            await asyncio.Event().wait()

    async with aiohttp.ClientSession() as session:
        async with AsgiServer(app) as server:
            hanging = asyncio.create_task(session.get(server.url).__aenter__())
            await asyncio.wait_for(asked.wait(), 30)
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 20
        # uvicorn answers 500 for a task it cancels.
        assert (await hanging).status == 500


# --- the forward gate -------------------------------------------------------------------------------------


async def _get(url: str, **headers: str) -> tuple[int, str | None, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, answer.headers.get("X-Road-Error"), await answer.read()


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_gate_takes_its_own_things_off_and_leaves_the_rest(recorder: Any, prefix: str) -> None:
    """Hop-by-hop headers, host and routing stay; path escapes, other parameters and headers pass."""
    async with AsgiServer(ForwardSimulator({PORTAL: recorder})) as server:
        status, error, _ = await _get(
            f"{server.url}{prefix}a%2Fb/c?x=1&dstcode={PORTAL}&y=%20", **{"X-A": "1", "Connection": "keep-alive"}
        )
    assert (status, error) == (200, None)
    seen = recorder.seen[0]
    assert (seen.path, seen.query) == ("/a%2Fb/c", "x=1&y=%20")
    assert seen.headers["x-a"] == "1"
    assert not {"dstcode", "host", "connection"} & set(seen.headers)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "Client.MissingHeaderField"),
        ("?dstcode=", 400, "Client.MissingHeaderField"),
        ("?dstcode=VN:GOV:nobody", 500, "Server.ClientProxy.UnknownMember"),
        (f"?dstcode={PORTAL}&providerurl=http%3A%2F%2Fx", 500, "Server.ServerProxy.UnknownService"),
    ],
)
async def test_what_is_not_routable_is_refused_as_a_security_server_does(
    recorder: Any, query: str, status: int, code: str
) -> None:
    """Status by the kind of error, the header, and the body of three fields."""
    async with AsgiServer(ForwardSimulator({PORTAL: recorder})) as server:
        got_status, got_code, body = await _get(f"{server.url}{PREFIXES[0]}mapi/g{query}")
    assert (got_status, got_code) == (status, code)
    assert json.loads(body).keys() == {"type", "message", "detail"}
    assert json.loads(body)["type"] == code
    assert recorder.seen == []


async def test_other_paths_are_not_the_gates(recorder: Any) -> None:
    """Only the forward path forwards."""
    async with AsgiServer(ForwardSimulator({PORTAL: recorder})) as server:
        status, error, _ = await _get(f"{server.url}/mapi/g", dstcode=PORTAL)
    assert (status, error, recorder.seen) == (404, None, [])


async def test_failures_come_in_order_and_end(recorder: Any) -> None:
    """Two of one, one of another, then the provider again."""
    gate = ForwardSimulator({PORTAL: recorder})
    gate.fail_next("Server.ClientProxy.NetworkError", count=2)
    gate.fail_next("Server.ServerProxy.ServiceFailed.IOError", after_provider=True)
    async with AsgiServer(gate) as server:
        codes = [(await _get(f"{server.url}{PREFIXES[0]}a", dstcode=PORTAL))[1] for _ in range(4)]
    assert codes == [*["Server.ClientProxy.NetworkError"] * 2, "Server.ServerProxy.ServiceFailed.IOError", None]
    assert len(recorder.seen) == 2


# --- the LGSP gate ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "body", "authorization", "status"),
    [
        ("POST", "grant_type=client_credentials", "Basic Y2s6Y3M=", 200),
        ("GET", "", "Basic Y2s6Y3M=", 405),
        ("POST", "grant_type=password", "Basic Y2s6Y3M=", 400),
        ("POST", "", "Basic Y2s6Y3M=", 400),
        ("POST", "grant_type=client_credentials", "Basic Y2s6eA==", 401),
        ("POST", "grant_type=client_credentials", "Bearer Y2s6Y3M=", 401),
        ("POST", "grant_type=client_credentials", "Basic %%%", 401),
        ("POST", "grant_type=client_credentials", "", 401),
    ],
)
async def test_the_token_endpoint_checks_what_the_wire_says(
    recorder: Any, method: str, body: str, authorization: str, status: int
) -> None:
    """Grant, method and credentials, each with the answer OAuth2 gives."""
    headers = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
    async with (
        AsgiServer(LgspSimulator(recorder, consumer=("ck", "cs"))) as server,
        aiohttp.ClientSession() as session,
        session.request(method, f"{server.url}/token", data=body, headers=headers) as answer,
    ):
        assert answer.status == status
        fields = await answer.json()
    assert ("access_token" in fields) == (status == 200)
    if status == 200:
        assert (fields["token_type"], fields["expires_in"]) == ("Bearer", 3600)


@pytest.mark.parametrize(
    "wrong", [{}, {"access_keys": {"AccessKey": "half"}}], ids=["asks for nothing", "half a header"]
)
def test_a_gate_that_checks_nothing_is_not_built(recorder: Any, wrong: dict[str, Any]) -> None:
    """A simulator more lenient than the real one proves nothing."""
    with pytest.raises(ValueError, match="access"):
        LgspSimulator(recorder, **wrong)
