"""One request over aiohttp, sent once: the bottom of `HttpClient` and of the httpx transport.

No redirect, no cookie, no proxy, no environment, no unpacking of the body, and never a second sending of the
same request. The only timeout here is the one for connecting; everything else is the caller's deadline.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar

import aiohttp
import yarl
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection

from adapters.transport.faults_to_errors import AIOHTTP, Progress, Stage

MAX_HEADER_LINE_BYTES = 8_190
MAX_HEADER_LINES = 128

WIRE_ERRORS = tuple(AIOHTTP)
"""What a call may end with; anything else is a defect of ours and stays visible as one."""

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""RFC 9110 5.5: no control characters in a field value, except the tab."""

_current: ContextVar[Progress] = ContextVar("lienthong_transport_progress")


class SecondSendingError(RuntimeError):
    """aiohttp tried to send a request again by itself; it was stopped."""


class _OnceOnlyRequest(aiohttp.ClientRequest):
    """Notes the moment the first byte is written, and refuses to be sent a second time.

    aiohttp repeats GET, HEAD, OPTIONS, TRACE, PUT and DELETE by itself when a connection breaks. The session
    switches that off; this guard holds even if a later aiohttp repeats for another reason.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Hand the request to the connection; without a body its head is written here and now."""
        progress = _current.get()
        if progress.stage is Stage.SENT:
            raise SecondSendingError
        if not self.body and _can_be_written_to(conn):
            progress.stage = Stage.SENT
        return await super().send(conn)

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        """Write the body; the head waits for its first piece, so nothing has been written before."""
        if _can_be_written_to(conn):
            _current.get().stage = Stage.SENT
        elif conn.transport is not None:
            # It is being closed. Its end, which comes by itself, says why: the partner left, or did not accept
            # our certificate. A failed writing would only say that it is closed.
            return
        await super().write_bytes(writer, conn, content_length)


def _can_be_written_to(conn: Connection) -> bool:
    """Tell whether a byte may leave: aiohttp writes nothing to a transport that is closing, and closing is final."""
    transport = conn.transport
    return transport is not None and not transport.is_closing()


class Wire:
    """One pool of connections to one partner. Constructing it has no side effects."""

    def __init__(
        self,
        *,
        connect_timeout_seconds: float,
        max_connections: int,
        keep_alive_seconds: float,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        """Build the pool; ``tls`` is called once, at the first https request."""
        self._connect_timeout_seconds = connect_timeout_seconds
        self._max_connections = max_connections
        self._keep_alive_seconds = keep_alive_seconds
        self._tls = tls
        self._tls_context: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        url: yarl.URL,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        progress: Progress,
    ) -> aiohttp.ClientResponse:
        """Send the request once and return the answer's head; the caller reads the body and closes it.

        Notes in ``progress`` how far the request came. Raises one of `WIRE_ERRORS`, as aiohttp made it.
        """
        session = self._session or self._open()
        _current.set(progress)
        progress.stage = Stage.CONNECTING
        if _UNSENDABLE.search("".join(headers.values())):
            # aiohttp refuses it too, but only when the connection is there and the call counts as sent.
            raise ValueError("control character in a header")
        return await session.request(
            method,
            url,
            data=body or None,
            headers=headers,
            allow_redirects=False,
            ssl=self._context() if url.scheme == "https" else True,
        )

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections,
                keepalive_timeout=self._keep_alive_seconds,
            ),
            timeout=aiohttp.ClientTimeout(
                total=None, connect=None, sock_connect=self._connect_timeout_seconds, sock_read=None
            ),
            request_class=_OnceOnlyRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEADER_LINE_BYTES,
            max_field_size=MAX_HEADER_LINE_BYTES,
            max_headers=MAX_HEADER_LINES,
        )
        # No public switch exists; aiohttp's own test client sets the same attribute for the same reason.
        session._retry_connection = False  # noqa: SLF001
        self._session = session
        return session

    def _context(self) -> ssl.SSLContext:
        if self._tls_context is None:
            self._tls_context = self._tls()
        return self._tls_context


def safe_cause(exc: BaseException) -> BaseException | None:
    """Return the system's own error underneath, whose text cannot quote an address; else nothing."""
    cause = exc.__cause__
    return cause if isinstance(cause, OSError) and not isinstance(cause, aiohttp.ClientError) else None
