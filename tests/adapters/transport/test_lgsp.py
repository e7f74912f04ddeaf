"""The LGSP's token: fetched once, renewed in time, fetched anew once when it is refused."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from adapters.transport.lgsp import LgspClient, LgspSettings, officer_header
from adapters.transport.simulation.lgsp import LgspSimulator
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown, TryLater

CONNECTION = "h99_lgsp"
KEYS = {
    "access_key": "ak-h99",
    "secret_key": "sk-h99",
    "app_name": "LienThong",
    "partner_code": "H99",
    "partner_code_cus": "000.00.00.G22",
}
HEADER_KEYS = {
    "AccessKey": "ak-h99",
    "SecretKey": "sk-h99",
    "AppName": "LienThong",
    "PartnerCode": "H99",
    "PartnerCodeCus": "000.00.00.G22",
}
STYLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "wso2": ({"consumer": ("ck", "cs")}, {"consumer_key": "ck", "consumer_secret": "cs"}),
    "lgspaccesstoken": ({"access_keys": HEADER_KEYS}, {"access_keys": KEYS}),
    "both": (
        {"consumer": ("ck", "cs"), "access_keys": HEADER_KEYS},
        {"consumer_key": "ck", "consumer_secret": "cs", "access_keys": KEYS},
    ),
}


def _client(url: str, **settings: Any) -> LgspClient:
    given = settings or STYLES["wso2"][1]
    return LgspClient(LgspSettings(**{"base_url": url, **given}), connection=CONNECTION)


async def _call(client: LgspClient, **more: Any) -> Any:
    return await client.request(
        "POST",
        "/dldc/v1/tracuu",
        **{"operation": "find_person", "deadline_seconds": 30, "is_write": False, "content": b"{}", **more},
    )


@pytest.mark.parametrize("style", list(STYLES))
async def test_a_call_carries_what_its_style_wants(recorder: Any, style: str) -> None:
    """The gate of each style lets our call through to the service, and one login serves many calls."""
    gate, settings = STYLES[style]
    lgsp = LgspSimulator(recorder, **gate)
    async with AsgiServer(lgsp) as server, aclosing(_client(server.url, **settings)) as client:
        for _ in range(3):
            assert (await _call(client)).status == 200
    assert lgsp.logins == 1
    seen = recorder.seen[0]
    assert (seen.method, seen.path, seen.body) == ("POST", "/dldc/v1/tracuu", b"{}")
    assert seen.headers["authorization"].startswith("Bearer ")
    assert ("lgspaccesstoken" in seen.headers) == (style != "wso2")


async def test_the_token_call_has_the_shape_of_wso2(recorder: Any) -> None:
    """A form with one field, Basic with key and secret."""
    recorder.body = b'{"access_token":"t-1","token_type":"Bearer","expires_in":3600,"scope":"default"}'
    async with AsgiServer(recorder) as server, aclosing(_client(server.url)) as client:
        await _call(client)
    token_call = recorder.seen[0]
    assert (token_call.method, token_call.path) == ("POST", "/token")
    assert token_call.body == b"grant_type=client_credentials"
    assert token_call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(token_call.headers["authorization"].removeprefix("Basic ")) == b"ck:cs"
    assert recorder.seen[1].headers["authorization"] == "Bearer t-1"


async def test_the_partner_header_is_base64_of_the_five_fields(recorder: Any) -> None:
    """On the token call as well as on the data call."""
    recorder.body = b'{"access_token":"t-1","expires_in":"3600"}'
    async with AsgiServer(recorder) as server, aclosing(_client(server.url, access_keys=KEYS)) as client:
        await _call(client, headers=officer_header("canbo01", SecretStr("pass")))
    for seen in recorder.seen:
        assert json.loads(base64.b64decode(seen.headers["lgspaccesstoken"])) == HEADER_KEYS
    assert "authorization" not in recorder.seen[0].headers
    assert base64.b64decode(recorder.seen[1].headers["authhash"]) == b"canbo01:pass"


async def test_many_calls_at_once_log_in_once(recorder: Any) -> None:
    """Starting workers do not storm the token endpoint."""
    lgsp = LgspSimulator(recorder, consumer=("ck", "cs"))
    async with AsgiServer(lgsp) as server, aclosing(_client(server.url)) as client:
        answers = await asyncio.gather(*(_call(client) for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        assert lgsp.logins == 1
        lgsp.expire_tokens()
        answers = await asyncio.gather(*(_call(client, is_write=True) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert lgsp.logins == 2
    assert len(recorder.seen) == 40


async def test_a_token_is_renewed_before_it_ends(recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is spent on a token that is known to be over."""
    now = 1000.0
    monkeypatch.setattr("adapters.transport.lgsp.monotonic", lambda: now)
    lgsp = LgspSimulator(recorder, consumer=("ck", "cs"), token_lifetime_seconds=3600, clock=lambda: now)
    async with AsgiServer(lgsp) as server, aclosing(_client(server.url)) as client:
        for moment, logins in ((1000.0, 1), (1000.0 + 3539, 1), (1000.0 + 3541, 2), (1000.0 + 3541 + 3500, 2)):
            now = moment
            await _call(client)
            assert lgsp.logins == logins
    assert len(recorder.seen) == 4


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
async def test_a_service_that_refuses_a_fresh_token_needs_a_person(recorder: Any, *, is_write: bool) -> None:
    """One new login, then no more: a wrong right must not become a login loop."""

    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            recorder.status = 401
        await recorder(scope, receive, send)

    lgsp = LgspSimulator(refuses, consumer=("ck", "cs"))
    async with AsgiServer(lgsp) as server, aclosing(_client(server.url)) as client:
        with pytest.raises(NeedsPerson) as caught:
            await _call(client, is_write=is_write)
    assert caught.value.upstream_code == "401"
    assert (lgsp.logins, len(recorder.seen)) == (2, 2)


@pytest.mark.parametrize(
    "settings",
    [
        {"consumer_key": "ck", "consumer_secret": "wrong"},
        {"consumer_key": "ck", "consumer_secret": "cs", "access_keys": {**KEYS, "secret_key": "wrong"}},
        {"access_keys": KEYS},
    ],
    ids=["secret", "access key", "no consumer"],
)
async def test_wrong_keys_need_a_person(recorder: Any, settings: dict[str, Any]) -> None:
    """Repeating a login with the same keys only gets us locked out."""
    lgsp = LgspSimulator(recorder, consumer=("ck", "cs"), access_keys=HEADER_KEYS)
    async with AsgiServer(lgsp) as server, aclosing(_client(server.url, **settings)) as client:
        with pytest.raises(NeedsPerson):
            await _call(client)
    assert recorder.seen == []


TOKEN_ANSWERS: dict[str, tuple[int, bytes, type]] = {
    "refused": (401, b'{"error":"invalid_client"}', NeedsPerson),
    "not found": (404, b"", NeedsPerson),
    "down": (500, b"", TryLater),
    "html": (200, b"<html>login</html>", Malformed),
    "a list": (200, b"[]", Malformed),
    "brackets without end": (200, b"[" * 200_000, Malformed),
    "no token": (200, b'{"expires_in":3600}', Malformed),
    "token of another type": (200, b'{"access_token":5}', Malformed),
    "empty token": (200, b'{"access_token":""}', Malformed),
    "token with a line break": (200, b'{"access_token":"a\\r\\nX: y"}', Malformed),
    "no lifetime to speak of": (200, b'{"access_token":"t","expires_in":0}', Malformed),
    "lifetime not a number": (200, b'{"access_token":"t","expires_in":"soon"}', Malformed),
    "lifetime nan": (200, b'{"access_token":"t","expires_in":NaN}', Malformed),
}


@pytest.mark.parametrize("case", list(TOKEN_ANSWERS))
async def test_each_answer_of_the_token_endpoint_has_its_reaction(recorder: Any, case: str) -> None:
    """Also on behalf of a write: without a token nothing was sent, so nothing is in doubt."""
    recorder.status, recorder.body, expected = TOKEN_ANSWERS[case]
    async with AsgiServer(recorder) as server, aclosing(_client(server.url)) as client:
        with pytest.raises(LienThongError) as caught:
            await _call(client, is_write=True)
    assert type(caught.value) is expected
    assert (caught.value.connection, caught.value.operation) == (CONNECTION, "find_person")
    assert {seen.path for seen in recorder.seen} == {"/token"}


async def test_a_token_endpoint_that_asks_to_wait_is_waited_for(recorder: Any) -> None:
    """The wish of the LGSP is kept."""
    recorder.status, recorder.headers = 429, (("Retry-After", "7"),)
    async with AsgiServer(recorder) as server, aclosing(_client(server.url)) as client:
        with pytest.raises(TryLater) as caught:
            await _call(client, is_write=True)
    assert caught.value.after is not None
    assert caught.value.after.total_seconds() == 7


async def test_a_silent_token_endpoint_leaves_no_write_in_doubt(serve_raw: Any) -> None:
    """The login is not the write."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serve_raw(silent) as partner, aclosing(_client(partner.url)) as client:
        outcomes = await asyncio.gather(
            *(_call(client, is_write=True, deadline_seconds=0.1) for _ in range(3)), return_exceptions=True
        )
    assert {type(outcome) for outcome in outcomes} == {TryLater}


@pytest.mark.slow
async def test_the_deadline_covers_login_and_call(serve_raw: Any, read_request: Any) -> None:
    """A slow login leaves less for the call, not the whole time again."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.7)
        body = b'{"access_token":"t"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await reader.read()

    async with serve_raw(slow) as partner, aclosing(_client(partner.url)) as client:
        started = asyncio.get_running_loop().time()
        with pytest.raises(OutcomeUnknown):
            await _call(client, is_write=True, deadline_seconds=1.5)
        took = asyncio.get_running_loop().time() - started
    assert 1.45 < took < 0.7 + 1.5


async def test_an_officer_is_asked_for_where_the_gate_wants_one(recorder: Any) -> None:
    """A data call without the officer's header is refused by the gate as the real one does."""
    lgsp = LgspSimulator(recorder, access_keys=HEADER_KEYS, officers={"canbo01": "pass"})
    async with AsgiServer(lgsp) as server, aclosing(_client(server.url, access_keys=KEYS)) as client:
        with pytest.raises(NeedsPerson):
            await _call(client)
        with pytest.raises(NeedsPerson):
            await _call(client, headers=officer_header("canbo01", SecretStr("other")))
        answer = await _call(client, headers=officer_header("canbo01", SecretStr("pass")))
    assert answer.status == 200


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"consumer_key": "only-half"},
        {"access_keys": {"access_key": "half"}},
        {"base_url": "lgsp.h99.example", "access_keys": KEYS},
        {"base_url": "https://u:secret@lgsp.h99.example", "access_keys": KEYS},
    ],
)
def test_incomplete_settings_are_refused(settings: dict[str, Any]) -> None:
    """A login that cannot work is found at boot; no secret is printed."""
    with pytest.raises(ValidationError) as caught:
        LgspSettings.model_validate({"base_url": "https://lgsp.h99.example", **settings})
    assert "secret@" not in str(caught.value)
    assert "only-half" not in str(caught.value)


def test_secrets_are_not_shown_by_the_settings() -> None:
    """Settings are printed by the doctor; their secrets are not."""
    settings = LgspSettings(base_url="https://lgsp.h99.example", **STYLES["both"][1])
    shown = f"{settings!r} {settings}"
    assert not any(secret in shown for secret in ("'cs'", "sk-h99", "ak-h99"))


def test_every_setting_is_described() -> None:
    """The description is the documentation."""
    assert [name for name, field in LgspSettings.model_fields.items() if not field.description] == []
