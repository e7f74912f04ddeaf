"""The accounts as the gate and the watch see them: in memory, and never out of date for long.

A change is seen by every process as soon as its notification arrives, and within `CHECK_SECONDS` without it: whoever
asks after that looks at the version of the register first. So a lock is in force at the next look-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import orjson
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.calendar import VIETNAM
from contracts.population import DataGroup
from hub.access.agencies import covers
from hub.accounts.states import AccountState
from hub.store.engine import Store
from hub.store.sealing import Sealer

__all__ = ["Account", "AccountDirectory", "AccountScope", "announce_change", "note_use"]

CHANNEL = "lookup_accounts"
"""Notified with the id of an account that changed; empty: more than one did."""

CHECK_SECONDS = 1.0
"""How long what is remembered is believed without a look at the version of the register."""

REMEMBER_SECONDS = 60.0
"""How long an account is remembered: `note_use` does not notify, so its last use may be that much older."""

MOST_REMEMBERED = 20_000
"""Accounts, and names that are none, remembered by one process; a province has thousands."""

USE_PRECISION = timedelta(minutes=10)
"""How exact `Account.last_used_at` is; the look-up log has the moments."""


@dataclass(frozen=True, slots=True)
class AccountScope:
    """What an account may be used for (VP 34.3, 35.3); deny unless it is here."""

    units: tuple[str, ...]
    """Agencies whose dossiers it serves; each stands for itself and all below it."""
    procedures: tuple[str, ...]
    """Roots ``N.NNNNNN``; none: all procedures of its units."""
    operations: frozenset[str]
    """Which look-ups it may make, e.g. ``find_citizen``; see `contracts.accounts.LookupOperation`."""
    purpose: str
    """The purpose of the account, as it was granted."""
    data_groups: frozenset[DataGroup]
    """Which groups of a citizen's data it may be given."""

    def covers_unit(self, code: str) -> bool:
        """Say whether dossiers of this agency are within the scope, in either generation of codes."""
        return covers(self.units, code)

    def covers_procedure(self, root: str) -> bool:
        """Say whether this procedure is within the scope, given its root."""
        return not self.procedures or root in self.procedures


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is in force today: a secondment that lasts today has already taken effect."""

    id: str
    """The login name in the dossier system; equal to ``Actor.account_id``."""
    state: AccountState
    officer_number: str = field(repr=False)
    """The officer's own personal number, 12 digits: secret."""
    officer_code: str
    full_name: str = field(repr=False)
    unit_code: str
    role: str
    scope: AccountScope
    """During a secondment its unit belongs to the units."""
    valid_from: date
    valid_until: date | None
    """The last day; ``None``: without end."""
    last_used_at: datetime | None
    """The last look-up, to within `USE_PRECISION`; ``None``: never used."""
    created_at: datetime
    activated_at: datetime | None
    """When it last became active; ``None``: never."""
    phone: str = field(default="", repr=False)

    def is_valid_on(self, day: date) -> bool:
        """Say whether the account's time has begun and not ended; says nothing of its state."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    @property
    def idle_since(self) -> datetime:
        """Since when it has not been used; a new grant or reinstatement counts as a use (VP 8.4)."""
        latest = self.created_at
        if self.activated_at is not None and self.activated_at > latest:
            latest = self.activated_at
        if self.last_used_at is not None and self.last_used_at > latest:
            latest = self.last_used_at
        return latest


# --- reading ------------------------------------------------------------------------------------------------


def account_context(account_id: str) -> str:
    """Name the place of an account's personal fields for the sealing."""
    return f"lookup_accounts:{account_id}"


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role and unit of an officer, lasting (``until`` is ``None``) or for a time."""

    since: date
    until: date | None
    role: str
    unit_code: str


ROLES: LiteralString = (
    "coalesce((SELECT jsonb_agg(jsonb_build_array(r.since, r.until, r.role, r.unit_code) ORDER BY r.since, r.number)"
    " FROM lookup_account_roles r WHERE r.account_id = a.id), '[]') AS roles"
)
"""The roles of account ``a``, for `roles_of`."""

_SELECT: LiteralString = f"""
    SELECT a.id, a.state, a.unit_code, a.role, a.officer_code, a.purpose, a.scope, a.valid_from, a.valid_until,
           a.created_at, a.activated_at, a.last_used_at, a.sealed, {ROLES}
    FROM lookup_accounts a WHERE a.id = ANY(%s)
"""  # noqa: S608 - put together of constants


def role_on(day: date, roles: Sequence[RoleRow], base: RoleRow) -> RoleRow:
    """Return the role in force on a day: a secondment before a lasting role, the later of two, else ``base``."""
    current = base
    for one in roles:
        begun = one.since <= day and (one.until is None or day <= one.until)
        if begun and (one.until is not None or current.until is None):
            current = one
    return current


def roles_of(listed: Sequence[Sequence[Any]]) -> tuple[RoleRow, ...]:
    """Return the roles of a row: since, until, role, unit, in the order in which they were granted."""
    return tuple(
        RoleRow(date.fromisoformat(since), None if until is None else date.fromisoformat(until), role, unit)
        for since, until, role, unit in listed
    )


def _account(sealer: Sealer, row: Mapping[str, Any], day: date) -> Account:
    secret = orjson.loads(sealer.open(row["sealed"], account_context(row["id"])))
    base = RoleRow(row["valid_from"], None, row["role"], row["unit_code"])
    now = role_on(day, roles_of(row["roles"]), base)
    units = tuple(row["scope"]["units"])
    if now.until is not None and not covers(units, now.unit_code):
        units = (*units, now.unit_code)
    return Account(
        id=row["id"],
        state=AccountState(row["state"]),
        officer_number=secret["officer_number"],
        officer_code=row["officer_code"],
        full_name=secret["full_name"],
        unit_code=now.unit_code,
        role=now.role,
        scope=AccountScope(
            units=units,
            procedures=tuple(row["scope"]["procedures"]),
            operations=frozenset(row["scope"]["operations"]),
            purpose=row["purpose"],
            data_groups=frozenset(DataGroup(one) for one in row["scope"]["data_groups"]),
        ),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        last_used_at=row["last_used_at"],
        created_at=row["created_at"],
        activated_at=row["activated_at"],
        phone=secret["phone"],
    )


async def read_accounts(
    conn: AsyncConnection[Any], sealer: Sealer, ids: Sequence[str], *, day: date
) -> dict[str, Account]:
    """Return those of these accounts that exist, as in force on ``day``, whatever their state."""
    cursor = await conn.cursor(row_factory=dict_row).execute(_SELECT, (list(ids),))
    return {row["id"]: _account(sealer, row, day) for row in await cursor.fetchall()}


def today(now: datetime) -> date:
    """Return the day it is in Vietnam."""
    return now.astimezone(VIETNAM).date()


# --- the directory ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Remembered:
    account: Account | None
    until: float
    day: date


class AccountDirectory:
    """Gives accounts by their id; one for each process, closed with `aclose`."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` tells the day, ``clock`` the seconds by which what is remembered grows old."""
        self._store = store
        self._now = now
        self._clock = clock
        self._remembered: dict[str, _Remembered] = {}
        self._generation = 0
        self._version: int | None = None
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None

    async def get(self, account_id: str) -> Account | None:
        """Return the account as it is in force today, whatever its state; ``None`` where there is none.

        Raises `StoreUnavailable` where the register cannot be asked: an account is not believed blindly.
        """
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="listen for accounts")
        moment = self._clock()
        if moment - self._checked_at > CHECK_SECONDS:
            await self._check(moment)
        day = today(self._now())
        found = self._remembered.get(account_id)
        if found is not None and moment < found.until and found.day == day:
            return found.account
        return await self._read(account_id, day)

    async def aclose(self) -> None:
        """End the listening."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None

    async def _read(self, account_id: str, day: date) -> Account | None:
        generation = self._generation
        async with self._store.transaction() as conn:
            account = (await read_accounts(conn, self._store.sealer, [account_id], day=day)).get(account_id)
        # What was read before a change was announced may be older than the change: it answers this once only.
        if generation == self._generation:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[account_id] = _Remembered(account, self._clock() + REMEMBER_SECONDS, day)
        return account

    async def _check(self, moment: float) -> None:
        async with self._checking:
            if moment <= self._checked_at:
                return  # somebody else looked while this call waited
            began = self._clock()
            async with self._store.transaction() as conn:
                cursor = await conn.execute("SELECT version FROM lookup_account_register WHERE id = 1")
                row = await cursor.fetchone()
            version = 0 if row is None else row[0]
            if version != self._version:
                self._forget("")
            self._version = version
            self._checked_at = began

    async def _listen(self) -> None:
        async for account_id in self._store.listen(CHANNEL):
            self._forget(account_id)

    def _forget(self, account_id: str) -> None:
        self._generation += 1
        if account_id:
            self._remembered.pop(account_id, None)
        else:
            self._remembered.clear()


# --- writing ------------------------------------------------------------------------------------------------


async def announce_change(conn: AsyncConnection[Any], account_id: str = "") -> None:
    """Tell every directory, at the commit of this transaction, that an account changed; empty: many did.

    Belongs at the end of a transaction: from here to its commit no other one can change an account.
    """
    await conn.execute(
        "INSERT INTO lookup_account_register (id, version) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET version = lookup_account_register.version + 1"
    )
    await conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, account_id))


async def note_use(conn: AsyncConnection[Any], uses: Mapping[str, datetime]) -> None:
    """Record when accounts were last used, in the caller's transaction; one statement for any number.

    Written only when the moment kept is more than `USE_PRECISION` older, and never waits for anybody: an account that
    is being changed at this instant is left for the next use.
    """
    if not uses:
        return
    await conn.execute(
        "UPDATE lookup_accounts a SET last_used_at = u.at"
        " FROM unnest(%s::text[], %s::timestamptz[]) AS u (id, at)"
        " WHERE a.id = u.id AND a.id IN (SELECT b.id FROM lookup_accounts b"
        "  JOIN unnest(%s::text[], %s::timestamptz[]) AS v (id, at) ON v.id = b.id"
        "  WHERE b.last_used_at IS NULL OR b.last_used_at < v.at - %s"
        "  FOR NO KEY UPDATE OF b SKIP LOCKED)",
        (list(uses), list(uses.values()), list(uses), list(uses.values()), USE_PRECISION),
    )
