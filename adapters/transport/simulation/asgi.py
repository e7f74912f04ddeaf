"""The few ASGI pieces the simulators share: types, reading a body, answering, the life of an application."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


async def read_body(receive: Receive) -> bytes:
    """Return the whole request body."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def answer(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json",
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """Send a whole answer."""
    raw = [(b"content-type", content_type.encode("ascii")), (b"content-length", str(len(body)).encode("ascii"))]
    raw.extend((name.encode("ascii"), value.encode("utf-8")) for name, value in headers)
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, value: Any, *, headers: Iterable[tuple[str, str]] = ()) -> None:
    """Send a whole JSON answer."""
    await answer(send, status, json.dumps(value, ensure_ascii=False).encode("utf-8"), headers=headers)


async def live(receive: Receive, send: Send) -> None:
    """Confirm start and stop for an application that has nothing to do at either."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def header(scope: Scope, name: str) -> str | None:
    """Return a request header by its lower-case name; the last one when it is repeated."""
    wanted = name.encode("ascii")
    found = [value for key, value in scope["headers"] if key == wanted]
    return found[-1].decode("utf-8", "replace") if found else None
