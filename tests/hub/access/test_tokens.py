"""Access tokens: signed, short-lived, refused when anything about them is wrong."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from hub.access import clients, signing
from hub.access.clients import Client
from hub.access.guard import Guard
from hub.access.refusals import AccessRefusal
from hub.access.scopes import Scope
from hub.access.signing import KeyRing
from hub.access.tokens import CACHE_SIZE, Tokens
from hub.store.engine import Store

CLIENT = Client("client-0123456789abcdef", "Thử", frozenset(Scope), ("H99",), datetime(2026, 1, 1, tzinfo=UTC), None)
SCOPES = frozenset({Scope.DOSSIERS_READ})


@pytest.fixture
def tokens(store: Store) -> Tokens:
    """Tokens of one process."""
    return Tokens(KeyRing(store), lifetime_seconds=3600)


async def refused(tokens: Tokens, token: str | bytes) -> str:
    """Return the code with which a token is refused."""
    with pytest.raises(AccessRefusal) as caught:
        await tokens.verify(token if isinstance(token, bytes) else token.encode())
    assert caught.value.status == 401
    assert "invalid_token" in caught.value.challenge
    return caught.value.code


async def test_an_issued_token_is_known_again(tokens: Tokens) -> None:
    """It says who, what and for whom, to every process that shares the database."""
    principal = await tokens.verify((await tokens.issue(CLIENT, SCOPES)).encode())
    assert principal.client_id == CLIENT.id
    assert principal.scopes == SCOPES
    assert principal.agencies == ("H99",)
    assert 3500 < principal.expires_at - time.time() <= 3600


async def test_another_process_verifies_it(store: Store, tokens: Tokens) -> None:
    """All api nodes share the signing keys, also one that started before the key was made."""
    other = Tokens(KeyRing(store), lifetime_seconds=3600)
    token = await other.issue(CLIENT, SCOPES)
    assert (await tokens.verify(token.encode())).client_id == CLIENT.id


async def test_processes_that_start_together_make_one_key(store: Store) -> None:
    """The first key is made once, whoever comes first."""
    rings = [KeyRing(store) for _ in range(5)]
    assert len({(await ring.signing())[0] for ring in rings}) == 1


async def test_a_rotation_invalidates_no_token(store: Store, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens of the former key stay valid until it is forgotten; new ones carry the new key."""
    old = await tokens.issue(CLIENT, SCOPES)
    new_key = await signing.rotate(store)
    monkeypatch.setattr(signing, "RELOAD_SECONDS", -1.0)
    monkeypatch.setattr(signing, "UNKNOWN_RELOAD_SECONDS", -1.0)
    new = await tokens.issue(CLIENT, SCOPES)
    assert orjson.loads(base64.urlsafe_b64decode(new.split(".")[0] + "=="))["kid"] == new_key
    fresh = Tokens(KeyRing(store), lifetime_seconds=3600)
    for token in (old, new):
        assert (await fresh.verify(token.encode())).client_id == CLIENT.id
    assert await signing.forget_older_than(store, datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await signing.forget_older_than(store, datetime.now(UTC) + timedelta(hours=1)) == 1
    fresh = Tokens(KeyRing(store), lifetime_seconds=3600)
    assert await refused(fresh, old) == "token_invalid"
    assert (await fresh.verify(new.encode())).client_id == CLIENT.id


async def test_signing_keys_are_sealed(store: Store, tokens: Tokens) -> None:
    """Who reads the table cannot sign."""
    await tokens.issue(CLIENT, SCOPES)
    async with store.transaction() as conn:
        row = await (await conn.execute("SELECT id, sealed FROM signing_keys")).fetchone()
    assert row is not None
    plain = store.sealer.open(bytes(row[1]), f"signing-key:{row[0]}")
    assert len(plain) == 32
    assert plain not in bytes(row[1])


async def test_tokens_expire(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expired token is refused, also one that was remembered while it was good."""
    tokens = Tokens(KeyRing(store), lifetime_seconds=60)
    token = await tokens.issue(CLIENT, SCOPES)
    await tokens.verify(token.encode())
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert await refused(tokens, token) == "token_expired"


async def forge(
    store: Store, tokens: Tokens, *, header: dict[str, Any], claims: dict[str, Any], key: OctKey | None = None
) -> str:
    """Sign something of our own, by default with the real key."""
    real_id, real = await KeyRing(store).signing()
    base: dict[str, Any] = {
        "iss": "lienthong",
        "aud": "lienthong",
        "sub": CLIENT.id,
        "client_id": CLIENT.id,
        "scope": "dossiers:read",
        "agencies": ["H99"],
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
    }
    head = {"alg": "HS256", "typ": "at+jwt", "kid": real_id} | header
    return jwt.encode(
        {name: value for name, value in head.items() if value is not None},
        {name: value for name, value in (base | claims).items() if value is not None},
        key or real,
        algorithms=[head["alg"]],
    )


async def test_the_forge_makes_good_tokens(store: Store, tokens: Tokens) -> None:
    """Otherwise the refusals below would prove nothing."""
    good = await forge(store, tokens, header={}, claims={})
    assert (await tokens.verify(good.encode())).client_id == CLIENT.id


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"kid": "unknown"}, {}),
        ({"kid": None}, {}),
        ({"alg": "HS512"}, {}),
        ({}, {"iss": "somebody"}),
        ({}, {"aud": "somebody"}),
        ({}, {"scope": "everything"}),
        ({}, {"exp": None}),
        ({}, {"client_id": None}),
        ({}, {"agencies": None}),
        ({}, {"agencies": 7}),
        ({}, {"iat": int(time.time()) + 86_400}),
    ],
)
async def test_a_token_of_another_make_is_refused(
    store: Store, tokens: Tokens, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    """Even with the right key, only our own form of token opens the door."""
    assert await refused(tokens, await forge(store, tokens, header=header, claims=claims)) == "token_invalid"


async def test_a_changed_token_is_refused(store: Store, tokens: Tokens) -> None:
    """Another key, no signature, another payload, and plain nonsense."""
    good = await tokens.issue(CLIENT, SCOPES)
    head, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": "at+jwt"})).decode().rstrip("=")
    claims = orjson.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["scope"] = "connections:manage"
    other = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
    wrong_key = await forge(store, tokens, header={}, claims={}, key=OctKey.import_key(b"0" * 32))
    for bad in (
        wrong_key,
        f"{none}.{payload}.",
        f"{head}.{other}.{signature}",
        f"{head}.{payload}",
        f"{head}.{payload}.",
        f"{head}.{payload}.{signature[:-2]}",
        "",
        "x",
        "....",
        "é",
        "x" * 10_000,
    ):
        assert await refused(tokens, bad) == "token_invalid"
    assert await refused(tokens, b"\xff\xfe.a.b") == "token_invalid"


async def test_remembered_tokens_are_bounded(store: Store, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tokens are made, a process remembers a fixed number and forgets the oldest."""
    monkeypatch.setattr("hub.access.tokens.CACHE_SIZE", 3)
    issued = [(await tokens.issue(CLIENT, SCOPES)).encode() for _ in range(6)]
    for token in issued:
        await tokens.verify(token)
    assert list(tokens._cache) == issued[-3:]
    assert CACHE_SIZE >= 1000


async def test_a_disabled_client_is_shut_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good token of a disabled client is refused once the guard has read the list again."""
    made = await clients.add(store, name="A", scopes=[Scope.DOSSIERS_READ], agencies=["H99"])
    client = await clients.authenticate(store, made.client_id, made.secret)
    assert client is not None
    tokens = Tokens(KeyRing(store), lifetime_seconds=3600)
    guard = Guard(store, tokens)
    headers = {b"authorization": b"Bearer " + (await tokens.issue(client, SCOPES)).encode()}
    assert (await guard.authorise(headers, Scope.DOSSIERS_READ)).client_id == made.client_id
    await clients.disable(store, made.client_id)
    monkeypatch.setattr("hub.access.guard.RELOAD_SECONDS", -1.0)
    with pytest.raises(AccessRefusal) as caught:
        await guard.authorise(headers, Scope.DOSSIERS_READ)
    assert (caught.value.status, caught.value.code) == (401, "client_disabled")


def test_a_disabled_client_is_shut_out_within_ten_seconds() -> None:
    """What operators are told about disabling holds."""
    from hub.access.guard import RELOAD_SECONDS  # noqa: PLC0415

    assert RELOAD_SECONDS < 10
