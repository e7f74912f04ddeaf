"""What requests, decisions and measures share: who calls, which party that is, and the account under its lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from contracts.accounts import AccountFacts
from hub.access.agencies import covers
from hub.access.scopes import Scope
from hub.accounts import records, refusals
from hub.accounts.directory import today
from hub.accounts.records import Held, Pending
from hub.accounts.settings import AccountSettings
from hub.accounts.states import Party
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store

APPROVING = {Party.POLICE: Scope.ACCOUNTS_APPROVE_POLICE, Party.PROVINCIAL_OFFICE: Scope.ACCOUNTS_APPROVE_OFFICE}
"""The scope by which a client belongs to a party."""

AT_ONCE = ("phone", "household_id", "home_commune", "home_hamlet")
"""What of the officer may change without the other party: it gives nobody anything. It stands in the history."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a client and the agencies it is confined to; none: all."""

    client_id: str
    agencies: tuple[str, ...] = ()


class Register:
    """The register under the rules of a province."""

    def __init__(
        self,
        store: Store,
        profile: ProfileValues,
        settings: AccountSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``profile`` says which party requests and which approves."""
        self.store = store
        self.settings = settings
        self.now = now
        self.requested_by = Party(profile.account_requested_by)
        self.approved_by = Party(profile.account_approved_by)
        self.needs_consent = profile.account_police_consent

    async def locked(self, conn: Connection, account_id: str, caller: Caller) -> tuple[Held, Pending | None]:
        """Return an account of the caller's agencies, which nobody else changes now, and what waits for it."""
        held = await records.lock(conn, self.store.sealer, account_id, day=today(self.now()))
        if held is None or (caller.agencies and not covers(caller.agencies, held.facts.unit_code)):
            raise refusals.not_found()
        return held, await records.pending(conn, self.store.sealer, account_id)


async def scopes_of(conn: Connection, client_id: str) -> Sequence[str]:
    """Return what a client may do at all, whatever the token at hand says."""
    cursor = await conn.execute("SELECT scopes FROM clients WHERE id = %s", (client_id,))
    row = await cursor.fetchone()
    return () if row is None else row[0]


def require_agencies(caller: Caller, code: str, *, field: str) -> None:
    """Refuse (403) an agency beyond those of the caller."""
    if caller.agencies and not covers(caller.agencies, code):
        raise refusals.agency_not_allowed(field)


def facts_of(waiting: Pending) -> AccountFacts:
    """Return the facts that a grant or a change asks for."""
    return AccountFacts.model_validate_json(orjson.dumps(waiting.content))
