"""Every way a partner can fail, on a real connection, for a write and for a read: which reaction follows."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from adapters.transport.connection import Connection
from adapters.transport.http import HttpClient, HttpSettings
from adapters.transport.simulation.faults import FaultKind, FaultPlan
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import LienThongError, Malformed, OutcomeUnknown, TryLater, Unsupported

CONNECTION = "h99_portal"
LIMIT = 10_000
DEADLINE = 30.0
SHORT_DEADLINE = 1.0
"""For calls that end by their deadline: it must not be over before they are sent, or nothing is in doubt."""


async def _ask(
    url: str, *, is_write: bool, deadline: float = DEADLINE, connect_timeout: float = 10, **request: Any
) -> LienThongError | int:
    """Return the status, or the error, of one call."""
    settings = HttpSettings(max_response_bytes=LIMIT, connect_timeout_seconds=connect_timeout).allowing(url)
    client = HttpClient(settings, connection=CONNECTION)
    try:
        answer = await client.request(
            "POST",
            f"{url}/mapi/g",
            operation="push_dossier",
            deadline_seconds=deadline,
            is_write=is_write,
            content=b'{"MaHoSo":"H99-260101-0001"}',
            **request,
        )
    except LienThongError as exc:
        return exc
    finally:
        await client.aclose()
    return answer.status


# --- faults of the proxy ----------------------------------------------------------------------------------

BY_FAULT: dict[FaultKind, tuple[type, type, bool]] = {
    FaultKind.REFUSE: (TryLater, TryLater, False),
    FaultKind.RESET_BEFORE: (OutcomeUnknown, TryLater, False),
    FaultKind.RESET_AFTER: (OutcomeUnknown, TryLater, True),
    FaultKind.SILENCE: (OutcomeUnknown, TryLater, False),
    FaultKind.SLOW: (OutcomeUnknown, TryLater, True),
    FaultKind.TRUNCATED: (OutcomeUnknown, TryLater, True),
    FaultKind.DRIP: (OutcomeUnknown, TryLater, True),
}
"""Fault → reaction of a write, reaction of a read, whether the provider carried the request out."""
WITHOUT_END = {FaultKind.SILENCE, FaultKind.SLOW, FaultKind.DRIP}
"""What ends by our deadline alone."""


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in WITHOUT_END else ()) for kind in BY_FAULT]
)
def test_each_fault_of_the_wire_has_its_reaction(run: Any, recorder: Any, kind: FaultKind, is_write: bool) -> None:  # noqa: FBT001
    """Only a connection that could not be made is "nothing was sent"; everything else leaves a write in doubt."""

    async def scenario() -> LienThongError | int:
        plan = FaultPlan()
        async with AsgiServer(recorder) as server, FaultProxy(plan, CONNECTION, server.host, server.port) as proxy:
            plan.add(kind, connection=CONNECTION)
            deadline = SHORT_DEADLINE if kind in WITHOUT_END else DEADLINE
            outcome = await _ask(proxy.url, is_write=is_write, deadline=deadline)
            plan.clear()
            await asyncio.sleep(0)
        assert proxy.committed[kind] == 1
        return outcome

    expected_write, expected_read, processed = BY_FAULT[kind]
    outcome = run(scenario())
    assert type(outcome) is (expected_write if is_write else expected_read)
    assert len(recorder.seen) == int(processed)


# --- faults of a raw partner ------------------------------------------------------------------------------


def _answers(raw: bytes) -> Callable[[Any], Any]:
    def make(read_request: Any) -> Any:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(raw)
            await writer.drain()

        return handler

    return make


def _with_body(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


RAW: dict[str, tuple[bytes, type, type]] = {
    "closed without a reply": (b"", OutcomeUnknown, TryLater),
    "status line only": (b"HTTP/1.1 200 OK\r\n", OutcomeUnknown, TryLater),
    "no http at all": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Malformed, Malformed),
    "impossible header": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", Malformed, Malformed),
    "header too long": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 9_000 + b"\r\n\r\n", Malformed, Malformed),
    "too many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n", Malformed, Malformed),
    "too large, announced": (_with_body(b"a" * (LIMIT + 1)), Malformed, Malformed),
    "too large, chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"
        + b"a" * 4096
        + b"\r\n"
        + b"2000\r\n"
        + b"a" * 8192
        + b"\r\n0\r\n\r\n",
        Malformed,
        Malformed,
    ),
    "chunks that do not add up": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        Malformed,
        Malformed,
    ),
    "shorter than announced": (_with_body(b"{}", length=50), OutcomeUnknown, TryLater),
    "unpacks to too much": (
        _with_body(gzip.compress(b"a" * 5_000_000), "Content-Encoding: gzip"),
        Malformed,
        Malformed,
    ),
    "not gzip at all": (_with_body(b"plain", "Content-Encoding: gzip"), Malformed, Malformed),
    "gzip that breaks off": (
        _with_body(gzip.compress(b"abc" * 100)[:-9], "Content-Encoding: gzip"),
        Malformed,
        Malformed,
    ),
    "unknown coding": (_with_body(b"abc", "Content-Encoding: br"), Malformed, Malformed),
}
"""What a partner sends before it closes → reaction of a write, of a read."""


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize("case", list(RAW))
def test_each_broken_answer_has_its_reaction(
    run: Any,
    serve_raw: Any,
    read_request: Any,
    case: str,
    is_write: bool,  # noqa: FBT001
) -> None:
    """No answer leaves a write in doubt; an answer that breaks the contract is quarantined or settled by asking."""
    raw, expected_write, expected_read = RAW[case]

    async def scenario() -> LienThongError | int:
        async with serve_raw(_answers(raw)(read_request)) as partner:
            return await _ask(partner.url, is_write=is_write)

    outcome = run(scenario())
    assert type(outcome) is (expected_write if is_write else expected_read)


def test_an_answer_that_goes_wrong_on_the_way_is_judged_at_once(run: Any, serve_raw: Any, read_request: Any) -> None:
    """As if it had come in one piece: how an answer is cut on the way changes nothing, and nobody waits in vain."""

    async def breaks_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(b"zz\r\n")
        await writer.drain()

    async def scenario() -> Any:
        async with serve_raw(breaks_later) as partner:
            return await _ask(partner.url, is_write=True, deadline=60)

    assert type(run(scenario())) is Malformed


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
def test_a_name_that_is_not_found_is_nothing_sent(run: Any, is_write: bool) -> None:  # noqa: FBT001
    """Name resolution comes before everything else."""
    assert type(run(_ask("http://nobody.invalid:8080", is_write=is_write))) is TryLater


def test_a_partner_that_accepts_no_connection_in_time_is_nothing_sent(run: Any) -> None:
    """The connect timeout ends the attempt long before the deadline, and a write is known to be unsent."""

    async def scenario() -> tuple[LienThongError | int, float]:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            # Two connections fill the queue nobody takes from; the next handshake is left waiting.
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            started = asyncio.get_running_loop().time()
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            outcome = await _ask(url, is_write=True, connect_timeout=0.2)
            for filler in fillers:
                filler.close()
            return outcome, asyncio.get_running_loop().time() - started

    outcome, took = run(scenario())
    assert type(outcome) is TryLater
    assert took < DEADLINE / 2


def test_waiting_for_a_free_connection_is_nothing_sent(run: Any, serve_raw: Any) -> None:
    """A write whose deadline passes in our own queue is tried again without asking anybody."""

    async def scenario() -> tuple[Any, Any, int]:
        asked = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(1)
            asked.set()
            await reader.read()

        async with AsyncExitStack() as stack:
            partner = await stack.enter_async_context(serve_raw(silent))
            client = HttpClient(HttpSettings(max_connections=1).allowing(partner.url), connection=CONNECTION)
            stack.push_async_callback(client.aclose)

            async def write(deadline: float) -> Any:
                return await client.request(
                    "POST", f"{partner.url}/a", operation="o", deadline_seconds=deadline, is_write=True, content=b"1"
                )

            under_way = asyncio.create_task(write(DEADLINE))
            await asyncio.wait_for(asked.wait(), DEADLINE)
            (second,) = await asyncio.gather(write(0.1), return_exceptions=True)
            await client.aclose()
            (first,) = await asyncio.gather(under_way, return_exceptions=True)
            return first, second, partner.connections

    first, second, connections = run(scenario())
    assert type(first) is OutcomeUnknown
    assert type(second) is TryLater
    assert connections == 1


@pytest.mark.parametrize("header", ["a\r\nX-Other: b", "a\nb", "a\x00b"])
def test_a_header_that_would_break_the_wire_is_not_sent(run: Any, recorder: Any, header: str) -> None:
    """Nothing can be smuggled into a request through a header value."""

    async def scenario() -> LienThongError | int:
        async with AsgiServer(recorder) as server:
            return await _ask(server.url, is_write=True, headers={"AuthHash": header})

    assert type(run(scenario())) is Unsupported
    assert recorder.seen == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"])
def test_no_request_is_ever_sent_twice(run: Any, serve_raw: Any, read_request: Any, method: str) -> None:
    """A kept connection that dies under a request must not make the wire repeat it by itself."""
    received: list[bytes] = []

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        received.append(await read_request(reader))

    async def scenario() -> Any:
        async with serve_raw(answers_once) as partner:
            client = HttpClient(HttpSettings().allowing(partner.url), connection=CONNECTION)

            async def write(method: str) -> Any:
                return await client.request(
                    method, f"{partner.url}/a", operation="o", deadline_seconds=DEADLINE, is_write=True
                )

            try:
                assert (await write("POST")).status == 200
                with pytest.raises(OutcomeUnknown):
                    await write(method)
                await asyncio.sleep(0.02)
            finally:
                await client.aclose()
            assert partner.connections == 1

    run(scenario())
    assert len(received) == 2


@pytest.mark.parametrize("content", [b"{}", None], ids=["with a body", "without"])
def test_a_connection_that_closes_before_the_first_byte_is_nothing_sent(
    run: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """A kept connection the partner closes at the wrong moment does not make the write doubtful."""
    exchange = Connection.exchange

    async def exchange_too_late(self: Any, *request: Any, **more: Any) -> Any:
        self._transport.close()
        return await exchange(self, *request, **more)

    monkeypatch.setattr(Connection, "exchange", exchange_too_late)

    async def scenario() -> Any:
        async with AsgiServer(recorder) as server:
            client = HttpClient(HttpSettings().allowing(server.url), connection=CONNECTION)
            try:
                with pytest.raises(TryLater):
                    await client.request(
                        "POST", server.url, operation="o", deadline_seconds=DEADLINE, is_write=True, content=content
                    )
            finally:
                await client.aclose()

    run(scenario())
    assert recorder.seen == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_new_connection_that_closes_is_not_tried_anew(
    run: Any, serve_raw: Any, read_request: Any, method: str
) -> None:
    """Not even for a method that HTTP calls idempotent: what it is at the partner, the adapter says."""
    received: list[bytes] = []

    async def takes_and_closes(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        received.append(await read_request(reader))

    async def scenario() -> Any:
        async with serve_raw(takes_and_closes) as partner:
            client = HttpClient(HttpSettings().allowing(partner.url), connection=CONNECTION)
            try:
                with pytest.raises(OutcomeUnknown):
                    await client.request(
                        method, partner.url, operation="o", deadline_seconds=DEADLINE, is_write=True, content=b"{}"
                    )
                await asyncio.sleep(0.02)
            finally:
                await client.aclose()

    run(scenario())
    assert len(received) == 1


@pytest.mark.slow
def test_the_deadline_covers_the_whole_answer(run: Any, serve_raw: Any, read_request: Any) -> None:
    """An answer that keeps coming, a little at a time, does not live longer than the deadline."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        for _ in range(9000):
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def scenario() -> tuple[Any, float]:
        async with serve_raw(endless) as partner:
            started = asyncio.get_running_loop().time()
            outcome = await _ask(partner.url, is_write=True, deadline=SHORT_DEADLINE)
            return outcome, asyncio.get_running_loop().time() - started

    outcome, took = run(scenario())
    assert type(outcome) is OutcomeUnknown
    # uvloop counts in whole milliseconds.
    assert SHORT_DEADLINE - 0.01 <= took < SHORT_DEADLINE + 30, "the answer alone takes ninety seconds"


def test_a_cancelled_call_is_cancelled(run: Any, serve_raw: Any) -> None:
    """A worker that is told to stop sees its own cancellation, not a made-up error."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def scenario() -> None:
        async with serve_raw(silent) as partner:
            task = asyncio.create_task(_ask(partner.url, is_write=True, deadline=10))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(scenario())
