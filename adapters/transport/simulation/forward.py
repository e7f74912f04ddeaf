"""Plays the security server: the forward path in front of the applications that play the providers.

Accepts both product names in the path, ``dstcode`` as header or query parameter, and ``providerurl``. What it
refuses it refuses as a security server does: ``X-Road-Error`` and a ``{type, message, detail}`` body.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from adapters.transport.simulation.asgi import App, Message, Receive, Scope, Send, answer, answer_json, header, live
from adapters.transport.simulation.asgi import read_body as _read_body

PREFIXES = ("/XrdAdapter/RestService/forward/", "/VXPAdapter/RestService/forward/")

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect", b"dstcode", b"host"}
)


@dataclass(slots=True)
class _Failure:
    code: str
    after_provider: bool
    left: int


class ForwardSimulator:
    """ASGI application: the forward adapter in front of ``routes``.

    The providers' own start-up and shutdown events are not passed on.
    """

    def __init__(self, routes: Mapping[str, App], *, providers: Mapping[tuple[str, str], App] | None = None) -> None:
        """``routes`` maps a ``dstcode`` to the application behind it.

        ``providers`` maps ``(dstcode, providerurl)`` where one subsystem fronts several hosts.
        """
        self._routes = dict(routes)
        self._providers = dict(providers or {})
        self._failures: list[_Failure] = []

    def fail_next(self, code: str, *, after_provider: bool = False, count: int = 1) -> None:
        """Answer the next ``count`` calls with this ``X-Road-Error``, before or after the provider was called."""
        self._failures.append(_Failure(code, after_provider, count))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        prefix = next((prefix for prefix in PREFIXES if scope["path"].startswith(prefix)), None)
        if prefix is None:
            await answer(send, HTTPStatus.NOT_FOUND, b"Not Found", content_type="text/plain")
            return
        dstcode, provider_url, query = _routing(scope)
        if not dstcode:
            await _x_road_error(send, "Client.MissingHeaderField", "dstcode is missing")
            return
        provider = self._routes.get(dstcode) if provider_url is None else self._providers.get((dstcode, provider_url))
        if provider is None:
            known = any(dstcode == code for code in (*self._routes, *(code for code, _ in self._providers)))
            code = "Server.ServerProxy.UnknownService" if known else "Server.ClientProxy.UnknownMember"
            await _x_road_error(send, code, "no provider is known under this dstcode and providerurl")
            return
        await self._forward(provider, _inner_scope(scope, prefix, query), receive, send)

    async def _forward(self, provider: App, scope: Scope, receive: Receive, send: Send) -> None:
        failure = self._due_failure()
        if failure is None:
            await provider(scope, receive, send)
            return
        if failure.after_provider:
            await provider(scope, receive, _swallow)
        else:
            await _read_body(receive)
        await _x_road_error(send, failure.code, "failure on demand")

    def _due_failure(self) -> _Failure | None:
        if not self._failures:
            return None
        failure = self._failures[0]
        failure.left -= 1
        if failure.left <= 0:
            self._failures.pop(0)
        return failure


def _routing(scope: Scope) -> tuple[str | None, str | None, bytes]:
    """Return dstcode, providerurl and the query that is left for the provider."""
    kept: list[str] = []
    routing: dict[str, str] = {}
    for part in scope["query_string"].decode("ascii", "replace").split("&"):
        name, value = next(iter(parse_qsl(part, keep_blank_values=True)), ("", ""))
        if name in {"dstcode", "providerurl"}:
            routing[name] = value
        elif part:
            kept.append(part)
    dstcode = header(scope, "dstcode") or routing.get("dstcode")
    return dstcode, routing.get("providerurl"), "&".join(kept).encode("ascii", "replace")


def _inner_scope(scope: Scope, prefix: str, query: bytes) -> Scope:
    raw_path: bytes = scope["raw_path"]
    inner_raw = raw_path[len(prefix) - 1 :]
    return {
        **scope,
        "path": unquote(inner_raw.decode("ascii", "replace")),
        "raw_path": inner_raw,
        "query_string": query,
        "headers": [(name, value) for name, value in scope["headers"] if name not in _HOP_BY_HOP],
    }


async def _x_road_error(send: Send, code: str, message: str) -> None:
    status = (
        HTTPStatus.INTERNAL_SERVER_ERROR if code.lower().startswith(("server.", "signer.")) else HTTPStatus.BAD_REQUEST
    )
    body = {"type": code, "message": message, "detail": str(uuid.uuid4())}
    await answer_json(send, status, body, headers=[("X-Road-Error", code)])


async def _swallow(_message: Message) -> None:
    """Take the provider's answer and lose it."""
