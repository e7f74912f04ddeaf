"""The fault proxy passes everything on unchanged, and commits exactly the faults it was asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.http import HttpClient, HttpSettings
from adapters.transport.simulation.faults import FaultKind, FaultPlan
from adapters.transport.simulation.http_framing import BrokenMessageError, read_answer_head, read_request_head
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import LienThongError, OutcomeUnknown, TryLater
from tests.ports import until_port

PORTAL = "national_portal"


def _service(_method: str, _target: str, _headers: Mapping[str, str], body: bytes) -> str | None:
    """Name the operation as the portal does, by a field of the body."""
    name: str = json.loads(body)["service"]
    return name


def _size(_method: str, _target: str, _headers: Mapping[str, str], body: bytes) -> str | None:
    """Name the operation by how long its body is."""
    return str(len(body))


@asynccontextmanager
async def _proxy(app: Any, plan: FaultPlan, **more: Any) -> AsyncIterator[FaultProxy]:
    async with AsgiServer(app) as server, FaultProxy(plan, PORTAL, server.host, server.port, **more) as proxy:
        yield proxy


async def _write(client: HttpClient, proxy: FaultProxy, body: bytes = b"{}", deadline: float = 30) -> Any:
    return await client.request(
        "POST", f"{proxy.url}/mapi/g", operation="push", deadline_seconds=deadline, is_write=True, content=body
    )


def _client(proxy: FaultProxy) -> HttpClient:
    return HttpClient(HttpSettings(connect_timeout_seconds=10).allowing(proxy.url), connection=PORTAL)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


async def _settle() -> None:
    """Let the loop look at its sockets many times; one long sleep may be a single turn on a machine that is busy."""
    for _ in range(20):
        await asyncio.sleep(0.001)


# --- passing on -------------------------------------------------------------------------------------------


async def test_many_requests_on_one_connection_pass_unchanged(recorder: Any) -> None:
    """Without a wish the proxy is invisible: same bodies, same headers, connections kept."""
    recorder.headers = (("X-Road-Request-Id", "7"),)
    async with _proxy(recorder, FaultPlan()) as proxy, aclosing(_client(proxy)) as client:
        bodies = [b"", b"a", b"x" * 300_000, b'{"service":"TraCuuHoSo"}']
        for body in bodies:
            answer = await _write(client, proxy, body)
            assert (answer.status, answer.content) == (200, recorder.body)
            assert answer.headers["x-road-request-id"] == "7"
        assert proxy.passed == 4
    assert [seen.body for seen in recorder.seen] == bodies


async def test_an_answer_without_a_body_keeps_the_connection(recorder: Any) -> None:
    """It is complete with its head, which is no reason to hang up."""
    recorder.body = b""
    async with _proxy(recorder, FaultPlan()) as proxy, aclosing(_client(proxy)) as client:
        for _ in range(3):
            assert (await _write(client, proxy)).content == b""


@pytest.mark.parametrize("operation_of", [None, _size], ids=["streamed", "held"])
async def test_chunked_bodies_pass_both_ways(recorder: Any, operation_of: Any) -> None:
    """A client that streams and a server that answers in chunks work through the proxy."""

    async def chunked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await recorder(scope, receive, send)
            return
        size = 0
        while (message := await receive()).get("more_body"):
            size += len(message["body"])
        size += len(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"%d;" % size, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"y" * 10_000

    async with (
        _proxy(chunked, FaultPlan(), operation_of=operation_of) as proxy,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(2):
            async with session.post(f"{proxy.url}/a", data=pieces()) as answer:
                assert await answer.read() == b"50000;" * 3


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 200)])
async def test_answers_without_a_body_do_not_block_the_next(recorder: Any, method: str, status: int) -> None:
    """The end of an answer is found by the rules of HTTP, not by waiting."""
    recorder.status = status
    recorder.body = b"" if status != 200 else b"abc"
    async with _proxy(recorder, FaultPlan()) as proxy, aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.request(method, f"{proxy.url}/a") as answer:
                assert answer.status == status
                assert await answer.read() == (b"" if method == "HEAD" else recorder.body)


async def test_an_answer_that_ends_with_the_connection_passes(serve_raw: Any, read_request: Any) -> None:
    """Old servers mark the end of an answer by closing."""

    async def until_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        await writer.drain()

    async with (
        serve_raw(until_close) as partner,
        FaultProxy(FaultPlan(), PORTAL, "127.0.0.1", partner.port) as proxy,
        aclosing(_client(proxy)) as client,
    ):
        assert (await _write(client, proxy)).content == b"all of it"


async def test_an_interim_answer_is_not_the_answer(serve_raw: Any, read_request: Any) -> None:
    """A 100 or 103 before the answer is left out."""

    async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async with (
        serve_raw(hints) as partner,
        FaultProxy(FaultPlan(), PORTAL, "127.0.0.1", partner.port) as proxy,
        aclosing(_client(proxy)) as client,
    ):
        assert (await _write(client, proxy)).content == b"ok"


async def test_a_provider_that_is_down_looks_like_one(recorder: Any) -> None:
    """The proxy makes up no answer of its own."""
    async with AsgiServer(recorder) as server:
        port = server.port
    async with FaultProxy(FaultPlan(), PORTAL, "127.0.0.1", port) as proxy, aclosing(_client(proxy)) as client:
        with pytest.raises(OutcomeUnknown):
            await _write(client, proxy)


async def test_nonsense_is_not_passed_on(recorder: Any) -> None:
    """Bytes that are no HTTP end the connection."""
    async with _proxy(recorder, FaultPlan()) as proxy:
        for nonsense in (b"\x16\x03\x01 tls hello\r\n\r\n", b"POST /a HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"GET"):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(nonsense)
            writer.write_eof()
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()
        assert recorder.seen == []


@given(st.binary(max_size=300))
async def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """Whatever comes, the head is read, or refused as broken, or nothing was there."""
    for read in (read_request_head, read_answer_head):
        reader = asyncio.StreamReader()
        reader.feed_data(raw + b"\r\n\r\n")
        reader.feed_eof()
        try:
            head = await read(reader)
        except BrokenMessageError:
            continue
        assert head is not None
        assert head.raw.endswith(b"\r\n\r\n")


# --- faults -----------------------------------------------------------------------------------------------


async def test_only_the_named_operation_is_hit(recorder: Any) -> None:
    """With the operation read from the body, everything else passes."""
    plan = FaultPlan()
    plan.add(FaultKind.RESET_AFTER, connection=PORTAL, operation="DongBoHoSoMC")
    async with _proxy(recorder, plan, operation_of=_service) as proxy, aclosing(_client(proxy)) as client:
        assert (await _write(client, proxy, b'{"service":"TraCuuHoSo"}')).status == 200
        with pytest.raises(OutcomeUnknown):
            await _write(client, proxy, b'{"service":"DongBoHoSoMC"}')
        assert (await _write(client, proxy, b'{"service":"CapNhatTienDoHoSoMC"}')).status == 200
        assert proxy.committed == {FaultKind.RESET_AFTER: 1}
    assert len(recorder.seen) == 3


async def test_the_operation_is_read_from_the_body_however_it_is_framed(recorder: Any) -> None:
    """The marks of the chunks are not part of what the client said."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abcd"

    plan = FaultPlan()
    rule = plan.add(FaultKind.SLOW, connection=PORTAL, operation="12", seconds=0)
    async with _proxy(recorder, plan, operation_of=_size) as proxy, aiohttp.ClientSession() as session:
        for data in (pieces(), b"abcdabcdabcd", b"abcd"):
            async with session.post(f"{proxy.url}/a", data=data) as answer:
                assert answer.status == 200
    assert rule.hits == 2
    assert [seen.body for seen in recorder.seen] == [b"abcd" * 3, b"abcd" * 3, b"abcd"]


async def test_a_share_hits_some_and_the_counts_agree(recorder: Any) -> None:
    """Every failed write was one fault; every processed request reached the provider exactly once."""
    plan = FaultPlan(seed=7)
    plan.add(FaultKind.RESET_AFTER, connection=PORTAL, share=0.2)
    plan.add(FaultKind.RESET_BEFORE, connection=PORTAL, share=0.2)
    plan.add(FaultKind.TRUNCATED, connection=PORTAL, share=0.2)
    async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
        outcomes = await asyncio.gather(
            *(_write(client, proxy, b"%d" % number) for number in range(100)), return_exceptions=True
        )
        committed, passed = proxy.committed, proxy.passed
    failed = [outcome for outcome in outcomes if isinstance(outcome, LienThongError)]
    assert {type(outcome) for outcome in failed} == {OutcomeUnknown}
    assert len(failed) == committed.total()
    assert all(committed[kind] > 0 for kind in (FaultKind.RESET_AFTER, FaultKind.RESET_BEFORE, FaultKind.TRUNCATED))
    bodies = [seen.body for seen in recorder.seen]
    assert len(bodies) == len(set(bodies)) == passed == 100 - committed[FaultKind.RESET_BEFORE]


async def test_a_slow_answer_comes_whole(recorder: Any) -> None:
    """Slow is not lost: a patient caller gets it."""
    plan = FaultPlan()
    plan.add(FaultKind.SLOW, connection=PORTAL, seconds=0.1)
    async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
        started = asyncio.get_running_loop().time()
        assert (await _write(client, proxy)).content == recorder.body
        assert asyncio.get_running_loop().time() - started >= 0.09


async def test_a_dripping_answer_comes_whole(recorder: Any) -> None:
    """Byte by byte is still the same answer."""
    plan = FaultPlan()
    plan.add(FaultKind.DRIP, connection=PORTAL, seconds=0)
    async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
        assert (await _write(client, proxy)).content == recorder.body


async def test_an_empty_answer_can_be_truncated_too(recorder: Any) -> None:
    """Then the head itself breaks off."""
    recorder.body = b""
    plan = FaultPlan()
    plan.add(FaultKind.TRUNCATED, connection=PORTAL)
    async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
        with pytest.raises(OutcomeUnknown):
            await _write(client, proxy)


def test_a_refused_port_is_really_closed_and_opens_again_on_the_same_number(run: Any, recorder: Any) -> None:
    """The kernel itself refuses; kept connections are gone too; afterwards everything works as before."""

    async def scenario() -> None:
        plan = FaultPlan()
        async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
            assert (await _write(client, proxy)).status == 200
            port = proxy.port
            for _ in range(3):
                plan.add(FaultKind.REFUSE, connection=PORTAL)
                await until_port(port, is_open=False)
                await _settle()  # the kept connection was reset, which the client has to hear of
                with pytest.raises(TryLater):
                    await _write(client, proxy)
                plan.clear()
                await until_port(port, is_open=True)
                assert (await _write(client, proxy)).status == 200
            assert proxy.port == port
            assert proxy.committed == {FaultKind.REFUSE: 3}

    run(scenario())


def test_a_port_closed_for_a_time_opens_by_itself(run: Any, recorder: Any) -> None:
    """Nobody has to remember to end an outage."""

    async def scenario() -> None:
        # The outage goes on until the test lets its time pass, however long the first call takes to begin.
        now = 0.0
        plan = FaultPlan(clock=lambda: now)
        plan.add(FaultKind.REFUSE, connection=PORTAL, duration_seconds=0.1)
        async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
            with pytest.raises(TryLater):
                await _write(client, proxy)
            now = 0.1
            await until_port(proxy.port, is_open=True)
            assert (await _write(client, proxy)).status == 200

    run(scenario())


async def test_refusing_some_resets_them(recorder: Any) -> None:
    """With a count or a share the port stays open: the caller cannot know that nothing was read."""
    plan = FaultPlan()
    plan.add(FaultKind.REFUSE, connection=PORTAL, count=1)
    async with _proxy(recorder, plan) as proxy, aclosing(_client(proxy)) as client:
        with pytest.raises(OutcomeUnknown):
            await _write(client, proxy)
        assert (await _write(client, proxy)).status == 200
    assert len(recorder.seen) == 1


async def test_stopping_does_not_wait_for_the_silent(recorder: Any) -> None:
    """A proxy with connections under way ends at once, and nothing is left running."""
    plan = FaultPlan()
    plan.add(FaultKind.SILENCE, connection=PORTAL)
    before = asyncio.all_tasks()
    async with AsgiServer(recorder) as server:
        proxy = FaultProxy(plan, PORTAL, server.host, server.port)
        async with proxy, aclosing(_client(proxy)) as client:
            calls = [asyncio.create_task(_write(client, proxy, deadline=60)) for _ in range(3)]
            await _until(lambda: proxy.committed[FaultKind.SILENCE] == len(calls))
            started = asyncio.get_running_loop().time()
            await proxy.__aexit__(None, None, None)
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert asyncio.get_running_loop().time() - started < 20, "the calls alone would take sixty"
            assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}
            await proxy.__aenter__()
    assert asyncio.all_tasks() == before
