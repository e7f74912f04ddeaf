"""Access tokens: JWTs after RFC 9068, signed with HS256, issued to clients and verified once.

A verified token is remembered until it expires, so that a request pays for a look into a dictionary and not for a
signature. What a token allows is in the token; that its client still may is asked by `hub.access.guard`.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from hub.access.clients import Client
from hub.access.refusals import token_expired, token_invalid
from hub.access.scopes import Scope, parse_scopes
from hub.access.signing import KeyRing

ISSUER = "lienthong"
ALGORITHM = "HS256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the name of a media type

CACHE_SIZE = 4096
"""Tokens remembered by one process; far more than a province has clients."""

MAX_TOKEN_BYTES = 4096
_CLOCK_SKEW_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Principal:
    """The client on whose behalf a request is made, as its token says."""

    client_id: str
    scopes: frozenset[Scope]
    agencies: tuple[str, ...]
    expires_at: float
    """Unix time."""


class Tokens:
    """Issues and verifies access tokens."""

    def __init__(self, keys: KeyRing, *, lifetime_seconds: int) -> None:
        """``lifetime_seconds`` is how long an issued token is valid."""
        self._keys = keys
        self._cache: dict[bytes, Principal] = {}
        self.lifetime_seconds = lifetime_seconds

    async def issue(self, client: Client, scopes: frozenset[Scope]) -> str:
        """Return a token for ``scopes``, which must be scopes of the client."""
        key_id, key = await self._keys.signing()
        now = int(time.time())
        return jwt.encode(
            {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key_id},
            {
                "iss": ISSUER,
                "aud": ISSUER,
                "sub": client.id,
                "client_id": client.id,
                "scope": " ".join(sorted(scopes)),
                "agencies": list(client.agencies),
                "iat": now,
                "exp": now + self.lifetime_seconds,
                "jti": secrets.token_hex(16),
            },
            key,
            algorithms=[ALGORITHM],
        )

    async def verify(self, token: bytes) -> Principal:
        """Return whom the token stands for; raise `AccessRefusal` 401 when it is not valid now."""
        principal = self._cache.get(token)
        if principal is None:
            principal = await self._verify(token)
            if len(self._cache) >= CACHE_SIZE:
                self._make_room()
            self._cache[token] = principal
        if principal.expires_at <= time.time():
            raise token_expired()
        return principal

    async def _verify(self, token: bytes) -> Principal:
        if len(token) > MAX_TOKEN_BYTES:
            raise token_invalid()
        try:
            key = await self._keys.verifying(_key_id(token))
            if key is None:
                raise token_invalid()
            decoded = jwt.decode(token, key, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            # ValueError: what joserfc lets through for text that is no base64 or no JSON.
            raise token_invalid() from None
        if decoded.header.get("typ") != TOKEN_TYPE:
            raise token_invalid()
        try:
            return _principal(decoded.claims)
        except (KeyError, TypeError, ValueError):
            # Signed by us, but by another version with other claims.
            raise token_invalid() from None

    def _make_room(self) -> None:
        now = time.time()
        self._cache = {token: one for token, one in self._cache.items() if one.expires_at > now}
        while len(self._cache) >= CACHE_SIZE:
            del self._cache[next(iter(self._cache))]


def _key_id(token: bytes) -> str:
    # Read before the signature is checked: it only chooses among our own keys.
    return str(extract_compact(token).headers().get("kid", ""))


def _principal(claims: dict[str, Any]) -> Principal:
    scopes = parse_scopes(str(claims.get("scope", "")))
    if claims.get("iss") != ISSUER or claims.get("aud") != ISSUER or scopes is None:
        raise token_invalid()
    if claims["iat"] > time.time() + _CLOCK_SKEW_SECONDS:
        raise token_invalid()
    return Principal(
        client_id=str(claims["client_id"]),
        scopes=scopes,
        agencies=tuple(str(one) for one in claims["agencies"]),
        expires_at=float(claims["exp"]),
    )
