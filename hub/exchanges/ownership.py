"""Whose exchange it is: the agency its subject belongs to, and what a client confined to agencies may see of it.

A client without agencies acts for the whole deployment and sees everything (`hub.access.agencies`). What has no agency
we can name belongs to nobody's agency and is shown to such clients only: a doubt ends in "no".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from hub.access.agencies import covers

OWNER: LiteralString = """
    CASE split_part(e.subject, ':', 1)
    WHEN 'question' THEN (SELECT q.agency_code FROM questions q WHERE q.id = split_part(e.subject, ':', 2)::uuid)
    WHEN 'rating' THEN (SELECT r.agency_code FROM ratings r WHERE r.month = split_part(e.subject, ':', 2)
                        AND r.procedure_root = split_part(e.subject, ':', 3) AND r.revision = e.revision)
    WHEN 'result_paper' THEN split_part(split_part(e.subject, ':', 2), '-', 1)
    ELSE split_part(e.subject, '-', 1) END
"""
"""The agency code of an exchange ``e``: in its subject, or by the primary key of what the subject names."""

CONFINED: LiteralString = f"({OWNER}) LIKE ANY(%(confined)s)"
"""Whether an exchange ``e`` may be one of the agencies whose patterns are ``confined``; `is_owned` makes sure."""


def is_owned(agencies: Sequence[str], owner: str | None) -> bool:
    """Say whether a client confined to ``agencies`` (none: all) may see an exchange of agency ``owner``."""
    return not agencies or (owner is not None and covers(agencies, owner))


async def is_visible(conn: AsyncConnection[Any], exchange_id: UUID, agencies: Sequence[str]) -> bool:
    """Say whether the exchange exists for a client confined to ``agencies``; none: for all that exist."""
    cursor = await conn.execute(
        f"SELECT {OWNER} FROM exchanges e WHERE e.id = %s",  # noqa: S608 - a constant
        (exchange_id,),
    )
    row = await cursor.fetchone()
    return row is not None and is_owned(agencies, row[0])
