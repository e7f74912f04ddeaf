"""The two rows of a look-up, what is sealed in them, and the digest by which the ledger stands for each.

A digest covers every clear column and the sealed content, so that neither can be altered unnoticed; sealing a row
anew under another key changes neither. The contents hold a random salt, so that no digest can be guessed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

SALT_BYTES = 16

_CLOSE = timedelta(minutes=1)


class LookupOutcome(StrEnum):
    """How a look-up ended."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    DENIED = "denied"
    """The gate refused; nobody was asked."""
    FAILED = "failed"
    """No answer that could be given."""
    MISMATCH = "mismatch"
    """The partner answered about somebody else; nothing was handed out."""
    REPEATED = "repeated"
    """The same request again within seconds: it got the first one's answer."""


class SubjectKind(StrEnum):
    """Who was looked up."""

    PERSON = "person"
    ENTERPRISE = "enterprise"
    OWN_VIEW = "own_view"
    """Nobody: a citizen's own view of these look-ups was read (`hub.usage`)."""


def lookup_context(lookup_id: UUID | str) -> str:
    """Name the place of what was asked for the sealing."""
    # The name of the table that the log took over from: what was sealed there was moved as it was.
    return f"lookup_records:{lookup_id}"


def reason_context(lookup_id: UUID | str) -> str:
    """Name the place of the officer's reasons for the sealing."""
    return f"lookup_reasons:{lookup_id}"


def end_context(lookup_id: UUID | str) -> str:
    """Name the place of what was answered for the sealing."""
    return f"lookup_ends:{lookup_id}"


def asked_about(lookup_id: UUID) -> tuple[datetime, datetime]:
    """Return between which moments a look-up of this id was asked, so that one month is searched and not all.

    A UUIDv7 holds the millisecond it was made; another id is none of ours, and the moments hold nothing.
    """
    try:
        made = datetime.fromtimestamp((lookup_id.int >> 80) / 1000, UTC)
        return made - _CLOSE, made + _CLOSE
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


def salted(content: Mapping[str, Any]) -> bytes:
    """Return a content as JSON with a salt of its own."""
    return orjson.dumps({"salt": os.urandom(SALT_BYTES).hex(), **content})


@dataclass(slots=True)
class LookupRow:
    """What is asked, before anybody is asked."""

    id: str
    """A UUIDv7 as text: Python's UUID spells itself slowly, and it is needed often."""
    asked_at: datetime
    kind: str
    connection: str
    client_id: str
    account_id: str
    role: str
    unit_code: str
    ip: str | None
    dossier_code: str | None
    procedure_root: str | None
    purpose: str
    break_glass: bool
    subject_hash: bytes | None
    subject_kind: str
    gate: Mapping[str, Any]
    content: bytes = field(repr=False)
    """The question, see `salted`."""
    reasons: bytes | None = field(default=None, repr=False)
    """What the officer gave as reasons, see `salted`."""
    prepared: bytes | None = field(init=False, default=None, repr=False)
    """The row as `hub.lookups.writer` writes it, where it was made ahead; of a row that changes no more."""

    def clear(self) -> dict[str, Any]:
        """Return the clear columns."""
        return {
            "id": self.id,
            "asked_at": self.asked_at,
            "kind": self.kind,
            "connection": self.connection,
            "client_id": self.client_id,
            "account_id": self.account_id,
            "role": self.role,
            "unit_code": self.unit_code,
            "ip": self.ip,
            "dossier_code": self.dossier_code,
            "procedure_root": self.procedure_root,
            "purpose": self.purpose,
            "break_glass": self.break_glass,
            "subject_hash": _hex(self.subject_hash),
            "subject_kind": self.subject_kind,
            "gate": self.gate,
        }

    def facts(self) -> dict[str, str]:
        """Return what the ledger says in clear: which client asked what, for which unit and dossier."""
        return {
            "act": f"lookup.{self.kind}",
            "actor": self.client_id,
            "unit": self.unit_code,
            "dossier": self.dossier_code or "",
            "connection": self.connection,
        }


@dataclass(slots=True)
class EndRow:
    """How it ended."""

    lookup_id: str
    asked_at: datetime
    ended_at: datetime
    outcome: str
    denied_code: str | None = None
    found: int | None = None
    data_groups: Sequence[str] = ()
    upstream_ms: int | None = None
    error: str | None = None
    subject_hash: bytes | None = None
    other_subject_hashes: Sequence[bytes] = ()
    """Of further people whose data were handed out with the subject's."""
    content: bytes | None = field(default=None, repr=False)
    """What the watch needs of the person, see `salted`."""

    def clear(self) -> dict[str, Any]:
        """Return the clear columns."""
        made = {
            "lookup_id": self.lookup_id,
            "asked_at": self.asked_at,
            "ended_at": self.ended_at,
            "outcome": self.outcome,
            "denied_code": self.denied_code,
            "found": self.found,
            "data_groups": list(self.data_groups),
            "upstream_ms": self.upstream_ms,
            "error": self.error,
            "subject_hash": _hex(self.subject_hash),
        }
        if self.other_subject_hashes:
            # Only where there are any: the digests of rows from before this column hold as they are.
            made["other_subject_hashes"] = [_hex(one) for one in self.other_subject_hashes]
        return made

    def facts(self) -> dict[str, str]:
        """Return what the ledger says in clear."""
        return {"act": "lookup.ended", "outcome": self.outcome, "code": self.denied_code or self.error or ""}


def digest(clear: Mapping[str, Any], *contents: bytes | None) -> bytes:
    """Return the SHA-256 that stands for a row: of its clear columns, and of the digests of its sealed contents."""
    made = {**clear, "contents": [None if one is None else hashlib.sha256(one).hexdigest() for one in contents]}
    return hashlib.sha256(orjson.dumps(made, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)).digest()


def _hex(value: bytes | None) -> str | None:
    return None if value is None else rf"\x{value.hex()}"
