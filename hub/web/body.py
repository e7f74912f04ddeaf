"""Reading a request's body: whole, within a size and a time, before anything else looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive

from contracts.errors import Sentence
from hub.errors import Refusal

JSON_TYPES = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")


ARRIVED = "lienthong.arrived"
"""Key of the ASGI scope: set by our server once the request is here to its last byte."""


class ClientGone(Exception):  # noqa: N818 - nobody is left to be told
    """The client closed the connection before its request was complete; nothing was stored."""


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that is not declared as plain JSON in UTF-8 (415)."""
    media_type = headers.get(b"content-type", b"")
    if media_type not in JSON_TYPES and b" ".join(media_type.lower().split()) not in JSON_TYPES:
        raise Refusal(
            415,
            "unsupported_media_type",
            Sentence(
                en="The body must be JSON in UTF-8, declared as Content-Type: application/json.",
                vi="Nội dung phải là JSON mã UTF-8, khai báo bằng Content-Type: application/json.",
            ),
            field="Content-Type",
        )
    require_uncompressed(headers)


def require_uncompressed(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a compressed body (415): its size would only be known after it has filled the memory."""
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refusal(
            415,
            "unsupported_encoding",
            Sentence(
                en="A compressed body is not accepted; send it without Content-Encoding.",
                vi="Không chấp nhận nội dung nén; hãy gửi không kèm Content-Encoding.",
            ),
            field="Content-Encoding",
        )


async def read_body(
    receive: Receive,
    headers: Mapping[bytes, bytes],
    *,
    max_bytes: int,
    timeout_seconds: float,
    has_arrived: bool = False,
) -> bytes:
    """Return the body.

    ``has_arrived`` says that nothing is to be waited for (`ARRIVED`): no time is then taken, which most requests save.
    Raises `Refusal` 413 as soon as it is known to be too large – by its declared length before any of it is read,
    else at the first byte too many – 408 when it does not come in time, and `ClientGone`.
    """
    declared = headers.get(b"content-length")
    if declared is not None and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    if has_arrived:
        return await _collect(receive, max_bytes)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _collect(receive, max_bytes)
    except TimeoutError:
        raise Refusal(
            408,
            "body_too_slow",
            Sentence(
                en=f"The body did not arrive within {timeout_seconds:g} seconds. Nothing was stored.",
                vi=f"Nội dung không được gửi đủ trong {timeout_seconds:g} giây. Chưa có gì được lưu.",
            ),
        ) from None


async def _collect(receive: Receive, max_bytes: int) -> bytes:
    message: Message = await receive()
    whole: bytes = message.get("body", b"")
    if not message.get("more_body") and message["type"] == "http.request" and len(whole) <= max_bytes:
        return whole  # The usual case: it came in one piece.
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        413,
        "body_too_large",
        Sentence(
            en=f"The body is larger than {max_bytes} bytes. Nothing was stored.",
            vi=f"Nội dung lớn hơn {max_bytes} byte. Chưa có gì được lưu.",
        ),
    )
