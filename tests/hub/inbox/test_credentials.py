"""Who may come in: every service, with good, bad, missing and rotated credentials; deny by default."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.types import Scope

from hub.inbox.credentials import Denial, Doorman
from hub.inbox.settings import InboundAccess, InboundSettings
from tests.hub.inbox.portal_calls import SECRET, SERVICES, PortalCalls, access, bodies

CERTIFICATE = "ab" * 32
NEW_SECRET = "khoa-moi-cua-hai-ben-2026"
PROXY = "10.0.0.1"


def call(peer: str, **headers: str | list[str]) -> Scope:
    """A call as the server hands it over."""
    pairs: list[tuple[bytes, bytes]] = []
    for name, value in headers.items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name.replace("_", "-").encode(), one.encode()) for one in values]
    return {"type": "http", "client": (peer, 1), "headers": pairs}


def doorman(**changes: Any) -> Doorman:
    """A door for 203.0.113.0/24, behind the proxy 10.0.0.1."""
    settings = InboundSettings(trusted_proxies=["10.0.0.0/8"])  # type: ignore[list-item] # read by pydantic
    return Doorman(access(networks=["203.0.113.0/24"], **changes), settings)


async def test_every_service_wants_the_secret_in_force(portal: PortalCalls) -> None:
    """Good passes; bad, missing and the secret of before a rotation are refused, in the protocol and with 403."""
    for service in SERVICES:
        await check_secrets(portal, service)


async def check_secrets(portal: PortalCalls, service: str) -> None:
    """Call one service with every kind of secret."""
    portal.access = access()
    body = bodies()[service]
    assert (await portal.post(service, body))[0] == 200
    for secret in (SECRET + "x", "", None):
        status, answer = await portal.post(service, body, secret=secret)
        assert (status, answer["error_code"]) == (403, -1)
    portal.access = access(secrets=[NEW_SECRET, SECRET])
    assert [(await portal.post(service, body, secret=one))[0] for one in (SECRET, NEW_SECRET)] == [200, 200]
    portal.access = access(secrets=[NEW_SECRET])
    assert [(await portal.post(service, body, secret=one))[0] for one in (SECRET, NEW_SECRET)] == [403, 200]


async def test_without_configuration_nobody_comes_in(portal: PortalCalls) -> None:
    """No networks: refused, whatever the caller knows; and another network likewise."""
    portal.access = InboundAccess()
    assert (await portal.post("search/call", {}))[0] == 403
    portal.access = access()
    assert (await portal.post("search/call", {}, address="192.0.2.7"))[0] == 403
    assert await portal.events() == []


@pytest.mark.parametrize(
    ("scope", "denied"),
    [
        (call("203.0.113.5", x_inbound_secret=SECRET), None),
        (call(PROXY, x_forwarded_for="203.0.113.5", x_inbound_secret=SECRET), None),
        (call(PROXY, x_forwarded_for="203.0.113.5, 10.0.0.9", x_inbound_secret=SECRET), None),
        # The left part is what the stranger says of itself.
        (call(PROXY, x_forwarded_for="203.0.113.5, 192.0.2.1", x_inbound_secret=SECRET), Denial.NETWORK),
        # Not through a trusted proxy, so the header counts for nothing.
        (call("192.0.2.1", x_forwarded_for="203.0.113.5", x_inbound_secret=SECRET), Denial.NETWORK),
        (call(PROXY, x_forwarded_for="nonsense", x_inbound_secret=SECRET), Denial.NETWORK),
        (call(PROXY, x_inbound_secret=SECRET), Denial.NETWORK),
        (call("::ffff:203.0.113.5", x_inbound_secret=SECRET), None),
        (call("203.0.113.5", x_inbound_secret=[SECRET, SECRET]), Denial.SECRET),
        (call("203.0.113.5"), Denial.SECRET),
        ({"type": "http", "client": None, "headers": []}, Denial.NETWORK),
    ],
)
def test_what_a_caller_says_of_itself_counts_only_through_a_trusted_proxy(scope: Scope, denied: Denial | None) -> None:
    """X-Forwarded-For is read from the right, up to the first address that is no proxy of ours."""
    assert doorman().deny(scope, address_is_secret=False) == denied


@pytest.mark.parametrize(
    ("peer", "headers", "denied"),
    [
        (PROXY, {"x_client_certificate_sha256": CERTIFICATE}, None),
        (PROXY, {"x_client_certificate_sha256": CERTIFICATE.upper()}, None),
        (PROXY, {"x_client_certificate_sha256": "cd" * 32}, Denial.CERTIFICATE),
        (PROXY, {}, Denial.CERTIFICATE),
        (PROXY, {"x_client_certificate_sha256": [CERTIFICATE, CERTIFICATE]}, Denial.CERTIFICATE),
        ("203.0.113.5", {"x_client_certificate_sha256": CERTIFICATE}, Denial.CERTIFICATE),
    ],
)
def test_a_certificate_counts_only_as_the_front_proxy_says_it(
    peer: str, headers: dict[str, Any], denied: Denial | None
) -> None:
    """With and without a secret beside it: what is configured must all hold."""
    scope = call(peer, x_forwarded_for="203.0.113.5", **headers)
    alone = doorman(secrets=[], client_certificates=[CERTIFICATE])
    assert alone.deny(scope, address_is_secret=False) == denied
    both = doorman(client_certificates=[CERTIFICATE])
    assert both.deny(scope, address_is_secret=False) == (denied or Denial.SECRET)


def test_networks_alone_must_be_said_aloud() -> None:
    """A network without another proof is an error at start, unless network_only says that it is meant."""
    with pytest.raises(ValidationError, match="network_only"):
        access(secrets=[])
    meant = Doorman(access(secrets=[], network_only=True), InboundSettings())
    assert meant.deny(call("127.0.0.1"), address_is_secret=False) is None


def test_the_proofs_go_no_further_than_the_door() -> None:
    """The adapter never sees the secret it was called with."""
    assert {b"x-inbound-secret", b"authorization", b"cookie"} <= doorman().proofs


async def test_a_tax_notice_wants_its_security_key_where_one_is_configured(portal: PortalCalls) -> None:
    """The field of the envelope, wherever it stands; two while it is being changed."""
    portal.messages = portal.messages.model_validate({"security_keys": [SECRET, NEW_SECRET]})
    notice = bodies()["nhantbthuedvcqg"]
    assert await portal.code("nhantbthuedvcqg", notice) == -1
    assert await portal.code("nhantbthuedvcqg", notice | {"SecurityKey": SECRET + "x"}) == -1
    assert await portal.code("nhantbthuedvcqg", notice | {"SecurityKey": NEW_SECRET}) == 0
