"""The server on a real socket: bounded in time and size, clean at the end, clear when it cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.settings import LogSettings
from hub.web import problems, protocol, server
from hub.web.access_log import AccessLog
from hub.web.answers import Answer
from hub.web.body import ARRIVED, read_body
from hub.web.edge import Edge
from hub.web.server import ServerStartError, listen, serve

LIMIT = 100_000
PATIENCE = 30
"""Seconds for what happens in the end, however busy the machine is."""


class Echo:
    """An application that reads a body and answers with what it knows of the request."""

    def __init__(self) -> None:
        self.read_timeout = 5.0
        self.before_answer = asyncio.Event()
        self.before_answer.set()
        self.begun = asyncio.Event()
        self.working = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        headers = dict(scope["headers"])
        arrived = ARRIVED in scope
        self.begun.set()
        body = await read_body(
            receive, headers, max_bytes=LIMIT, timeout_seconds=self.read_timeout, has_arrived=arrived
        )
        self.working.set()
        await self.before_answer.wait()
        known = {
            "path": scope["path"],
            "client": scope["client"][0],
            "scheme": scope["scheme"],
            "size": len(body),
            "arrived": arrived,
        }
        await Answer(200, orjson.dumps(known))(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


class Edged:
    """An edge that lets the server's life cycle through, as the application does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._edge = Edge(app, AccessLog(LogSettings(), io.StringIO()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await (self._edge if scope["type"] == "http" else self._app)(scope, receive, send)


class Live:
    """A running server."""

    def __init__(self, app: Echo, port: int, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.app, self.port, self.stop, self.task = app, port, stop, task

    async def talk(self, request: bytes, *, then_close: bool = False) -> bytes:
        """Send bytes and return everything that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        if then_close:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def running(app: Echo, *, read_timeout: float = 5.0) -> AsyncIterator[Live]:
    """Run a server for the length of the block."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()

    async def on_started(port: int) -> None:
        started.set_result(port)

    task = asyncio.create_task(
        serve(Edged(app), "127.0.0.1", 0, read_timeout_seconds=read_timeout, stop=stop, on_started=on_started)
    )
    try:
        yield Live(app, await asyncio.wait_for(started, PATIENCE), stop, task)
    finally:
        app.before_answer.set()
        stop.set()
        await asyncio.wait_for(task, PATIENCE)


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    """A server around `Echo`."""
    async with running(Echo()) as started:
        yield started


def parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Split one answer into status, headers and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


CLOSE = b"Connection: close\r\n"


async def test_it_serves_and_says_nothing_of_itself(live: Live) -> None:
    """No server banner: versions help nobody but an attacker."""
    status, headers, body = parts(await live.talk(b"GET /x HTTP/1.1\r\nHost: h\r\n" + CLOSE + b"\r\n"))
    assert status == 200
    assert orjson.loads(body)["path"] == "/x"
    assert "server" not in headers
    assert "date" in headers


async def test_nobody_can_say_who_he_is(live: Live) -> None:
    """Forwarding headers are ignored: the metrics' network check and the throttle rely on the real address."""
    request = (
        b"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
        b"Forwarded: for=203.0.113.9\r\n" + CLOSE + b"\r\n"
    )
    _, _, body = parts(await live.talk(request))
    assert orjson.loads(body)["client"] == "127.0.0.1"
    assert orjson.loads(body)["scheme"] == "http"


async def test_requests_on_one_connection(live: Live) -> None:
    """A kept connection serves one request after the other, also when they are sent at once."""
    one = b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n%s\r\nabc"
    answer = await live.talk(one % (1, b"") + one % (2, b"") + one % (3, CLOSE))
    assert answer.count(b"HTTP/1.1 200") == 3
    assert [answer.index(b'"/%d"' % n) for n in (1, 2, 3)] == sorted(answer.index(b'"/%d"' % n) for n in (1, 2, 3))


async def test_a_request_says_when_it_is_here_to_its_last_byte(live: Live) -> None:
    """Only then no time is taken for its body; a body on its way has its limit, and one without a body is here."""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n" + CLOSE + b"\r\n"
    assert b'"size":5,"arrived":true' in await live.talk(head + b"abcde")
    assert b'"size":0,"arrived":true' in await live.talk(b"GET / HTTP/1.1\r\nHost: h\r\n" + CLOSE + b"\r\n")
    live.app.begun.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    writer.write(head + b"ab")
    await asyncio.wait_for(live.app.begun.wait(), PATIENCE)
    writer.write(b"cde")
    assert b'"size":5,"arrived":false' in await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()


async def test_a_wish_for_another_protocol_is_not_heeded(live: Live) -> None:
    """Who asks for WebSocket is answered in HTTP, and nothing waits for what the parser will not read."""
    wish = b"GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n"
    status, _, body = parts(await live.talk(wish))
    assert (status, orjson.loads(body)["path"]) == (200, "/x")


class _Sent(asyncio.Transport):
    """A transport that remembers what is sent, and how."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 7)})
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def test_head_and_body_leave_in_one_piece() -> None:
    """What is written twice in a turn is sent once, in its order; what stays alone is sent when the turn ends."""
    sent = _Sent()
    joined = protocol.JoinedWrites(sent)
    joined.write(b"head ")
    assert sent.sent == []
    joined.write(memoryview(b"body"))
    assert sent.sent == [b"head body"]
    joined.write(b"more")
    await asyncio.sleep(0)
    joined.write(b"one ")
    joined.write(b"two")
    joined.write(b"the last")
    assert not joined.is_closing()
    joined.close()
    await asyncio.sleep(0)
    assert sent.sent == [b"head body", b"more", b"one two", b"the last"]
    assert joined.is_closing()
    assert (joined.get_extra_info("peername"), joined.get_extra_info("cipher", 0)) == (("127.0.0.1", 7), 0)


async def test_an_answer_is_one_segment(live: Live) -> None:
    """A reader that takes what is there has all of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    for _ in range(20):
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        status, headers, body = parts(await asyncio.wait_for(reader.read(65_536), PATIENCE))
        assert (status, int(headers["content-length"])) == (200, len(body))
    writer.close()


NO_HTTP = [
    b"hello\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]


async def test_what_is_no_http_is_answered_with_a_problem(live: Live, subtests: pytest.Subtests) -> None:
    """Also before there is a request, the answer is a problem in both languages, and the connection ends."""
    for request in NO_HTTP:
        with subtests.test(repr(request)):
            answer = await live.talk(request)
            status, headers, body = parts(answer)
            assert status == 400
            assert headers["content-type"] == "application/problem+json"
            assert headers["connection"] == "close"
            problem = orjson.loads(body)
            assert problem["code"] == "malformed_request"
            assert problem["detail_vi"]


async def test_a_large_body_is_refused_before_it_is_sent(live: Live) -> None:
    """The answer comes while the body is still on its way."""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000000\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    writer.write(head + b"x" * 1000)
    answer = await asyncio.wait_for(reader.readuntil(b"}"), PATIENCE)
    assert parts(answer)[0] == 413
    writer.close()


async def test_a_chunked_body_is_cut_at_the_limit(monkeypatch: pytest.MonkeyPatch, live: Live) -> None:
    """Without a declared size the limit holds all the same."""
    monkeypatch.setattr(problems, "LINGER_SECONDS", 60.0)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    request = (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + CLOSE + b"\r\n" + chunk * 4 + b"0\r\n\r\n"
    )
    status, _, body = parts(await live.talk(request))
    assert (status, orjson.loads(body)["code"]) == (413, "body_too_large")


async def test_the_connection_survives_a_refused_body(live: Live) -> None:
    """After 413 the rest of the body is thrown away, and the next request on the connection is served."""
    big = LIMIT * 3
    request = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % big + b"x" * big
    answer = await live.talk(request + b"GET /next HTTP/1.1\r\nHost: h\r\n" + CLOSE + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"/next"' in answer


async def test_a_slow_body_gets_408(monkeypatch: pytest.MonkeyPatch, live: Live) -> None:
    """The time runs out for the body as a whole; the connection ends."""
    monkeypatch.setattr(problems, "LINGER_SECONDS", 0.1)
    live.app.read_timeout = 0.2
    status, headers, body = parts(await live.talk(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"))
    assert (status, orjson.loads(body)["code"]) == (408, "body_too_slow")
    assert headers["connection"] == "close"


async def test_who_never_finishes_a_request_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open connection that sends nothing, or half a head, does not stay for ever."""
    begun = [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ", b"POST / HTTP/1.1\r\n"]
    monkeypatch.setattr(protocol, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(server, "_SWEEP_MARGIN_SECONDS", 0.0)
    async with running(Echo(), read_timeout=0.2) as live:
        assert await asyncio.gather(*map(live.talk, begun)) == [b""] * len(begun)


async def test_a_working_request_is_not_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time counts while the client sends, not while the hub works."""
    monkeypatch.setattr(protocol, "SWEEP_SECONDS", 0.02)
    app = Echo()
    app.before_answer.clear()

    async def without_patience(connections: Iterable[Any], _patience: float) -> None:
        await app.working.wait()
        await protocol.sweep(connections, 0.0)

    monkeypatch.setattr(server, "sweep", without_patience)
    async with running(app) as live:
        talking = asyncio.create_task(live.talk(b"GET / HTTP/1.1\r\nHost: h\r\n" + CLOSE + b"\r\n"))
        await asyncio.wait_for(app.working.wait(), PATIENCE)
        await asyncio.sleep(0.3)
        app.before_answer.set()
        assert (await talking).startswith(b"HTTP/1.1 200")


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch, live: Live) -> None:
    """One more than there may be is closed at once; the others are served."""
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    await asyncio.sleep(0.1)
    assert await live.talk(b"") == b""
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n" + CLOSE + b"\r\n")
    assert (await asyncio.wait_for(reader.read(), PATIENCE)).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_running_request_is_finished_before_the_end() -> None:
    """A stop accepts nothing new and lets what was begun get its answer."""
    app = Echo()
    app.before_answer.clear()
    async with running(app) as live:
        talking = asyncio.create_task(live.talk(b"GET /last HTTP/1.1\r\nHost: h\r\n\r\n"))
        await asyncio.wait_for(app.working.wait(), PATIENCE)
        live.stop.set()
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(OSError):  # refused or reset, as the kernel likes
                while True:
                    await live.talk(b"")  # taken before the stop was heard, and closed by it
        assert not live.task.done()
        app.before_answer.set()
        assert b'"/last"' in await talking
        await asyncio.wait_for(live.task, PATIENCE)


async def test_idle_connections_do_not_delay_the_end(live: Live) -> None:
    """Kept connections without a request are closed at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"}"), PATIENCE)
    live.stop.set()
    await asyncio.wait_for(live.task, PATIENCE)
    assert await reader.read() == b""
    writer.close()


def test_a_port_in_use_is_told() -> None:
    """One sentence in each language that names the port and the way out."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerStartError) as failed:
            listen("127.0.0.1", port)
    sentence = failed.value.sentence
    assert str(port) in sentence.en
    assert "LIENTHONG_API__PORT" in sentence.en
    assert str(port) in sentence.vi
    assert "LIENTHONG_API__PORT" in sentence.vi


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1"])
def test_an_address_that_is_not_ours_is_told(host: str) -> None:
    """The same for an address this machine does not have."""
    with pytest.raises(ServerStartError) as failed:
        listen(host, 0)
    assert "LIENTHONG_API__HOST" in failed.value.sentence.en
    assert "LIENTHONG_API__HOST" in failed.value.sentence.vi


def test_ipv6_is_served() -> None:
    """Where the machine has IPv6, the loopback of it can be listened on."""
    try:
        with listen("::1", 0) as listener:
            assert listener.family == socket.AF_INET6
    except ServerStartError:
        pytest.skip("this machine has no IPv6")


_PROGRAM = """
import asyncio, sys
from hub.web.answers import Answer
from hub.web.server import serve
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
    else:
        await Answer(200, b"{}")(scope, receive, send)
async def started(port): print(port, flush=True)
async def main():
    await serve(app, "127.0.0.1", 0, read_timeout_seconds=5, on_started=started)
    print("after", flush=True)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
async def test_signals_end_it_cleanly(number: signal.Signals) -> None:
    """SIGTERM and SIGINT stop the server and nothing else: what comes after it still runs, and the code is 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        lines: list[bytes] = []
        async with asyncio.timeout(30):
            while not lines or not lines[-1].strip().isdigit():
                lines.append(await process.stdout.readline())
            os.kill(process.pid, number)
            rest = await process.stdout.read()
            assert rest.decode().endswith("after\n")
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
