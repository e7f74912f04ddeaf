"""Calls through the forward adapter: routing, the security server's own errors, "come back later"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.transport.faults_to_errors import Call
from adapters.transport.forward import ForwardClient, ForwardSettings
from adapters.transport.http import HttpAnswer
from adapters.transport.retry_after import LONGEST, not_now, wish
from adapters.transport.simulation.forward import ForwardSimulator
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import NeedsPerson, OutcomeUnknown, TryLater

CONNECTION = "h99_portal"
PORTAL = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
KHO = "https://kho.h99.example/api"


@pytest.fixture
def gate(recorder: Any) -> ForwardSimulator:
    return ForwardSimulator({PORTAL: recorder}, providers={(PORTAL, KHO): recorder})


@pytest.fixture
async def adapter_url(gate: ForwardSimulator) -> AsyncIterator[str]:
    async with AsgiServer(gate) as server:
        yield f"{server.url}/XrdAdapter/RestService/forward"


async def _post(adapter_url: str, *, is_write: bool = True, path: str = "mapi/g", **settings: Any) -> HttpAnswer:
    made = ForwardSettings(**{"adapter_url": adapter_url, "dstcode": PORTAL, **settings})
    client = ForwardClient(made, connection=CONNECTION)
    try:
        return await client.post_json(
            path, b'{"service":"DongBoHoSoMC"}', operation="push_dossier", deadline_seconds=30, is_write=is_write
        )
    finally:
        await client.aclose()


# --- routing ----------------------------------------------------------------------------------------------


async def test_the_request_has_the_shape_the_field_uses(recorder: Any) -> None:
    """Path, dstcode as a header, JSON both ways, and the non-standard Charset header."""
    async with AsgiServer(recorder) as server:
        await _post(f"{server.url}/XrdAdapter/RestService/forward/")
    seen = recorder.seen[0]
    assert (seen.method, seen.path, seen.query) == ("POST", "/XrdAdapter/RestService/forward/mapi/g", "")
    assert seen.headers["dstcode"] == PORTAL
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["charset"] == "utf-8"


async def test_dstcode_and_providerurl_can_stand_in_the_query(recorder: Any) -> None:
    """The colons of the code stay as the field writes them, the provider's address is encoded."""
    async with AsgiServer(recorder) as server:
        await _post(f"{server.url}/f", dstcode_in="query", provider_url=KHO, charset_header=False)
    seen = recorder.seen[0]
    assert seen.query == f"dstcode={PORTAL}&providerurl=https%3A%2F%2Fkho.h99.example%2Fapi"
    assert "dstcode" not in seen.headers
    assert "charset" not in seen.headers


@pytest.mark.parametrize("dstcode_in", ["header", "query"])
@pytest.mark.parametrize("provider_url", [None, KHO])
@pytest.mark.parametrize("product", ["XrdAdapter", "VXPAdapter"])
async def test_the_provider_gets_what_was_meant_for_it(
    adapter_url: str, recorder: Any, dstcode_in: str, provider_url: str | None, product: str
) -> None:
    """Each way of routing ends at the same provider, with the body untouched and the routing taken off."""
    url = adapter_url.replace("XrdAdapter", product)
    answer = await _post(url, path="/mapi/g", dstcode_in=dstcode_in, provider_url=provider_url)
    assert answer.status == 200
    seen = recorder.seen[0]
    assert (seen.path, seen.query, seen.body) == ("/mapi/g", "", b'{"service":"DongBoHoSoMC"}')


async def test_other_methods_and_parameters_pass(adapter_url: str, recorder: Any) -> None:
    """A service that is read with GET and parameters is reached the same way."""
    settings = ForwardSettings(adapter_url=adapter_url, dstcode=PORTAL, dstcode_in="query")
    async with aclosing(ForwardClient(settings, connection=CONNECTION)) as client:
        await client.request(
            "GET",
            "bndp/public/v1/ping",
            operation="ping",
            deadline_seconds=30,
            is_write=False,
            params={"id": "099199000123"},
            headers={"X-Other": "1", "dstcode": "someone else"},
        )
    seen = recorder.seen[0]
    assert (seen.method, seen.path, seen.query) == ("GET", "/bndp/public/v1/ping", "id=099199000123")
    assert seen.headers["x-other"] == "1"
    assert "dstcode" not in seen.headers


@pytest.mark.parametrize("path", ["mapi/../../admin", "mapi/g?dstcode=other", "mapi/g#x"])
async def test_a_path_cannot_change_the_routing(adapter_url: str, recorder: Any, path: str) -> None:
    """A path is a path below the provider and nothing else."""
    with pytest.raises(NeedsPerson):
        await _post(adapter_url, path=path)
    assert recorder.seen == []


# --- the security server's own errors ---------------------------------------------------------------------

ERRORS: dict[str, tuple[type, type]] = {
    "Client.MissingHeaderField": (NeedsPerson, NeedsPerson),
    "client.invalid_client_identifier": (NeedsPerson, NeedsPerson),
    "Server.ClientProxy.UnknownMember": (NeedsPerson, NeedsPerson),
    "Server.ClientProxy.SslAuthenticationFailed": (NeedsPerson, NeedsPerson),
    "Server.ClientProxy.OutdatedGlobalConf": (NeedsPerson, NeedsPerson),
    "Server.ClientProxy.CannotCreateSignature": (NeedsPerson, NeedsPerson),
    "Server.ClientProxy.NetworkError": (OutcomeUnknown, TryLater),
    "server.clientproxy.network_error": (OutcomeUnknown, TryLater),
    "Server.ClientProxy.IOError": (OutcomeUnknown, TryLater),
    "Server.ClientProxy.LoggingFailed.InternalError": (OutcomeUnknown, NeedsPerson),
    "Server.ClientProxy.ServiceFailed.InconsistentResponse": (OutcomeUnknown, TryLater),
    "server.clientproxy.maintenance_mode": (TryLater, TryLater),
    "Server.ClientProxy.SomethingNew": (OutcomeUnknown, TryLater),
    "Server.ServerProxy.AccessDenied": (NeedsPerson, NeedsPerson),
    "server.serverproxy.access_denied": (NeedsPerson, NeedsPerson),
    "Server.ServerProxy.UnknownService": (NeedsPerson, NeedsPerson),
    "Server.ServerProxy.ServiceDisabled": (NeedsPerson, NeedsPerson),
    "Server.ServerProxy.MaintenanceMode": (TryLater, TryLater),
    "Server.ServerProxy.ServiceFailed.HttpError": (OutcomeUnknown, TryLater),
    "server.serverproxy.service_failed.io_error": (OutcomeUnknown, TryLater),
    "Server.ServerProxy.ServiceFailed.UnknownHost": (TryLater, TryLater),
    "Server.ServerProxy.CannotCreateSignature": (OutcomeUnknown, NeedsPerson),
    "Server.ServerProxy.HSMNonOperational": (OutcomeUnknown, NeedsPerson),
    "Server.ServerProxy.Signer.TokenNotActive": (OutcomeUnknown, NeedsPerson),
    "Server.ServerProxy.SomethingNew": (OutcomeUnknown, TryLater),
    "Signer.KeyNotFound": (OutcomeUnknown, NeedsPerson),
    "signer.key_not_found": (OutcomeUnknown, NeedsPerson),
    "Something.Else": (OutcomeUnknown, TryLater),
    "": (OutcomeUnknown, TryLater),
}
"""``X-Road-Error`` → reaction of a write, of a read."""


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize("code", list(ERRORS))
async def test_each_error_of_the_security_server_has_its_reaction(
    adapter_url: str, gate: ForwardSimulator, code: str, *, is_write: bool
) -> None:
    """A write is tried again by itself only when the provider cannot have been called."""
    gate.fail_next(code)
    expected = ERRORS[code][0 if is_write else 1]
    with pytest.raises(expected) as caught:
        await _post(adapter_url, is_write=is_write)
    assert type(caught.value) is expected
    assert caught.value.upstream_code == (code or "unreadable")
    assert (caught.value.connection, caught.value.operation) == (CONNECTION, "push_dossier")


async def test_an_error_after_the_provider_was_called_is_in_doubt(
    adapter_url: str, gate: ForwardSimulator, recorder: Any
) -> None:
    """The very case that makes "network error" ambiguous: the provider has done it, the answer is lost."""
    gate.fail_next("Server.ClientProxy.NetworkError", after_provider=True)
    with pytest.raises(OutcomeUnknown):
        await _post(adapter_url)
    assert len(recorder.seen) == 1


async def test_the_words_of_the_security_server_are_not_repeated(adapter_url: str, recorder: Any) -> None:
    """A header from outside is shown only in the grammar of an error code."""
    recorder.headers = (("X-Road-Error", "Client.X <b>099199000123</b>"),)
    with pytest.raises(NeedsPerson) as caught:
        await _post(adapter_url)
    assert caught.value.upstream_code == "unreadable"


@pytest.mark.parametrize("status", [400, 404, 500, 502, 503])
async def test_without_the_header_the_answer_is_the_providers_own(adapter_url: str, recorder: Any, status: int) -> None:
    """Whatever the status: what it means is the adapter's to say."""
    recorder.status = status
    assert (await _post(adapter_url)).status == status


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"dstcode": "VN:GOV:nobody"}, "Server.ClientProxy.UnknownMember"),
        ({"provider_url": "https://other.example"}, "Server.ServerProxy.UnknownService"),
    ],
)
async def test_a_wrong_destination_needs_a_person(adapter_url: str, settings: dict[str, Any], code: str) -> None:
    """A mistyped dstcode is found at the first call, with the code the operator can look up."""
    with pytest.raises(NeedsPerson) as caught:
        await _post(adapter_url, **settings)
    assert caught.value.upstream_code == code


# --- come back later --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize("status", [429, 503])
async def test_not_now_is_waited_for(adapter_url: str, recorder: Any, status: int, *, is_write: bool) -> None:
    """Both statuses say that nothing was processed, and the partner's own wish is kept."""
    recorder.status = status
    recorder.headers = (("Retry-After", "120"),)
    with pytest.raises(TryLater) as caught:
        await _post(adapter_url, is_write=is_write)
    assert caught.value.after == timedelta(seconds=120)
    assert caught.value.upstream_code == str(status)


NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", timedelta(0)),
        (" 30 ", timedelta(seconds=30)),
        ("99999999999999999999", LONGEST),
        ("Mon, 05 Jan 2026 08:10:00 GMT", timedelta(minutes=10)),
        ("Mon, 05 Jan 2026 07:00:00 GMT", timedelta(0)),
        ("Mon, 05 Jan 2099 07:00:00 GMT", LONGEST),
        ("Mon, 05 Jan 2026 15:10:00 +0700", timedelta(minutes=10)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_a_wish_is_read_in_both_forms(value: str, expected: timedelta | None) -> None:
    """Seconds or a date, never in the past, never longer than a day, and nothing guessed."""
    assert wish(value, now=NOW) == expected


def test_only_two_statuses_ask_to_come_back() -> None:
    """A ``Retry-After`` on a redirect or an error is not a promise that nothing was processed."""
    call = Call(CONNECTION, "push", is_write=True)
    for status in (200, 301, 404, 500, 502, 504):
        assert not_now(status, {"retry-after": "1"}, call) is None
    assert not_now(503, {}, call) is None


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"adapter_url": "10.0.0.5:8080/XrdAdapter"},
        {"adapter_url": "http://10.0.0.5/f?dstcode=x"},
        {"adapter_url": "http://user:secret@10.0.0.5/f"},
        {"dstcode": ""},
        {"dstcode": "VN GOV"},
        {"dstcode": "VN:GOV\r\nX: y"},
        {"dstcode_in": "path"},
        {"provider_url": "ftp://x"},
        {"public_file_base": "files"},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused_without_repeating_them(wrong: dict[str, Any]) -> None:
    """A mistyped setting is found at boot, and the message does not print a password that stood in it."""
    right = {"adapter_url": "http://10.0.0.5:8080/XrdAdapter/RestService/forward", "dstcode": PORTAL}
    with pytest.raises(ValidationError) as caught:
        ForwardSettings.model_validate({**right, **wrong})
    assert "secret" not in str(caught.value)


def test_settings_come_from_text_as_well() -> None:
    """The environment knows only strings."""
    settings = ForwardSettings.model_validate(
        {
            "adapter_url": "http://10.0.0.5:8080/f/",
            "dstcode": PORTAL,
            "charset_header": "false",
            "http": {"connect_timeout_seconds": "2.5", "ca_file": "/etc/ca.pem"},
            "file_hosts": ["tep.h99.example"],
        }
    )
    assert settings.adapter_url == "http://10.0.0.5:8080/f"
    assert settings.http.connect_timeout_seconds == 2.5
    assert settings.charset_header is False


def test_every_setting_is_described() -> None:
    """The description is the documentation."""
    assert [name for name, field in ForwardSettings.model_fields.items() if not field.description] == []
