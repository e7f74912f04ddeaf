"""The HTTP client keeps to its limits: where it calls, what it sends along, what it takes back."""

from __future__ import annotations

import asyncio
import gzip
import logging
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.transport.http import HttpAnswer, HttpClient, HttpSettings, hosts_of
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown

CONNECTION = "h99_portal"


@pytest.fixture
async def partner(recorder: Any) -> AsyncIterator[AsgiServer]:
    async with AsgiServer(recorder) as server:
        yield server


@pytest.fixture
async def client(partner: AsgiServer) -> AsyncIterator[HttpClient]:
    made = HttpClient(HttpSettings(max_response_bytes=100_000).allowing(partner.url), connection=CONNECTION)
    yield made
    await made.aclose()


async def _call(client: HttpClient, url: str, method: str = "POST", **more: Any) -> HttpAnswer:
    return await client.request(
        method, url, **{"operation": "push_dossier", "deadline_seconds": 30, "is_write": True, **more}
    )


# --- what is sent -----------------------------------------------------------------------------------------


async def test_a_request_arrives_as_it_was_given(client: HttpClient, partner: AsgiServer, recorder: Any) -> None:
    """Method, path, headers and the exact bytes of the body reach the partner."""
    body = '{"TenHoSo":"Cấp bản sao"}'.encode()
    await _call(
        client,
        f"{partner.url}/mapi/g",
        content=body,
        headers={"Content-Type": "application/json", "dstcode": "VN:GOV:x"},
    )
    seen = recorder.seen[0]
    assert (seen.method, seen.path, seen.query, seen.body) == ("POST", "/mapi/g", "", body)
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["dstcode"] == "VN:GOV:x"
    assert seen.headers["content-length"] == str(len(body))


async def test_nothing_is_sent_along_that_nobody_asked_for(
    client: HttpClient, partner: AsgiServer, recorder: Any
) -> None:
    """No library name, no cookie, no wish for a compressed answer: only what the wire needs."""
    await _call(client, f"{partner.url}/a", method="GET")
    assert recorder.seen[0].headers == {
        "host": f"{partner.host}:{partner.port}",
        "user-agent": "LienThong/1",
        "accept": "*/*",
        "accept-encoding": "identity",
    }


async def test_cookies_are_not_kept(client: HttpClient, partner: AsgiServer, recorder: Any) -> None:
    """A session is handled by the adapter in the open, never by a cookie jar behind its back."""
    recorder.headers = (("Set-Cookie", "JSESSIONID=abc; Path=/"),)
    await _call(client, f"{partner.url}/a")
    await _call(client, f"{partner.url}/a")
    assert "cookie" not in recorder.seen[1].headers


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"service": "DongBoHoSoMC"}, "service=DongBoHoSoMC"),
        ({"ten": "Cấp lại", "q": "a&b=c/d"}, "ten=C%E1%BA%A5p%20l%E1%BA%A1i&q=a%26b%3Dc%2Fd"),
        ({"id": "+84"}, "id=%2B84"),
        ({}, ""),
    ],
)
async def test_parameters_are_encoded_once(
    client: HttpClient, partner: AsgiServer, recorder: Any, params: dict[str, str], query: str
) -> None:
    """A value with a reserved or Vietnamese letter arrives as exactly that value."""
    await _call(client, f"{partner.url}/a", params=params)
    assert recorder.seen[0].query == query


async def test_an_encoded_address_is_sent_unchanged(client: HttpClient, partner: AsgiServer, recorder: Any) -> None:
    """Escapes that stand in the address on purpose are not undone, and parameters go behind its query."""
    await _call(client, f"{partner.url}/a%2Fb?providerurl=https%3A%2F%2Fx&c=1", params={"d": "2"})
    assert recorder.seen[0].path == "/a%2Fb"
    assert recorder.seen[0].query == "providerurl=https%3A%2F%2Fx&c=1&d=2"


async def test_the_environment_does_not_choose_a_proxy(
    client: HttpClient, partner: AsgiServer, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls go where the configuration says, whatever HTTP_PROXY holds."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await _call(client, f"{partner.url}/a")).status == 200
    assert len(recorder.seen) == 1


# --- what comes back --------------------------------------------------------------------------------------


async def test_header_names_are_lower_case_and_repeated_ones_joined(
    client: HttpClient, partner: AsgiServer, recorder: Any
) -> None:
    """An adapter can look a header up without thinking about its spelling."""
    recorder.headers = (("X-Road-Request-Id", "1"), ("Via", "a"), ("VIA", "b"))
    answer = await _call(client, f"{partner.url}/a")
    assert answer.headers["x-road-request-id"] == "1"
    assert answer.headers["via"] == "a, b"


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 400, 404, 500, 503])
async def test_every_status_is_an_answer(client: HttpClient, partner: AsgiServer, recorder: Any, status: int) -> None:
    """What a status means is the adapter's to say; a redirect is not followed, wherever it leads."""
    recorder.status = status
    recorder.body = b"" if status == 204 else b"x"
    recorder.headers = (("Location", "http://127.0.0.1:1/elsewhere"),)
    answer = await _call(client, f"{partner.url}/a")
    assert (answer.status, answer.content) == (status, recorder.body)
    assert len(recorder.seen) == 1


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda plain: zlib.compress(plain, wbits=-15)),
        ("identity", lambda plain: plain),
        ("gzip, gzip", lambda plain: gzip.compress(gzip.compress(plain))),
        ("gzip", lambda plain: gzip.compress(plain[:10]) + gzip.compress(plain[10:])),
    ],
    ids=["gzip", "upper case", "x-gzip", "zlib", "bare deflate", "identity", "twice", "two members"],
)
async def test_an_answer_compressed_against_our_wish_is_read(
    client: HttpClient, partner: AsgiServer, recorder: Any, coding: str, pack: Any
) -> None:
    """Some gateways compress whatever is asked for."""
    plain = '{"TenHoSo":"Cấp bản sao"}'.encode() * 50
    recorder.body = pack(plain)
    recorder.headers = (("Content-Encoding", coding),)
    assert (await _call(client, f"{partner.url}/a")).content == plain


@pytest.mark.parametrize("size", [100_000, 100_001])
async def test_the_size_limit_is_exact(client: HttpClient, partner: AsgiServer, recorder: Any, size: int) -> None:
    """The largest allowed answer passes, one byte more is refused, compressed or not."""
    for body, headers in ((b"a" * size, ()), (gzip.compress(b"a" * size), (("Content-Encoding", "gzip"),))):
        recorder.body, recorder.headers = body, headers
        if size == 100_000:
            assert len((await _call(client, f"{partner.url}/a")).content) == size
        else:
            with pytest.raises(Malformed):
                await _call(client, f"{partner.url}/a")


async def test_a_call_after_a_refused_answer_is_not_disturbed_by_it(
    client: HttpClient, partner: AsgiServer, recorder: Any
) -> None:
    """The rest of an answer that was cut off never turns up in the next one."""
    recorder.body = b"a" * 3_000_000
    with pytest.raises(Malformed):
        await _call(client, f"{partner.url}/a")
    recorder.body = b'{"b":1}'
    assert (await _call(client, f"{partner.url}/a")).content == b'{"b":1}'


# --- where it may call ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example/a",
        "http://127.0.0.1:1/a",
        "http://localhost:{port}/a",
        "https://127.0.0.1/a",
        "http://127.0.0.1.other.example:{port}/a",
    ],
)
async def test_a_host_that_is_not_configured_is_not_called(client: HttpClient, partner: AsgiServer, url: str) -> None:
    """The allow-list compares host and port, so an address in an answer cannot lead us elsewhere."""
    with pytest.raises(NeedsPerson, match="allowed_hosts"):
        await _call(client, url.format(port=partner.port))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/mapi/g",
        "ftp://127.0.0.1:{port}/a",
        "http:///a",
        "http://user:secret@127.0.0.1:{port}/a",
        "http://127.0.0.1:{port}/a b",
        "http://127.0.0.1:{port}/cấp",
        "http://127.0.0.1:{port}/a\r\nX: y",
        "http://127.0.0.1:notaport/a",
        "http://[::1/a",
    ],
)
async def test_an_address_that_can_be_read_in_two_ways_is_not_called(
    client: HttpClient, partner: AsgiServer, recorder: Any, url: str
) -> None:
    """Credentials, blanks, control characters and bare Unicode in an address are a mistake of configuration."""
    with pytest.raises(NeedsPerson, match="not a valid http or https address"):
        await _call(client, url.replace("{port}", str(partner.port)))
    assert recorder.seen == []


async def test_without_an_allowed_host_nothing_is_called(partner: AsgiServer) -> None:
    """Deny by default."""
    client = HttpClient(HttpSettings(), connection=CONNECTION)
    with pytest.raises(NeedsPerson, match="allowed_hosts"):
        await _call(client, f"{partner.url}/a")
    await client.aclose()


async def test_plain_http_can_be_forbidden(partner: AsgiServer) -> None:
    """Outside the LAN a connection may be told to use https only."""
    client = HttpClient(HttpSettings(allow_plain_http=False).allowing(partner.url), connection=CONNECTION)
    with pytest.raises(NeedsPerson, match="allow_plain_http"):
        await _call(client, f"{partner.url}/a")
    await client.aclose()


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.1:{port}"])
async def test_an_allowed_host_is_named_with_or_without_a_port(partner: AsgiServer, entry: str) -> None:
    """Without a port every port of that host is allowed."""
    settings = HttpSettings(allowed_hosts=(entry.format(port=partner.port),))
    client = HttpClient(settings, connection=CONNECTION)
    assert (await _call(client, f"{partner.url}/a")).status == 200
    await client.aclose()


def test_hosts_are_derived_from_the_configured_addresses() -> None:
    """Default ports are filled in, names are compared in lower case, doubles are dropped."""
    assert hosts_of("http://A.example/x", "https://b.example/y?z", "http://a.example:80") == (
        "a.example:80",
        "b.example:443",
    )
    settings = HttpSettings(allowed_hosts=("c.example",)).allowing("http://a.example:8080/x")
    assert settings.allowed_hosts == ("c.example", "a.example:8080")


# --- life -------------------------------------------------------------------------------------------------


def test_constructing_has_no_side_effects() -> None:
    """A client can be built outside an event loop, with files that do not exist yet, and thrown away."""
    HttpClient(HttpSettings(ca_file=Path("/nowhere/ca.pem")), connection=CONNECTION)


async def test_closing_twice_or_before_the_first_call_is_fine(partner: AsgiServer) -> None:
    """Clean-up works after a failed start."""
    client = HttpClient(HttpSettings().allowing(partner.url), connection=CONNECTION)
    await client.aclose()
    assert (await _call(client, f"{partner.url}/a")).status == 200
    await client.aclose()
    await client.aclose()


async def test_connections_are_reused_and_limited(serve_raw: Any, read_request: Any) -> None:
    """Twenty calls through two connections open two, not twenty."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    async with serve_raw(handler) as partner:
        client = HttpClient(HttpSettings(max_connections=2).allowing(partner.url), connection=CONNECTION)
        await asyncio.gather(*(_call(client, f"{partner.url}/a", content=b"{}") for _ in range(20)))
        await client.aclose()
        assert partner.connections == 2


async def test_an_idle_connection_is_not_kept_longer_than_said(serve_raw: Any, read_request: Any) -> None:
    """A write on a connection the partner is just closing has an unknown outcome, so old ones are not reused."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    async with serve_raw(handler) as partner:
        client = HttpClient(HttpSettings(keep_alive_seconds=0.05).allowing(partner.url), connection=CONNECTION)
        await _call(client, f"{partner.url}/a")
        await asyncio.sleep(0.15)
        await _call(client, f"{partner.url}/a")
        await client.aclose()
        assert partner.connections == 2


# --- settings and errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"connect_timeout_seconds": 0},
        {"max_response_bytes": 0},
        {"max_connections": 0},
        {"verify": False},
        {"client_key_file": "key.pem"},
    ],
)
def test_settings_are_strict(settings: dict[str, Any]) -> None:
    """There is no switch for certificate checks, and a key without a certificate is a mistake."""
    with pytest.raises(ValidationError):
        HttpSettings.model_validate(settings)


def test_every_setting_is_described() -> None:
    """The description is the documentation."""
    assert [name for name, field in HttpSettings.model_fields.items() if not field.description] == []


async def test_errors_name_connection_and_operation(client: HttpClient, serve_raw: Any) -> None:
    """Whoever reads the error knows which call it was."""

    async def slam(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with serve_raw(slam) as partner:
        own = HttpClient(HttpSettings().allowing(partner.url), connection="h99_kho")
        with pytest.raises(OutcomeUnknown) as caught:
            await _call(own, f"{partner.url}/a", operation="push_step", content=b"{}")
        await own.aclose()
    assert (caught.value.connection, caught.value.operation) == ("h99_kho", "push_step")


async def test_nothing_about_the_request_is_logged(
    client: HttpClient, partner: AsgiServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at DEBUG: an address may carry a citizen's number."""
    caplog.set_level(logging.DEBUG)
    await _call(client, f"{partner.url}/people", params={"id": "099199000123"}, content=b'{"id":"099199000123"}')
    with pytest.raises(LienThongError):
        await _call(client, "http://127.0.0.1:1/people", params={"id": "099199000123"})
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    assert "099199000123" not in "".join(record.getMessage() for record in ours)
