"""The forward adapter of the security server (NDXP/VXP): the road to the national systems.

``http://<security server>:8080/XrdAdapter/RestService/forward/<provider path>`` passes method, body and
ordinary headers to the provider named by ``dstcode`` (``VN:<class>:<member>:<subsystem>``); the newer product
has the same path under ``VXPAdapter``. ``dstcode`` goes as a header or as a query parameter, ``providerurl``
names the base address when one subsystem fronts several hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, field_validator

from adapters.transport import file_addresses
from adapters.transport.faults_to_errors import Call, Fate, error_of
from adapters.transport.http import HttpAnswer, HttpClient, HttpSettings, TransportSettings
from adapters.transport.retry_after import not_now
from adapters.transport.x_road_errors import HEADER as X_ROAD_ERROR
from adapters.transport.x_road_errors import x_road_error


class ForwardSettings(TransportSettings):
    """How to reach one national system through the security server's forward adapter."""

    adapter_url: str = Field(
        description="Address of our forward adapter, as http://10.0.0.5:8080/XrdAdapter/RestService/forward."
    )
    dstcode: str = Field(
        pattern=r"^[!-~]{1,255}$",
        description="Destination subsystem, as VN:GOV:000.00.00.G22:vpcpdvcprovider.",
    )
    dstcode_in: Literal["header", "query"] = Field(
        default="header", description="Whether dstcode is sent as a header or as a query parameter."
    )
    provider_url: str | None = Field(
        default=None,
        description="Base address of the system behind the provider's server (providerurl), when the subsystem "
        "fronts several hosts; without it the subsystem's default provider is used.",
    )
    charset_header: bool = Field(default=True, description="Send the non-standard header `Charset: utf-8`.")
    public_file_base: str | None = Field(
        default=None,
        description="Base under which the partner reaches our files through its adapter, as "
        "http://10.9.9.9:8080/XrdAdapter/RestService/forward?dstcode=VN:GOV:H99:files. Without it file addresses "
        "are sent as they are.",
    )
    file_hosts: tuple[str, ...] = Field(
        default=(), description="Our own file hosts, as `host` or `host:port`; only their addresses are sent."
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="Limits and TLS of the calls.")

    @field_validator("adapter_url", "provider_url", "public_file_base")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or parts.username is not None:
            raise ValueError("must be an http:// or https:// address with a host and without credentials")
        return value.rstrip("/")

    @field_validator("adapter_url")
    @classmethod
    def _has_no_query(cls, value: str) -> str:
        if "?" in value:
            raise ValueError("must not hold a query; use dstcode, dstcode_in and provider_url")
        return value


class ForwardClient:
    """Calls one provider through the forward adapter. Constructing it has no side effects."""

    def __init__(self, settings: ForwardSettings, *, connection: str) -> None:
        """``connection`` is the id of the connection, named in every error."""
        self._settings = settings
        self._connection = connection
        self._http = HttpClient(settings.http.allowing(settings.adapter_url), connection=connection)
        self._adapter_base = file_addresses.adapter_base_of(settings.adapter_url)
        self._query = _query(settings)
        self._routing = {"dstcode": settings.dstcode} if settings.dstcode_in == "header" else {}
        self._json_headers = {
            **self._routing,
            "Content-Type": "application/json",
            "Accept": "application/json",
            **({"Charset": "utf-8"} if settings.charset_header else {}),
        }

    async def post_json(
        self, path: str, body: bytes, *, operation: str, deadline_seconds: float, is_write: bool
    ) -> HttpAnswer:
        """POST a JSON body to the provider's ``path`` and return the provider's answer, whatever its status.

        An answer that the security server itself made (``X-Road-Error``) is raised as the reaction it wants,
        and a 429 or 503 with ``Retry-After`` as `TryLater`. Otherwise as `HttpClient.request`.
        """
        return await self._send(
            "POST",
            path,
            operation=operation,
            deadline_seconds=deadline_seconds,
            is_write=is_write,
            headers=self._json_headers,
            content=body,
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        deadline_seconds: float,
        is_write: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> HttpAnswer:
        """Call the provider's ``path`` with any method; answers and errors as in `post_json`."""
        return await self._send(
            method,
            path,
            operation=operation,
            deadline_seconds=deadline_seconds,
            is_write=is_write,
            # The routing is the connection's, whatever a caller hands in.
            headers={**{k: v for k, v in (headers or {}).items() if k.lower() != "dstcode"}, **self._routing},
            params=params,
            content=content,
        )

    def outward_file_url(self, url: str) -> str:
        """Return the address under which the partner reaches our file; see `file_addresses.outward`."""
        return file_addresses.outward(
            url,
            public_file_base=self._settings.public_file_base,
            file_hosts=self._settings.file_hosts,
            connection=self._connection,
        )

    def inward_file_url(self, url: str) -> str:
        """Return the address under which we reach the partner's file; see `file_addresses.inward`."""
        return file_addresses.inward(url, adapter_base=self._adapter_base, connection=self._connection)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _send(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        deadline_seconds: float,
        is_write: bool,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        content: bytes | None,
    ) -> HttpAnswer:
        call = Call(self._connection, operation, is_write)
        if "?" in path or "#" in path or ".." in path:
            raise error_of(Fate.CONFIGURATION, call)
        answer = await self._http.request(
            method,
            f"{self._settings.adapter_url}/{path.lstrip('/')}{self._query}",
            operation=operation,
            deadline_seconds=deadline_seconds,
            is_write=is_write,
            headers=headers,
            params=params,
            content=content,
        )
        code = answer.headers.get(X_ROAD_ERROR)
        if code is not None:
            raise x_road_error(code, call)
        later = not_now(answer.status, answer.headers, call)
        if later is not None:
            raise later
        return answer


def _query(settings: ForwardSettings) -> str:
    """Return the routing part of the query, spelt as in the field: colons of the ``dstcode`` stay as they are."""
    parts = []
    if settings.dstcode_in == "query":
        parts.append(f"dstcode={quote(settings.dstcode, safe=':.-_~')}")
    if settings.provider_url is not None:
        parts.append(f"providerurl={quote(settings.provider_url, safe='')}")
    return f"?{'&'.join(parts)}" if parts else ""
