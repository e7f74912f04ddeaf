"""``POST /oauth/token``: client credentials after RFC 6749, by Basic or in the form."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
import structlog

from hub.access import clients
from hub.access.clients import Credentials
from hub.access.scopes import Scope
from tests.hub.api.world import DOSSIER, ApiWorld, assert_problem

GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


async def ask(api: ApiWorld, form: dict[str, Any], address: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """Send a token request."""
    return await api.anonymous(address=address).post("/oauth/token", data=form, headers=headers)


@pytest.fixture
async def client(api: ApiWorld) -> Credentials:
    """A client that may read dossiers and exchanges."""
    return await api.client([Scope.DOSSIERS_READ, Scope.EXCHANGES_READ])


def assert_error(answer: httpx.Response, status: int, error: str) -> None:
    """Check an error in the form of RFC 6749, in both languages."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["error"] == error
    assert body["error_description"]
    assert body["error_description_vi"]


async def test_basic_and_form_are_equal(api: ApiWorld, client: Credentials) -> None:
    """Both ways of naming oneself give a token with all scopes of the client."""
    by_header = await ask(api, GRANT, **basic(client.client_id, client.secret))
    by_form = await ask(api, GRANT | {"client_id": client.client_id, "client_secret": client.secret})
    for answer in (by_header, by_form):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] == 3600
        assert body["scope"] == "dossiers:read exchanges:read"
        caller = api.anonymous()
        opened = await caller.get("/v1/exchanges", headers={"authorization": f"Bearer {body['access_token']}"})
        assert opened.status_code == 200


async def test_a_token_may_carry_less(api: ApiWorld, client: Credentials) -> None:
    """A client may ask for fewer scopes than it has, never for more."""
    answer = await ask(api, GRANT | {"scope": "exchanges:read"}, **basic(client.client_id, client.secret))
    assert answer.json()["scope"] == "exchanges:read"
    refused = await api.anonymous().get(DOSSIER, headers={"authorization": f"Bearer {answer.json()['access_token']}"})
    assert_problem(refused, 403, "scope_missing")


async def test_bad_requests(api: ApiWorld, client: Credentials, subtests: pytest.Subtests) -> None:
    """Each mistake has its code of RFC 6749."""
    good = basic(client.client_id, client.secret)
    cases: list[tuple[str, dict[str, Any], dict[str, str], int, str]] = [
        ("no grant", {"scope": "dossiers:read"}, good, 400, "unsupported_grant_type"),
        ("password", {"grant_type": "password"}, good, 400, "unsupported_grant_type"),
        ("more scope", GRANT | {"scope": "connections:manage"}, good, 400, "invalid_scope"),
        ("no such scope", GRANT | {"scope": "everything"}, good, 400, "invalid_scope"),
        ("blank scope", GRANT | {"scope": "  "}, good, 400, "invalid_scope"),
        ("both ways", GRANT | {"client_secret": client.secret}, good, 400, "invalid_request"),
        ("twice", {"grant_type": ["client_credentials", "client_credentials"]}, good, 400, "invalid_request"),
        ("nobody", GRANT, {}, 401, "invalid_client"),
        ("no secret", GRANT | {"client_id": client.client_id}, {}, 401, "invalid_client"),
        ("not base64", GRANT, {"authorization": "Basic !!!"}, 401, "invalid_client"),
        ("no colon", GRANT, {"authorization": "Basic " + base64.b64encode(b"abc").decode()}, 401, "invalid_client"),
        ("bearer", GRANT, {"authorization": "Bearer abc"}, 401, "invalid_client"),
    ]  # fmt: skip
    for name, form, headers, status, error in cases:
        with subtests.test(name):
            assert_error(await ask(api, form, **headers), status, error)
    with subtests.test("JSON"):
        assert_error(await api.anonymous().post("/oauth/token", json=GRANT, headers=good), 400, "invalid_request")
    with subtests.test("not UTF-8"):
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await api.anonymous().post("/oauth/token", content=b"grant_type=\xff", headers=good | form)
        assert_error(answer, 400, "invalid_request")
    with subtests.test("too large"):
        answer = await ask(api, GRANT | {"x": "y" * 9000}, **good)
        assert_problem(answer, 413, "body_too_large")


async def test_unknown_disabled_and_wrong_look_alike(api: ApiWorld, client: Credentials) -> None:
    """Nobody learns from the answer which clients exist."""
    disabled = await api.client()
    await clients.disable(api.store, disabled.client_id)
    answers = [
        await ask(api, GRANT, **basic(*pair))
        for pair in (
            (client.client_id, "wrong"),
            (disabled.client_id, disabled.secret),
            ("client-0000000000000000", "wrong"),
            ("' OR 1=1 --", "wrong"),
            ("nul\0", "wrong"),
        )
    ]
    for answer in answers:
        assert_error(answer, 401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert len({answer.content for answer in answers}) == 1


async def test_failures_are_limited_per_client_and_address(api: ApiWorld, client: Credentials) -> None:
    """After ten failures come waits; the right secret is always served, so nobody can lock a client out."""
    for _ in range(10):
        assert_error(await ask(api, GRANT, **basic(client.client_id, "wrong")), 401, "invalid_client")
    limited = await ask(api, GRANT, **basic(client.client_id, "wrong"))
    assert_error(limited, 429, "slow_down")
    assert int(limited.headers["retry-after"]) > 0
    assert (await ask(api, GRANT, **basic(client.client_id, client.secret))).status_code == 200
    elsewhere = await ask(api, GRANT, address="127.0.0.2", **basic(client.client_id, "wrong"))
    assert_error(elsewhere, 401, "invalid_client")


async def test_refusals_are_logged_without_what_was_sent(api: ApiWorld, client: Credentials) -> None:
    """The log names client and address; a secret, or an id that is none of ours, is not written down."""
    with structlog.testing.capture_logs() as logged:
        await ask(api, GRANT, **basic(client.client_id, "wrong-secret"))
        await ask(api, GRANT, **basic("Trần Thị Mẫu", "wrong-secret"))
        await ask(api, GRANT, **basic(client.client_id, client.secret))
    entries = [one for one in logged if one["event"].startswith("token_")]
    assert [(one["event"], one["client_id"]) for one in entries] == [
        ("token_refused", client.client_id),
        ("token_refused", "?"),
        ("token_issued", client.client_id),
    ]
    assert entries[0]["ip"] == "127.0.0.1"
    assert "secret" not in str(logged).replace("client_secret", "")
    assert client.secret not in str(logged)


async def test_wrong_tokens_at_the_door(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """401 says what is needed, and never why in more detail than helps an honest caller."""
    for name, value, code in (
        ("none", None, "token_required"),
        ("empty", "", "token_required"),
        ("basic", "Basic YTpi", "token_required"),
        ("no token", "Bearer ", "token_invalid"),
        ("nonsense", "Bearer x.y.z", "token_invalid"),
    ):
        with subtests.test(name):
            headers = {} if value is None else {"authorization": value}
            answer = await api.anonymous().get("/v1/exchanges", headers=headers)
            assert_problem(answer, 401, code)
            assert answer.headers["www-authenticate"].startswith('Bearer realm="lienthong"')


async def test_a_disabled_client_loses_its_token(api: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the whole application: a token that was good a moment ago."""
    made = await api.client()
    caller = await api.calling_as(made)
    assert (await caller.get("/v1/connections")).status_code == 200
    await clients.disable(api.store, made.client_id)
    monkeypatch.setattr("hub.access.guard.RELOAD_SECONDS", -1.0)
    assert_problem(await caller.get("/v1/connections"), 401, "client_disabled")
