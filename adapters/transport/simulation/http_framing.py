"""Reads one HTTP/1.1 message from a stream, byte for byte as it came, so that it can be passed on unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httptools

MAX_HEAD_BYTES = 65_536
_HEAD_END = b"\r\n\r\n"
_NO_BODY_STATUSES = frozenset({204, 304})


class BrokenMessageError(Exception):
    """The stream ended inside a message, or it is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers of a message."""

    raw: bytes
    method: str
    """Of a request; empty for an answer."""
    target: str
    """Of a request: path and query; empty for an answer."""
    status: int
    """Of an answer; 0 for a request."""
    headers: dict[str, str]
    """Lower-case names; the last value when repeated."""
    keeps_alive: bool


class _Collector:
    """What httptools calls back."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")


async def read_request_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the head of the next request; ``None`` when the client closed between two requests."""
    raw = await _read_head(reader)
    if raw is None:
        return None
    seen = _Collector()
    parser = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as exc:
        raise BrokenMessageError from exc
    return Head(
        raw=raw,
        method=parser.get_method().decode("ascii"),
        target=seen.target.decode("ascii", "replace"),
        status=0,
        headers=seen.headers,
        keeps_alive=_keeps_alive(parser.get_http_version(), seen.headers),
    )


async def read_answer_head(reader: asyncio.StreamReader) -> Head:
    """Return the head of the next answer."""
    raw = await _read_head(reader)
    if raw is None:
        raise BrokenMessageError
    seen = _Collector()
    parser = httptools.HttpResponseParser(seen)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserError as exc:
        raise BrokenMessageError from exc
    return Head(
        raw=raw,
        method="",
        target="",
        status=parser.get_status_code(),
        headers=seen.headers,
        keeps_alive=_keeps_alive(parser.get_http_version(), seen.headers),
    )


def _keeps_alive(version: str, headers: Mapping[str, str]) -> bool:
    """RFC 9112, 9.3. The parser itself forgets it with a message that is complete with its head."""
    options = {option.strip() for option in headers.get("connection", "").lower().split(",")}
    return "close" not in options and (version == "1.1" or "keep-alive" in options)


async def request_body(head: Head, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the raw bytes of a request's body."""
    async for piece in _framed_body(head, reader):
        yield piece


def unframed(head: Head, raw_body: bytes) -> bytes:
    """Return the body itself from the raw bytes `request_body` yielded: without the marks of its chunks."""
    if not _is_chunked(head):
        return raw_body
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = raw_body.index(b"\r\n", at)
        size = int(raw_body[at:line_end].split(b";", 1)[0], 16)
        if size == 0:
            return b"".join(parts)
        at = line_end + 2
        parts.append(raw_body[at : at + size])
        at += size + 2


async def answer_body(head: Head, reader: asyncio.StreamReader, *, request_method: str) -> AsyncIterator[bytes]:
    """Yield the raw bytes of an answer's body; without any framing it goes on until the stream ends."""
    if request_method == "HEAD" or head.status in _NO_BODY_STATUSES or head.status < 200:  # noqa: PLR2004 - RFC 9110 15.2
        return
    if "content-length" in head.headers or "transfer-encoding" in head.headers:
        async for piece in _framed_body(head, reader):
            yield piece
        return
    while piece := await reader.read(MAX_HEAD_BYTES):
        yield piece


def is_delimited(head: Head) -> bool:
    """Tell whether the end of an answer's body is marked, so that the connection can go on."""
    return "content-length" in head.headers or "transfer-encoding" in head.headers or head.status in _NO_BODY_STATUSES


def _is_chunked(head: Head) -> bool:
    return "chunked" in head.headers.get("transfer-encoding", "").lower()


async def _read_head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError as exc:
        if exc.partial:
            raise BrokenMessageError from exc
        return None
    except asyncio.LimitOverrunError as exc:
        raise BrokenMessageError from exc


async def _framed_body(head: Head, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    try:
        if _is_chunked(head):
            async for piece in _chunks(reader):
                yield piece
            return
        left = int(head.headers.get("content-length", "0"))
        while left:
            piece = await reader.read(min(left, MAX_HEAD_BYTES))
            if not piece:
                raise BrokenMessageError
            left -= len(piece)
            yield piece
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as exc:
        raise BrokenMessageError from exc


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        size_line = await reader.readuntil(b"\r\n")
        size = int(size_line.split(b";", 1)[0], 16)
        if size == 0:
            break
        yield size_line + await reader.readexactly(size + 2)
    trailer = size_line
    while True:
        line = await reader.readuntil(b"\r\n")
        trailer += line
        if line == b"\r\n":
            yield trailer
            return
