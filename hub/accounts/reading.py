"""Reading the register: pages, one account, its history, and the list of accounts that nobody uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, LiteralString

import orjson
from psycopg.rows import dict_row

from contracts.accounts import AccountFacts
from hub.access.agencies import covers
from hub.accounts import records, refusals
from hub.accounts.directory import ROLES, RoleRow, account_context, role_on, roles_of, today
from hub.accounts.frame import Caller
from hub.accounts.records import Held, Pending
from hub.accounts.states import AccountState, RequestKind
from hub.accounts.views import (
    AccountDetail,
    AccountPage,
    AccountSummary,
    ActView,
    DormantAccount,
    DormantAgency,
    DormantList,
    History,
    PendingView,
    RoleView,
    Standing,
)
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.web import cursors

_CURSOR = re.compile(r"[0-9A-Za-z._:/+-]{1,64}")
_DUTY_SHOWN = timedelta(days=31)

IDLE: LiteralString = "greatest(a.created_at, a.activated_at, a.last_used_at)"
"""Since when account ``a`` is not used; a grant or reinstatement counts as a use (VP 8.4)."""

_WITHIN: LiteralString = (
    "(%(agencies)s::text[] = '{}' OR EXISTS"
    " (SELECT 1 FROM unnest(%(agencies)s::text[]) AS own (path) WHERE starts_with(a.unit_path, own.path)))"
)


_PAGE: LiteralString = f"""
    SELECT a.*,
           (SELECT p.kind FROM lookup_account_requests p WHERE p.account_id = a.id AND p.state = 'pending') AS pending,
           {ROLES}
    FROM lookup_accounts a
    WHERE a.id > %(after)s AND {_WITHIN}
      AND (%(state)s::text IS NULL OR a.state = %(state)s)
      AND (%(unit)s::text IS NULL OR starts_with(a.unit_path, %(unit)s))
      AND (%(pending)s::text IS NULL OR EXISTS (SELECT 1 FROM lookup_account_requests p
           WHERE p.account_id = a.id AND p.state = 'pending' AND p.kind = %(pending)s))
      AND (%(idle_before)s::timestamptz IS NULL OR {IDLE} < %(idle_before)s)
    ORDER BY a.id LIMIT %(limit)s
"""  # noqa: S608 - put together of constants

_DORMANT: LiteralString = f"""
    SELECT a.id, a.unit_code, a.officer_code, a.state, a.dormant_locked_at, {IDLE} AS idle_since
    FROM lookup_accounts a
    WHERE {_WITHIN}
      AND ((a.state = 'locked' AND a.dormant_locked_at IS NOT NULL)
           OR (a.state IN ('active', 'suspended') AND {IDLE} < %(before)s))
    ORDER BY a.unit_path, a.id
"""  # noqa: S608 - put together of constants


@dataclass(frozen=True, slots=True)
class Filter:
    """Which accounts; those given must all hold."""

    state: AccountState | None = None
    unit: str | None = None
    """This agency and all below it."""
    pending: RequestKind | None = None
    idle_before: datetime | None = None


class AccountReader:
    """Reads the register."""

    def __init__(
        self, store: Store, profile: ProfileValues, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """``profile`` says after how many days an account counts as unused."""
        self._store = store
        self._days = profile.account_dormant_days
        self._now = now

    async def page(self, wanted: Filter, caller: Caller, *, cursor: str | None = None, limit: int = 50) -> AccountPage:
        """Return accounts of the caller's agencies by id."""
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise cursors.bad_cursor()
        async with self._store.transaction() as conn:
            rows = await self._rows(conn, wanted, caller, after=cursor or "", limit=limit + 1)
        shown = [self._summary(row) for row in rows[:limit]]
        return AccountPage(items=tuple(shown), next_cursor=shown[-1].id if len(rows) > limit else None)

    async def _rows(
        self, conn: Connection, wanted: Filter, caller: Caller, *, after: str, limit: int
    ) -> list[dict[str, Any]]:
        cursor = await conn.cursor(row_factory=dict_row).execute(
            _PAGE,
            {
                "after": after,
                "agencies": [records.unit_path(one) for one in caller.agencies],
                "state": None if wanted.state is None else wanted.state.value,
                "unit": None if wanted.unit is None else records.unit_path(wanted.unit),
                "pending": None if wanted.pending is None else wanted.pending.value,
                "idle_before": wanted.idle_before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()

    def _summary(self, row: dict[str, Any]) -> AccountSummary:
        secret = orjson.loads(self._store.sealer.open(row["sealed"], account_context(row["id"])))
        base = RoleRow(row["valid_from"], None, row["role"], row["unit_code"])
        here = role_on(today(self._now()), roles_of(row["roles"]), base)
        return AccountSummary(
            id=row["id"],
            state=row["state"],
            full_name=secret["full_name"],
            officer_code=row["officer_code"],
            unit_code=here.unit_code,
            role=here.role,
            purpose=row["purpose"],
            valid_from=row["valid_from"],
            valid_until=row["valid_until"],
            created_at=row["created_at"],
            approved_at=row["approved_at"],
            state_since=row["state_since"],
            last_used_at=row["last_used_at"],
            dormant_locked_at=row["dormant_locked_at"],
            pending=row["pending"],
        )

    async def all(self, wanted: Filter, caller: Caller, *, within: Connection) -> list[Held]:
        """Return every account of the filter, opened, for an export; a province has thousands."""
        rows = await self._rows(within, wanted, caller, after="", limit=2**31 - 1)
        return [records.held(self._store.sealer, row, today(self._now())) for row in rows]

    async def get(self, account_id: str, caller: Caller, *, within: Connection | None = None) -> AccountDetail:
        """Return one account whole, or refuse with 404."""
        day = today(self._now())
        async with joined(self._store, within) as conn:
            held = await self._held(conn, account_id, caller)
            waiting = await self._waiting(conn, held)
            cursor = await conn.execute(
                "SELECT day FROM lookup_account_rosters WHERE account_id = %s AND day >= %s ORDER BY day",
                (account_id, day - _DUTY_SHOWN),
            )
            duty = tuple(row[0] for row in await cursor.fetchall())
        lasting = RoleRow(held.facts.valid_from, None, held.facts.role, held.facts.unit_code)
        here = role_on(day, held.roles, lasting)
        counts = held.state in {AccountState.ACTIVE, AccountState.SUSPENDED}
        idle = max(one for one in (held.created_at, held.activated_at, held.last_used_at) if one is not None)
        return AccountDetail(
            id=held.id,
            state=held.state,
            facts=held.facts,
            role_today=here.role,
            unit_today=here.unit_code,
            created_at=held.created_at,
            approved_at=held.approved_at,
            activated_at=held.activated_at,
            state_since=held.state_since,
            last_used_at=held.last_used_at,
            dormant_locked_at=held.dormant_locked_at,
            dormant_on=today(idle + timedelta(days=self._days)) if counts else None,
            roles=tuple(
                RoleView(since=one.since, until=one.until, role=one.role, unit_code=one.unit_code) for one in held.roles
            ),
            duty_days=duty,
            pending=waiting,
        )

    async def standing(self, account_id: str, caller: Caller, *, within: Connection) -> Standing:
        """Return where an account stands, or refuse with 404."""
        held = await self._held(within, account_id, caller)
        waiting = await records.pending(within, self._store.sealer, account_id)
        return Standing(
            id=held.id,
            state=held.state,
            state_since=held.state_since,
            pending=None if waiting is None else waiting.kind,
            request_number=None if waiting is None else waiting.number,
        )

    async def _held(self, conn: Connection, account_id: str, caller: Caller) -> Held:
        cursor = await conn.cursor(row_factory=dict_row).execute(records.SELECT + " WHERE a.id = %s", (account_id,))
        row = await cursor.fetchone()
        held = None if row is None else records.held(self._store.sealer, row, today(self._now()))
        if held is None or (caller.agencies and not covers(caller.agencies, held.facts.unit_code)):
            raise refusals.not_found()
        return held

    async def _waiting(self, conn: Connection, held: Held) -> PendingView | None:
        one = await records.pending(conn, self._store.sealer, held.id)
        if one is None:
            return None
        cursor = await conn.execute(
            "SELECT id, sealed FROM lookup_account_acts WHERE account_id = %s AND request_number = %s"
            " ORDER BY id LIMIT 1",
            (held.id, one.number),
        )
        row = await cursor.fetchone()
        reason = "" if row is None else self._store.sealer.open(row[1], records.act_context(row[0])).decode()
        return PendingView(
            number=one.number,
            kind=one.kind,
            requested_at=one.requested_at,
            requested_by=one.client_id,
            person=one.person,
            party=one.party,
            document_number=one.document_number,
            reason=reason,
            changed=tuple(_changed(held, one)),
            wanted=dict(one.content),
        )

    async def history(self, account_id: str, caller: Caller, *, cursor: str | None = None, limit: int = 50) -> History:
        """Return what was done to an account, newest first."""
        before = None if cursor is None else cursors.id_of(cursor)
        async with self._store.transaction() as conn:
            await self._held(conn, account_id, caller)
            found = await conn.cursor(row_factory=dict_row).execute(
                "SELECT * FROM lookup_account_acts WHERE account_id = %s AND (%s::uuid IS NULL OR id < %s)"
                " ORDER BY id DESC LIMIT %s",
                (account_id, before, before, limit + 1),
            )
            rows = await found.fetchall()
        return History(
            items=tuple(self._act(row) for row in rows[:limit]),
            next_cursor=str(rows[limit - 1]["id"]) if len(rows) > limit else None,
        )

    def _act(self, row: dict[str, Any]) -> ActView:
        reason = self._store.sealer.open(row["sealed"], records.act_context(row["id"])).decode()
        fields = {name: row[name] for name in ActView.model_fields if name != "reason"}
        return ActView(reason=reason, **fields)

    async def dormant(self, caller: Caller, *, ahead_days: int = 30, within: Connection | None = None) -> DormantList:
        """Return the accounts locked for disuse, and those that will be within ``ahead_days``, by agency."""
        now = self._now()
        async with joined(self._store, within) as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                _DORMANT,
                {
                    "agencies": [records.unit_path(one) for one in caller.agencies],
                    "before": now - timedelta(days=self._days - ahead_days),
                },
            )
            rows = await cursor.fetchall()
        return DormantList(as_of=now, dormant_days=self._days, agencies=tuple(_by_agency(rows)))


def _by_agency(rows: Sequence[dict[str, Any]]) -> Iterator[DormantAgency]:
    for unit, members in groupby(rows, key=lambda row: row["unit_code"]):
        yield DormantAgency(
            unit_code=unit,
            accounts=tuple(
                DormantAccount(
                    id=row["id"],
                    officer_code=row["officer_code"],
                    state=row["state"],
                    idle_since=row["idle_since"],
                    locked_at=row["dormant_locked_at"],
                )
                for row in members
            ),
        )


def _changed(held: Held, waiting: Pending) -> Iterator[str]:
    """Yield the names of the fields that a change would change; of another request nothing."""
    if waiting.kind is not RequestKind.CHANGE:
        return
    wanted = AccountFacts.model_validate_json(orjson.dumps(waiting.content))
    for name in AccountFacts.model_fields:
        before, after = getattr(held.facts, name), getattr(wanted, name)
        if before == after:
            continue
        if name in {"officer", "scope"}:
            yield from (
                f"{name}.{one}" for one in type(before).model_fields if getattr(before, one) != getattr(after, one)
            )
        else:
            yield name
