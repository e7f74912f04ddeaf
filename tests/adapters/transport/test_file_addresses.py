"""File addresses are rewritten so that each side reaches them through its own adapter, and only ours go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.file_addresses import adapter_base_of, inward, outward
from adapters.transport.forward import ForwardClient, ForwardSettings
from contracts.errors import Malformed, Unsupported

OURS = ("tep.h99.example", "10.1.1.1:9000")
BASE = "http://10.0.0.5:8080/XrdAdapter/RestService/forward"
ADAPTER_BASE = "http://10.0.0.5:8080/XrdAdapter"


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("https://tep.h99.example/101", BASE, f"{BASE}/101"),
        ("https://TEP.H99.example/a/b%20c.pdf?v=1", BASE, f"{BASE}/a/b%20c.pdf?v=1"),
        ("http://10.1.1.1:9000/101", f"{BASE}?dstcode=VN:GOV:H99:tep", f"{BASE}/101?dstcode=VN:GOV:H99:tep"),
        ("http://10.1.1.1:9000/1?v=2", f"{BASE}/?dstcode=VN:GOV:H99", f"{BASE}/1?v=2&dstcode=VN:GOV:H99"),
        (f"{BASE}/101", BASE, f"{BASE}/101"),
        ("https://tep.h99.example/101", None, "https://tep.h99.example/101"),
    ],
)
def test_our_address_becomes_one_the_portal_can_reach(url: str, base: str | None, expected: str) -> None:
    """Path and query are kept behind the public base; doing it twice changes nothing."""
    once = outward(url, public_file_base=base, file_hosts=OURS, connection="c")
    assert once == expected
    if base is not None:
        assert outward(once, public_file_base=base, file_hosts=OURS, connection="c") == once


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/101",
        "https://tep.h99.example.other.example/101",
        "http://10.1.1.1:9001/101",
        "https://user:secret@tep.h99.example/101",
        "ftp://tep.h99.example/101",
        "//tep.h99.example/101",
        "/101",
        "",
        "https://tep.h99.example/../admin",
        "https://tep.h99.example/%2e%2e/admin",
        "https://tep.h99.example/a\\..\\b",
        "https://tep.h99.example/a b",
        "https://tep.h99.example/tệp.pdf",
        "https://tep.h99.example/a#x",
        "https://tep.h99.example:port/a",
        f"{BASE}.other.example/101",
    ],
)
@pytest.mark.parametrize("base", [BASE, None])
def test_an_address_that_is_not_ours_is_not_sent(url: str, base: str | None) -> None:
    """The portal would fetch whatever we name, so we name only files on our own hosts."""
    with pytest.raises(Unsupported) as caught:
        outward(url, public_file_base=base, file_hosts=OURS, connection="h99_portal")
    assert caught.value.connection == "h99_portal"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://10.9.9.9:8080/VXPAdapter/RestService/forward/bl/1.pdf", "/RestService/forward/bl/1.pdf"),
        ("https://dvc.example/p/bien-lai/1?x=1&dstcode=a", "/bien-lai/1?x=1&dstcode=a"),
        ("https://dvc.example/p/", "/"),
    ],
)
def test_their_address_becomes_one_we_can_reach(url: str, expected: str) -> None:
    """Scheme, host and first segment are replaced; the path stays from the fourth slash on."""
    assert inward(url, adapter_base=ADAPTER_BASE, connection="c") == f"{ADAPTER_BASE}{expected}"


@pytest.mark.parametrize(
    "url",
    [
        "https://dvc.example",
        "https://dvc.example/1.pdf",
        "https://dvc.example/p/../../admin",
        "https://dvc.example/p/%2E%2e/admin",
        "file:///etc/passwd",
        "javascript:alert(1)//a/b/c",
        "https://dvc.example/p/a\r\nX: y",
        "",
    ],
)
def test_an_address_without_a_fourth_slash_breaks_the_contract(url: str) -> None:
    """Nothing is guessed about an address of another shape, and nobody climbs out of the adapter's path."""
    with pytest.raises(Malformed):
        inward(url, adapter_base=ADAPTER_BASE, connection="c")


@given(st.text(max_size=200))
def test_whatever_they_send_we_only_ever_call_our_adapter(text: str) -> None:
    """Every rewritten address begins with our own adapter's base."""
    try:
        rewritten = inward(text, adapter_base=ADAPTER_BASE, connection="c")
    except Malformed:
        return
    assert rewritten.startswith(f"{ADAPTER_BASE}/")


def test_the_client_uses_its_own_settings() -> None:
    """The base of our adapter is its address up to the fourth slash."""
    client = ForwardClient(
        ForwardSettings(adapter_url=BASE, dstcode="VN:GOV:x", public_file_base=BASE, file_hosts=OURS), connection="c"
    )
    assert client.outward_file_url("https://tep.h99.example/101") == f"{BASE}/101"
    assert client.inward_file_url("https://dvc.example/p/1") == f"{ADAPTER_BASE}/1"
    assert adapter_base_of(BASE) == ADAPTER_BASE
