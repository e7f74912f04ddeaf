"""One request over one connection, sent once: the bottom of `HttpClient` and of the httpx transport.

No redirect, no cookie, no proxy, no environment, no unpacking of the body, and never a second sending of the
same request: nothing here repeats anything.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

from adapters.transport.connecting import Connector
from adapters.transport.connection import Connection, WireAnswer
from adapters.transport.faults_to_errors import WIRE, Progress, Stage
from adapters.transport.http_message import Origin, Target, request_head
from adapters.transport.pool import Pool

WIRE_ERRORS = tuple(WIRE)
"""What a call may end with; anything else is a defect of ours and stays visible as one."""


class Wire:
    """One pool of connections to one partner. Constructing it has no side effects."""

    def __init__(
        self,
        *,
        connect_timeout_seconds: float,
        max_connections: int,
        keep_alive_seconds: float,
        max_response_bytes: int,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        """Build the pool; ``tls`` is called once, at the first https request."""
        self._connect_timeout_seconds = connect_timeout_seconds
        self._max_connections = max_connections
        self._keep_alive_seconds = keep_alive_seconds
        self._max_response_bytes = max_response_bytes
        self._tls = tls
        self._tls_context: ssl.SSLContext | None = None
        self._pool: Pool | None = None

    async def send(
        self,
        method: str,
        target: Target,
        *,
        headers: Mapping[str, str],
        body: bytes,
        progress: Progress,
        deadline: float | None,
    ) -> WireAnswer:
        """Send the request once and return its whole answer.

        ``deadline`` is the loop time at which it all ends, the waiting for a connection included; without one
        the caller has a limit of its own. Notes in ``progress`` how far the request came. Raises one of
        `WIRE_ERRORS`; or what making the TLS context raised.
        """
        progress.stage = Stage.CONNECTING
        head = request_head(method, target, headers, len(body))
        pool = self._pool or self._open()
        connection = pool.idle(target.origin)
        if connection is None:
            if target.origin.is_tls and self._tls_context is None:
                self._tls_context = self._tls()
            async with asyncio.timeout_at(deadline):
                connection = await pool.obtain(target.origin)
        return await connection.exchange(
            head,
            body,
            progress=progress,
            limit=self._max_response_bytes,
            deadline=deadline,
            is_head=method == "HEAD",
        )

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    def _open(self) -> Pool:
        connector = Connector(self._connect_timeout_seconds)

        async def connect(origin: Origin) -> Connection:
            return await connector.connect(origin, self._tls_context if origin.is_tls else None)

        self._pool = Pool(
            max_connections=self._max_connections, keep_alive_seconds=self._keep_alive_seconds, connect=connect
        )
        return self._pool


def safe_cause(exc: BaseException) -> BaseException | None:
    """Return the system's own error in it, whose text cannot quote more of an address than the host; else nothing."""
    cause = exc if isinstance(exc, OSError) else exc.__cause__
    return cause if isinstance(cause, OSError) else None
