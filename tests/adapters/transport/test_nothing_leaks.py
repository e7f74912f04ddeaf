"""No part of a request, and no secret, ever stands in an error or its stack trace."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.transport.forward import ForwardClient, ForwardSettings
from adapters.transport.http import HttpClient, HttpSettings
from adapters.transport.lgsp import LgspClient, LgspSettings, officer_header
from contracts.errors import LienThongError

ANSWERS = [
    b"",
    b"HTTP/1.1 200 OK\r\n",
    b"nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"a" * 2000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\nab",
    b"HTTP/1.1 500 E\r\nContent-Length: 0\r\nX-Road-Error: Server.ClientProxy.NetworkError\r\n\r\n",
    b"HTTP/1.1 503 E\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n",
    b"HTTP/1.1 401 E\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"access_token":  5}',
    None,
]
"""What the partner says before it closes; ``None`` says nothing and keeps the line open."""

SECRET = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=20).map(
    lambda text: f"zq{text}qz"
)


def _shown(exc: BaseException) -> str:
    """Return everything a log or a page could make of an error."""
    sentence = getattr(exc, "sentence", "")
    return "\n".join([str(exc), repr(exc), repr(sentence), repr(vars(exc)), *traceback.format_exception(exc)])


@settings(max_examples=4, deadline=None)
@given(secret=SECRET)
@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
@pytest.mark.parametrize("is_write", [True, False], ids=["write", "read"])
async def test_no_error_shows_what_was_sent(
    serve_raw: Any, read_request: Any, answer: bytes | None, secret: str, *, is_write: bool
) -> None:
    """Body, query, headers and keys stay out of every error of all three clients, whatever goes wrong."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()

    common: dict[str, Any] = {"operation": "find_person", "deadline_seconds": 0.03, "is_write": is_write}
    carried: dict[str, Any] = {
        "headers": {"X-Secret": secret},
        "params": {"id": secret},
        "content": secret.encode(),
    }
    limits = HttpSettings(max_response_bytes=1000)
    async with serve_raw(handler) as partner:
        forward = ForwardClient(ForwardSettings(adapter_url=partner.url, dstcode="VN:x", http=limits), connection="c")
        lgsp = LgspClient(
            LgspSettings(
                base_url=partner.url, consumer_key=SecretStr("ck"), consumer_secret=SecretStr(secret), http=limits
            ),
            connection="c",
        )
        plain = HttpClient(limits.allowing(partner.url), connection="c")
        officer = officer_header("canbo", SecretStr(secret))
        async with aclosing(forward), aclosing(lgsp), aclosing(plain):
            outcomes = await asyncio.gather(
                plain.request("POST", f"{partner.url}/a", **common, **carried),
                forward.request("POST", "a", **common, **carried),
                lgsp.request("POST", "/a", **common, **{**carried, "headers": {**carried["headers"], **officer}}),
                return_exceptions=True,
            )
    raised = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert raised
    for exc in raised:
        assert isinstance(exc, LienThongError)
        shown = _shown(exc)
        assert secret not in shown
        assert officer["AuthHash"] not in shown


@settings(max_examples=10)
@given(secret=SECRET)
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/p?id={}", "http://other.example/{}", "gopher://{}", "http://{}@h/", "{}"]
)
async def test_no_error_shows_the_address(url: str, secret: str) -> None:
    """Also for an address that was never called."""
    client = HttpClient(HttpSettings(allowed_hosts=("127.0.0.1:1",)), connection="c")
    with pytest.raises(LienThongError) as caught:
        await client.request("GET", url.format(secret), operation="o", deadline_seconds=1, is_write=False)
    await client.aclose()
    assert secret not in _shown(caught.value)
