"""Which look-ups are kept from the citizen's own view just now; decided anew at every reading, by no job.

A look-up is withheld while an alert about it belongs to a case that is not decided, or while two people (at first one)
said so. Each ends by itself: with the verdict, with the day, and at the latest after the time of the settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from hub.usage.settings import UsageSettings

IN_FORCE: LiteralString = """
    u.released_at IS NULL AND u.ends_at > %(now)s AND (u.confirmed_at IS NOT NULL OR u.lapses_at > %(now)s)
    AND (u.case_id IS NULL OR EXISTS (SELECT FROM cases c WHERE c.id = u.case_id AND c.state <> 'decided'))
"""
"""Of ``usage_withholdings u``: it keeps its look-up out of view at ``%(now)s``."""

_WITHHELD = f"""
    SELECT u.lookup_id FROM usage_withholdings u WHERE u.lookup_id = ANY(%(ids)s) AND {IN_FORCE}
    UNION
    SELECT one FROM cases c JOIN watch_alerts w ON w.case_id = c.id, unnest(w.lookup_ids) AS one
    WHERE c.state <> 'decided' AND c.opened_at > %(oldest_case)s AND w.lookup_ids && %(ids)s AND one = ANY(%(ids)s)
"""  # noqa: S608 - put together from constants


async def withheld_among(
    conn: AsyncConnection[Any], lookup_ids: Sequence[UUID], settings: UsageSettings, *, now: datetime
) -> frozenset[UUID]:
    """Return those of these look-ups that are withheld at this moment."""
    if not lookup_ids:
        return frozenset()
    oldest_case = now - timedelta(days=settings.open_case_days)
    values = {"ids": list(lookup_ids), "now": now, "oldest_case": oldest_case}
    cursor = await conn.execute(_WITHHELD, values)
    return frozenset(row[0] for row in await cursor.fetchall())
