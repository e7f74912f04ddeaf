"""The metrics of a process that serves nothing else: worker and clerk, each on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Sequence
from ipaddress import IPv4Network, IPv6Network

import structlog

from contracts.errors import Sentence
from hub.health.metrics import MEDIA_TYPE, exposition
from hub.health.networks import is_allowed
from hub.web.server import ServerStartError, listen

READ_SECONDS = 5.0
HEAD_BYTES = 8_192
MOST_AT_ONCE = 16

_log = structlog.get_logger("hub.health")


@contextlib.asynccontextmanager
async def metrics_server(
    host: str, port: int | None, allow: Sequence[IPv4Network | IPv6Network]
) -> AsyncGenerator[int | None]:
    """Serve the metrics of this process to the allowed networks while the context is open; lend the port.

    Without a port nothing is served. Raises `hub.web.server.ServerStartError` when it cannot listen.
    """
    if port is None:
        yield None
        return
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if places.locked():
                return  # who asks so often is not a collector of metrics
            async with places, asyncio.timeout(READ_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                client = (writer.get_extra_info("peername") or ("",))[0]
                writer.write(_answer(head, client, allow))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or never asked
        finally:
            writer.close()

    with _listen(host, port) as listener:
        bound = int(listener.getsockname()[1])
        server = await asyncio.start_server(answer, sock=listener, limit=HEAD_BYTES)
        _log.info("metrics_served", host=host, port=bound)
        try:
            yield bound
        finally:
            server.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except ServerStartError as error:
        raise ServerStartError(
            Sentence(
                en=f"Port {port} on {host} cannot be opened for the metrics; set another metrics_port for this process "
                "(worker or clerk), or 0 for a free one.",
                vi=f"Không mở được cổng {port} ({host}) cho số đo; hãy đặt metrics_port khác cho tiến trình "
                "này (worker hoặc clerk), hoặc 0 để lấy cổng trống.",
            )
        ) from error


def _answer(head: bytes, client: str, allow: Sequence[IPv4Network | IPv6Network]) -> bytes:
    method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if not is_allowed(client, allow):
        return _http("403 Forbidden", b"Metrics are not given to this network; see api.metrics_allow.\n")
    if path != b"/metrics":
        return _http("404 Not Found", b"Only /metrics is here.\n")
    if method != b"GET":
        return _http("405 Method Not Allowed", b"Only GET.\n", "Allow: GET\r\n")
    return _http("200 OK", exposition(), media_type=MEDIA_TYPE)


def _http(status: str, body: bytes, more: str = "", *, media_type: str = "text/plain; charset=utf-8") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n"
    )
    return f"{head}\r\n".encode() + body
