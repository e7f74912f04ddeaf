"""How accounts, requests and acts lie in the database: personal fields and reasons sealed, each bound to its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from contracts.accounts import AccountFacts, Authority
from hub.access.agencies import levels
from hub.accounts.directory import ROLES, RoleRow, account_context, role_on, roles_of
from hub.accounts.states import AccountState, Party, RequestKind
from hub.ledger.entries import record_act
from hub.store.sealing import Sealer


def request_context(account_id: str, number: int) -> str:
    """Name the place of a request for the sealing."""
    return f"lookup_account_requests:{account_id}:{number}"


def act_context(act_id: UUID | str) -> str:
    """Name the place of an act's reason for the sealing."""
    return f"lookup_account_acts:{act_id}"


def unit_path(code: str) -> str:
    """Return the levels of an agency from the top, for comparing: ``H99.12.``; as a prefix it covers all below."""
    return "".join(f"{level}." for level in levels(code))


# --- accounts -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """An account's row, opened; read under the lock of the account when it is to be changed."""

    id: str
    state: AccountState
    facts: AccountFacts
    """As granted, or as requested before the first grant; role and unit are the lasting ones of the day."""
    created_at: datetime
    approved_at: datetime | None
    activated_at: datetime | None
    state_since: datetime
    changed_at: datetime
    last_used_at: datetime | None
    dormant_locked_at: datetime | None
    roles: tuple[RoleRow, ...]


SELECT: LiteralString = f"SELECT a.*, {ROLES} FROM lookup_accounts a"  # noqa: S608 - put together of constants
"""What `held` reads, of accounts ``a``."""


def held(sealer: Sealer, row: Mapping[str, Any], day: date) -> Held:
    """Return an account of a row of `SELECT`."""
    secret = orjson.loads(sealer.open(row["sealed"], account_context(row["id"])))
    roles = roles_of(row["roles"])
    base = RoleRow(row["valid_from"], None, row["role"], row["unit_code"])
    lasting = role_on(day, [one for one in roles if one.until is None], base)
    facts = {
        "officer": {
            "full_name": secret["full_name"],
            "number": secret["officer_number"],
            "code": row["officer_code"],
            "phone": secret["phone"],
            "household_id": secret["household_id"],
            "home_commune": secret["home_commune"],
            "home_hamlet": secret["home_hamlet"],
        },
        "unit_code": lasting.unit_code,
        "role": lasting.role,
        "purpose": row["purpose"],
        "scope": row["scope"],
        "valid_from": row["valid_from"],
        "valid_until": row["valid_until"],
    }
    return Held(
        id=row["id"],
        state=AccountState(row["state"]),
        facts=AccountFacts.model_validate_json(orjson.dumps(facts)),
        created_at=row["created_at"],
        approved_at=row["approved_at"],
        activated_at=row["activated_at"],
        state_since=row["state_since"],
        changed_at=row["changed_at"],
        last_used_at=row["last_used_at"],
        dormant_locked_at=row["dormant_locked_at"],
        roles=roles,
    )


async def lock(conn: AsyncConnection[Any], sealer: Sealer, account_id: str, *, day: date) -> Held | None:
    """Return the account, which nobody else changes until this transaction ends; also where there is none yet."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"lookup_accounts:{account_id}",))
    cursor = await conn.cursor(row_factory=dict_row).execute(
        SELECT + " WHERE a.id = %s FOR NO KEY UPDATE OF a", (account_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else held(sealer, row, day)


def sealed_officer(sealer: Sealer, account_id: str, facts: AccountFacts) -> bytes:
    """Return the personal fields of an account, sealed."""
    officer = facts.officer
    secret = {
        "full_name": officer.full_name,
        "officer_number": officer.number,
        "phone": officer.phone,
        "household_id": officer.household_id,
        "home_commune": officer.home_commune,
        "home_hamlet": officer.home_hamlet,
    }
    return sealer.seal(orjson.dumps(secret), account_context(account_id))


async def write_facts(
    conn: AsyncConnection[Any], sealer: Sealer, account_id: str, facts: AccountFacts, *, now: datetime
) -> None:
    """Write what is declared of an account; where it is new, it begins as requested."""
    values = {
        "id": account_id,
        "unit_code": facts.unit_code,
        "unit_path": unit_path(facts.unit_code),
        "role": facts.role,
        "officer_code": facts.officer.code,
        "purpose": facts.purpose,
        "scope": Jsonb(facts.scope.model_dump(mode="json")),
        "valid_from": facts.valid_from,
        "valid_until": facts.valid_until,
        "now": now,
        "sealed": sealed_officer(sealer, account_id, facts),
    }
    await conn.execute(
        "INSERT INTO lookup_accounts AS a (id, state, unit_code, unit_path, role, officer_code, purpose, scope,"
        " valid_from, valid_until, created_at, state_since, changed_at, sealed) VALUES (%(id)s, 'requested',"
        " %(unit_code)s, %(unit_path)s, %(role)s, %(officer_code)s, %(purpose)s, %(scope)s, %(valid_from)s,"
        " %(valid_until)s, %(now)s, %(now)s, %(now)s, %(sealed)s)"
        " ON CONFLICT (id) DO UPDATE SET unit_code = excluded.unit_code, unit_path = excluded.unit_path,"
        " role = excluded.role, officer_code = excluded.officer_code, purpose = excluded.purpose,"
        " scope = excluded.scope, valid_from = excluded.valid_from, valid_until = excluded.valid_until,"
        " changed_at = excluded.changed_at, sealed = excluded.sealed",
        values,
    )


async def move(conn: AsyncConnection[Any], account_id: str, to: AccountState, *, now: datetime) -> None:
    """Put an account into another state; becoming active counts as a use, and ends the lock for disuse."""
    await conn.execute(
        "UPDATE lookup_accounts SET state = %(to)s, state_since = %(now)s, changed_at = %(now)s,"
        " activated_at = CASE WHEN %(to)s = 'active' THEN %(now)s ELSE activated_at END,"
        " dormant_locked_at = CASE WHEN %(to)s = 'active' THEN NULL ELSE dormant_locked_at END WHERE id = %(id)s",
        {"id": account_id, "to": to.value, "now": now},
    )


# --- acts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class By:
    """Who acts on an account, and in whose name."""

    client_id: str
    party: Party
    authority: Authority
    case_id: UUID | None = None
    consent_document: str = ""


async def write_act(
    conn: AsyncConnection[Any],
    sealer: Sealer,
    account_id: str,
    act: str,
    by: By,
    *,
    moved: tuple[AccountState | None, AccountState],
    now: datetime,
    request_number: int | None = None,
) -> None:
    """Keep an act in the history and in the ledger. Whoever calls ends with `announce_change`."""
    act_id = uuid_utils.compat.uuid7()
    before, to = moved
    said = by.authority
    await conn.execute(
        "INSERT INTO lookup_account_acts (id, account_id, at, act, client_id, person, party, document_number,"
        " consent_document, from_state, to_state, request_number, case_id, sealed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            act_id,
            account_id,
            now,
            act,
            by.client_id,
            said.person,
            by.party.value,
            said.document_number,
            by.consent_document,
            None if before is None else before.value,
            to.value,
            request_number,
            by.case_id,
            sealer.seal(said.reason.encode(), act_context(act_id)),
        ),
    )
    facts = {"party": by.party.value, "state": to.value, "document": said.document_number}
    if by.consent_document:
        facts["consent_document"] = by.consent_document
    if request_number is not None:
        facts["request"] = str(request_number)
    if by.case_id is not None:
        facts["case"] = str(by.case_id)
    await record_act(
        conn,
        act=f"account.{act}",
        actor=by.client_id,
        target=account_id,
        reason=said.reason,
        facts=facts,
        at=now,
    )


# --- requests -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that waits for the other party."""

    number: int
    kind: RequestKind
    requested_at: datetime
    client_id: str
    person: str
    party: Party
    document_number: str
    content: Mapping[str, Any]
    """What is asked for, as JSON: the facts, the secondment, or nothing."""


async def pending(conn: AsyncConnection[Any], sealer: Sealer, account_id: str) -> Pending | None:
    """Return the request that waits, if there is one."""
    cursor = await conn.cursor(row_factory=dict_row).execute(
        "SELECT * FROM lookup_account_requests WHERE account_id = %s AND state = 'pending'", (account_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else pending_of(sealer, row)


def pending_of(sealer: Sealer, row: Mapping[str, Any]) -> Pending:
    """Return a request of its row."""
    plain = sealer.open(row["sealed"], request_context(row["account_id"], row["number"]))
    return Pending(
        number=row["number"],
        kind=RequestKind(row["kind"]),
        requested_at=row["requested_at"],
        client_id=row["client_id"],
        person=row["person"],
        party=Party(row["party"]),
        document_number=row["document_number"],
        content=orjson.loads(plain),
    )


async def write_request(
    conn: AsyncConnection[Any],
    sealer: Sealer,
    account_id: str,
    kind: RequestKind,
    *,
    content: bytes,
    by: By,
    now: datetime,
) -> int:
    """Add a request that waits, in place of the one that waits now; return its number."""
    await end_pending(conn, account_id, "superseded", now=now)
    cursor = await conn.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM lookup_account_requests WHERE account_id = %s", (account_id,)
    )
    row = await cursor.fetchone()
    number: int = 1 if row is None else row[0]
    await conn.execute(
        "INSERT INTO lookup_account_requests (account_id, number, kind, state, requested_at, client_id, person, party,"
        " document_number, sealed) VALUES (%s, %s, %s, 'pending', %s, %s, %s, %s, %s, %s)",
        (
            account_id,
            number,
            kind.value,
            now,
            by.client_id,
            by.authority.person,
            by.party.value,
            by.authority.document_number,
            sealer.seal(content, request_context(account_id, number)),
        ),
    )
    return number


async def end_pending(conn: AsyncConnection[Any], account_id: str, state: str, *, now: datetime) -> None:
    """Let the request that waits end so; does nothing where none waits."""
    await conn.execute(
        "UPDATE lookup_account_requests SET state = %s, decided_at = %s WHERE account_id = %s AND state = 'pending'",
        (state, now, account_id),
    )
