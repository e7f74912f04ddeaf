"""The bytes of a leaf, version 1: what is hashed, and what a stranger reads. `docs/ledger.md` describes them.

A leaf is a JSON object in the canonical form of RFC 8785. Its digest is salted: a digest of a short message could
be guessed by trying all citizens' numbers, and leaves are for everyone to see. The salt of one entry is shown to
whoever may see its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import Any

import orjson

VERSION = 1
SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf as it is read back."""

    kind: str
    subject: str
    at: str
    """The moment in UTC, to the microsecond: ``2026-10-08T01:15:00.000000Z``."""
    digest: str
    """SHA-256 of the salt and the digest of the content, in hexadecimal."""
    facts: Mapping[str, str]


def encode(*, kind: str, subject: str, at: datetime, digest: bytes, facts: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes. ``at`` has a time zone; ``digest`` is salted already."""
    return orjson.dumps(
        {
            "at": _moment(at),
            "digest": digest.hex(),
            "facts": facts,
            "kind": kind,
            "subject": subject,
            "v": VERSION,
        },
        option=orjson.OPT_SORT_KEYS,
    )


def _moment(at: datetime) -> str:
    # Seven times as fast as isoformat(), which is felt at thousands a second.
    text = orjson.dumps(at.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-2].decode()
    return f"{text}Z" if at.microsecond else f"{text}.000000Z"


def decode(data: bytes) -> Leaf:
    """Read a leaf back.

    Raises:
        ValueError: These are not the canonical bytes of a leaf of version 1.
    """
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ValueError("the leaf is not JSON") from None
    if not isinstance(found, dict) or set(found) != {"at", "digest", "facts", "kind", "subject", "v"}:
        raise ValueError("the leaf does not have the members of a leaf")
    facts = found["facts"]
    texts = (found["at"], found["digest"], found["kind"], found["subject"])
    if found["v"] != VERSION or not all(isinstance(one, str) for one in texts):
        raise ValueError("the leaf is not one of version 1")
    if not isinstance(facts, dict) or not all(isinstance(one, str) for one in facts.values()):
        raise ValueError("the facts of the leaf are not texts")
    if orjson.dumps(found, option=orjson.OPT_SORT_KEYS) != data:
        raise ValueError("the leaf is not in canonical form")
    return Leaf(kind=found["kind"], subject=found["subject"], at=found["at"], digest=found["digest"], facts=facts)


def salt_of(key: bytes, index: int) -> bytes:
    """Return the salt of the entry at ``index``: BLAKE2b of its number, keyed with the deployment's salt key."""
    return blake2b(b"lienthong ledger salt %d" % index, key=key, digest_size=SALT_BYTES).digest()


def salted(salt: bytes, content_digest: bytes) -> bytes:
    """Return the digest that stands in the leaf: SHA-256 of the salt and the SHA-256 of the content."""
    return sha256(salt + content_digest).digest()
