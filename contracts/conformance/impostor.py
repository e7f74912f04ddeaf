"""Something that is not the partner and answers at its address: too much, packed too well, or leading elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown, TryLater

MOST_BYTES = 64 << 20
"""What an impostor sends at most. An adapter hangs up long before: see `TAKEN_BYTES`."""

TAKEN_BYTES = 40 << 20
"""Above what an adapter may take of one answer, with what fits into the buffers of two sockets."""

_HEAD_LIMIT = 1 << 20


class Pretence(StrEnum):
    """What the impostor answers."""

    HUGE = "an answer without end"
    BOMB = "one megabyte that unpacks to a thousand"
    REDIRECT = "a redirect to another machine"
    NOT_HTTP = "the greeting of another protocol"
    NOT_TEXT = "bytes that are no UTF-8"
    DEEP = "brackets within brackets, two hundred thousand deep"
    EMPTY = "nothing, with status 200"


BECOMES: dict[Pretence, tuple[frozenset[type[LienThongError]], frozenset[type[LienThongError]]]] = {
    # What a write may become, what a question may become. Whether nonsense is called malformed or a matter for a
    # person is the adapter's; that a write was not carried out is nothing an impostor can prove.
    pretence: (frozenset({Malformed, NeedsPerson, OutcomeUnknown}), frozenset({Malformed, NeedsPerson, TryLater}))
    for pretence in Pretence
} | {
    pretence: (frozenset({Malformed}), frozenset({Malformed}))
    for pretence in (Pretence.HUGE, Pretence.BOMB, Pretence.NOT_TEXT, Pretence.DEEP, Pretence.EMPTY)
}


@dataclass
class Impostor:
    """What it has seen."""

    calls: int = 0
    sent_bytes: int = 0
    elsewhere: int = 0
    """Calls that followed the redirect."""
    _bomb: bytes = field(default=b"", repr=False)


@asynccontextmanager
async def impostor(port: int, pretence: Pretence) -> AsyncGenerator[Impostor]:
    """Answer every call at this loopback port with this, for the length of the block."""
    seen = Impostor()

    def elsewhere() -> None:
        seen.elsewhere += 1

    async with _listening(0, lambda _reader, writer: _notice(writer, elsewhere)) as other:
        answers = _answer_of(pretence, other)
        async with _listening(port, lambda reader, writer: _serve(reader, writer, seen, answers)):
            yield seen


_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], "asyncio.Future[None] | object"]


@asynccontextmanager
async def _listening(port: int, handler: _Handler) -> AsyncGenerator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)  # type: ignore[misc]
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", port, limit=_HEAD_LIMIT, reuse_port=port != 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tuple(tasks), timeout=2)


async def _notice(writer: asyncio.StreamWriter, notice: Callable[[], None]) -> None:
    notice()
    writer.write(_head("200 OK", "content-length: 2") + b"{}")
    await writer.drain()


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Impostor, pieces: Callable[[], list[bytes] | None]
) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if length:
            await reader.readexactly(int(length[0].partition(b":")[2]))
    seen.calls += 1
    whole = pieces()
    if whole is not None:
        for piece in whole:
            writer.write(piece)
            await writer.drain()
            seen.sent_bytes += len(piece)
        return
    writer.write(_head("200 OK", "content-type: application/json", "connection: close"))
    piece = b" " * (1 << 18)
    while seen.sent_bytes < MOST_BYTES:
        writer.write(piece)
        await writer.drain()
        seen.sent_bytes += len(piece)


def _answer_of(pretence: Pretence, elsewhere: int) -> Callable[[], list[bytes] | None]:
    """Return what gives the pieces of the whole answer; ``None`` for the one without end."""
    packed = gzip.compress(bytes(1 << 20), 9) * 1000 if pretence is Pretence.BOMB else b""  # members: RFC 1952, 2.2
    answers: dict[Pretence, list[bytes] | None] = {
        Pretence.HUGE: None,
        Pretence.BOMB: _whole("200 OK", packed, "content-encoding: gzip"),
        Pretence.REDIRECT: _whole("307 Temporary Redirect", b"", f"location: http://127.0.0.1:{elsewhere}/"),
        Pretence.NOT_HTTP: [b"SSH-2.0-OpenSSH_9.9\r\n"],
        Pretence.NOT_TEXT: _whole("200 OK", b'{"message": "\xff\xfe\xc3\x28"}'),
        Pretence.DEEP: _whole("200 OK", b"[" * 200_000),
        Pretence.EMPTY: _whole("200 OK", b""),
    }
    return lambda: answers[pretence]


def _whole(status: str, body: bytes, *headers: str) -> list[bytes]:
    return [
        _head(status, "content-type: application/json", f"content-length: {len(body)}", "connection: close", *headers),
        body,
    ]


def _head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode()
