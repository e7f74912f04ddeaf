"""Connections are few, shared fairly, reused only while they are good, and opened wherever a name leads."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.transport import connecting
from adapters.transport.http import HttpAnswer, HttpClient, HttpSettings
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import NeedsPerson, OutcomeUnknown, TryLater

CONNECTION = "h99_portal"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Partner:
    """Answers each request only when the test says so, and remembers in which order they came."""

    def __init__(self, read_request: Any) -> None:
        self.seen: list[str] = []
        self.closed = 0
        self.gate = asyncio.Semaphore(0)
        self._read_request = read_request

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await self._read_request(reader)
                self.seen.append(request.split(b" ", 2)[1].decode().strip("/"))
                await self.gate.acquire()
                writer.write(OK)
                await writer.drain()
        finally:
            self.closed += 1

    def answer(self, many: int = 1) -> None:
        """Let so many answers go."""
        for _ in range(many):
            self.gate.release()


@asynccontextmanager
async def _calling(*urls: str, **settings: Any) -> AsyncIterator[Any]:
    client = HttpClient(HttpSettings(**settings).allowing(*urls), connection=CONNECTION)

    async def call(path: str = "a", *, to: str = urls[0], deadline: float = 30, **more: Any) -> HttpAnswer:
        asked = {"operation": "push", "deadline_seconds": deadline, "is_write": True, "content": b"{}", **more}
        return await client.request("POST", f"{to}/{path}", **asked)

    call.client = client  # type: ignore[attr-defined]
    try:
        yield call
    finally:
        await client.aclose()


async def _until(holds: Any) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


async def _settle() -> None:
    """Let the loop look at its sockets many times; one long sleep may be a single turn on a machine that is busy."""
    for _ in range(20):
        await asyncio.sleep(0.001)


# --- sharing ----------------------------------------------------------------------------------------------


def test_who_asked_first_is_served_first(run: Any, serve_raw: Any, read_request: Any) -> None:
    """One connection, ten callers: nobody is overtaken, and who stops waiting holds nobody up."""

    async def scenario() -> list[str]:
        partner = Partner(read_request)
        async with serve_raw(partner) as served, _calling(served.url, max_connections=1) as call:
            calls = []
            for number in range(10):
                calls.append(asyncio.create_task(call(str(number))))
                await asyncio.sleep(0)
            await _until(lambda: partner.seen == ["0"])
            calls[3].cancel()
            calls.append(asyncio.create_task(call("late", deadline=0.02)))
            with pytest.raises(TryLater):
                await calls[-1]
            partner.answer(10)
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert sum(isinstance(one, HttpAnswer) for one in ended) == 9
            assert served.connections == 1
        return partner.seen

    assert run(scenario()) == [str(number) for number in range(10) if number != 3]


def test_a_turn_that_comes_as_its_caller_leaves_is_passed_on(run: Any, serve_raw: Any, read_request: Any) -> None:
    """A place is never lost, whoever is cancelled when."""

    async def scenario() -> None:
        partner = Partner(read_request)
        async with serve_raw(partner) as served, _calling(served.url, max_connections=2) as call:
            for turn in range(20):
                calls = [asyncio.create_task(call(str(number))) for number in range(6)]
                partner.answer(6)
                await asyncio.sleep(0.0005 * turn)
                for leaving in calls[:4]:
                    leaving.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
                while not partner.gate.locked():
                    await partner.gate.acquire()
            partner.answer(4)
            await asyncio.gather(*(call() for _ in range(4)))

    run(scenario())


def test_a_place_is_given_back_when_connecting_fails(run: Any) -> None:
    """However often it fails, whoever comes later gets as far."""

    async def scenario() -> set[type]:
        async with _calling("http://127.0.0.1:1", max_connections=1) as call:
            return {type(one) for one in await asyncio.gather(*(call() for _ in range(5)), return_exceptions=True)}

    assert run(scenario()) == {TryLater}


def test_an_idle_connection_makes_room_for_another_partner(run: Any, serve_raw: Any, read_request: Any) -> None:
    """The limit counts all partners of a client together, and none of them starves."""

    async def scenario() -> None:
        one, two = Partner(read_request), Partner(read_request)
        async with serve_raw(one) as first, serve_raw(two) as second:
            async with _calling(first.url, second.url, max_connections=1) as call:
                one.answer(3)
                two.answer(3)
                for partner in (first, second, first):
                    await call(to=partner.url)
                await asyncio.gather(*(call(to=partner.url) for partner in (second, first, second)))
            assert (len(one.seen), len(two.seen)) == (3, 3)

    run(scenario())


# --- reuse ------------------------------------------------------------------------------------------------


def test_a_connection_that_the_partner_closed_is_not_used(run: Any, serve_raw: Any, read_request: Any) -> None:
    """It is seen before the next request, which goes over a new one and is not in doubt."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()

    async def scenario() -> int:
        async with serve_raw(once) as partner, _calling(partner.url) as call:
            for _ in range(3):
                assert (await call()).status == 200
                await _settle()
            return int(partner.connections)

    assert run(scenario()) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{1}",
    ],
    ids=["close", "1.0", "with another answer behind it"],
)
def test_a_connection_that_must_not_be_used_again_is_closed(
    run: Any, serve_raw: Any, read_request: Any, answer: bytes
) -> None:
    """By us, at once: the partner waits for nothing more."""
    closed: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        closed.append(await reader.read())

    async def scenario() -> None:
        async with serve_raw(handler) as partner, _calling(partner.url) as call:
            for _ in range(2):
                assert (await call()).content == b"{}"
            await _until(lambda: len(closed) == 2)

    run(scenario())
    assert closed == [b"", b""]


def test_what_comes_unasked_between_two_requests_ends_the_connection(
    run: Any, serve_raw: Any, read_request: Any
) -> None:
    """The second call gets its own answer, over another connection."""
    closed = asyncio.Event()

    async def says_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        writer.write(OK[:-2] + (b"{}" if b"/first" in request else b"[]"))
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(OK)
        await reader.read()
        closed.set()

    async def scenario() -> None:
        async with serve_raw(says_too_much) as partner, _calling(partner.url) as call:
            assert (await call("first")).content == b"{}"
            await asyncio.wait_for(closed.wait(), 30)
            assert (await call("second")).content == b"[]"
            assert partner.connections == 2

    run(scenario())


def test_an_idle_connection_is_closed_when_its_time_is_over(run: Any, serve_raw: Any, read_request: Any) -> None:
    """Without waiting for a next call, and after every use anew."""

    async def scenario() -> None:
        partner = Partner(read_request)
        async with serve_raw(partner) as served, _calling(served.url, keep_alive_seconds=0.05) as call:
            for times in (1, 2):
                partner.answer(3)
                await asyncio.gather(*(call() for _ in range(3)))
                assert len(partner.seen) == 3 * times
                await _until(lambda times=times: partner.closed == served.connections >= 3 * times)

    run(scenario())


def test_connections_are_not_kept_where_that_is_configured(run: Any, serve_raw: Any, read_request: Any) -> None:
    """Zero seconds is "never"."""

    async def scenario() -> int:
        partner = Partner(read_request)
        partner.answer(3)
        async with serve_raw(partner) as served, _calling(served.url, keep_alive_seconds=0) as call:
            for _ in range(3):
                await call()
            return int(served.connections)

    assert run(scenario()) == 3


FORMS: tuple[Any, ...] = (
    lambda said: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said),
    lambda said: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(said), said),
    lambda said: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said),
    lambda said: b"HTTP/1.1 200 OK\r\n\r\n" + said,
    lambda said: b"HTTP/1.1 204 No Content\r\nX-Said: %b\r\n\r\n" % said,
    lambda said: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said) + OK,
    lambda said: b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + said,
    lambda _: b"",
)
"""Ways to answer; `ENDS` with the connection, which breaks off in the last two."""
TOO_MUCH = 5
ENDS = {3, 6, 7}


def _answers_in_every_form(read_request: Any, chance: random.Random) -> Any:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            said = (await read_request(reader)).split(b" ", 2)[1].strip(b"/")
            form = chance.randrange(len(FORMS)) if chance.random() < 0.3 else 0
            answer = FORMS[form](said)
            # What is too much comes with the answer: later, and after the next request, nobody could tell it apart.
            cut = 0 if form == TOO_MUCH else chance.randrange(len(answer) + 1)
            for piece in (answer[:cut], answer[cut:]):
                await asyncio.sleep(chance.choice((0, 0, 0, 0.002)))
                if writer.is_closing():
                    return
                writer.write(piece)
                await writer.drain()
            if form in ENDS:
                return

    return handler


def test_nobody_gets_the_answer_of_another(run: Any, serve_raw: Any, read_request: Any) -> None:
    """Many callers, few connections, every kind of answer, cuts, late ones, callers that leave: each gets its own."""
    chance = random.Random(7)

    async def scenario() -> tuple[int, int]:
        own = failed = 0
        partner = _answers_in_every_form(read_request, chance)
        async with serve_raw(partner) as served, _calling(served.url, max_connections=4) as call:

            async def caller(name: int) -> None:
                nonlocal own, failed
                for turn in range(25):
                    said = f"{name}-{turn}"
                    task = asyncio.create_task(call(said, deadline=chance.choice((30, 30, 30, 0.003))))
                    if chance.random() < 0.1:
                        await asyncio.sleep(chance.choice((0, 0.001)))
                        task.cancel()
                    try:
                        answer = await task
                    except (OutcomeUnknown, TryLater, asyncio.CancelledError):
                        failed += 1
                    else:
                        assert said in {answer.content.decode(), answer.headers.get("x-said")}
                        own += 1

            await asyncio.gather(*(caller(name) for name in range(12)))
        return own, failed

    own, failed = run(scenario())
    assert own > 100
    assert failed > 0
    assert own + failed == 300


# --- the end ----------------------------------------------------------------------------------------------


def test_closing_ends_what_runs_and_what_waits(run: Any, serve_raw: Any, read_request: Any) -> None:
    """What was sent is in doubt, what waited was not sent; a later call opens anew."""

    async def scenario() -> list[type]:
        partner = Partner(read_request)
        async with serve_raw(partner) as served, _calling(served.url, max_connections=1) as call:
            calls = [asyncio.create_task(call("one")), asyncio.create_task(call("two"))]
            await _until(lambda: partner.seen == ["one"])
            await call.client.aclose()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            partner.answer(2)
            assert (await call("three")).status == 200
            assert served.connections == 2
        return [type(one) for one in ended]

    assert run(scenario()) == [OutcomeUnknown, TryLater]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cancelled_call_closes_its_connection(run: Any, serve_raw: Any, authority: Any, scheme: str) -> None:
    """While connecting as well as while waiting: the partner is not left with half a call."""
    ended: list[bool] = []

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(1)
            while await reader.read(1_000):
                pass
        ended.append(True)

    async def scenario() -> None:
        async with serve_raw(silent) as partner:
            url = partner.url.replace("http:", f"{scheme}:")
            async with _calling(url, ca_file=authority.file) as call:
                task = asyncio.create_task(call())
                await _until(lambda: partner.connections == 1)
                await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await _until(lambda: ended == [True])

    run(scenario())


def test_a_deadline_that_is_over_sends_nothing(run: Any, recorder: Any) -> None:
    """Also on a connection that lies ready."""

    async def scenario() -> None:
        async with AsgiServer(recorder) as server, _calling(server.url) as call:
            await call()
            for deadline in (0, -1):
                with pytest.raises(TryLater):
                    await call(deadline=deadline)

    run(scenario())
    assert len(recorder.seen) == 1


@pytest.mark.slow
def test_a_body_that_nobody_reads_ends_with_the_deadline(run: Any, serve_raw: Any) -> None:
    """A partner whose buffers are full holds up its own call only."""

    async def deaf(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with serve_raw(deaf) as partner, _calling(partner.url) as call:
            with pytest.raises(OutcomeUnknown):
                await call(content=bytes(20_000_000), deadline=1)

    run(scenario())


def test_a_large_body_arrives_whole(run: Any, recorder: Any) -> None:
    """Through a partner that takes it in its own time."""
    body = bytes(range(256)) * 20_000

    async def scenario() -> None:
        async with AsgiServer(recorder) as server, _calling(server.url) as call:
            for _ in range(2):
                assert (await call(content=body)).status == 200

    run(scenario())
    assert [seen.body == body for seen in recorder.seen] == [True, True]


# --- where a name leads -----------------------------------------------------------------------------------


@asynccontextmanager
async def _leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> AsyncIterator[list[str]]:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> tuple[str, ...]:
        asked.append(host)
        await asyncio.sleep(0)
        return addresses

    monkeypatch.setattr(connecting, "_resolve", resolve)
    yield asked


@pytest.mark.slow
def test_every_address_of_a_name_has_its_turn(run: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that refuses and one that is silent leave time for the one that answers; many calls cost one question."""

    async def scenario() -> list[str]:
        async with (
            AsgiServer(recorder) as server,
            _leads_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1") as asked,
        ):
            with socket.socket() as full, contextlib.ExitStack() as stack:
                full.bind(("127.0.0.3", server.port))
                full.listen(0)
                for _ in range(4):
                    filler = stack.enter_context(socket.socket())
                    filler.setblocking(False)
                    filler.connect_ex(full.getsockname())
                url = f"http://portal.h99.example:{server.port}"
                async with _calling(url, connect_timeout_seconds=3) as call:
                    answers = await asyncio.gather(*(call() for _ in range(3)))
            assert [answer.status for answer in answers] == [200] * 3
            return asked

    assert run(scenario()) == ["portal.h99.example"]
    assert {seen.headers["host"].partition(":")[0] for seen in recorder.seen} == {"portal.h99.example"}


def test_the_address_that_answered_says_what_is_wrong(
    run: Any, recorder: Any, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that does not hold is not hidden behind another address where nobody answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("elsewhere", hosts=("other.h99.example",)))

    async def scenario() -> Any:
        async with AsgiServer(recorder, tls=context) as server, _leads_to(monkeypatch, "127.0.0.1", "127.0.0.2"):
            url = f"https://portal.h99.example:{server.port}"
            async with _calling(url, ca_file=authority.file) as call:
                with pytest.raises(NeedsPerson, match="another host name") as caught:
                    await call("p", params={"id": "099199000123"})
                return caught.value

    error = run(scenario())
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
    assert "099199000123" not in repr(error.__cause__)


def test_a_handshake_without_an_end_is_nothing_sent(run: Any, serve_raw: Any, authority: Any) -> None:
    """The time for connecting covers TLS: a partner that accepts and says nothing is given up before the deadline."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            pass

    async def scenario() -> None:
        async with serve_raw(silent) as partner:
            url = partner.url.replace("http:", "https:")
            async with _calling(url, ca_file=authority.file, connect_timeout_seconds=0.05) as call:
                with pytest.raises(TryLater):
                    await call(deadline=60)

    run(scenario())
