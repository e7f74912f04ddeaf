"""uvicorn's HTTP protocol with the bounds it lacks, and with answers that leave in one piece.

uvicorn waits for ever for the rest of a request line, of headers, or of a body that nobody reads any more. Each
connection here notes since when it has been sending, and `sweep` closes those that take too long; that costs
nothing per request.

uvicorn writes head and body of an answer apart, which the event loop sends apart: two calls of the system, two
segments, and a reader that is woken twice. `JoinedWrites` holds the first until the second is there, as ASGI has it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from uuid_utils import uuid7
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.web.body import ARRIVED
from hub.web.problems import MEDIA_TYPE, ProblemAnswer

MAX_CONNECTIONS = 2000
"""Open connections of one process; a further one is closed at once."""

SWEEP_SECONDS = 1.0

_MALFORMED = Refusal(
    400,
    "malformed_request",
    Sentence(en="This is not a valid HTTP/1.1 request.", vi="Đây không phải yêu cầu HTTP/1.1 hợp lệ."),
)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    sending_since: float | None = None
    """`time.monotonic` when the request now arriving began; ``None`` between requests and once it is complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Begin to count: a connection that never sends anything is as bad as a slow one."""
        super().connection_made(transport)
        self.transport = JoinedWrites(transport)
        self.sending_since = time.monotonic()
        if len(self.connections) > MAX_CONNECTIONS:
            transport.close()

    def on_message_begin(self) -> None:
        """Begin to count for this request."""
        self.sending_since = time.monotonic()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Stop counting, and say so: from here on it is our turn."""
        self.sending_since = None
        self.scope[ARRIVED] = True  # type: ignore[literal-required] # ours, beside what ASGI has
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's words are of no use to anybody
        """Answer what is no HTTP with a problem like all others."""
        body = ProblemAnswer(_MALFORMED).body(str(uuid7()))
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"cache-control: no-store\r\nconnection: close\r\n\r\n" + body)
        self.transport.close()


class JoinedWrites(asyncio.Transport):
    """A transport that sends together what is written twice in one turn of the event loop."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held: bytes | bytearray | memoryview | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send this with what was written just before, or at the end of this turn."""
        held, self._held = self._held, None
        if held is not None:
            self._transport.writelines((held, data))
        else:
            self._held = data
            self._loop.call_soon(self._send_held)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._transport.write(held)

    def close(self) -> None:
        """Send what was written, and close."""
        self._send_held()
        self._transport.close()

    def is_closing(self) -> bool:
        """Say whether it is closed or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows of its connection."""
        return self._transport.get_extra_info(name, default)


async def sweep(connections: Iterable[Any], timeout_seconds: float) -> None:
    """Close, once a second and for ever, the connections that have been sending one request for too long."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        oldest = time.monotonic() - timeout_seconds
        for one in list(connections):
            if isinstance(one, BoundedProtocol) and one.sending_since is not None and one.sending_since < oldest:
                one.transport.close()
