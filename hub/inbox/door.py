"""The door of the partners: ``/inbound/<connection>/…``, outside OAuth, bounded in size and time, deny by default.

Proves who calls, reads the message, lets the adapter answer, and turns every failure into an answer in the partner's
own protocol. An answer that says "kept" is sent after the commit, because the adapter gets it from the desk only then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from starlette.types import Receive, Scope, Send

from contracts.inbound import InboundAnswer, InboundFault, InboundHandler, InboundRequest
from hub.errors import Refusal
from hub.health.metrics import inbound_ended
from hub.inbox.credentials import Doorman
from hub.inbox.downloads import FileNotFetchedError
from hub.inbox.settings import PREFIX
from hub.store.errors import StoreUnavailable
from hub.web.body import ClientGone, read_body, require_uncompressed
from hub.web.problems import BODY_READ, LINGER_SECONDS, no_such_address
from hub.web.resources import ROUTE

TEMPLATE = f"{PREFIX}{{connection}}/…"
"""What the log shows: the rest of an address may be a secret."""

_BODY_FAULTS = {
    "body_too_large": InboundFault.TOO_LARGE,
    "body_too_slow": InboundFault.TOO_SLOW,
    "unsupported_encoding": InboundFault.BAD_ENCODING,
}

_log = structlog.get_logger("hub.inbox")


@dataclass(frozen=True, slots=True)
class Entrance:
    """One connection's part of the door."""

    handler: InboundHandler
    doorman: Doorman


class Door:
    """ASGI application for everything below `PREFIX`."""

    def __init__(
        self,
        entrances: Mapping[str, Entrance],
        *,
        max_body_bytes: int,
        timeout_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``entrances`` by connection; size and time bound one call."""
        self._entrances = dict(entrances)
        self._max_bytes = max_body_bytes
        self._timeout = timeout_seconds
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        scope[ROUTE] = TEMPLATE
        connection, _, path = scope["path"].removeprefix(PREFIX).partition("/")
        entrance = self._entrances.get(connection)
        if entrance is None:
            raise no_such_address()
        handler, path = entrance.handler, path.strip("/")
        denial = entrance.doorman.deny(scope, address_is_secret=handler.opens_by_address(path))
        if denial is not None:
            _log.warning("inbound_denied", connection=connection, reason=denial.value)
            inbound_ended(connection, InboundFault.NOT_ALLOWED.value)
            await _send(handler.refuse(path, InboundFault.NOT_ALLOWED), scope, receive, send)
            return
        answer, outcome = await self._answer(connection, entrance, path, scope, receive)
        inbound_ended(connection, outcome)
        await _send(answer, scope, receive, send)

    async def _answer(
        self, connection: str, entrance: Entrance, path: str, scope: Scope, receive: Receive
    ) -> tuple[InboundAnswer, str]:
        handler = entrance.handler
        try:
            request = await self._read(entrance, path, scope, receive)
            async with asyncio.timeout(self._timeout):
                return await handler.serve(request), "served"
        except Refusal as refusal:
            fault = _BODY_FAULTS.get(refusal.code, InboundFault.FAILED)
        except (StoreUnavailable, FileNotFetchedError, TimeoutError) as error:
            _log.warning("inbound_not_done", connection=connection, error=type(error).__name__)
            fault = InboundFault.UNAVAILABLE
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the partner gets an answer in its protocol
            # The log writes an exception as its type and place; its words may quote what was sent.
            _log.error("inbound_failed", connection=connection, exc_info=error)
            fault = InboundFault.FAILED
        return handler.refuse(path, fault), fault.value

    async def _read(self, entrance: Entrance, path: str, scope: Scope, receive: Receive) -> InboundRequest:
        raw = dict(scope["headers"])
        require_uncompressed(raw)
        body = await read_body(receive, raw, max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        scope[BODY_READ] = True
        proofs = entrance.doorman.proofs
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name not in proofs
        }
        return InboundRequest(method=scope["method"], path=path, headers=headers, body=body, at=self._now())


async def _send(answer: InboundAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", answer.media_type.encode("latin-1"))]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    unread = BODY_READ not in scope
    if unread:
        headers.append((b"connection", b"close"))
    if isinstance(answer.content, bytes):
        headers.append((b"content-length", str(len(answer.content)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content, "more_body": unread})
        if unread:
            await _linger(receive)
            await send({"type": "http.response.body", "body": b""})
        return
    async with _closing(answer.content) as pieces:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        try:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer has begun and cannot become another
            # Left without its end the answer is cut off by the server, so that nobody takes a part for the whole.
            _log.warning("inbound_file_cut_off", error=type(error).__name__)
            return
        await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[AsyncGenerator[bytes]]:
    try:
        yield pieces
    finally:
        await pieces.aclose()


async def _linger(receive: Receive) -> None:
    # Closing a socket while the other side is sending makes its kernel discard the answer it has not read yet.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
