"""Which networks may read the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


def is_allowed(client: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Say whether this address is in one of the networks; what is no address is not."""
    try:
        address: IPv4Address | IPv6Address = ip_address(client)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
