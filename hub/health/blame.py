"""Whose fault it is: the one table from what happened to who can mend it.

The class and the code of an error decide, never its words (`contracts.errors`).
"""

from __future__ import annotations

import re
from enum import StrEnum

from contracts.errors import LienThongError, Sentence


class Blame(StrEnum):
    """Where the fault lies; each names who can mend it."""

    NOBODY = ""
    US = "us"
    """This machine or its settings: our administrator."""
    NETWORK = "network"
    """Between us and the partner: the operator of the network."""
    PARTNER = "partner"
    """The partner's system: its duty contact."""
    CERTIFICATE = "certificate"
    """A certificate, ours or theirs: who issues it."""
    CREDENTIALS = "credentials"
    """User name, password, keys, access rights: who hands them out."""
    CONTRACT = "contract"
    """What they answer is not what was agreed: both sides, and the maintainers of the adapter."""
    CLOCK = "clock"
    """A clock is wrong: who runs that machine."""

    @property
    def words(self) -> Sentence:
        """Name it for people."""
        return _WORDS[self]


_WORDS: dict[Blame, Sentence] = {
    Blame.NOBODY: Sentence("nobody", "không có"),
    Blame.US: Sentence("us (this machine or its settings)", "phía ta (máy chủ này hoặc cấu hình)"),
    Blame.NETWORK: Sentence("the network between us and the partner", "mạng giữa ta và đối tác"),
    Blame.PARTNER: Sentence("the partner's system", "hệ thống của đối tác"),
    Blame.CERTIFICATE: Sentence("a certificate", "chứng thư số"),
    Blame.CREDENTIALS: Sentence("our credentials or access rights", "tài khoản hoặc quyền truy cập của ta"),
    Blame.CONTRACT: Sentence("the contract: their answer is not as agreed", "hợp đồng dữ liệu: trả lời không đúng"),
    Blame.CLOCK: Sentence("a clock", "đồng hồ hệ thống"),
}

_ENTRY = frozenset({"HTTP 401", "HTTP 403", "HTTP 407", "HTTP 511"})
_SEAL_WORDS = ("cert", "signature", "signer", "ssl", "hsm", "timestamp")
_FORM = re.compile(r"(?P<http>HTTP [1-5]\d\d)|(?P<x509>X509:\d+)|(?P<road>(?:client|server|signer)\b.*)", re.IGNORECASE)


def blame_of(kind: str, code: str = "", field: str = "") -> Blame:
    """Return whose fault an error is.

    Args:
        kind: Name of one of the six reactions of `contracts.errors`.
        code: Its ``upstream_code``.
        field: The setting or value at fault, where the error names one.
    """
    match kind:
        case "TryLater":
            return Blame.PARTNER if code else Blame.NETWORK
        case "OutcomeUnknown":
            return Blame.US if code == "hub_fault" else Blame.PARTNER
        case "Malformed" | "Rejected" | "Unsupported":
            return Blame.CONTRACT
        case "NeedsPerson":
            return _of_refusal(code, field)
        case _:
            message = f"no blame for {kind}"
            raise ValueError(message)


def blame_of_error(error: LienThongError) -> Blame:
    """Return whose fault this error is."""
    return blame_of(type(error).__name__, error.upstream_code, error.field)


def _of_refusal(code: str, field: str) -> Blame:
    form = _FORM.fullmatch(code)
    if form is None:
        if field in {"ca_file", "client_certificate_file"}:
            return Blame.CERTIFICATE
        # A code of the partner's own with which it refuses us; without one nothing left this machine.
        return Blame.CREDENTIALS if code else Blame.US
    if form["x509"]:
        return Blame.CERTIFICATE
    if form["road"]:
        return _of_security_server(code.lower())
    return Blame.CREDENTIALS if code in _ENTRY else Blame.US


def _of_security_server(code: str) -> Blame:
    words = code.replace("_", "").replace(".", "")
    if "accessdenied" in words:
        return Blame.CREDENTIALS
    if any(one in words for one in _SEAL_WORDS):
        return Blame.CERTIFICATE
    return Blame.US if code.startswith("client") else Blame.PARTNER
