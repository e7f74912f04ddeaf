"""Where the hub may call: only what is listed, whatever a name turns out to mean."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hub.errors import Refusal
from hub.reach import Reach
from hub.webhooks.settings import WebhookSettings

REACH = Reach(["office.h99.example", "other.h99.example:8443", "10.20.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://office.h99.example/hook", None),
        ("https://office.h99.example:9000/hook?x=1", None),
        ("https://OFFICE.h99.example./hook", None),
        ("https://other.h99.example:8443/", None),
        ("https://10.20.3.4/", None),
        ("https://[fd00::1]:8443/", None),
        ("https://[::ffff:10.20.3.4]/", None),
        ("https://other.h99.example/", "url_not_allowed"),
        ("https://evil.example/", "url_not_allowed"),
        ("https://office.h99.example.evil.example/", "url_not_allowed"),
        ("https://127.0.0.1/", "url_not_allowed"),
        ("https://[::1]/", "url_not_allowed"),
        ("https://10.21.0.1/", "url_not_allowed"),
        ("https://2130706433/", "url_not_allowed"),
        ("http://office.h99.example/", "url_not_https"),
        ("https://user:pw@office.h99.example/", "url_invalid"),
        ("https://office.h99.example/#x", "url_invalid"),
        ("ftp://office.h99.example/", "url_invalid"),
        ("https:///x", "url_invalid"),
        ("https://office.h99.example:99999/", "url_invalid"),
        ("https://[::1", "url_invalid"),
        ("", "url_invalid"),
    ],
)
def test_an_address_is_judged_as_it_is_written(url: str, code: str | None) -> None:
    """Host and port as listed, https, and nothing that hides another host."""
    if code is None:
        REACH.check(url)
        return
    with pytest.raises(Refusal) as refused:
        REACH.check(url)
    assert (refused.value.status, refused.value.code, refused.value.field) == (422, code, "url")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("10.20.0.1", True),
        ("10.99.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::2", True),
    ],
)
def test_a_name_may_not_lead_into_a_private_network_that_is_not_listed(address: str, allowed: bool) -> None:  # noqa: FBT001 - a table
    """Loopback, link-local and private addresses only where their network is listed."""
    assert REACH.allows_address(address) is allowed


@pytest.mark.parametrize("entry", ["https://x.example", "x.example:port", "", "10.0.0.1/99"])
def test_an_entry_that_is_neither_host_nor_network_is_an_error_at_start(entry: str) -> None:
    """The setting says so before anything is called."""
    with pytest.raises(ValidationError, match="host"):
        WebhookSettings(allow=(entry,))


def test_by_default_nothing_may_be_called() -> None:
    """Secure until somebody lists a host."""
    with pytest.raises(Refusal):
        WebhookSettings().reach().check("https://office.h99.example/")
