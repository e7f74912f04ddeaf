"""Unpacks an answer that came compressed although we ask for none, without letting it grow beyond the limit."""

from __future__ import annotations

import zlib

import httpx

from adapters.transport.faults_to_errors import AnswerTooLarge

_GZIP = 16 + zlib.MAX_WBITS
_MAX_CODINGS = 2


def decoded(content: bytes, coding: str, limit: int) -> bytes:
    """Return the plain bytes of ``content``, at most ``limit`` of them.

    ``coding`` is the ``Content-Encoding`` header (RFC 9110, 8.4): gzip, deflate or identity. Raises
    `AnswerTooLarge` before more than ``limit`` bytes are unpacked, `httpx.DecodingError` for anything else.
    """
    codings = [name.strip().lower() for name in coding.split(",")]
    if len(codings) > _MAX_CODINGS:
        raise httpx.DecodingError("too many content codings")
    for name in reversed(codings):
        if name in {"gzip", "x-gzip"}:
            content = _inflated(content, _GZIP, limit)
        elif name == "deflate":
            # RFC 9110 says zlib; some servers send the bare stream.
            starts_as_zlib = (
                len(content) > 1 and content[0] & 0x0F == zlib.DEFLATED and not ((content[0] << 8 | content[1]) % 31)
            )
            content = _inflated(content, zlib.MAX_WBITS if starts_as_zlib else -zlib.MAX_WBITS, limit)
        elif name not in {"", "identity"}:
            raise httpx.DecodingError("unknown content coding")
    return content


def _inflated(content: bytes, window_bits: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while content:
        inflater = zlib.decompressobj(window_bits)
        try:
            part = inflater.decompress(content, limit - size + 1)
        except zlib.error as exc:
            raise httpx.DecodingError("content coding is broken") from exc
        size += len(part)
        if size > limit:
            raise AnswerTooLarge("unpacked answer larger than max_response_bytes")
        if not inflater.eof:
            raise httpx.DecodingError("content coding breaks off")
        parts.append(part)
        content = inflater.unused_data
    return b"".join(parts)
