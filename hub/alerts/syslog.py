"""Alerts to a log server: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587, octet counting), TLS (RFC 5425), Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from datetime import UTC
from urllib.parse import urlsplit

from contracts.errors import Sentence
from hub.alerts.message import Message, Told, head, lines, one_line
from hub.alerts.settings import SyslogChannel
from hub.alerts.severity import Severity

APP = "lienthong"
MOST_BYTES = 2048
"""What every receiver takes (RFC 5425 4.3.1), and fits a datagram; more is cut."""

ENTERPRISE = 32473
"""The number reserved for documentation (RFC 5612): this product has none of its own."""

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_SEVERITIES = {Severity.INFO: 6, Severity.WARNING: 4, Severity.CRITICAL: 2}

_UNREACHED = Sentence(
    "The log server does not take messages; check its address and that it runs.",
    "Máy chủ nhật ký không nhận thông điệp; hãy kiểm tra địa chỉ và máy chủ.",
)
_UNTRUSTED = Sentence(
    "The certificate of the log server is not trusted; check ca_file of this channel.",
    "Chứng thư của máy chủ nhật ký không được tin cậy; hãy kiểm tra ca_file của kênh này.",
)


class Syslog:
    """A `hub.alerts.message.Telling`. A datagram is told when it was sent: nobody confirms it."""

    def __init__(self, settings: SyslogChannel) -> None:
        self._settings = settings
        self._parts = urlsplit(settings.address)

    async def tell(self, message: Message) -> Told:
        """Send it once."""
        data = render(message, self._settings.facility, self._settings.language)
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                match self._parts.scheme:
                    case "unix":
                        await asyncio.to_thread(_to_socket, self._parts.path, data)
                    case "udp":
                        await self._datagram(data)
                    case _:
                        await self._stream(data)
        except ssl.SSLCertVerificationError:
            return Told(_UNTRUSTED)
        except (OSError, TimeoutError):
            return Told(_UNREACHED)
        return Told()

    def _port(self) -> int:
        return self._parts.port or _PORTS[self._parts.scheme]

    async def _datagram(self, data: bytes) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(self._parts.hostname or "", self._port())
        )
        try:
            transport.sendto(data)
        finally:
            transport.close()

    async def _stream(self, data: bytes) -> None:
        context: ssl.SSLContext | None = None
        if self._parts.scheme == "tls":
            file = self._settings.ca_file
            context = await asyncio.to_thread(ssl.create_default_context, cafile=None if file is None else str(file))
        _, writer = await asyncio.open_connection(self._parts.hostname, self._port(), ssl=context)
        try:
            writer.write(b"%d %s" % (len(data), data))
            await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _to_socket(path: str, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
        sending.settimeout(5.0)
        sending.connect(path)
        sending.send(data)


def render(message: Message, facility: int, language: str) -> bytes:
    """Return the message in the form of RFC 5424, cut at a whole character where it is too long."""
    priority = facility * 8 + _SEVERITIES[message.severity]
    at = message.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    host = _ascii(socket.gethostname())[:255] or "-"
    pairs = {"alert": str(message.alert_id), "event": message.event.value, "key": message.key}
    if message.connection is not None:
        pairs["connection"] = message.connection
    data = " ".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items())
    start = f"<{priority}>1 {at} {host} {APP} {os.getpid()} {message.event.value.upper()} [{APP}@{ENTERPRISE} {data}] "
    text = one_line(f"{head(message, language)}: {' / '.join(lines(message, language))}")
    # The mark of UTF-8 that the standard wants before text that is not ASCII.
    whole = start.encode() + b"\xef\xbb\xbf" + text.encode()
    return whole if len(whole) <= MOST_BYTES else whole[:MOST_BYTES].decode(errors="ignore").encode()


def _escaped(value: str) -> str:
    return one_line(value).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _ascii(text: str) -> str:
    return "".join(char for char in text if "!" <= char <= "~")
