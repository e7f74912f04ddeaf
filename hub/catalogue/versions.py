"""Writing versions of the catalogue: what one synchronisation found, compared with what is kept.

A run that changes nothing makes no version. What is no longer listed is withdrawn and never deleted; but a list that
lost more than a share of its entries at once, or all of them, is not believed: its entries stay, and a person says
whether it is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from psycopg import AsyncConnection

from contracts.catalogue import CatalogueEntry, EntryKind
from hub.catalogue.differences import FieldChange, compare


@dataclass(frozen=True, slots=True)
class Found:
    """What one run found of one kind."""

    kind: EntryKind
    entries: Sequence[CatalogueEntry]
    listed: frozenset[str]
    """Keys that are published, also those whose details did not come."""
    detailed: frozenset[str] = frozenset()
    """Keys that came with all their details."""
    keep_details: bool = False
    """Whether an entry without its details leaves those kept before as they are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    version: int | None
    """The version it made; none where nothing changed."""
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    kept_back: int = 0
    """Entries no longer listed that were not believed to be withdrawn."""


@dataclass(slots=True)
class _Change:
    kind: EntryKind
    key: str
    change: str
    name: str
    body: dict[str, Any]
    detailed: bool
    fields: Sequence[FieldChange] = field(default_factory=tuple)


async def write_version(
    conn: AsyncConnection[Any],
    source: str,
    found: Sequence[Found],
    *,
    now: datetime,
    max_withdrawn_share: float,
    accept_withdrawals: bool = False,
) -> Outcome:
    """Compare and write, in the caller's transaction, which must hold the lock of the synchronisation."""
    changes: list[_Change] = []
    kept_back = 0
    for part in found:
        held = await _held(conn, source, part.kind)
        changes.extend(_news(part, held))
        gone = [key for key, row in held.items() if row.withdrawn_at is None and key not in part.listed]
        alive = sum(row.withdrawn_at is None for row in held.values())
        if gone and not accept_withdrawals and (not part.listed or len(gone) > max(1, alive * max_withdrawn_share)):
            kept_back += len(gone)
            continue
        changes.extend(
            _Change(part.kind, key, "withdrawn", held[key].name, held[key].body, held[key].detailed) for key in gone
        )
    if not changes:
        return Outcome(None, kept_back=kept_back)
    counts = {word: sum(one.change == word for one in changes) for word in ("added", "changed", "withdrawn")}
    cursor = await conn.execute(
        "INSERT INTO catalogue_versions (source, made_at, added, changed, withdrawn) VALUES (%s, %s, %s, %s, %s)"
        " RETURNING number",
        (source, now, counts["added"], counts["changed"], counts["withdrawn"]),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("a version that was just inserted has no number")
    await _write(conn, source, row[0], changes, now)
    return Outcome(row[0], **counts, kept_back=kept_back)


@dataclass(frozen=True, slots=True)
class _Held:
    name: str
    body: dict[str, Any]
    detailed: bool
    withdrawn_at: datetime | None


async def _held(conn: AsyncConnection[Any], source: str, kind: EntryKind) -> dict[str, _Held]:
    cursor = await conn.execute(
        "SELECT key, name, body, detailed, withdrawn_at FROM catalogue_entries WHERE source = %s AND kind = %s",
        (source, kind.value),
    )
    return {row[0]: _Held(*row[1:]) for row in await cursor.fetchall()}


def _news(part: Found, held: Mapping[str, _Held]) -> list[_Change]:
    changes: list[_Change] = []
    for entry in part.entries:
        key, body = entry.key, entry.model_dump(mode="json")
        detailed = key in part.detailed
        row = held.get(key)
        if row is None:
            changes.append(_Change(part.kind, key, "added", entry.name, body, detailed))
            continue
        if part.keep_details and row.detailed and not detailed:
            # The list says less than what is kept: it may correct what it says, and erases nothing.
            body = {**row.body, **{name: body[name] for name in ("name", "public") if body.get(name) not in (None, "")}}
            detailed = True
        fields = compare(row.body, body)
        if row.withdrawn_at is not None:
            changes.append(_Change(part.kind, key, "added", entry.name, body, detailed, fields))
        elif fields or detailed != row.detailed:
            changes.append(_Change(part.kind, key, "changed", entry.name, body, detailed, fields))
    return changes


async def _write(
    conn: AsyncConnection[Any], source: str, version: int, changes: Sequence[_Change], now: datetime
) -> None:
    rows = [
        {
            "kind": one.kind.value,
            "key": one.key,
            "change": one.change,
            "name": one.name,
            "body": one.body,
            "detailed": one.detailed,
            "fields": [{"path": each.path, "before": each.before, "after": each.after} for each in one.fields],
            "withdrawn_at": now if one.change == "withdrawn" else None,
        }
        for one in changes
    ]
    values = {"source": source, "version": version, "rows": _json(rows)}
    await conn.execute(
        f"""
        INSERT INTO catalogue_entries AS e
            (source, kind, key, name, body, detailed, first_version, version, withdrawn_at)
        SELECT %(source)s, kind, key, name, body, detailed, %(version)s, %(version)s, withdrawn_at FROM {_ROWS}
        ON CONFLICT (source, kind, key) DO UPDATE
        SET name = excluded.name, body = excluded.body, detailed = excluded.detailed, version = excluded.version,
            withdrawn_at = excluded.withdrawn_at
        """,  # noqa: S608 - a constant
        values,
    )
    await conn.execute(
        f"INSERT INTO catalogue_differences (version, kind, key, change, name, fields)"  # noqa: S608 - a constant
        f" SELECT %(version)s, kind, key, change, name, fields FROM {_ROWS}",
        values,
    )


_ROWS = """json_to_recordset(%(rows)s::json) AS r(kind text, key text, change text, name text, body jsonb,
    detailed boolean, fields jsonb, withdrawn_at timestamptz)"""


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(rows).decode()
