"""Accounts asked for: new ones, changes, secondments, giving back; and rosters. Each waits for the other party.

What an account may be used for changes only when the party that did not ask for it agrees (HD 9.3, 21.2; YB 13.1; LĐ
9.3). The dossier system may repeat what it knows as often as it likes.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from contracts.accounts import (
    AccountDeclaration,
    AccountFacts,
    Authority,
    Measure,
    Roster,
    Secondment,
    SecondmentRequest,
)
from hub.accounts import records, refusals
from hub.accounts.directory import announce_change, today
from hub.accounts.frame import APPROVING, AT_ONCE, Caller, Register, facts_of, require_agencies, scopes_of
from hub.accounts.records import By, Held, Pending
from hub.accounts.states import ENDED, AccountAct, AccountState, RequestKind, RequestState, after
from hub.store.connections import Connection
from hub.store.joining import joined


class Outcome(StrEnum):
    """What a declaration did."""

    REQUESTED = "requested"
    """It waits for the other party; what was granted before stays in force."""
    AMENDED = "amended"
    """Contact or home of the officer was taken over at once."""
    UNCHANGED = "unchanged"


class AccountRequests(Register):
    """What the requesting party does."""

    async def declare(
        self, account_id: str, declared: AccountDeclaration, caller: Caller, *, within: Connection | None = None
    ) -> Outcome:
        """Bring the register in step with what the dossier system knows; the same again changes nothing.

        A new account, and any change of what an account may be used for, waits for the other party. An account that
        was revoked or refused is asked for anew only by a new document number, so a nightly repetition revives nothing.
        """
        async with joined(self.store, within) as conn:
            outcome = await self.declare_quietly(conn, account_id, declared, caller)
            if outcome is not Outcome.UNCHANGED:
                await announce_change(conn, account_id)
        return outcome

    async def declare_quietly(
        self, conn: Connection, account_id: str, declared: AccountDeclaration, caller: Caller
    ) -> Outcome:
        """Do as `declare`; the caller announces the change, once for many. Ids must come in ascending order."""
        facts, now = declared.facts, self.now()
        await self._require_requester(conn, caller)
        require_agencies(caller, facts.unit_code, field="unit_code")
        for index, unit in enumerate(facts.scope.units):
            require_agencies(caller, unit, field=f"scope.units[{index}]")
        by = By(caller.client_id, self.requested_by, declared.request)
        held = await records.lock(conn, self.store.sealer, account_id, day=today(now))
        if held is not None:
            require_agencies(caller, held.facts.unit_code, field="id")
        waiting = None if held is None else await records.pending(conn, self.store.sealer, account_id)
        if held is None or held.state in ENDED or held.state is AccountState.REQUESTED:
            return await self._ask_for_grant(conn, account_id, facts, by, held=held, waiting=waiting)
        return await self._ask_for_change(conn, held, facts, by, waiting=waiting)

    async def _ask_for_grant(
        self,
        conn: Connection,
        account_id: str,
        facts: AccountFacts,
        by: By,
        *,
        held: Held | None,
        waiting: Pending | None,
    ) -> Outcome:
        now = self.now()
        number = by.authority.document_number
        if waiting is not None and waiting.document_number == number and facts_of(waiting) == facts:
            return Outcome.UNCHANGED
        if held is not None and held.state in ENDED and number in await _grants(conn, account_id):
            if held.facts == facts:
                return Outcome.UNCHANGED
            raise refusals.new_document_needed()
        await records.write_facts(conn, self.store.sealer, account_id, facts, now=now)
        before = None if held is None else held.state
        to = AccountState.REQUESTED
        if before is not AccountState.REQUESTED:
            to = after(before, AccountAct.REQUEST)
            await records.move(conn, account_id, to, now=now)
        await self._request(conn, account_id, RequestKind.GRANT, _json(facts), by, moved=(before, to))
        return Outcome.REQUESTED

    async def _ask_for_change(
        self, conn: Connection, held: Held, facts: AccountFacts, by: By, *, waiting: Pending | None
    ) -> Outcome:
        sealer, now = self.store.sealer, self.now()
        kept = {name: getattr(held.facts.officer, name) for name in AT_ONCE}
        core = facts.model_copy(update={"officer": facts.officer.model_copy(update=kept)})
        outcome = Outcome.UNCHANGED
        told = {name: getattr(facts.officer, name) for name in AT_ONCE}
        if told != kept:
            officer = held.facts.officer.model_copy(update=told)
            await records.write_facts(
                conn, sealer, held.id, held.facts.model_copy(update={"officer": officer}), now=now
            )
            await records.write_act(conn, sealer, held.id, "amend", by, moved=(held.state, held.state), now=now)
            outcome = Outcome.AMENDED
        changing = waiting is not None and waiting.kind is RequestKind.CHANGE
        if core == held.facts:
            if changing:  # the change is not wanted any more
                await records.end_pending(conn, held.id, RequestState.SUPERSEDED.value, now=now)
                await records.write_act(conn, sealer, held.id, "withdraw", by, moved=(held.state, held.state), now=now)
                outcome = Outcome.AMENDED
            return outcome
        if waiting is not None:
            if not changing:
                raise refusals.request_pending()
            same = waiting.document_number == by.authority.document_number and facts_of(waiting) == facts
            if same:
                return outcome
        await self._request(conn, held.id, RequestKind.CHANGE, _json(facts), by, moved=(held.state, held.state))
        return Outcome.REQUESTED

    async def second(
        self, account_id: str, wanted: SecondmentRequest, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Ask for another role or unit, for a time or from a day on; the other party decides."""
        async with joined(self.store, within) as conn:
            await self._require_requester(conn, caller)
            require_agencies(caller, wanted.unit_code, field="unit_code")
            held, waiting = await self.locked(conn, account_id, caller)
            if held.state in ENDED or held.state is AccountState.REQUESTED:
                after(held.state, AccountAct.REINSTATE)  # raises: nothing was granted that could change
            if waiting is not None and waiting.kind is not RequestKind.SECONDMENT:
                raise refusals.request_pending()
            content = Secondment.model_validate(wanted.model_dump(exclude={"request"}))
            by = By(caller.client_id, self.requested_by, wanted.request)
            body = content.model_dump_json().encode()
            await self._request(conn, held.id, RequestKind.SECONDMENT, body, by, moved=(held.state, held.state))
            await announce_change(conn, account_id)

    async def set_roster(
        self, account_id: str, roster: Roster, caller: Caller, *, within: Connection | None = None
    ) -> bool:
        """Replace the duty days of a stretch; return whether anything changed.

        Days that are long over stay as they are: a roster made afterwards would excuse what it should explain.
        """
        async with joined(self.store, within) as conn:
            held, _ = await self.locked(conn, account_id, caller)
            cursor = await conn.execute(
                "SELECT day FROM lookup_account_rosters WHERE account_id = %s AND day BETWEEN %s AND %s",
                (account_id, roster.since, roster.until),
            )
            known = {row[0] for row in await cursor.fetchall()}
            wanted = set(roster.days)
            changed = known ^ wanted
            if not changed:
                return False
            now = self.now()
            if min(changed) < today(now) - timedelta(days=self.settings.roster_late_days):
                raise refusals.roster_past(self.settings.roster_late_days)
            await conn.execute(
                "DELETE FROM lookup_account_rosters WHERE account_id = %s AND day = ANY(%s)",
                (account_id, sorted(known - wanted)),
            )
            await conn.execute(
                "INSERT INTO lookup_account_rosters (account_id, day) SELECT %s, unnest(%s::date[])",
                (account_id, sorted(wanted - known)),
            )
            said = Authority(
                person=caller.client_id,
                reason=f"roster {roster.since} to {roster.until}: {len(wanted)} duty days",
                document_number="-",
            )
            by = By(caller.client_id, self.requested_by, said)
            await records.write_act(
                conn, self.store.sealer, account_id, "roster", by, moved=(held.state, held.state), now=now
            )
            await announce_change(conn, account_id)
        return True

    async def reinstate(
        self, account_id: str, measure: Measure, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Ask to give a suspended or locked account back; the other party decides, as on a new one."""
        async with joined(self.store, within) as conn:
            await self._require_requester(conn, caller)
            held, waiting = await self.locked(conn, account_id, caller)
            after(held.state, AccountAct.REINSTATE)
            if waiting is not None and waiting.kind is not RequestKind.REINSTATEMENT:
                raise refusals.request_pending()
            by = By(caller.client_id, self.requested_by, measure, measure.case_id)
            moved = (held.state, held.state)
            await self._request(conn, account_id, RequestKind.REINSTATEMENT, b"{}", by, moved=moved)
            await announce_change(conn, account_id)

    async def _require_requester(self, conn: Connection, caller: Caller) -> None:
        """Refuse the party that approves, whatever the token at hand says: what counts is what the client may."""
        if APPROVING[self.approved_by] in await scopes_of(conn, caller.client_id):
            raise refusals.own_party()

    async def _request(
        self,
        conn: Connection,
        account_id: str,
        kind: RequestKind,
        content: bytes,
        by: By,
        *,
        moved: tuple[AccountState | None, AccountState],
    ) -> None:
        sealer, now = self.store.sealer, self.now()
        number = await records.write_request(conn, sealer, account_id, kind, content=content, by=by, now=now)
        await records.write_act(
            conn, sealer, account_id, f"request_{kind.value}", by, moved=moved, now=now, request_number=number
        )


async def _grants(conn: Connection, account_id: str) -> set[str]:
    """Return the document numbers by which this account was asked for so far."""
    cursor = await conn.execute(
        "SELECT document_number FROM lookup_account_requests WHERE account_id = %s AND kind = 'grant'", (account_id,)
    )
    return {row[0] for row in await cursor.fetchall()}


def _json(facts: AccountFacts) -> bytes:
    return facts.model_dump_json().encode()
