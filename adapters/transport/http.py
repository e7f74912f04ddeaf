"""The one HTTP client of all adapters: bounded in time, size and reach, exact about what was sent.

No other adapter creates an HTTP client: what HTTP is, is known to this folder alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.transport.content_coding import decoded
from adapters.transport.faults_to_errors import (
    Call,
    Fate,
    Progress,
    deadline_error,
    error_of,
    from_wire,
    to_error,
)
from adapters.transport.http_message import Target
from adapters.transport.httpx_transport import NoCookies, WireTransport
from adapters.transport.tls import client_context
from adapters.transport.wire import WIRE_ERRORS, Wire, safe_cause
from adapters.transport.wire_errors import AddressError
from contracts.errors import LienThongError, NeedsPerson, Sentence

USER_AGENT = "LienThong/1"


class TransportSettings(BaseModel):
    """Base of the settings here: unknown keys are errors, and an error never repeats the value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class HttpSettings(TransportSettings):
    """How far and how long an outgoing call may reach. Certificates are always verified: there is no switch."""

    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, le=120, description="Longest wait for one connection (TCP and TLS handshake), in seconds."
    )
    max_response_bytes: int = Field(
        default=10_485_760, ge=1, description="Largest answer accepted, in bytes, also after unpacking."
    )
    max_connections: int = Field(default=64, ge=1, le=1024, description="Most connections open at once.")
    keep_alive_seconds: float = Field(
        default=4.0,
        ge=0,
        le=300,
        description="How long an idle connection is kept for reuse. Keep it below the partner's own limit: a "
        "write on a connection the partner is just closing ends with an unknown outcome.",
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file with the certificate authorities trusted instead of the system's."
    )
    client_certificate_file: Path | None = Field(
        default=None, description="PEM file with our client certificate and its chain, when the partner asks for one."
    )
    client_key_file: Path | None = Field(
        default=None, description="PEM file with the key of the client certificate, without a password."
    )
    allow_plain_http: bool = Field(
        default=True, description="Allow http:// addresses, as the security servers inside the LAN offer."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that may be called, as `host` (any port) or `host:port`. Derived from the configured "
        "addresses; any other host is refused and redirects are never followed.",
    )

    @model_validator(mode="after")
    def _key_needs_certificate(self) -> HttpSettings:
        if self.client_key_file is not None and self.client_certificate_file is None:
            raise ValueError("client_key_file is set but client_certificate_file is not")
        return self

    def allowing(self, *urls: str) -> HttpSettings:
        """Return the same settings with the hosts of these addresses added to the allow-list."""
        return self.model_copy(update={"allowed_hosts": (*self.allowed_hosts, *hosts_of(*urls))})


def hosts_of(*urls: str) -> tuple[str, ...]:
    """Return the ``host:port`` of each address, in the form of `HttpSettings.allowed_hosts`."""
    return tuple(dict.fromkeys(_host_and_port(url) for url in urls))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer. Header names are lower-case; a repeated header is joined with ``", "``."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpClient:
    """Calls one partner. Constructing it has no side effects; files and sockets are opened at the first call."""

    def __init__(self, settings: HttpSettings, *, connection: str) -> None:
        """``connection`` is the id of the connection, named in every error."""
        self._settings = settings
        self._connection = connection
        self._allowed = frozenset(host.lower() for host in settings.allowed_hosts)
        self._checked: dict[str, Target] = {}
        self._wire = _wire(settings, connection)

    async def request(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        deadline_seconds: float,
        is_write: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and return its whole answer, whatever its status, within ``deadline_seconds``.

        ``url`` is an absolute address of an allowed host, already percent-encoded; a value about a citizen
        belongs into ``params``, which are encoded here. Redirects are answers like any other. Raises

        * `TryLater` when nothing was sent, or when a question (not ``is_write``) got no whole answer;
        * `OutcomeUnknown` when a write was sent and no whole answer came;
        * `Malformed` when the answer is too large, is not HTTP, or cannot be unpacked;
        * `NeedsPerson` for certificates, TLS, and addresses that are not allowed;
        * `Unsupported` for a header that HTTP cannot carry.
        """
        target = self._checked.get(url) or self._check(url, Call(self._connection, operation, is_write))
        if params:
            target = target.with_query(urlencode(params, quote_via=quote, safe=""))
        if deadline_seconds <= 0:
            raise error_of(Fate.NOT_SENT, Call(self._connection, operation, is_write))
        progress = Progress()
        try:
            answer = await self._wire.send(
                method,
                target,
                headers=_HEADERS if headers is None else {**_HEADERS, **headers},
                body=content or b"",
                progress=progress,
                deadline=asyncio.get_running_loop().time() + deadline_seconds,
            )
            read = answer.content
            coding = answer.headers.get("content-encoding")
            if coding is not None and read:
                read = decoded(read, coding, self._settings.max_response_bytes)
        except TimeoutError:
            raise deadline_error(progress, Call(self._connection, operation, is_write)) from None
        except LienThongError as exc:
            exc.operation = operation
            raise
        except httpx.DecodingError as exc:
            raise to_error(exc, Call(self._connection, operation, is_write)) from exc
        except WIRE_ERRORS as exc:
            call = Call(self._connection, operation, is_write)
            raise to_error(from_wire(exc, progress), call) from safe_cause(exc)
        return HttpAnswer(answer.status, answer.headers, read)

    async def aclose(self) -> None:
        """Close every connection; also works when none was ever opened."""
        await self._wire.aclose()

    def _check(self, url: str, call: Call) -> Target:
        """Return the address taken apart if it may be called, and remember it."""
        try:
            target = Target.of(url)
        except AddressError:
            raise error_of(Fate.CONFIGURATION, call) from None
        if not target.origin.is_tls and not self._settings.allow_plain_http:
            raise NeedsPerson(_PLAIN_HTTP, connection=call.connection, operation=call.operation)
        if self._allowed.isdisjoint((f"{target.origin.host}:{target.origin.port}", target.origin.host)):
            raise NeedsPerson(_HOST_NOT_ALLOWED, connection=call.connection, operation=call.operation)
        if len(self._checked) < _CHECKED_MAX:
            self._checked[url] = target
        return target


def make_client(settings: HttpSettings, *, connection: str) -> httpx.AsyncClient:
    """Return an httpx client over the same wire, for libraries that want one handed to them.

    It does not look at the allow-list or any deadline: whoever uses it does both. An answer is held whole, up to
    ``max_response_bytes`` as it came; httpx may unpack it to more.
    """
    # httpx logs every address with its query at INFO, where a citizen's number may stand.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        transport=WireTransport(_wire(settings, connection)),
        cookies=NoCookies(),
        headers=_HEADERS,
        timeout=None,  # noqa: S113 - httpx has no total deadline; the caller's asyncio.timeout is it
        follow_redirects=False,
        trust_env=False,
    )


def _wire(settings: HttpSettings, connection: str) -> Wire:
    return Wire(
        connect_timeout_seconds=settings.connect_timeout_seconds,
        max_connections=settings.max_connections,
        keep_alive_seconds=settings.keep_alive_seconds,
        max_response_bytes=settings.max_response_bytes,
        tls=partial(
            client_context,
            ca_file=settings.ca_file,
            client_certificate_file=settings.client_certificate_file,
            client_key_file=settings.client_key_file,
            connection=connection,
        ),
    )


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{(parts.hostname or '').lower()}:{port}"


_HEADERS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
_CHECKED_MAX = 256

_PLAIN_HTTP = Sentence(
    en="The configured address is plain http, which this connection does not allow (allow_plain_http).",
    vi="Địa chỉ đã cấu hình dùng http không mã hóa, kết nối này không cho phép (allow_plain_http).",
)
_HOST_NOT_ALLOWED = Sentence(
    en="The address is not on the list of hosts this connection may call (allowed_hosts); nothing was sent.",
    vi="Địa chỉ không thuộc danh sách máy chủ mà kết nối này được phép gọi (allowed_hosts); chưa gửi dữ liệu nào.",
)
