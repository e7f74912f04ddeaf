"""Adding to the ledger: an entry joins the caller's transaction, and the sealer takes it from there.

What commits is recorded and what is rolled back is not; the caller waits for nothing. A leaf is read by
strangers, so an entry names things by their ids and never holds personal data: content stands in it as a
digest, and words that a person typed do too (they may name a citizen).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from psycopg import AsyncConnection

MAX_SUBJECT = 128
MAX_FACTS = 32
MAX_FACT = 1000
"""Longest subject and fact, in characters; most facts of an entry."""

_FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


PROGRAM = "lienthong (program)"
"""Who acts where no person does."""


class EntryKind(StrEnum):
    """What an entry stands for."""

    EXCHANGE = "exchange"
    """An exchange ended; the subject is its id."""
    INBOUND = "inbound"
    """A message came in; the subject is its id in the inbox."""
    ACT = "act"
    """A person or a program with authority did something; the subject is what it was done to."""
    LOOKUP = "lookup"
    """A row of the look-up log was written; the subject is the id of the look-up."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger before it is sealed.

    Raises:
        ValueError: A part does not have its form. The message names the part and not its value.
    """

    kind: EntryKind
    subject: str
    """An id, at most 128 characters; never personal data."""
    at: datetime
    """When it happened, with a time zone."""
    digest: bytes
    """SHA-256 of the content the entry stands for. In the leaf it is salted, so it cannot be guessed from there."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Metadata by lower-case names, each at most 1,000 characters; never personal data."""

    def __post_init__(self) -> None:
        """Check the form; what breaks it is a mistake of the program that calls."""
        if not 0 < len(self.subject) <= MAX_SUBJECT or _CONTROL.search(self.subject):
            raise ValueError("the subject of a ledger entry is empty, too long, or holds control characters")
        if self.kind is EntryKind.EXCHANGE and not _UUID.fullmatch(self.subject):
            raise ValueError("the subject of an exchange's entry is the id of the exchange")
        if self.at.tzinfo is None:
            raise ValueError("the moment of a ledger entry needs a time zone")
        if len(self.digest) != hashlib.sha256().digest_size:
            raise ValueError("the digest of a ledger entry is a SHA-256, 32 bytes")
        if len(self.facts) > MAX_FACTS:
            raise ValueError("a ledger entry has too many facts")
        for name, value in self.facts.items():
            if not _FACT_NAME.fullmatch(name):
                raise ValueError("the name of a fact is lower-case letters, digits and underscores")
            if len(value) > MAX_FACT or _CONTROL.search(value):
                raise ValueError(f"the fact {name} of a ledger entry is too long or holds control characters")


_APPEND = """
INSERT INTO ledger_queue (kind, subject, at, digest, facts)
SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::bytea[], %s::text[])
"""


async def append(conn: AsyncConnection[Any], entries: Sequence[Entry]) -> None:
    """Add entries in the caller's transaction; they are sealed in this order, soon after it commits."""
    if entries:
        await conn.execute(
            _APPEND,
            (
                [one.kind.value for one in entries],
                [one.subject for one in entries],
                [one.at for one in entries],
                [one.digest for one in entries],
                [orjson.dumps(dict(one.facts)).decode() for one in entries],
            ),
        )


async def record_act(
    conn: AsyncConnection[Any],
    *,
    act: str,
    actor: str,
    target: str,
    reason: str = "",
    facts: Mapping[str, str] = {},
    at: datetime | None = None,
) -> None:
    """Record an administrative act in the transaction that does it.

    The reason itself never enters the ledger, because people type names into reasons: the leaf holds its length,
    and the entry's digest covers it (`act_content`), so that a reason shown later can be proven.

    Args:
        conn: In the transaction of the act.
        act: A dotted name, e.g. ``connection.paused``.
        actor: The id of the client or account, or the operator the command line named.
        target: The id of what it was done to.
        reason: What the person gave as the reason.
        facts: Further metadata, never personal.
        at: When; now if not given.

    Raises:
        ValueError: A part does not have its form.
    """
    named = {"act": act, "actor": actor, "reason_length": str(len(reason)), **facts}
    entry = Entry(
        kind=EntryKind.ACT,
        subject=target,
        at=at if at is not None else datetime.now(UTC),
        digest=hashlib.sha256(act_content(act=act, actor=actor, target=target, reason=reason)).digest(),
        facts=named,
    )
    await append(conn, [entry])


def act_content(*, act: str, actor: str, target: str, reason: str) -> bytes:
    """Return the content an act's digest is made of: canonical JSON (RFC 8785) of its four parts."""
    return orjson.dumps({"act": act, "actor": actor, "reason": reason, "target": target}, option=orjson.OPT_SORT_KEYS)
