"""Reading dossiers back: their sealed events opened and folded, alone or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection

from contracts.dossier import Dossier
from contracts.history import StoredEvent, fold
from hub.store.sealing import Sealer


def event_context(code: str, revision: int) -> str:
    """Return what a sealed event is bound to: moved to another row it does not open."""
    return f"dossier_events:{code}:{revision}"


async def read_events(conn: AsyncConnection[Any], sealer: Sealer, codes: Sequence[str]) -> dict[str, list[StoredEvent]]:
    """Return all events of these dossiers, opened, in the order of their revisions."""
    cursor = await conn.execute(
        "SELECT dossier_code, revision, kind, recorded_at, late_entry, sealed FROM dossier_events"
        " WHERE dossier_code = ANY(%s) ORDER BY dossier_code, revision",
        (list(codes),),
        prepare=True,
    )
    events: dict[str, list[StoredEvent]] = {}
    for code, revision, kind, recorded_at, late_entry, sealed in await cursor.fetchall():
        events.setdefault(code, []).append(
            StoredEvent(
                kind=kind,
                payload=sealer.open(sealed, event_context(code, revision)),
                recorded_at=recorded_at,
                late_entry=late_entry,
            )
        )
    return events


async def read_dossiers(conn: AsyncConnection[Any], sealer: Sealer, codes: Sequence[str]) -> Mapping[str, Dossier]:
    """Return these dossiers as of their newest revision; an unknown code is absent."""
    events = await read_events(conn, sealer, codes)
    return {code: fold(code, stored) for code, stored in events.items()}
