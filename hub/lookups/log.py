"""Reading the look-up log: what ended, in an order that no later commit can slip before; what an account has done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from hub.lookups.rows import EndRow, LookupRow, digest, end_context, lookup_context, reason_context
from hub.lookups.subjects import SubjectHasher, subject_hash
from hub.store.sealing import Sealer

__all__ = [
    "BEGINNING",
    "COLUMNS",
    "WIDTH",
    "EndedLookup",
    "LogPosition",
    "SubjectHasher",
    "digests_of",
    "ended_since",
    "subject_hash",
]


@dataclass(frozen=True, slots=True, order=True)
class LogPosition:
    """A place in the order of ends: the transaction that wrote one, and the look-up in it."""

    txid: int
    lookup_id: UUID

    def __str__(self) -> str:
        """Return it as text, for `parse`."""
        return f"{self.txid}:{self.lookup_id}"

    @classmethod
    def parse(cls, text: str) -> LogPosition:
        """Read what ``str`` made; raises ``ValueError``."""
        txid, _, lookup_id = text.partition(":")
        return cls(int(txid), UUID(lookup_id))


BEGINNING: Final = LogPosition(0, UUID(int=0))
"""Before everything."""


@dataclass(frozen=True, slots=True)
class EndedLookup:
    """A look-up that ended, both its rows."""

    position: LogPosition
    id: UUID
    asked_at: datetime
    ended_at: datetime
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
    gate: dict[str, Any]
    outcome: str
    denied_code: str | None
    found: int | None
    data_groups: tuple[str, ...]
    upstream_ms: int | None
    error: str | None
    found_hash: bytes | None
    other_hashes: tuple[bytes, ...]
    """Of further people whose data were handed out."""
    sealed: bytes = field(repr=False)
    reason_sealed: bytes | None = field(repr=False)
    end_sealed: bytes | None = field(repr=False)

    def subject_number(self, sealer: Sealer) -> str:
        """Return the number that was asked for; empty where a row from before holds none. Raises ``SealError``."""
        content = orjson.loads(sealer.open(self.sealed, lookup_context(self.id)))
        question = content.get("question", {})
        number = content.get("subject") or question.get("number") or question.get("query", {}).get("owner_number")
        return str(number or "")

    def answered(self, sealer: Sealer) -> dict[str, Any] | None:
        """Return ``subject_id``, ``commune``, ``hamlet`` and ``household_id`` as answered; ``None``: nobody found."""
        if self.end_sealed is None:
            return None
        content: dict[str, Any] = orjson.loads(sealer.open(self.end_sealed, end_context(self.id)))
        content.pop("salt", None)
        return content

    def reasons(self, sealer: Sealer) -> dict[str, str]:
        """Return what the officer gave as reasons, by what they were for."""
        if self.reason_sealed is None:
            return {}
        content: dict[str, str] = orjson.loads(sealer.open(self.reason_sealed, reason_context(self.id)))
        content.pop("salt", None)
        return content


COLUMNS: Final[LiteralString] = """e.txid::text::bigint, a.id, a.asked_at, e.ended_at, a.kind, a.connection,
    a.client_id, a.account_id, a.role, a.unit_code, host(a.ip), a.dossier_code, a.procedure_root, a.purpose,
    a.break_glass, a.subject_hash, a.subject_kind, a.gate, e.outcome, e.denied_code, e.found, e.data_groups,
    e.upstream_ms, e.error, e.subject_hash, e.other_subject_hashes, a.sealed, a.reason_sealed, e.sealed"""
"""What `ended_lookup` reads, of ``lookups a`` and ``lookup_ends e``."""

WIDTH: Final = COLUMNS.count(",") + 1
"""How many `COLUMNS` there are."""

_ENDED = f"""
    SELECT {COLUMNS}
    FROM lookup_ends e JOIN lookups a ON a.asked_at = e.asked_at AND a.id = e.lookup_id
    WHERE (e.txid, e.lookup_id) > (%s::text::xid8, %s) AND e.txid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.txid, e.lookup_id LIMIT %s
"""  # noqa: S608 - put together from constants


async def ended_since(conn: AsyncConnection[Any], position: LogPosition, limit: int) -> Sequence[EndedLookup]:
    """Return what ended after ``position``, at most ``limit``, oldest commit first.

    Only what no transaction under way can slip before is returned, so that a reader who goes on from the last
    position misses nothing. Positions are of one database cluster: after a restore into another one begin anew.
    """
    cursor = await conn.execute(_ENDED, (str(position.txid), position.lookup_id, limit), prepare=True)
    return [ended_lookup(row) for row in await cursor.fetchall()]


def ended_lookup(row: Sequence[Any]) -> EndedLookup:
    """Build it from a row of `COLUMNS`."""
    values = list(row)
    values[21] = tuple(values[21])
    values[25] = tuple(map(bytes, values[25] or ()))
    for at in (15, 24, 26, 27, 28):
        values[at] = None if values[at] is None else bytes(values[at])
    position = LogPosition(values.pop(0), values[0])
    return EndedLookup(position, *values)


def digests_of(one: EndedLookup, sealer: Sealer) -> tuple[bytes, bytes]:
    """Return the digests of both rows as they are stored now, to be compared with the ledger. Raises ``SealError``."""
    asked = LookupRow(
        id=str(one.id),
        asked_at=one.asked_at,
        kind=one.kind,
        connection=one.connection,
        client_id=one.client_id,
        account_id=one.account_id,
        role=one.role,
        unit_code=one.unit_code,
        ip=one.ip,
        dossier_code=one.dossier_code,
        procedure_root=one.procedure_root,
        purpose=one.purpose,
        break_glass=one.break_glass,
        subject_hash=one.subject_hash,
        subject_kind=one.subject_kind,
        gate=one.gate,
        content=b"",
    )
    ended = EndRow(
        lookup_id=str(one.id),
        asked_at=one.asked_at,
        ended_at=one.ended_at,
        outcome=one.outcome,
        denied_code=one.denied_code,
        found=one.found,
        data_groups=one.data_groups,
        upstream_ms=one.upstream_ms,
        error=one.error,
        subject_hash=one.found_hash,
        other_subject_hashes=one.other_hashes,
    )
    content = sealer.open(one.sealed, lookup_context(one.id))
    reasons = None if one.reason_sealed is None else sealer.open(one.reason_sealed, reason_context(one.id))
    answered = None if one.end_sealed is None else sealer.open(one.end_sealed, end_context(one.id))
    return digest(asked.clear(), content, reasons), digest(ended.clear(), answered)
