"""Rewrites file addresses on their way through the forward adapters.

An address inside a message is not reachable from the other side: each side reaches the other only through
its own adapter. The receiver replaces scheme, host and first path segment by its own adapter base and keeps
the path from the fourth slash on; so what we send must already have the shape of an adapter address.
"""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from contracts.errors import Malformed, Sentence, Unsupported


def outward(url: str, *, public_file_base: str | None, file_hosts: tuple[str, ...], connection: str) -> str:
    """Return the address under which the partner reaches our file ``url`` through its adapter.

    The path and query of ``url`` are kept behind ``public_file_base``; a query of the base (a ``dstcode``)
    is added to them. An address that already has the base is returned as it is; without a base the files
    are reachable directly and only the host is checked. Raises `Unsupported` unless the host is one of
    ``file_hosts`` (``host`` or ``host:port``): we never pass on an address of somebody else.
    """
    if public_file_base is not None and url.startswith(public_file_base.partition("?")[0].rstrip("/") + "/"):
        return url
    parts = _split(url)
    if parts is None or file_hosts_exclude(parts, file_hosts) or _climbs(parts.path):
        raise Unsupported(_NOT_OURS, connection=connection)
    if public_file_base is None:
        return url
    base, _, base_query = public_file_base.partition("?")
    query = "&".join(part for part in (parts.query, base_query) if part)
    return f"{base.rstrip('/')}{parts.path}" + (f"?{query}" if query else "")


def inward(url: str, *, adapter_base: str, connection: str) -> str:
    """Return the address under which we reach the partner's file ``url`` through our adapter.

    ``adapter_base`` is our adapter's address up to its fourth slash, as ``http://10.0.0.5:8080/XrdAdapter``.
    Raises `Malformed` when ``url`` has no fourth slash to keep the path from, or climbs out of its path.
    """
    parts = _split(url)
    path = "" if parts is None else parts.path
    slash = path.find("/", 1)
    if parts is None or slash < 0 or _climbs(path):
        raise Malformed(_NOT_AN_ADAPTER_ADDRESS, connection=connection)
    return f"{adapter_base}{path[slash:]}" + (f"?{parts.query}" if parts.query else "")


def adapter_base_of(adapter_url: str) -> str:
    """Return the address up to its fourth slash: scheme, host and the adapter's own path segment."""
    parts = urlsplit(adapter_url)
    return f"{parts.scheme}://{parts.netloc}/{parts.path.lstrip('/').partition('/')[0]}"


def file_hosts_exclude(parts: SplitResult, file_hosts: tuple[str, ...]) -> bool:
    """Tell whether the address is of a host that is not ours."""
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    ours = {entry.lower() for entry in file_hosts}
    return host not in ours and f"{host}:{port}" not in ours


def _split(url: str) -> SplitResult | None:
    """Return the parts of a plain http or https address; ``None`` for anything a reader could take otherwise."""
    if not url.isascii() or not url.isprintable() or not _AMBIGUOUS.isdisjoint(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.fragment:
        return None
    return parts


_AMBIGUOUS = frozenset(' \\"<>')


def _climbs(path: str) -> bool:
    return any(segment in {".", ".."} for segment in unquote(path).replace("\\", "/").split("/"))


_NOT_OURS = Sentence(
    en="A file address is not on one of our own file hosts (file_hosts), so the partner could not fetch it.",
    vi="Địa chỉ tệp không thuộc máy chủ tệp của đơn vị (file_hosts) nên bên nhận không tải được.",
)
_NOT_AN_ADAPTER_ADDRESS = Sentence(
    en="The partner sent a file address that cannot be reached through the forward adapter.",
    vi="Bên gửi cung cấp địa chỉ tệp không thể truy cập qua bộ chuyển tiếp.",
)
