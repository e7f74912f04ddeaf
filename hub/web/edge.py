"""The outermost layer: request id, security headers, access log, metrics, and the last catch of errors.

One pure ASGI layer, because every layer is paid for by every request. The log holds the template of the address
and the dossier code, never the address itself, a query or a body: those may quote a citizen.
"""

from __future__ import annotations

import re
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from hub.health.metrics import request_ended
from hub.masking import mask_text
from hub.web.access_log import AccessLog
from hub.web.body import ClientGone
from hub.web.failures import problem_for, unforeseen
from hub.web.problems import REQUEST_ID, ProblemAnswer, overloaded
from hub.web.resources import CLIENT_ID, ROUTE, SUBJECT

_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{8,64}")

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""On every answer that does not set them itself."""
_SECURITY_HEADERS = dict(SECURITY_HEADERS)

MAX_IN_FLIGHT = 1000
"""Requests served at once by one process; a further one gets 503, because waiting longer would help nobody."""

CLIENT_CLOSED = 499
"""Status in log and metrics when the client went away; nobody receives it."""

NO_ROUTE = "(none)"
"""The route in log and metrics of addresses that do not exist."""

_log = structlog.get_logger("hub.web")


class Edge:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, access_log: AccessLog, *, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        """``app`` may raise anything; nothing but cancellation leaves the edge."""
        self._app = app
        self._access_log = access_log
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began = perf_counter()
        request_id = scope[REQUEST_ID] = _request_id(scope)
        status = 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message["headers"], request_id)
            await send(message)

        self._in_flight += 1
        try:
            if self._in_flight > self._max_in_flight:
                await ProblemAnswer(overloaded(), headers={"retry-after": "1"})(scope, receive, dressed)
            else:
                await self._app(scope, receive, dressed)
        except ClientGone:
            status = CLIENT_CLOSED
        except Exception as error:  # noqa: BLE001 - the last catch: whatever it is, the caller gets an answer
            answer = problem_for(error, scope)
            if answer is None:
                # The log writes an exception as its type and place; its words may quote what was sent.
                _log.error("request_failed", request_id=request_id, exc_info=error)
                answer = unforeseen(scope)
            if status == 0:
                await answer(scope, receive, dressed)
        finally:
            self._in_flight -= 1
            self._record(scope, status or CLIENT_CLOSED, perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = scope.get(ROUTE, NO_ROUTE), scope["method"]
        request_ended(route, method, status, seconds)
        self._access_log.write(
            request_id=scope[REQUEST_ID],
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            client_id=scope.get(CLIENT_ID),
            dossier_code=scope.get(SUBJECT),
        )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = str(value, "latin-1")
            # It goes into the log as it is, so it must not be anybody's number.
            if _REQUEST_ID.fullmatch(given) and mask_text(given) == given:
                return given
    return str(uuid7())


def _dress(headers: list[tuple[bytes, bytes]], request_id: str) -> None:
    missing = _SECURITY_HEADERS.copy()
    for name, _ in headers:
        missing.pop(name, None)
    headers += missing.items()
    headers.append((b"x-request-id", request_id.encode()))
