"""The officers as the watch knows them: who they are, where they live, when they are on duty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import orjson
from psycopg.rows import dict_row

from hub.accounts.directory import ROLES, RoleRow, account_context, role_on, roles_of, today
from hub.store.engine import Store
from hub.watch.records import Officer

_DUTY_BACK = timedelta(days=400)
"""Duty days older than this explain nothing that is still judged."""

_SELECT: LiteralString = f"""
    SELECT a.id, a.unit_code, a.role, a.valid_from, a.created_at, a.last_used_at, a.sealed, {ROLES},
           coalesce((SELECT array_agg(d.day) FROM lookup_account_rosters d
                     WHERE d.account_id = a.id AND d.day >= %(since)s), '{{}}') AS duty
    FROM lookup_accounts a
    WHERE a.approved_at IS NOT NULL AND (%(ids)s::text[] IS NULL OR a.id = ANY(%(ids)s))
    ORDER BY a.id
"""  # noqa: S608 - put together of constants


async def officers_for_watch(
    store: Store, account_ids: Sequence[str] | None = None, *, now: datetime | None = None
) -> list[Officer]:
    """Return every officer whose account was ever granted, or those of these accounts, as of ``now``.

    Ended accounts too: what was done with them is still judged. The last look-up is exact to ten minutes; where the
    look-up log is at hand, it knows better.
    """
    moment = now if now is not None else datetime.now(UTC)
    day = today(moment)
    wanted = None if account_ids is None else list(account_ids)
    async with store.transaction() as conn:
        cursor = await conn.cursor(row_factory=dict_row).execute(_SELECT, {"since": day - _DUTY_BACK, "ids": wanted})
        rows = await cursor.fetchall()
    return [_officer(store, row, day) for row in rows]


def _officer(store: Store, row: dict[str, Any], day: date) -> Officer:
    secret = orjson.loads(store.sealer.open(row["sealed"], account_context(row["id"])))
    roles = roles_of(row["roles"])
    current = role_on(day, roles, RoleRow(row["valid_from"], None, row["role"], row["unit_code"]))
    change = _last_change(roles)
    return Officer(
        account_id=row["id"],
        # As in a replay: the role before the change, where there is one; a secondment has no "before".
        officer_role=change[0] if change is not None and current.until is None else current.role,
        unit_code=current.unit_code,
        own_subject_id=secret["officer_number"],
        household_id=secret["household_id"],
        home_commune=secret["home_commune"] or "",
        home_hamlet=secret["home_hamlet"],
        account_created=today(row["created_at"]),
        last_lookup_before_stream=None if row["last_used_at"] is None else today(row["last_used_at"]),
        role_change=None if change is None or current.until is not None else change[1:],
        duty_dates=frozenset(row["duty"]),
    )


def _last_change(roles: Sequence[RoleRow]) -> tuple[str, date, str] | None:
    """Return the newest change of the lasting role: from, since, to."""
    lasting = [one for one in roles if one.until is None]
    for before, later in zip(reversed(lasting[:-1]), reversed(lasting[1:]), strict=True):
        if before.role != later.role:
            return before.role, later.since, later.role
    return None
