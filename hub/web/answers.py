"""Answers that are ready when they are made: a status, headers and the bytes of a JSON document."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

JSON = b"application/json"


class Answer:
    """An ASGI application that sends one document."""

    __slots__ = ("body", "headers", "media_type", "status")

    def __init__(
        self, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = (), *, media_type: bytes = JSON
    ) -> None:
        """``headers`` are further ones, names in lower case; type and length are added."""
        self.status = status
        self.body = body
        self.headers = headers
        self.media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send it."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    (b"content-type", self.media_type),
                    (b"content-length", b"%d" % len(self.body)),
                    *self.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": self.body})
