"""Whose fault an error is follows from its class and its code, never from its words."""

from __future__ import annotations

import pytest

from contracts.errors import REACTIONS, NeedsPerson, Sentence
from hub.health.blame import Blame, blame_of, blame_of_error

TABLE = [
    ("TryLater", "", "", Blame.NETWORK),
    ("TryLater", "HTTP 503", "", Blame.PARTNER),
    ("TryLater", "HTTP 429", "", Blame.PARTNER),
    ("OutcomeUnknown", "", "", Blame.PARTNER),
    ("OutcomeUnknown", "hub_fault", "", Blame.US),
    ("Malformed", "", "", Blame.CONTRACT),
    ("Rejected", "-5", "", Blame.CONTRACT),
    ("Unsupported", "", "", Blame.CONTRACT),
    ("NeedsPerson", "X509:10", "", Blame.CERTIFICATE),
    ("NeedsPerson", "", "ca_file", Blame.CERTIFICATE),
    ("NeedsPerson", "", "client_certificate_file", Blame.CERTIFICATE),
    ("NeedsPerson", "-1", "", Blame.CREDENTIALS),
    ("NeedsPerson", "HTTP 401", "", Blame.CREDENTIALS),
    ("NeedsPerson", "HTTP 403", "", Blame.CREDENTIALS),
    ("NeedsPerson", "HTTP 404", "", Blame.US),
    ("NeedsPerson", "HTTP 302", "", Blame.US),
    ("NeedsPerson", "", "", Blame.US),
    ("NeedsPerson", "Server.ServerProxy.AccessDenied", "", Blame.CREDENTIALS),
    ("NeedsPerson", "server.clientproxy.access_denied", "", Blame.CREDENTIALS),
    ("NeedsPerson", "Server.ServerProxy.SslAuthenticationFailed", "", Blame.CERTIFICATE),
    ("NeedsPerson", "Server.ServerProxy.InvalidSignatureValue", "", Blame.CERTIFICATE),
    ("NeedsPerson", "Client.BadRequest", "", Blame.US),
    ("NeedsPerson", "Server.ServerProxy.UnknownService", "", Blame.PARTNER),
]


@pytest.mark.parametrize(("kind", "code", "field", "blame"), TABLE)
def test_every_kind_of_error_has_its_blame(kind: str, code: str, field: str, blame: Blame) -> None:
    """The table an operator is told by."""
    assert blame_of(kind, code, field) is blame


def test_no_reaction_is_forgotten() -> None:
    """A seventh reaction would need a row; a name that is none is refused."""
    assert {one.__name__ for one in REACTIONS} == {kind for kind, *_ in TABLE}
    with pytest.raises(ValueError, match="no blame"):
        blame_of("Something")


def test_an_error_brings_its_own_code() -> None:
    """The words of an error are not looked at."""
    words = Sentence("certificate credentials network", "chứng thư")
    assert blame_of_error(NeedsPerson(words, upstream_code="HTTP 404")) is Blame.US


def test_every_blame_has_words() -> None:
    """Both languages, for the sentence."""
    assert all(one.words.en and one.words.vi for one in Blame)
