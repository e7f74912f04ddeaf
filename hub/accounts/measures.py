"""Accounts taken out of use: at once, by one party, each time with a person, a reason and a document (VP 8.3)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from contracts.accounts import Authority, Measure
from hub.accounts import records, refusals
from hub.accounts.directory import announce_change, today
from hub.accounts.frame import APPROVING, Caller, Register, scopes_of
from hub.accounts.records import By, Held
from hub.accounts.states import AccountAct, AccountState, Party, RequestState, after
from hub.store.connections import Connection
from hub.store.joining import joined
from hub.store.sealing import Sealer


class AccountMeasures(Register):
    """What takes an account out of use."""

    async def suspend(
        self, account_id: str, measure: Measure, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Take an account out of use for a time."""
        await self._measure(account_id, AccountAct.SUSPEND, measure, caller, within)

    async def lock(
        self, account_id: str, measure: Measure, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Lock an account."""
        await self._measure(account_id, AccountAct.LOCK, measure, caller, within)

    async def revoke(
        self, account_id: str, measure: Measure, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Take an account back for good (VP 8.3); what waits for it ends."""
        await self._measure(account_id, AccountAct.REVOKE, measure, caller, within)

    async def _measure(
        self, account_id: str, act: AccountAct, measure: Measure, caller: Caller, within: Connection | None
    ) -> None:
        async with joined(self.store, within) as conn:
            held, _ = await self.locked(conn, account_id, caller)
            party = await self._party_of(conn, caller)
            by = By(caller.client_id, party, measure, measure.case_id)
            await take_out(conn, self.store.sealer, held, act, by, now=self.now())
            await announce_change(conn, account_id)

    async def _party_of(self, conn: Connection, caller: Caller) -> Party:
        scopes = await scopes_of(conn, caller.client_id)
        return next((party for party, scope in APPROVING.items() if scope in scopes), self.requested_by)


async def take_out(conn: Connection, sealer: Sealer, held: Held, act: AccountAct, by: By, *, now: datetime) -> None:
    """Suspend, lock or revoke an account that is locked for change; the caller announces it."""
    to = after(held.state, act)
    if to is AccountState.REVOKED:
        await records.end_pending(conn, held.id, RequestState.SUPERSEDED.value, now=now)
    await records.move(conn, held.id, to, now=now)
    await records.write_act(conn, sealer, held.id, act.value, by, moved=(held.state, to), now=now)


async def lock_account(
    conn: Connection,
    account_id: str,
    *,
    sealer: Sealer,
    client: str,
    person: str,
    party: Party,
    reason: str,
    document_number: str,
    case_id: UUID | None = None,
    now: datetime,
) -> None:
    """Lock an account in the caller's transaction, as a case does; do it last, for other changes wait from here on.

    ``client`` is the id of the API client that acts, ``person`` the official in whose name. Raises `Refusal`: 404
    ``account_not_found``; 409 ``account_state`` where it is locked, revoked, refused or not granted yet.
    """
    held = await records.lock(conn, sealer, account_id, day=today(now))
    if held is None:
        raise refusals.not_found()
    said = Authority(person=person, reason=reason, document_number=document_number)
    await take_out(conn, sealer, held, AccountAct.LOCK, By(client, party, said, case_id), now=now)
    await announce_change(conn, account_id)
