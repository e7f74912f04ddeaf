"""Calls of the hub itself to addresses that people wrote down: webhooks, and the dossier systems' file hosts.

Where they may go is decided by `hub.reach.Reach` twice: for the address as written, and for the network address it
turns out to have, so that a name cannot be pointed elsewhere. Redirects are answers like any other. Adapters have a
client of their own; this one knows nothing of partners and their reactions.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from hub.reach import Reach

MAX_HEADER_BYTES = 16_384
MAX_CONNECTIONS = 32


class UnreachableError(OSError):
    """No connection, or it broke, or what came was no HTTP."""


class CertificateError(UnreachableError):
    """The certificate of the other side is not trusted."""


class AddressNotAllowedError(UnreachableError):
    """A listed name leads to a network address that is not allowed; nothing was sent."""


class _GuardedResolver(AbstractResolver):
    """Looks names up and gives only addresses that may be called: the checked one is the one connected to."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses of a name."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if self._reach.allows_address(one["host"])]
        if not allowed:
            raise AddressNotAllowedError
        return allowed

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()


@dataclass(frozen=True, slots=True)
class OutgoingAnswer:
    """The head of an answer; its content comes in pieces, once."""

    status: int
    media_type: str
    content: AsyncIterator[bytes]


class OutgoingClient:
    """The HTTP side: opened by ``async with``; no cookies, no proxies of the environment, no redirects.

    Times are the caller's: every call stands in an ``asyncio.timeout``.
    """

    def __init__(self, reach: Reach, *, tls: ssl.SSLContext | None = None) -> None:
        """``tls`` replaces the system's trust, for a certificate authority of the province."""
        self.reach = reach
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=_GuardedResolver(self.reach),
            limit=MAX_CONNECTIONS,
            use_dns_cache=False,
            ssl=self._tls if self._tls is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer; its content is not read.

        Raises:
            Refusal: The address as written may not be called.
            UnreachableError: Or one of its kinds.
        """
        async with self._call("POST", url, headers=headers, body=body) as answer:
            return answer.status

    @asynccontextmanager
    async def get(self, url: str) -> AsyncGenerator[OutgoingAnswer]:
        """Lend an answer while its content is read. Raises as `post`."""
        async with self._call("GET", url, headers={"accept-encoding": "identity"}, body=None) as answer:
            yield OutgoingAnswer(answer.status, answer.content_type, _pieces(answer))

    @asynccontextmanager
    async def _call(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        self.reach.check(url)
        if self._session is None:
            message = "the client is not open"
            raise RuntimeError(message)
        with _translated():
            answer = await self._session.request(method, url, data=body, headers=dict(headers), allow_redirects=False)
        try:
            yield answer
        finally:
            answer.close()  # without waiting for a content that nobody reads


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    with _translated():
        async for piece in answer.content.iter_any():
            yield piece


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError) as error:
        raise CertificateError from error
    except TimeoutError:
        raise
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, UnreachableError):
            raise
        raise (AddressNotAllowedError if _was_not_allowed(error) else UnreachableError) from error


def _was_not_allowed(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressNotAllowedError):
            return True
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return False
