"""What the other party decides: requests approved or refused, never by who made them.

"The other" means three things at once: another client, another named person, and the party that the province's profile
names (HD 9.3, 21.2; YB 13.1; LĐ 9.3). The officer of the account decides nothing about it either.
"""

from __future__ import annotations

import orjson

from contracts.accounts import Decision, Secondment
from hub.access.second_person import is_same_person
from hub.accounts import records, refusals
from hub.accounts.directory import announce_change, today
from hub.accounts.frame import APPROVING, AT_ONCE, Caller, Register, facts_of, scopes_of
from hub.accounts.records import By, Held, Pending
from hub.accounts.states import AccountAct, AccountState, RequestKind, RequestState, after
from hub.store.connections import Connection
from hub.store.joining import joined


class AccountDecisions(Register):
    """What the approving party does."""

    async def approve(
        self, account_id: str, decision: Decision, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Grant what waits. Raises `Refusal`: the same client, person or party; another request; no consent."""
        async with joined(self.store, within) as conn:
            held, waiting, by = await self._decide(conn, account_id, decision, caller)
            if self.needs_consent and not decision.consent_document.strip():
                raise refusals.consent_required()
            now, to = self.now(), held.state
            await records.end_pending(conn, account_id, RequestState.APPROVED.value, now=now)
            if waiting.kind is RequestKind.SECONDMENT:
                wanted = Secondment.model_validate_json(orjson.dumps(waiting.content))
                await self._add_role(conn, account_id, waiting.number, wanted)
            elif waiting.kind is RequestKind.REINSTATEMENT:
                to = after(held.state, AccountAct.REINSTATE)
            else:
                to = await self._take_over(conn, held, waiting)
            if to is not held.state:
                await records.move(conn, account_id, to, now=now)
            await self._write(conn, held, f"approve_{waiting.kind.value}", by, to, number=waiting.number)

    async def refuse(
        self, account_id: str, decision: Decision, caller: Caller, *, within: Connection | None = None
    ) -> None:
        """Say no to what waits; what was granted before stays as it is."""
        async with joined(self.store, within) as conn:
            held, waiting, by = await self._decide(conn, account_id, decision, caller)
            now, to = self.now(), held.state
            await records.end_pending(conn, account_id, RequestState.REFUSED.value, now=now)
            if waiting.kind is RequestKind.GRANT:
                to = after(held.state, AccountAct.REFUSE)
                await records.move(conn, account_id, to, now=now)
            await self._write(conn, held, f"refuse_{waiting.kind.value}", by, to, number=waiting.number)

    async def _decide(
        self, conn: Connection, account_id: str, decision: Decision, caller: Caller
    ) -> tuple[Held, Pending, By]:
        """Return what is to be decided, once it is certain that this caller may."""
        if APPROVING[self.approved_by] not in await scopes_of(conn, caller.client_id):
            raise refusals.not_the_approver()
        held, waiting = await self.locked(conn, account_id, caller)
        if waiting is None:
            raise refusals.nothing_pending()
        if waiting.number != decision.request_number:
            raise refusals.request_changed()
        if waiting.party is self.approved_by:
            raise refusals.own_party()
        if waiting.client_id == caller.client_id:
            raise refusals.second_person("")
        officer = facts_of(waiting).officer if waiting.kind is RequestKind.GRANT else held.facts.officer
        if any(is_same_person(decision.person, other) for other in (waiting.person, account_id, officer.full_name)):
            raise refusals.second_person("person")
        by = By(caller.client_id, self.approved_by, decision, consent_document=decision.consent_document.strip())
        return held, waiting, by

    async def _take_over(self, conn: Connection, held: Held, waiting: Pending) -> AccountState:
        """Write what was granted, and return the state that follows."""
        facts, now = facts_of(waiting), self.now()
        if facts.valid_until is not None and facts.valid_until < today(now):
            raise refusals.validity_over()
        if waiting.kind is RequestKind.CHANGE:
            # Contact and home may have been amended since the change was asked for.
            kept = {name: getattr(held.facts.officer, name) for name in AT_ONCE}
            facts = facts.model_copy(update={"officer": facts.officer.model_copy(update=kept)})
        await records.write_facts(conn, self.store.sealer, held.id, facts, now=now)
        moved = (facts.role, facts.unit_code) != (held.facts.role, held.facts.unit_code)
        if waiting.kind is RequestKind.GRANT or moved:
            since = max(facts.valid_from, today(now)) if waiting.kind is RequestKind.GRANT else today(now)
            lasting = Secondment(since=since, role=facts.role, unit_code=facts.unit_code)
            await self._add_role(conn, held.id, waiting.number, lasting)
        if waiting.kind is RequestKind.CHANGE:
            return held.state
        await conn.execute("UPDATE lookup_accounts SET approved_at = %s WHERE id = %s", (now, held.id))
        return after(held.state, AccountAct.APPROVE)

    async def _add_role(self, conn: Connection, account_id: str, number: int, role: Secondment) -> None:
        if role.until is not None and role.until < today(self.now()):
            raise refusals.validity_over()
        await conn.execute(
            "INSERT INTO lookup_account_roles (account_id, number, since, until, role, unit_code)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (account_id, number, role.since, role.until, role.role, role.unit_code),
        )

    async def _write(self, conn: Connection, held: Held, act: str, by: By, to: AccountState, *, number: int) -> None:
        await records.write_act(
            conn,
            self.store.sealer,
            held.id,
            act,
            by,
            moved=(held.state, to),
            now=self.now(),
            request_number=number,
        )
        await announce_change(conn, held.id)
