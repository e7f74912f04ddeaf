"""Where calls of the hub itself may go: the hosts and networks of a setting, and nowhere else."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from contracts.errors import Sentence
from hub.errors import Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Reach:
    """Where calls may go: the names and networks of the settings, and nothing else.

    An entry is a host (``office.h99.example``, any port), a host with a port, or a network (``10.20.0.0/16``). A
    name that is listed must have a public address or one inside a listed network; an address written as numbers
    must lie inside a listed network.
    """

    def __init__(self, allow: Sequence[str], *, plain_http: bool = False) -> None:
        """``plain_http`` lets ``http://`` addresses through. Raises ``ValueError`` for an entry of neither form."""
        self._plain_http = plain_http
        self._hosts: set[tuple[str, int | None]] = set()
        self._networks: list[Network] = []
        for entry in allow:
            self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry))
        except ValueError:
            host, _, port = entry.partition(":")
            if not host or "/" in entry or (port and not port.isdecimal()):
                message = f"not a host, host:port or network: {entry}"
                raise ValueError(message) from None
            self._hosts.add((host.rstrip("."), int(port) if port else None))

    def check(self, url: str) -> None:
        """Refuse an address that may not be called; the reason names no part of it but its form.

        Raises:
            Refusal: 422 with field ``url``.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
            parts = urlsplit("")
        if host is None or parts.scheme not in {"http", "https"} or parts.username or parts.password or parts.fragment:
            raise Refusal(422, "url_invalid", _INVALID, field="url")
        if parts.scheme == "http" and not self._plain_http:
            raise Refusal(422, "url_not_https", _NOT_HTTPS, field="url")
        if not self._knows(host, port if port is not None else _PORTS[parts.scheme]):
            raise Refusal(422, "url_not_allowed", _NOT_ALLOWED, field="url")

    def allows_address(self, address: str) -> bool:
        """Say whether a listed name may lead to this network address."""
        found = plain_address(ipaddress.ip_address(address.partition("%")[0]))
        return found.is_global or self._holds(found)

    def _knows(self, host: str, port: int) -> bool:
        try:
            return self._holds(plain_address(ipaddress.ip_address(host)))
        except ValueError:
            name = host.lower().rstrip(".")
            return (name, None) in self._hosts or (name, port) in self._hosts

    def _holds(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


_PORTS = {"http": 80, "https": 443}

_INVALID = Sentence(
    "This is not an address for this: write https://host/path without user name, password and #.",
    "Địa chỉ không hợp lệ: hãy viết dạng https://máy-chủ/đường-dẫn, không kèm tên, mật khẩu và dấu #.",
)
_NOT_HTTPS = Sentence(
    "Only https:// addresses are called; http:// needs the setting allow_plain_http of this section.",
    "Chỉ gọi địa chỉ https://; muốn dùng http:// phải bật khóa allow_plain_http của phần này.",
)
_NOT_ALLOWED = Sentence(
    "This host is not on the list of hosts that may be called (allow); ask the operator of the hub to add it.",
    "Máy chủ này không có trong danh sách được phép gọi (allow); hãy đề nghị quản trị viên bổ sung.",
)


def plain_address(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one: ``::ffff:127.0.0.1`` is loopback too."""
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
