"""Examines a connection in layers, the cheapest first, and stops at the first that fails.

Name, port, certificate, and a harmless real call, which includes the login. Nothing is taken from or put into the
database: the session of the workers stays theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from cryptography import x509

from contracts.errors import LienThongError, Sentence
from contracts.ports import AdapterContext, DossierPublisher, ProcedureCatalogue, SharedSession
from hub.findings import Finding, Verdict, bad, good
from hub.registry import OpenConnection, load_adapters, open_connections
from hub.settings import Settings

TIMEOUT_SECONDS = 8.0
EXPIRES_SOON = timedelta(days=14)
NO_SUCH_DOSSIER = "H99-000101-0000"
"""A dossier that nobody has: of an invented agency, a quarter of a century ago."""


class OwnSession:
    """A session for one examination, kept in memory; a `contracts.ports.SessionStore`."""

    def __init__(self) -> None:
        self._session: SharedSession | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> SharedSession | None:
        """Return the session, if one was obtained."""
        return self._session

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Log in."""
        async with self._lock:
            if self._session is None or self._session is stale:
                generation = 1 if self._session is None else self._session.generation + 1
                self._session = SharedSession(await login(), generation, datetime.now(UTC))
            return self._session


@contextlib.asynccontextmanager
async def connections_alone(settings: Settings) -> AsyncGenerator[dict[str, OpenConnection]]:
    """Lend every enabled connection without a database. Raises `hub.settings.SettingsError`."""

    def context(name: str) -> AdapterContext:
        return AdapterContext(
            connection_id=name,
            sessions=OwnSession(),
            report_drift=lambda _message, _field: None,
            now=lambda: datetime.now(UTC),
        )

    opened = open_connections(settings, load_adapters(), context)
    try:
        yield opened
    finally:
        for one in opened.values():
            await one.connection.aclose()


async def examine_connection(opened: OpenConnection) -> list[Finding]:
    """Return what was found, layer by layer, up to the first that failed."""
    findings: list[Finding] = []
    for address in opened.adapter.addresses(opened.settings) if opened.adapter.addresses is not None else ():
        parts = urlsplit(address)
        for layer in (_name, _port, _certificate):
            finding = await layer(opened.id, parts)
            if finding is not None:
                findings.append(finding)
                if finding.verdict is Verdict.BAD:
                    return findings
    findings.append(await _real_call(opened))
    return findings


def _port_of(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


async def _name(connection: str, parts: SplitResult) -> Finding | None:
    host, subject = parts.hostname or "", f"{connection}: name"
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return None
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, _port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return bad(
            subject,
            Sentence(
                en=f"The name {host} does not resolve; check the address in the settings and the DNS of this machine.",
                vi=f"Không phân giải được tên {host}; hãy kiểm tra địa chỉ trong cấu hình và DNS của máy này.",
            ),
        )
    places = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
    return good(subject, f"{host} is {places}.", f"{host} là {places}.")


async def _port(connection: str, parts: SplitResult) -> Finding:
    place, subject = f"{parts.hostname}:{_port_of(parts)}", f"{connection}: port"
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, _port_of(parts))
    except (OSError, TimeoutError):
        return bad(
            subject,
            Sentence(
                en=f"Nothing answers at {place}; check the address, the firewall, and that the security server runs.",
                vi=f"Không có gì trả lời tại {place}; hãy kiểm tra địa chỉ, tường lửa và máy chủ bảo mật.",
            ),
        )
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return good(subject, f"{place} answers.", f"{place} có trả lời.")


async def _certificate(connection: str, parts: SplitResult) -> Finding | None:
    """Look at the dates of the server's certificate; whether it is trusted is for the real call to find out."""
    if parts.scheme != "https":
        return None
    place, subject = f"{parts.hostname}:{_port_of(parts)}", f"{connection}: certificate"
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname = False
    # An expired certificate must be seen to be told of; nothing is sent over this connection.
    looking.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(
                parts.hostname, _port_of(parts), ssl=looking, server_hostname=parts.hostname
            )
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
    except (OSError, TimeoutError):
        return bad(
            subject,
            Sentence(
                en=f"{place} does not speak TLS with us; check that the address should begin with https.",
                vi=f"{place} không thiết lập được TLS; hãy kiểm tra địa chỉ có đúng là https không.",
            ),
        )
    certificate = x509.load_der_x509_certificate(shown)
    return judge_dates(subject, place, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def judge_dates(subject: str, place: str, begins: datetime, ends: datetime) -> Finding:
    """Judge the dates of a certificate as of now."""
    now = datetime.now(UTC)
    if now < begins:
        return bad(
            subject,
            Sentence(
                en=f"The certificate of {place} is valid only from {begins:%Y-%m-%d}; check the clock of this machine.",
                vi=f"Chứng thư của {place} chỉ có hiệu lực từ {begins:%d/%m/%Y}; hãy kiểm tra đồng hồ của máy này.",
            ),
        )
    if now > ends:
        return bad(
            subject,
            Sentence(
                en=f"The certificate of {place} expired on {ends:%Y-%m-%d}; its operator must renew it.",
                vi=f"Chứng thư của {place} đã hết hạn ngày {ends:%d/%m/%Y}; đơn vị vận hành phải gia hạn.",
            ),
        )
    if ends - now < EXPIRES_SOON:
        return Finding(
            subject,
            Verdict.ATTENTION,
            Sentence(
                en=f"The certificate of {place} expires on {ends:%Y-%m-%d}; remind its operator.",
                vi=f"Chứng thư của {place} sắp hết hạn ngày {ends:%d/%m/%Y}; hãy nhắc đơn vị vận hành.",
            ),
        )
    return good(subject, f"Valid until {ends:%Y-%m-%d}.", f"Có hiệu lực đến {ends:%d/%m/%Y}.")


async def _real_call(opened: OpenConnection) -> Finding:
    """Log in and ask a question that changes nothing."""
    subject = f"{opened.id}: login and question"
    connection = opened.connection
    try:
        if isinstance(connection, DossierPublisher):
            await connection.find_dossier(NO_SUCH_DOSSIER)
        elif isinstance(connection, ProcedureCatalogue):
            await connection.list_procedures()
        else:
            sentence = Sentence(
                en="This connection offers no harmless question, so its login is not proven.",
                vi="Kết nối này không có câu hỏi vô hại nào nên chưa kiểm chứng được đăng nhập.",
            )
            return Finding(subject, Verdict.ATTENTION, sentence)
    except LienThongError as error:
        return bad(subject, error.sentence)
    return good(
        subject, "Logged in, asked for a dossier, was answered.", "Đã đăng nhập, tra cứu một hồ sơ và được trả lời."
    )
