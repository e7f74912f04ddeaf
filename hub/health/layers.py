"""What a probe finds, layer by layer, cheapest first; and the layers below the partner's own protocol.

Name, port, certificates, clock. Each is a question of its own to the network, so that what fails is told from what
would have failed after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from contracts.errors import Sentence
from contracts.ports import TlsFiles
from hub.health import certificates
from hub.health.blame import Blame
from hub.health.certificates import SeenCertificate

TIMEOUT_SECONDS = 8.0
CLOCK_TIMEOUT_SECONDS = 4.0
HEAD_BYTES = 16_384


class Layer(StrEnum):
    """The layers of a probe, in their order."""

    NAME = "name"
    PORT = "port"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    CREDENTIALS = "credentials"
    CONTRACT = "contract"
    CALL = "call"


class Passed(StrEnum):
    """How a layer was passed."""

    YES = "passed"
    ATTENTION = "attention"
    """Passed; somebody should look soon."""
    NO = "failed"


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What was found in one layer. Its sentence holds no secret and nothing of a citizen."""

    layer: Layer
    passed: Passed
    sentence: Sentence
    blame: Blame = Blame.NOBODY
    place: str = ""
    """What was looked at: a host name, ``host:port``, or the fingerprint of a certificate."""
    milliseconds: int = 0


@dataclass(slots=True)
class Wire:
    """What the layers of one address found, up to the first that failed."""

    results: list[LayerResult] = field(default_factory=list)
    certificates: list[SeenCertificate] = field(default_factory=list)
    clock_skew: float | None = None
    """Their clock minus ours, in seconds; ``None`` where they did not tell."""

    @property
    def failed(self) -> bool:
        """Whether a layer failed."""
        return bool(self.results) and self.results[-1].passed is Passed.NO


async def examine_address(
    address: str, tls: TlsFiles, *, skew_limit: timedelta, soon: timedelta, now: Callable[[], datetime]
) -> Wire:
    """Examine one address (URL) up to the first layer that fails.

    Args:
        address: What the connection calls.
        tls: The files it speaks TLS with.
        skew_limit: From how far apart on the clocks are wrong.
        soon: How long before its end a certificate needs attention.
        now: The clock of this machine.
    """
    parts = urlsplit(address)
    wire = Wire()
    for layer in (_name, _port):
        await _timed(wire, layer(parts))
        if wire.failed:
            return wire
    context: ssl.SSLContext | None = None
    if parts.scheme == "https":
        began = time.monotonic()
        secured = await certificates.examine(parts.hostname or "", port_of(parts), tls, soon=soon, now=now())
        wire.certificates += secured.seen
        wire.results.append(
            LayerResult(
                layer=Layer.CERTIFICATE,
                passed=Passed.NO
                if secured.context is None
                else (Passed.YES if secured.blame is Blame.NOBODY else Passed.ATTENTION),
                sentence=secured.sentence,
                blame=secured.blame,
                place=secured.place,
                milliseconds=_since(began),
            )
        )
        if wire.failed:
            return wire
        context = secured.context
    await _clock(wire, parts, context, skew_limit, now)
    return wire


async def _timed(wire: Wire, work: object) -> None:
    began = time.monotonic()
    found = await work  # type: ignore[misc] # a coroutine of one of the layers below
    if found is not None:
        wire.results.append(
            LayerResult(found.layer, found.passed, found.sentence, found.blame, found.place, _since(began))
        )


def port_of(parts: SplitResult) -> int:
    """Return the port of an address."""
    return parts.port or (443 if parts.scheme == "https" else 80)


async def _name(parts: SplitResult) -> LayerResult | None:
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return None
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return LayerResult(
            Layer.NAME,
            Passed.NO,
            Sentence(
                en=f"The name {host} does not resolve; check the address in the settings and the DNS of this machine.",
                vi=f"Không phân giải được tên {host}; hãy kiểm tra địa chỉ trong cấu hình và DNS của máy này.",
            ),
            Blame.NETWORK,
            host,
        )
    places = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
    return LayerResult(Layer.NAME, Passed.YES, Sentence(f"{host} is {places}.", f"{host} là {places}."), place=host)


async def _port(parts: SplitResult) -> LayerResult:
    place = f"{parts.hostname}:{port_of(parts)}"
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port_of(parts))
    except ConnectionRefusedError:
        # Somebody there said so: the machine is reached, the program on it is not.
        return LayerResult(
            Layer.PORT,
            Passed.NO,
            Sentence(
                en=f"Nothing answers at {place}: the machine is reached and refuses; check the address, and that the "
                "security server runs.",
                vi=f"Không có gì trả lời tại {place}: máy có kết nối nhưng từ chối; hãy kiểm tra địa chỉ và máy chủ "
                "bảo mật.",
            ),
            Blame.PARTNER,
            place,
        )
    except (OSError, TimeoutError):
        return LayerResult(
            Layer.PORT,
            Passed.NO,
            Sentence(
                en=f"Nothing answers at {place}; check the address, the firewall, and that the security server runs.",
                vi=f"Không có gì trả lời tại {place}; hãy kiểm tra địa chỉ, tường lửa và máy chủ bảo mật.",
            ),
            Blame.NETWORK,
            place,
        )
    await _close(writer)
    return LayerResult(Layer.PORT, Passed.YES, Sentence(f"{place} answers.", f"{place} có trả lời."), place=place)


# --- the clock --------------------------------------------------------------------------------------------


async def _clock(
    wire: Wire, parts: SplitResult, context: ssl.SSLContext | None, limit: timedelta, now: Callable[[], datetime]
) -> None:
    """Ask for a head without a body and read its Date; whoever does not tell is not to blame."""
    place, began = f"{parts.hostname}:{port_of(parts)}", time.monotonic()
    before = now()
    try:
        async with asyncio.timeout(CLOCK_TIMEOUT_SECONDS):
            head = await _head(parts, context)
    except ssl.SSLError:
        # With TLS 1.3 a server says only now that it does not accept our certificate.
        wire.results.append(
            LayerResult(
                Layer.CERTIFICATE, Passed.NO, certificates.OURS_REFUSED, Blame.CERTIFICATE, place, _since(began)
            )
        )
        return
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = b""  # the real call finds out why, and says so better
    told = date_of(head)
    if told is None:
        sentence = Sentence(f"{place} does not tell its time.", f"{place} không cho biết giờ của mình.")
        wire.results.append(LayerResult(Layer.CLOCK, Passed.YES, sentence, place=place, milliseconds=_since(began)))
        return
    # The header is cut to whole seconds, and was written somewhere between our asking and our reading.
    wire.clock_skew = (told + timedelta(seconds=0.5) - (before + (now() - before) / 2)).total_seconds()
    wire.results.append(judge_clock(wire.clock_skew, place, limit, milliseconds=_since(began)))


def judge_clock(skew: float, place: str, limit: timedelta, *, whose: str = "", milliseconds: int = 0) -> LayerResult:
    """Judge how far two clocks are apart.

    Args:
        skew: Theirs minus ours, in seconds.
        place: Theirs.
        limit: From where on it is a fault.
        whose: ``ours``, ``theirs``, or empty where that cannot be told.
        milliseconds: What the measurement took.
    """
    if abs(skew) <= limit.total_seconds():
        seconds = round(abs(skew))
        sentence = Sentence(
            f"The clocks are {seconds} s apart." if seconds > 1 else "The clocks agree.",
            f"Đồng hồ hai bên lệch {seconds} giây." if seconds > 1 else "Đồng hồ hai bên khớp nhau.",
        )
        return LayerResult(Layer.CLOCK, Passed.YES, sentence, place=place, milliseconds=milliseconds)
    minutes = f"{abs(skew) / 60:.0f}" if abs(skew) >= 120 else f"{abs(skew) / 60:.1f}"  # noqa: PLR2004 - two minutes
    ahead, ahead_vi = ("ahead of", "nhanh hơn") if skew > 0 else ("behind", "chậm hơn")
    match whose:
        case "ours":
            en = "Other partners agree with theirs, so ours is wrong: let this machine follow a time server."
            vi = "Các đối tác khác cùng giờ với họ nên đồng hồ máy này sai: hãy đồng bộ với máy chủ thời gian."
        case "theirs":
            en = "Other partners agree with ours, so theirs is wrong: tell their operator."
            vi = "Các đối tác khác cùng giờ với ta nên đồng hồ của họ sai: hãy báo đơn vị vận hành."
        case _:
            en = "Whose is wrong cannot be told from one partner: check this machine's against a time server first."
            vi = "Chưa thể biết đồng hồ bên nào sai: hãy đối chiếu máy này với máy chủ thời gian trước."
    return LayerResult(
        Layer.CLOCK,
        Passed.NO,
        Sentence(
            en=f"The clock of {place} is {minutes} minutes {ahead} ours. {en}",
            vi=f"Đồng hồ của {place} {ahead_vi} máy này {minutes} phút. {vi}",
        ),
        Blame.CLOCK,
        "ours" if whose == "ours" else place,
        milliseconds,
    )


async def _head(parts: SplitResult, context: ssl.SSLContext | None) -> bytes:
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        port_of(parts),
        ssl=context,
        server_hostname=parts.hostname if context is not None else None,
        limit=HEAD_BYTES,
    )
    try:
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        request = (
            f"HEAD {parts.path or '/'} HTTP/1.1\r\nHost: {host}:{port_of(parts)}\r\nUser-Agent: LienThong/1\r\n"
            "Connection: close\r\n\r\n"
        )
        writer.write(request.encode("latin-1", "replace"))
        return await reader.readuntil(b"\r\n\r\n")
    finally:
        await _close(writer)


def date_of(head: bytes) -> datetime | None:
    """Return the moment in the ``Date`` field of an HTTP head (RFC 9110 6.6.1); ``None`` without a readable one."""
    if not head.startswith(b"HTTP/"):
        return None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            try:
                told = email.utils.parsedate_to_datetime(value.decode("ascii").strip())
            except (ValueError, UnicodeDecodeError):
                return None
            return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
    return None


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
