"""Who calls: the network, the certificate the front proxy has checked, and the shared secret, all of them.

What a caller says of itself counts only where a trusted front proxy says it: its address by X-Forwarded-For and the
fingerprint of its certificate. Secrets are compared in constant time, all that are in force, whatever the first says.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from enum import StrEnum

from starlette.types import Scope

from hub.inbox.settings import InboundAccess, InboundSettings
from hub.reach import Address, plain_address

_FORWARDED_FOR = b"x-forwarded-for"


class Denial(StrEnum):
    """Why a caller is not the partner, for our own log; the caller is not told which."""

    NETWORK = "network"
    CERTIFICATE = "certificate"
    SECRET = "secret"  # noqa: S105 - a reason


class Doorman:
    """Decides for one connection whether a call comes from its partner."""

    def __init__(self, access: InboundAccess, settings: InboundSettings) -> None:
        """Secrets are kept as digests only."""
        self._access = access
        self._proxies = settings.trusted_proxies
        self._certificate_header = settings.certificate_header.encode()
        self._secret_header = settings.secret_header.encode()
        self._secrets = [_digest(one.get_secret_value().encode()) for one in access.secrets]

    @property
    def proofs(self) -> frozenset[bytes]:
        """Names of the headers that prove who calls: nobody behind the door needs them."""
        return frozenset({self._certificate_header, self._secret_header, b"authorization", b"cookie"})

    def deny(self, scope: Scope, *, address_is_secret: bool) -> Denial | None:
        """Return what is wrong with this caller, ``None`` when it is the partner.

        ``address_is_secret``: the address asked for is itself the secret (and is checked when it is opened).
        """
        caller, through_proxy = self._caller(scope)
        if caller is None or not any(caller in network for network in self._access.networks):
            return Denial.NETWORK
        if not (self._access.secrets or self._access.client_certificates or self._access.network_only):
            return Denial.SECRET
        if self._access.client_certificates and not self._has_certificate(scope, through_proxy=through_proxy):
            return Denial.CERTIFICATE
        if self._secrets and not address_is_secret and not self._has_secret(scope):
            return Denial.SECRET
        return None

    def _caller(self, scope: Scope) -> tuple[Address | None, bool]:
        """Return the address that calls and whether it comes through a trusted proxy."""
        peer = _address(scope["client"][0] if scope.get("client") else "")
        if peer is None or not _within(peer, self._proxies):
            return peer, False
        # From the right: each proxy adds the one it was called by, and what stands before the first stranger is
        # only what that stranger says.
        for text in reversed(b",".join(_all(scope, _FORWARDED_FOR)).decode("latin-1").split(",")):
            if not text.strip():
                continue
            hop = _address(text.strip())
            if hop is None or not _within(hop, self._proxies):
                return hop, True
        return peer, True

    def _has_certificate(self, scope: Scope, *, through_proxy: bool) -> bool:
        values = _all(scope, self._certificate_header)
        if not through_proxy or len(values) != 1:
            return False
        given = values[0].decode("latin-1").strip().lower().replace(":", "")
        return _is_one_of(_digest(given.encode()), [_digest(one.encode()) for one in self._access.client_certificates])

    def _has_secret(self, scope: Scope) -> bool:
        values = _all(scope, self._secret_header)
        return _is_one_of(_digest(values[0] if len(values) == 1 else b""), self._secrets)


def _is_one_of(given: bytes, known: Sequence[bytes]) -> bool:
    """Compare with every one of them, in constant time: how long it takes tells nothing of which is nearer."""
    found = False
    for one in known:
        found |= hmac.compare_digest(given, one)
    return found


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _all(scope: Scope, name: bytes) -> Sequence[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _within(address: Address, networks: Sequence[object]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator] # pydantic's alias of networks


def _address(text: str) -> Address | None:
    try:
        return plain_address(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
