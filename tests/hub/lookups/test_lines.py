"""The line to Redis on real servers: shared trips, what breaks and comes back, TLS and passwords; and the stand-in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import hiredis
import pytest
import redis.asyncio
import uvloop
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from hub.lookups.lines import LATER_SECONDS, Line, RedisLine
from hub.lookups.stand_in import StandIn
from tests.adapters.transport.conftest import Authority
from tests.hub.lookups.redis_server import RedisServer
from tests.ports import free_ports

KEY = b"line"
PATIENT = 20.0
"""Seconds for an answer that comes: a busy machine may take its time."""


def line_to(url: str, *, timeout_seconds: float = PATIENT) -> RedisLine:
    """A line as the gate opens one."""
    client = redis.asyncio.Redis.from_url(url, socket_connect_timeout=timeout_seconds, retry=None, protocol=2)
    return RedisLine(client, timeout_seconds=timeout_seconds)


@pytest.fixture(params=["redis", "in process"])
async def line(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[Line]:
    """A line to a real Redis, and its stand-in."""
    redis_server.empty()
    opened = line_to(redis_server.url) if request.param == "redis" else StandIn()
    yield opened
    await opened.aclose()


@pytest.fixture
async def real(redis_server: RedisServer) -> AsyncIterator[RedisLine]:
    """A line to a real Redis."""
    redis_server.empty()
    opened = line_to(redis_server.url)
    yield opened
    await opened.aclose()


async def test_everybody_hears_what_was_asked(line: Line) -> None:
    """In the order of asking, whatever is answered; what is refused is the error of who asked for it alone."""
    line.post(b"SET", KEY, b"\r\n$3\x00\xff")
    answers = await asyncio.gather(
        line.do(b"GET", KEY),
        line.do(b"INCRBY", b"number", 41),
        line.do(b"LPUSH", KEY, b"x"),
        line.do(b"EVALSHA", b"0" * 40, 0),
        line.do(b"INCR", b"number"),
        line.do(b"MGET", b"number", b"nothing"),
        return_exceptions=True,
    )
    refused, unknown = answers[2], answers[3]
    assert isinstance(refused, ResponseError)
    assert isinstance(unknown, NoScriptError)
    assert [answers[0], answers[1], *answers[4:]] == [b"\r\n$3\x00\xff", 41, 42, [b"42", None]]


async def test_what_nobody_waits_for_is_done_all_the_same(line: Line) -> None:
    """Soon, or before closing; a member of a shared command with the others."""
    line.post(b"HSET", KEY, b"a", 1, b"b", 2, b"c", 3)
    line.join((b"HDEL", KEY), b"a")
    line.join((b"HDEL", KEY), b"c")
    line.post(b"LPUSH", KEY, b"refused, and nobody hears of it")
    async with asyncio.timeout(20):
        while await line.do(b"HKEYS", KEY) != [b"b"]:
            await asyncio.sleep(LATER_SECONDS)


async def test_closing_does_what_was_taken(redis_server: RedisServer) -> None:
    """And a line that nothing was asked of closes without a word."""
    redis_server.empty()
    opened = line_to(redis_server.url)
    opened.post(b"SET", KEY, b"kept")
    await opened.aclose()
    with redis_server.client() as client:
        assert client.get(KEY) == b"kept"
        connections = client.info()["total_connections_received"]
        await line_to(redis_server.url).aclose()
        assert client.info()["total_connections_received"] == connections


async def test_many_callers_share_a_trip(real: RedisLine, redis_server: RedisServer) -> None:
    """On one connection; who comes while answers are under way goes with the next."""
    with redis_server.client() as client:
        connections = client.info()["total_connections_received"]
        found = await asyncio.gather(*(real.do(b"INCR", b"number") for _ in range(500)))
        assert found == list(range(1, 501))
        assert client.info()["total_connections_received"] == connections + 1


async def test_a_caller_that_hangs_up_changes_nothing_for_the_others(real: RedisLine) -> None:
    """Its answer is nobody's; the others get their own."""
    asked = [asyncio.ensure_future(real.do(b"ECHO", b"%d" % one)) for one in range(3)]
    await asyncio.sleep(0)
    asked[1].cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert (found[0], found[2]) == (b"0", b"2")
    assert isinstance(found[1], asyncio.CancelledError)


async def test_a_connection_that_breaks_is_opened_anew(real: RedisLine, redis_server: RedisServer) -> None:
    """What was on its way fails, at once; what comes next is answered."""
    assert await real.do(b"ECHO", b"1") == b"1"
    with redis_server.client() as client:
        waiting = asyncio.ensure_future(real.do(b"BLPOP", b"nothing", 0))
        while not client.info()["blocked_clients"]:
            await asyncio.sleep(0.01)
        queued = asyncio.ensure_future(real.do(b"ECHO", b"2"))
        client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(RedisConnectionError, match="does not answer"):
        await waiting
    assert await queued == b"2", "it had not left yet"
    redis_server.stop()
    with pytest.raises(RedisError):
        await real.do(b"ECHO", b"3")
    real.post(b"SET", KEY, b"lost")
    redis_server.start()
    assert await real.do(b"ECHO", b"4") == b"4"


async def test_silence_is_not_waited_for(real: RedisLine, redis_server: RedisServer) -> None:
    """An answer that does not come in time fails all that are on their way; the next ones are asked anew."""
    assert await real.do(b"ECHO", b"1") == b"1"
    with redis_server.silent():
        real._timeout = 0.2  # for what will not come; what comes has its time
        found = await asyncio.gather(*(real.do(b"ECHO", b"2") for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in found] == [TimeoutError] * 3
        with pytest.raises(TimeoutError):  # of a connection that is not opened in time either
            await real.do(b"ECHO", b"3")
        real._timeout = PATIENT
    assert await real.do(b"ECHO", b"4") == b"4"


@pytest.mark.parametrize(
    ("words", "heard"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "InvalidResponse"), (b"+OK\r\n+OK\r\n", "OK")],
    ids=["another protocol", "an answer too many"],
)
async def test_what_is_no_redis_is_not_listened_to(words: bytes, heard: str) -> None:
    """Words of another protocol, and answers nobody asked for: the connection is given up."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        commands = hiredis.Reader()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                commands.feed(data)
                while command := commands.gets():
                    writer.write(words if command == [b"ODD"] else b"+OK\r\n")
        writer.close()
        ended.release()

    ended = asyncio.Semaphore(0)
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    opened = line_to(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    assert await opened.do(b"ECHO", b"1") == b"OK"
    (odd,) = await asyncio.gather(opened.do(b"ODD"), return_exceptions=True)
    assert (odd.decode() if isinstance(odd, bytes) else type(odd).__name__) == heard
    await asyncio.sleep(0.05)
    assert await opened.do(b"ECHO", b"2") == b"OK"
    assert connections == 2
    await opened.aclose()
    for _ in range(connections):
        await ended.acquire()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_tls_a_password_and_a_database(loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    """As the address says; a wrong password, or a certificate that nobody trusts, is a failure."""
    authority = Authority(tmp_path, "redis")
    certificate, key = authority.issue("server", hosts=("127.0.0.1",))
    port = free_ports()
    server = RedisServer(
        tmp_path,
        *("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
        *("--tls-auth-clients", "no"),
    )
    server.start()
    with server.client() as client:
        client.config_set("requirepass", "right")
    host, trust = f"127.0.0.1:{port}", f"ssl_ca_certs={authority.file}"

    async def talk() -> None:
        opened = line_to(f"rediss://:right@{host}/3?{trust}")
        size = 300_000  # more than comes, or goes, at once
        await opened.do(b"SET", KEY, b"x" * size)
        assert len(await opened.do(b"GET", KEY)) == size
        await opened.aclose()
        first = line_to(f"rediss://:right@{host}/0?{trust}")
        assert await first.do(b"GET", KEY) is None, "another database"
        await first.aclose()
        for address, error in (
            (f"rediss://:wrong@{host}/3?{trust}", AuthenticationError),
            (f"rediss://:right@{host}/3", RedisConnectionError),
        ):
            refused = line_to(address)
            with pytest.raises(error):
                await refused.do(b"GET", KEY)
            await refused.aclose()

    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(talk())
    finally:
        server.stop()
