"""Where a request goes, and its head: the bytes that HTTP/1.1 puts before the body (RFC 9112, 3 to 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from adapters.transport.wire_errors import AddressError, UnsendableError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 5.6.2: what a method and the name of a field are made of."""
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""RFC 9110 5.5: no control characters in a field value, except the tab."""
_PATH = re.compile(r"/[\x21-\x7e]*")
_HOST = re.compile(r"(?=.{1,254}$)[0-9a-z_~-]{1,63}(\.[0-9a-z_~-]{1,63})*\.?")
"""RFC 1035 2.3.4 for the lengths; the letters are those people use. Covers IPv4 addresses."""
_IPV6 = re.compile(r"[0-9a-f:.]+")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods whose request without a body says nothing about its length (RFC 9110 8.6)."""


class Origin(NamedTuple):
    """Whom a connection leads to."""

    is_tls: bool
    host: str
    """In lower case; an IPv6 address without its brackets."""
    port: int


class Target(NamedTuple):
    """An address, taken apart once."""

    origin: Origin
    host_field: str
    """What the field ``Host`` says: the port only where it is not the scheme's own."""
    path: str
    """The path with its query, percent-encoded, as it is sent."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Read an absolute http or https address. Raises `AddressError` for everything else.

        An address that two readers could read in two ways is no address: blanks, control characters, letters
        beyond ASCII, credentials, a host that is no host name.
        """
        # The characters come first: `urlsplit` drops some of them without a word.
        if not url.isascii() or not url.isprintable() or " " in url:
            raise AddressError
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AddressError from None
        if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc:
            raise AddressError
        host = parts.hostname or ""
        origin = Origin(parts.scheme == "https", host, port or _DEFAULT_PORTS[parts.scheme])
        written = _written(host)
        host_field = written if origin.port == _DEFAULT_PORTS[parts.scheme] else f"{written}:{origin.port}"
        path = parts.path or "/"
        return cls(origin, host_field, f"{path}?{parts.query}" if parts.query else path)

    def with_query(self, added: str) -> Target:
        """Return the target with more of a query, which must be percent-encoded already."""
        return self._replace(path=f"{self.path}{'&' if '?' in self.path else '?'}{added}")


def _written(host: str) -> str:
    """Return a host as it stands in an address."""
    if _HOST.fullmatch(host):
        return host
    if not _IPV6.fullmatch(host):
        raise AddressError
    try:
        return f"[{IPv6Address(host).compressed}]"
    except ValueError:
        raise AddressError from None


def request_head(method: str, target: Target, headers: Mapping[str, str], length: int) -> bytes:
    """Return the head of a request whose body has ``length`` bytes.

    The fields are those given, in their order, with ``Host`` where none is given; ``Content-Length`` is always
    ours. Raises `UnsendableError` for what could not be carried or would be read as something else: a control
    character, a letter that UTF-8 does not know, a field that says otherwise where the body ends.
    """
    path = target.path
    if not _TOKEN.fullmatch(method) or not _PATH.fullmatch(path):
        raise UnsendableError
    if _UNSENDABLE.search("".join(headers.values())):
        raise UnsendableError
    lines = [f"{method} {path} HTTP/1.1"]
    host = f"Host: {target.host_field}"
    for name, value in headers.items():
        kind = _kind(name)
        if kind == "host":
            host = f"Host: {value}"
        elif kind != "content-length":
            lines.append(f"{name}: {value}")
    lines.insert(1, host)
    if length or method not in _BODILESS:
        lines.append(f"Content-Length: {length}")
    lines.append("\r\n")
    try:
        return "\r\n".join(lines).encode()
    except UnicodeEncodeError:
        raise UnsendableError from None


@lru_cache(maxsize=256)
def _kind(name: str) -> str:
    """Return a field's name in lower case, if it may be sent; the names are few and always the same."""
    kind = name.lower()
    if not _TOKEN.fullmatch(name) or kind == "transfer-encoding":
        raise UnsendableError
    return kind
