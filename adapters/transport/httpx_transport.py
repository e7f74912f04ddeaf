"""The same wire behind httpx's interface, for libraries that want an httpx client handed to them.

`HttpClient` does not go through here: httpx's request, response and client objects cost more than the call
itself (measured in this folder's README). Timeouts other than the one for connecting belong to the caller,
who puts every call inside `asyncio.timeout`.
"""

from __future__ import annotations

from http.cookiejar import CookieJar
from typing import Any

import httpx

from adapters.transport.faults_to_errors import Progress, Stage, from_wire
from adapters.transport.http_message import Target
from adapters.transport.wire import WIRE_ERRORS, Wire, safe_cause

PROGRESS = "lienthong.progress"
"""Key of `httpx.Request.extensions` under which a caller may hand in the `Progress` to be kept for its call."""


class WireTransport(httpx.AsyncBaseTransport):
    """An httpx transport over one `Wire`."""

    def __init__(self, wire: Wire) -> None:
        """``wire`` belongs to the transport from here on, and is closed with it."""
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request once and return the answer, its body whole, as large as the wire allows.

        Raises an `httpx.RequestError` that is exact about whether the request was sent; its text holds no
        part of the address, the headers or the body.
        """
        progress: Progress = request.extensions.get(PROGRESS) or Progress()
        body = await request.aread()
        headers = dict(request.headers.items())
        # The body is whole now, however the library meant to send it.
        headers.pop("transfer-encoding", None)
        progress.stage = Stage.CONNECTING
        try:
            answer = await self._wire.send(
                request.method,
                Target.of(str(request.url)),
                headers=headers,
                body=body,
                progress=progress,
                deadline=None,
            )
        except WIRE_ERRORS as exc:
            translated = from_wire(exc, progress)
            translated.request = request
            raise translated from safe_cause(exc)
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=httpx.ByteStream(answer.content))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()


class NoCookies(CookieJar):
    """Forgets every cookie: a session at a partner is a value the adapter handles in the open."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep nothing."""
