"""One connection reads exactly one answer to exactly one request, however the bytes are cut, and refuses the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.connection import (
    MAX_HEADER_LINE_BYTES,
    MAX_HEADER_LINES,
    MAX_INTERIM_ANSWERS,
    Connection,
    WireAnswer,
)
from adapters.transport.faults_to_errors import WIRE, Progress, Stage
from adapters.transport.http_message import Origin
from adapters.transport.wire_errors import AnswerError, AnswerTooLongError, ConnectionEndedError

LIMIT = 1_000
OK = b"HTTP/1.1 200 OK\r\n"


class Line(asyncio.Transport):
    """A transport that keeps what is written; nothing of it leaves until ``let_go``."""

    def __init__(self, protocol: Connection, *, high: int = 1 << 30) -> None:
        super().__init__()
        self.written = b""
        self.ended = ""
        self.high = high
        self.held = 0
        self._protocol = protocol
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        assert not self.ended
        self.written += bytes(data)
        if self.held or self.high < 1 << 30:
            self.held += len(data)
            if self.held > self.high:
                self._protocol.pause_writing()

    def let_go(self) -> None:
        """Everything that was held leaves."""
        self.held = 0
        self._protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        return self.held

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self._end("closed", None)

    def abort(self) -> None:
        self._end("aborted", None)

    def break_off(self, why: Exception | None = None) -> None:
        """The line breaks, as the system would tell it."""
        self._end("broken", why)

    def _end(self, how: str, why: Exception | None) -> None:
        if not self.ended:
            self.ended = how
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, why)


class Shelf:
    """A keeper that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def take_back(self, _connection: Connection, /) -> None:
        self.told.append("back")

    def gone(self, _connection: Connection, /) -> None:
        self.told.append("gone")

    def lost(self, _connection: Connection, /) -> None:
        self.told.append("lost")


class Scene:
    """One connection with both of its ends."""

    def __init__(self, *, high: int = 1 << 30) -> None:
        self.connection = Connection(asyncio.get_running_loop(), Origin(is_tls=False, host="a.example", port=80))
        self.line = Line(self.connection, high=high)
        self.shelf = Shelf()
        self.connection.adopt(self.shelf)
        self.progress = Progress()

    async def ask(self, body: bytes = b"", **more: Any) -> asyncio.Task[WireAnswer]:
        """Send a request and return when it waits for its answer."""
        asked: dict[str, Any] = {"progress": self.progress, "limit": LIMIT, "deadline": None, **more}
        task = asyncio.create_task(self.connection.exchange(b"HEAD|", body, **asked))
        await asyncio.sleep(0)
        return task

    async def hear(self, *pieces: bytes, ends: bool = False, **more: Any) -> WireAnswer:
        """Ask, let the answer come in these pieces, and return it; ``ends`` closes the other side behind it."""
        task = await self.ask(**more)
        for piece in pieces:
            if not self.line.ended:
                self.connection.data_received(piece)
        if ends and not self.line.ended:
            self.connection.eof_received()
            self.line.close()
        await asyncio.sleep(0)
        return await asyncio.wait_for(task, 30)

    def is_kept(self) -> bool:
        """Whether the connection went back to its keeper, whole."""
        return self.shelf.told == ["back"] and not self.line.ended


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE: dict[str, tuple[bytes, int, bytes, bool]] = {
    "length": (OK + b"Content-Length: 3\r\nX-A: 1\r\nX-B:\r\n\r\nabc", 200, b"abc", True),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", 200, b"", True),
    "chunks": (CHUNKED + b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", 200, b"abc", True),
    "chunks and trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX: 9\r\nX-C: y\r\n\r\n", 200, b"abc", True),
    "sizes with blanks": (CHUNKED + b"3  \r\nabc\r\n0  \r\n\r\n", 200, b"abc", True),
    "lines without CR": (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 200, b"abc", True),
    "no reason": (b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, b"", True),
    "until the end": (OK + b"X-A: 1\r\n\r\nabc", 200, b"abc", False),
    "until the end, nothing": (OK + b"\r\n", 200, b"", False),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "304 with the length of another": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", True),
    "interim first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\na",
        200,
        b"a",
        True,
    ),
    "close": (OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
    "1.0 kept": (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na", 200, b"a", True),
}
"""What comes → status, body, whether the connection may carry another request."""


@given(cuts=st.lists(st.integers(1, 200), max_size=6))
@pytest.mark.parametrize("case", list(WHOLE))
async def test_an_answer_is_the_same_however_it_is_cut(case: str, cuts: list[int]) -> None:
    """TCP keeps the bytes and forgets the pieces; so does the reader, for every way a body may be delimited."""
    raw, status, body, is_kept = WHOLE[case]
    scene = Scene()
    answer = await scene.hear(*_pieces(raw, cuts), ends=not is_kept and body in {b"abc", b""})
    assert (answer.status, answer.content) == (status, body)
    assert scene.is_kept() is is_kept
    assert "x" not in answer.headers
    assert all(name.decode().lower() in answer.headers for name, _ in answer.raw_headers)


def _pieces(raw: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted({cut for cut in cuts if cut < len(raw)}), len(raw)]
    for start, end in pairwise(edges):
        yield raw[start:end]


BROKEN: dict[str, bytes] = {
    "a length and chunks": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks and a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "the same length twice": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": OK + b"Content-Length: +3\r\n\r\nabc",
    "an empty length": OK + b"Content-Length: \r\n\r\nabc",
    "chunks in another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": OK + b"Transfer-Encoding: identity\r\n\r\nabc",
    "a folded line": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a blank before the colon": OK + b"X : a\r\nContent-Length: 0\r\n\r\n",
    "a control character": OK + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "a lone CR": OK + b"X: a\rY: b\r\nContent-Length: 0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "a bare 101": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "no such status": b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no version": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "too many fields": OK + b"X: a\r\n" * (MAX_HEADER_LINES + 1) + b"\r\n",
    "too long a field": OK + b"X: " + b"a" * MAX_HEADER_LINE_BYTES + b"\r\nContent-Length: 0\r\n\r\n",
    "only interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM_ANSWERS + 1),
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("case", list(BROKEN))
async def test_what_can_be_read_in_two_ways_is_no_answer(case: str, size: int) -> None:
    """Two readers that see different ends of an answer is how one is smuggled into the other's."""
    raw = BROKEN[case]
    scene = Scene()
    with pytest.raises((AnswerError, httptools.HttpParserError, httptools.HttpParserUpgrade)):
        await scene.hear(*(raw[at : at + size] for at in range(0, len(raw), size)))
    assert scene.line.ended
    assert "back" not in scene.shelf.told


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "status line": (b"HTTP/1.1 200 ", b"a" * 500),
    "field": (OK + b"X: ", b"a" * 500),
    "name of a field": (OK, b"a" * 500),
    "fields": (OK, b"X: a\r\n"),
    "empty lines": (b"", b"\r\n" * 250),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "fields of interim answers": (b"HTTP/1.1 100 Continue\r\n", b"X: a\r\n"),
    "note of a chunk": (CHUNKED + b"1;", b"a" * 500),
    "trailers": (CHUNKED + b"0\r\n", b"X: a\r\n"),
    "trailer": (CHUNKED + b"0\r\nX: ", b"a" * 500),
    "body": (OK + b"\r\n", b"a" * 500),
    "chunks": (CHUNKED, b"1\r\na\r\n"),
}


@pytest.mark.parametrize("case", list(ENDLESS))
async def test_nothing_is_collected_without_an_end(case: str) -> None:
    """Whatever a partner repeats, what is held in memory stays small, long before any deadline."""
    beginning, more = ENDLESS[case]
    scene = Scene()
    task = await scene.ask()
    scene.connection.data_received(beginning or b"\r\n")
    heard = 0
    while not scene.line.ended:
        scene.connection.data_received(more)
        heard += len(more)
        assert heard < 100_000
    with pytest.raises((AnswerError, AnswerTooLongError)):
        await task


@pytest.mark.parametrize("surplus", [b"X", b"\x00", OK + b"Content-Length: 1\r\n\r\nb", b"HTTP/1.1 100 C\r\n\r\n"])
@pytest.mark.parametrize("case", ["length", "no body", "chunks", "204", "close", "1.0"])
async def test_what_follows_an_answer_is_never_the_next_one(case: str, surplus: bytes) -> None:
    """The answer stands, but its connection carries no other: that would be answered before it was asked."""
    raw, status, body, _ = WHOLE[case]
    scene = Scene()
    answer = await scene.hear(raw + surplus)
    assert (answer.status, answer.content) == (status, body)
    assert "back" not in scene.shelf.told
    assert scene.line.ended


@pytest.mark.parametrize("raw", [OK + b"Content-Length: 1\r\n\r\nb", b"H", b"\r\n"])
async def test_what_comes_unasked_ends_the_connection(raw: bytes) -> None:
    """Before the first request as well as between two."""
    fresh, used = Scene(), Scene()
    await used.hear(WHOLE["length"][0])
    for scene in (fresh, used):
        scene.connection.data_received(raw)
        assert not scene.connection.is_usable()
        assert scene.line.ended
        assert scene.shelf.told[-1:] == ["gone"]


@pytest.mark.parametrize("length", [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b""])
async def test_an_answer_to_head_has_no_body(length: bytes) -> None:
    """Whatever length it announces; and what would follow is not read as an answer to the next request."""
    scene = Scene()
    answer = await scene.hear(OK + length + b"\r\n", is_head=True)
    assert (answer.status, answer.content) == (200, b"")
    assert "back" not in scene.shelf.told
    assert scene.line.ended


@pytest.mark.parametrize(
    "raw", [b"", OK, OK + b"Content-Length: 3\r\n\r\nab", CHUNKED + b"3\r\nabc\r\n", b"HTTP/1.1 100 C\r\n\r\n"]
)
async def test_an_answer_that_ends_early_is_none(raw: bytes) -> None:
    """Only an answer that announces no end may end with its connection."""
    scene = Scene()
    with pytest.raises(ConnectionEndedError):
        await scene.hear(*([raw] if raw else []), ends=True)
    assert scene.shelf.told == ["gone", "lost"]


@pytest.mark.parametrize("case", [case for case, (_, _, _, is_kept) in WHOLE.items() if is_kept])
@pytest.mark.parametrize("raw", [b"", b"\r\n", b"HTTP/1.1 ", b"HTTP/1.1 100 C\r\n\r\n"])
async def test_an_answer_is_never_given_twice(case: str, raw: bytes) -> None:
    """A second request on a connection that ends under it gets nothing of the first one's answer."""
    scene = Scene()
    await scene.hear(WHOLE[case][0])
    with pytest.raises(ConnectionEndedError):
        await scene.hear(*([raw] if raw else []), ends=True)


@given(raw=st.binary(max_size=40), at=st.integers(0, 60), case=st.sampled_from(list(WHOLE)))
async def test_no_bytes_make_anything_else_than_an_answer_or_a_known_error(raw: bytes, at: int, case: str) -> None:
    """Random damage to a good answer never leaves a call without an end, or with an error that has no row."""
    good = WHOLE[case][0]
    scene = Scene()
    try:
        answer = await scene.hear(good[:at] + raw + good[at:], ends=True)
    except tuple(WIRE):
        assert scene.line.ended
    else:
        assert 100 <= answer.status <= 999


# --- what was sent ----------------------------------------------------------------------------------------


async def test_sent_is_noted_with_the_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before it: a note too early makes an unsent write doubtful, a note too late repeats a sent one."""
    scene = Scene()
    stages: list[Stage] = []
    monkeypatch.setattr(scene.line, "write", lambda _: stages.append(scene.progress.stage))
    task = await scene.ask(b"body")
    assert stages == [Stage.SENT]
    task.cancel()


@pytest.mark.parametrize("why", [None, ConnectionResetError("reset")])
async def test_nothing_is_written_to_a_connection_that_closes(why: Exception | None) -> None:
    """The call waits for its end, which says why; then it is known that nothing was sent."""
    scene = Scene()
    scene.line.ended = "closing"
    task = await scene.ask(b"body")
    assert scene.line.written == b""
    assert scene.progress.stage is Stage.UNKNOWN
    scene.connection.connection_lost(why)
    with pytest.raises(ConnectionEndedError) as caught:
        await task
    assert caught.value.__cause__ is why
    with pytest.raises(ConnectionEndedError):
        await (await scene.ask())


async def test_a_long_body_leaves_in_pieces_as_fast_as_the_line_takes_it() -> None:
    """What waits to leave is never more than the line asks for, however large the request."""
    body = bytes(range(256)) * 4_096
    scene = Scene(high=100_000)
    task = await scene.ask(body)
    rounds = 0
    while scene.line.held:
        assert scene.line.held < 250_000
        scene.line.let_go()
        rounds += 1
    assert rounds > 5
    assert scene.line.written == b"HEAD|" + body
    scene.connection.data_received(WHOLE["length"][0])
    assert (await task).content == b"abc"
    assert scene.is_kept()


async def test_an_answer_before_the_request_has_left_ends_both() -> None:
    """A "too large" comes before the last byte: it is the answer, and the rest of the request is not sent."""
    scene = Scene(high=100_000)
    task = await scene.ask(b"a" * 1_000_000)
    scene.connection.data_received(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    written = len(scene.line.written)
    assert (await task).status == 413
    assert scene.line.ended == "aborted"
    scene.connection.resume_writing()
    assert len(scene.line.written) == written < 500_000


# --- how a call ends --------------------------------------------------------------------------------------


async def test_the_deadline_ends_the_call_and_its_connection() -> None:
    """The late answer must not become the next one's."""
    scene = Scene()
    task = await scene.ask(deadline=asyncio.get_running_loop().time() + 0.01)
    with pytest.raises(TimeoutError):
        await task
    assert scene.line.ended == "aborted"
    assert scene.shelf.told[0] == "gone"


async def test_a_deadline_that_was_kept_ends_nothing() -> None:
    """The time limit of one call never reaches the next on the same connection."""
    scene = Scene()
    now = asyncio.get_running_loop().time()
    task = await scene.ask(deadline=now + 0.3)
    scene.connection.data_received(WHOLE["length"][0])
    await task
    task = await scene.ask(deadline=now + 60)
    await asyncio.sleep(0.4)
    scene.connection.data_received(WHOLE["length"][0])
    assert (await task).content == b"abc"
    assert not scene.line.ended


async def test_a_cancelled_call_ends_its_connection() -> None:
    """Nobody reads the answer any more, so it must not lie in wait for the next request."""
    scene = Scene()
    task = await scene.ask()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.line.ended == "aborted"


async def test_a_call_cancelled_behind_its_last_byte_leaves_the_connection_to_others() -> None:
    """The exchange is whole; the connection may carry somebody else's request by now."""
    scene = Scene()
    first = await scene.ask()
    scene.connection.data_received(WHOLE["length"][0])
    first.cancel()
    second = await scene.ask()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not scene.line.ended
    scene.connection.data_received(OK + b"Content-Length: 6\r\n\r\nsecond")
    assert (await second).content == b"second"


async def test_a_defect_of_ours_stays_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error inside the reading is not blamed on the partner's answer."""
    scene = Scene()
    monkeypatch.setattr("adapters.transport.connection._joined", lambda _: {}["defect"])
    with pytest.raises(KeyError, match="defect"):
        await scene.hear(OK + b"X: 1\r\nX: 2\r\nContent-Length: 0\r\n\r\n")
