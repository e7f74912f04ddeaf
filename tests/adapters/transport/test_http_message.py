"""The head of a request is exactly what was given, and never more than one request."""

from __future__ import annotations

import re

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.http_message import Origin, Target, request_head
from adapters.transport.wire_errors import AddressError, UnsendableError

TARGET = Target.of("http://a.example/x")


@pytest.mark.parametrize(
    ("url", "origin", "host_field", "path"),
    [
        ("http://A.Example", Origin(is_tls=False, host="a.example", port=80), "a.example", "/"),
        ("http://a.example:80/?", Origin(is_tls=False, host="a.example", port=80), "a.example", "/"),
        (
            "https://a.example:443/b;c?d=%2F&e#f",
            Origin(is_tls=True, host="a.example", port=443),
            "a.example",
            "/b;c?d=%2F&e",
        ),
        ("http://a.example:8080?q", Origin(is_tls=False, host="a.example", port=8080), "a.example:8080", "/?q"),
        ("https://10.0.0.5:80//b", Origin(is_tls=True, host="10.0.0.5", port=80), "10.0.0.5:80", "//b"),
        ("http://[::1]:8080/", Origin(is_tls=False, host="::1", port=8080), "[::1]:8080", "/"),
    ],
)
def test_an_address_is_taken_apart(url: str, origin: Origin, host_field: str, path: str) -> None:
    """The port stands in ``Host`` only where it is not the scheme's own; what stands behind # stays here."""
    assert Target.of(url) == (origin, host_field, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example/",
        "http://",
        "http://a b/",
        "http://a\\b/",
        "http://u@a.example/",
        "http://[x]/",
        "http://a.example\r\n/",
        "http://a.example/ấ",
        "http://a.example:99999/",
        "http://a.example:x/",
        "http://a,b/",
        "http://a/\t",
        "http://%61/",
        "http://[fe80::1%25eth0]/",
        "HTTP//a.example",
        "http://a..example/",
        "http://.example/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 128}/",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    """An address that two readers could read in two ways leads somewhere for one of them."""
    with pytest.raises(AddressError):
        Target.of(url)


@pytest.mark.parametrize(
    ("method", "headers", "length", "head"),
    [
        ("GET", {}, 0, "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        ("HEAD", {}, 0, "HEAD /x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        ("GET", {}, 3, "GET /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\n"),
        ("POST", {}, 0, "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
        (
            "PUT",
            {"B": "2", "a": "Cấp\tlại", "host": "b.example", "content-length": "99"},
            3,
            "PUT /x HTTP/1.1\r\nHost: b.example\r\nB: 2\r\na: Cấp\tlại\r\nContent-Length: 3\r\n\r\n",
        ),
    ],
)
def test_the_head_holds_what_was_given(method: str, headers: dict[str, str], length: int, head: str) -> None:
    """In its order and its spelling; the length is always our own."""
    assert request_head(method, TARGET, headers, length) == head.encode()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET /y HTTP/1.1\r\nX:", "/x", {}),
        ("", "/x", {}),
        ("GET", "/x HTTP/1.1\r\nX: y\r\n\r\nGET /z", {}),
        ("GET", "/x y", {}),
        ("GET", "/ấ", {}),
        ("GET", "http://b.example/", {}),
        ("GET", "", {}),
        ("GET", "/x", {"X": "a\r\nY: b"}),
        ("GET", "/x", {"X": "a\nb"}),
        ("GET", "/x", {"X": "a\x00"}),
        ("GET", "/x", {"X": "\ud800"}),
        ("GET", "/x", {"Host": "a\rb"}),
        ("GET", "/x", {"X: y\r\nZ": "a"}),
        ("GET", "/x", {"X ": "a"}),
        ("GET", "/x", {"": "a"}),
        ("GET", "/x", {"Họ": "a"}),
        ("GET", "/x", {"Transfer-Encoding": "chunked"}),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(method: str, path: str, headers: dict[str, str]) -> None:
    """Neither through the method, nor the target, nor the name or value of a field, nor a second length."""
    with pytest.raises(UnsendableError):
        request_head(method, TARGET._replace(path=path), headers, 0)


class _Seen:
    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []
        self.messages = 0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode(), value.decode()))

    def on_message_complete(self) -> None:
        self.messages += 1


@given(
    query=st.text(max_size=20),
    headers=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=4),
)
def test_whatever_is_given_is_one_request_or_none(query: str, headers: dict[str, str]) -> None:
    """A server that is strict reads one request with those fields and no other, or nothing is sent."""
    try:
        head = request_head("POST", TARGET.with_query(query), headers, 0)
    except UnsendableError:
        return
    seen = _Seen()
    httptools.HttpRequestParser(seen).feed_data(head)
    assert seen.messages == 1
    assert seen.url.decode() == f"/x?{query}"
    given_names = [name.lower() for name in headers]
    ours = (
        {"host": "a.example"} | {name: value.strip(" \t") for name, value in headers.items()} | {"Content-Length": "0"}
    )
    if "host" not in given_names and "content-length" not in given_names:
        assert {name.lower(): re.sub(r"[ \t]+$", "", value) for name, value in seen.headers} == {
            name.lower(): value for name, value in ours.items()
        }
