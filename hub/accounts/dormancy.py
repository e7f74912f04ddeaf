"""Accounts that nobody uses: locked after a year, and told to the agencies they belong to (VP 8.4).

A grant or a reinstatement counts as a use, so an account that was just given has its whole year. The gate refuses such
an account by itself at its next look-up; this job makes the register say so, and tells who should know: each agency
through the inbox with its own list, the operators through one alert with the number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import LiteralString

import structlog

from contracts.accounts import Authority
from contracts.errors import Sentence
from contracts.inbox import AccountsLocked, InboxKind
from hub.accounts import records
from hub.accounts.directory import announce_change, today
from hub.accounts.measures import take_out
from hub.accounts.reading import IDLE
from hub.accounts.records import By
from hub.accounts.settings import AccountSettings
from hub.accounts.states import AccountAct, AccountState, Party
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.inbox.receiving import announce
from hub.ledger.entries import PROGRAM
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store

ALERT_PREFIX = "accounts.dormant."
"""Begin of the key of the alert about the accounts locked on one day; the day follows."""

MOST_AT_ONCE = 200
"""Accounts locked in one transaction."""

_FIND: LiteralString = f"""
    SELECT a.id, a.unit_code FROM lookup_accounts a
    WHERE a.state IN ('active', 'suspended') AND {IDLE} < %s ORDER BY a.id LIMIT %s
"""  # noqa: S608 - put together of constants

_FOLD: LiteralString = (
    "SELECT DISTINCT ON (a.id) a.id, r.role, r.unit_code, a.role, a.unit_code FROM lookup_accounts a"
    " JOIN lookup_account_roles r ON r.account_id = a.id WHERE r.until IS NULL AND r.since <= %s"
    " ORDER BY a.id, r.since DESC, r.number DESC"
)

_LOCKED_BY_DAY: LiteralString = (
    "SELECT (dormant_locked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, count(*), count(DISTINCT unit_code)"
    " FROM lookup_accounts WHERE state = 'locked' AND dormant_locked_at IS NOT NULL GROUP BY 1"
)

_log = structlog.get_logger("hub.accounts")


class AccountUpkeep:
    """Locks accounts that nobody uses, and lets role changes come into the register on their day."""

    def __init__(
        self,
        store: Store,
        profile: ProfileValues,
        settings: AccountSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``profile`` says after how many days, ``settings`` how often to look."""
        self._store = store
        self._days = profile.account_dormant_days
        self.limit = timedelta(days=self._days)
        """How long an account may go unused."""
        self._wait = settings.dormancy_check_minutes * 60
        self._now = now

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self.step()
            await asyncio.sleep(self._wait)

    async def step(self) -> int:
        """Do what is due; return how many accounts were locked."""
        await self._fold_roles()
        locked = 0
        while count := await self._lock_some():
            locked += count
        await self._alert(locked=locked)
        if locked:
            _log.info("accounts_locked_for_disuse", accounts=locked)
        return locked

    async def _fold_roles(self) -> None:
        """Write lasting roles that have begun into the register itself; readers know them by then already."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_FOLD, (today(self._now()),))
            due = sorted(row for row in await cursor.fetchall() if row[1:3] != row[3:5])
            for account_id, role, unit, _, _ in due:
                await conn.execute(
                    "UPDATE lookup_accounts SET role = %s, unit_code = %s, unit_path = %s WHERE id = %s",
                    (role, unit, records.unit_path(unit), account_id),
                )
            if due:
                await announce_change(conn)

    async def _lock_some(self) -> int:
        now = self._now()
        before = now - self.limit
        said = Authority(
            person=PROGRAM,
            reason=f"no look-up for {self._days} days on end (VP 8.4)",
            document_number="VP 8.4",
        )
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_FIND, (before, MOST_AT_ONCE))
            # In the order of an import: two transactions that lock several accounts must not wait in a circle.
            found = sorted(await cursor.fetchall())
            locked: list[tuple[str, str]] = []
            for account_id, unit in found:
                held = await records.lock(conn, self._store.sealer, account_id, day=today(now))
                idle = held is not None and max(_moments(held)) < before
                if held is None or not idle or held.state not in {AccountState.ACTIVE, AccountState.SUSPENDED}:
                    continue  # somebody used or changed it at this instant
                by = By(PROGRAM, Party.PROGRAM, said)
                await take_out(conn, self._store.sealer, held, AccountAct.LOCK, by, now=now)
                await conn.execute("UPDATE lookup_accounts SET dormant_locked_at = %s WHERE id = %s", (now, held.id))
                locked.append((unit, account_id))
            if locked:
                await self._tell(conn, locked, now)
                await announce_change(conn)
        return len(locked)

    async def _tell(self, conn: Connection, locked: list[tuple[str, str]], now: datetime) -> None:
        by_agency: Mapping[str, list[str]] = {
            unit: [account_id for _, account_id in members]
            for unit, members in groupby(sorted(locked), key=lambda one: one[0])
        }
        for unit, accounts in by_agency.items():
            count = len(accounts)
            body = AccountsLocked(
                agency_code=unit,
                locked_at=now,
                account_ids=tuple(accounts),
                dormant_days=self._days,
                sentence=f"{count} accounts of {unit} were locked: no look-up for {self._days} days. Ask to reinstate"
                " those still needed; the others should be revoked.",
                sentence_vi=f"{count} tài khoản của {unit} bị khoá do không khai thác trong {self._days} ngày."
                " Tài khoản còn cần dùng thì đề nghị mở lại; còn lại cần thu hồi.",
            )
            await announce(
                conn,
                sealer=self._store.sealer,
                kind=InboxKind.ACCOUNTS_LOCKED,
                subject=None,
                key=f"{unit}:{now.isoformat()}:{accounts[0]}",
                body=body,
                now=now,
                agency_code=unit,
            )

    async def _alert(self, *, locked: int) -> None:
        """Tell operators once a day on which accounts were locked; over when none of that day's is locked any more."""
        now = self._now()
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_LOCKED_BY_DAY)
            left = {f"{ALERT_PREFIX}{row[0].isoformat()}": row[1:] for row in await cursor.fetchall()}
            if locked and (counted := left.get(f"{ALERT_PREFIX}{today(now).isoformat()}")) is not None:
                key = f"{ALERT_PREFIX}{today(now).isoformat()}"
                await raise_alert(conn, Alert(key, Severity.INFO, self._sentence(*counted)), now=now)
            cursor = await conn.execute(
                "SELECT key FROM alerts WHERE cleared_at IS NULL AND starts_with(key, %s)", (ALERT_PREFIX,)
            )
            for (key,) in await cursor.fetchall():
                if key not in left:
                    await clear_alert(conn, key, now=now)

    def _sentence(self, accounts: int, agencies: int) -> Sentence:
        return Sentence(
            f"{accounts} accounts for population data in {agencies} agencies were locked: no look-up for {self._days}"
            " days. The list is at /v1/dormant-accounts.",
            f"{accounts} tài khoản khai thác dân cư của {agencies} cơ quan bị khoá do không khai thác trong"
            f" {self._days} ngày. Danh sách tại /v1/dormant-accounts.",
        )


def _moments(held: records.Held) -> list[datetime]:
    return [one for one in (held.created_at, held.activated_at, held.last_used_at) if one is not None]
