"""One connection and what is said on it: one request at a time, and the whole of its answer.

A protocol of the event loop, so a call costs one future: no task, no stream, no lock. Its time limit is a timer
that ends the connection. The answer is read by llhttp (httptools), which refuses what can be read in two ways:
two lengths, a length and chunks, folded lines, characters that do not belong into a field.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol, cast

import httptools

from adapters.transport.faults_to_errors import Progress, Stage
from adapters.transport.http_message import Origin
from adapters.transport.wire_errors import AnswerError, AnswerTooLongError, ConnectionEndedError

MAX_HEADER_LINE_BYTES = 8_190
MAX_HEADER_LINES = 128
MAX_INTERIM_ANSWERS = 8
"""Answers 1xx before the final one (RFC 9110 15.2)."""

_PIECE_BYTES = 65_536
"""A body up to here is written with its head; a longer one in pieces of this size, as fast as they leave."""
_MAX_UNREAD_BYTES = 65_536
"""How much may come without ending a line or bringing a piece of the body: a line that never ends."""
_FIRST_STATUS = 100
_FIRST_FINAL_STATUS = 200


class WireAnswer(NamedTuple):
    """A whole answer, its body as it came."""

    status: int
    headers: dict[str, str]
    """Lower-case names; a repeated field is joined with ``", "``."""
    raw_headers: list[tuple[bytes, bytes]]
    content: bytes


class Keeper(Protocol):
    """Who keeps a connection between its exchanges."""

    def take_back(self, connection: Connection) -> None:
        """The exchange is over and the connection can carry another."""

    def gone(self, connection: Connection) -> None:
        """The connection carries nothing more; told once."""

    def lost(self, connection: Connection) -> None:
        """Its socket is closed; told once, never before `gone`."""


class Connection(asyncio.Protocol):
    """Made for ``loop.create_connection``; then `adopt`, and one `exchange` after the other."""

    __slots__ = (
        "_answer",
        "_end",
        "_fault",
        "_head",
        "_headers",
        "_interim",
        "_is_gone",
        "_is_head",
        "_is_kept",
        "_is_lost",
        "_is_paused",
        "_keeper",
        "_limit",
        "_loop",
        "_parser",
        "_pieces",
        "_raw_head",
        "_rest",
        "_size",
        "_status",
        "_transport",
        "_unread",
        "_waiting",
        "idle_since",
        "origin",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: Origin) -> None:
        self.origin = origin
        self.idle_since = 0.0
        """Loop time at which the keeper put it away."""
        self._loop = loop
        self._keeper: Keeper | None = None
        self._is_gone = False
        self._is_lost = False
        self._end: Exception | None = None
        self._is_paused = False
        self._rest: memoryview | None = None
        self._parser = httptools.HttpResponseParser(self)
        # RFC 9112 2.2 and 7.1 let a reader accept both; partners with old servers send them.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._waiting: asyncio.Future[WireAnswer] | None = None
        self._answer: WireAnswer | None = None
        self._fault: Exception | None = None
        self._head: dict[str, str] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._raw_head = self._headers
        self._pieces: list[bytes] = []
        self._size = 0
        self._limit = 0
        self._status = 0
        self._interim = 0
        self._unread = 0
        self._is_head = False
        self._is_kept = False

    def adopt(self, keeper: Keeper) -> None:
        """Tell ``keeper`` from now on what becomes of the connection, also if it has ended already."""
        self._keeper = keeper
        if self._is_gone:
            keeper.gone(self)
        if self._is_lost:
            keeper.lost(self)

    def is_usable(self) -> bool:
        """Tell whether a request may be sent on it; the partner may have closed it in the meantime."""
        return not self._is_gone and not self._transport.is_closing()

    async def exchange(
        self, head: bytes, body: bytes, *, progress: Progress, limit: int, deadline: float | None, is_head: bool = False
    ) -> WireAnswer:
        """Send a request and return its whole answer, with at most ``limit`` bytes of body, by ``deadline``.

        ``deadline`` is a loop time; ``is_head`` says that the answer has no body whatever it announces. Notes in
        ``progress`` when the first byte is handed over. Whatever else happens than a whole answer, cancellation
        included, the connection is closed. Raises ``TimeoutError``, a `WireError`, or an error of the parser.
        """
        waiting: asyncio.Future[WireAnswer] = self._loop.create_future()
        self._waiting = waiting
        self._limit = limit
        self._is_head = is_head
        self._interim = 0
        self._unread = 0
        timer: asyncio.TimerHandle | None = None
        try:
            if deadline is not None:
                timer = self._loop.call_at(deadline, self._out_of_time, waiting)
            if self._is_lost:
                self._fail(_ended(self._end))
            elif not self._transport.is_closing():
                progress.stage = Stage.SENT
                self._write(head, body)
            # Otherwise it is being closed. Its end, which comes by itself, says why: the partner left, or did not
            # accept our certificate. Nothing was written.
            return await waiting
        finally:
            if timer is not None:
                timer.cancel()
            if self._waiting is waiting:
                self._waiting = None
                self.abort()

    def close(self) -> None:
        """Close an idle connection."""
        self._gone()
        self._transport.close()

    def abort(self) -> None:
        """End it here and now; a call under way learns that its connection ended."""
        self._gone()
        self._rest = None
        self._transport.abort()
        if self._waiting is not None:
            self._fail(_ended(None))

    def is_idle(self) -> bool:
        """Tell whether no call waits for an answer on it."""
        return self._waiting is None

    # --- what the event loop tells ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; with TLS the handshake is over."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        if self._waiting is None:
            # Nobody asked. Whatever it is, it must not become the answer to the next request.
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._is_kept = False
            if self._answer is None and self._fault is None:
                is_ours = isinstance(exc, httptools.HttpParserCallbackError) and exc.__context__ is not None
                self._fault = cast("Exception", exc.__context__) if is_ours else exc
        if self._answer is not None:
            self._succeed(self._answer)
        elif self._fault is not None:
            self._fail(self._fault)
        elif len(self._headers) > MAX_HEADER_LINES:
            self._fail(AnswerError("too many header lines"))
        elif self._unread < 0:
            self._unread = 0
        else:
            self._unread += len(data)
            if self._unread > _MAX_UNREAD_BYTES:
                self._fail(AnswerError("a line without end"))

    def eof_received(self) -> None:
        """The partner sends no more: the end of an answer without a length, and of any connection."""
        if self._waiting is None:
            self.close()
        elif self._head is not None and self._head.keys().isdisjoint(("content-length", "transfer-encoding")):
            self._is_kept = False
            self._succeed(self._whole(self._head))
        # The transport closes itself now, and says so.

    def connection_lost(self, exc: Exception | None) -> None:
        """Say what ended to whoever still waits."""
        self._end = exc
        self._is_lost = True
        del self._parser  # which refers back to this object
        self._gone()
        if self._keeper is not None:
            self._keeper.lost(self)
        if self._waiting is not None:
            self._fail(_ended(exc))

    def pause_writing(self) -> None:
        """Too much of the request waits to leave."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """The rest may follow."""
        self._is_paused = False
        if self._rest is not None:
            self._write_on(self._rest)

    # --- what the parser tells ----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin an answer; after a whole one it is one too many."""
        self._headers = []
        self._pieces = []
        self._size = 0
        self._head = None
        self._unread = -1
        if self._answer is not None:
            self._is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; behind a body it is a trailer, which is counted and not read."""
        self._headers.append((name, value))
        self._unread = -1
        if len(name) + len(value) > MAX_HEADER_LINE_BYTES:
            self._fault = AnswerError("header line too long")

    def on_headers_complete(self) -> None:
        """Judge the head."""
        parser = self._parser
        self._unread = -1
        if self._answer is not None:
            return
        self._status = parser.get_status_code()
        if self._status < _FIRST_FINAL_STATUS:
            return
        raw = self._raw_head = self._headers
        self._headers = []
        self._is_kept = parser.should_keep_alive()
        if not self._is_kept and parser.get_http_version() not in {"1.1", "1.0"}:
            self._fault = AnswerError("not HTTP/1")
        if len(raw) > MAX_HEADER_LINES:
            self._fault = AnswerError("too many header lines")
        head = {name.decode("ascii").lower(): value.decode("utf-8", "surrogateescape") for name, value in raw}
        if len(head) != len(raw):
            head = _joined(raw)
        coding = head.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            self._fault = AnswerError("unknown transfer coding")
        self._head = head
        if self._is_head and self._fault is None:
            # The parser cannot be told that nothing follows, so it reads no second answer on this connection.
            self._answer = self._whole(head)
            self._is_kept = False

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._unread = -1
        self._size += len(piece)
        if self._size > self._limit:
            self._fault = self._fault or AnswerTooLongError()
        else:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """End an answer; one of 1xx announces another."""
        if self._answer is not None:
            self._is_kept = False
        elif self._fault is not None:
            pass
        elif self._head is not None:
            self._answer = self._whole(self._head)
        else:
            self._interim += 1
            if self._interim > MAX_INTERIM_ANSWERS or self._status < _FIRST_STATUS:
                self._fault = AnswerError("no final answer")

    # --- inside -------------------------------------------------------------------------------------------

    def _write(self, head: bytes, body: bytes) -> None:
        if len(body) <= _PIECE_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._write_on(memoryview(body))

    def _write_on(self, rest: memoryview) -> None:
        """Write until the transport says that it has enough; `resume_writing` goes on."""
        while rest and not self._is_paused and not self._transport.is_closing():
            self._transport.write(rest[:_PIECE_BYTES])
            rest = rest[_PIECE_BYTES:]
        self._rest = rest or None

    def _whole(self, head: dict[str, str]) -> WireAnswer:
        pieces = self._pieces
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return WireAnswer(self._status, head, self._raw_head, content)

    def _succeed(self, answer: WireAnswer) -> None:
        waiting = self._waiting
        # Nothing of this answer may be left when the next one begins, or does not begin.
        self._waiting = self._answer = self._head = None
        self._headers = self._raw_head = []
        self._pieces = []
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
        if self._rest is not None or self._transport.get_write_buffer_size():
            # The answer came before the request had left whole; the rest of it must not follow.
            self.abort()
        elif not self._is_kept or self._keeper is None:
            self.close()
        elif not self._is_gone:
            self._keeper.take_back(self)

    def _fail(self, error: Exception) -> None:
        waiting = self._waiting
        self._waiting = None
        self.abort()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def _out_of_time(self, waiting: asyncio.Future[WireAnswer]) -> None:
        if self._waiting is waiting:
            self._fail(TimeoutError())

    def _gone(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            if self._keeper is not None:
                self._keeper.gone(self)


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    head: dict[str, str] = {}
    for cased, read in raw:
        name, value = cased.decode("ascii").lower(), read.decode("utf-8", "surrogateescape")
        head[name] = f"{head[name]}, {value}" if name in head else value
    return head


def _ended(cause: Exception | None) -> ConnectionEndedError:
    error = ConnectionEndedError()
    error.__cause__ = cause
    return error
