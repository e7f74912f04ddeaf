"""Conflict of interest: whoever a case is about cannot act on it, under whatever name.

Compared are the login name, the person behind it (an officer may have two accounts), and the people who were looked
up: whoever is among them is a party. What is not known here, that the officer is a friend, only people can know.
"""

from __future__ import annotations

from datetime import datetime

from hub.accounts.directory import read_accounts, today
from hub.cases import refusals
from hub.cases.records import Case
from hub.lookups.log import SubjectHasher
from hub.store.connections import Connection
from hub.store.sealing import Sealer


async def require_impartial(
    conn: Connection, sealer: Sealer, hasher: SubjectHasher, case: Case, person: str, *, now: datetime
) -> None:
    """Refuse (403) a person whom the case is about."""
    if person.casefold() == case.account_id.casefold():
        raise refusals.conflict_of_interest()
    accounts = await read_accounts(conn, sealer, [person, case.account_id], day=today(now))
    own, theirs = accounts.get(person), accounts.get(case.account_id)
    if own is None or not own.officer_number:
        return
    if theirs is not None and theirs.officer_number == own.officer_number:
        raise refusals.conflict_of_interest()
    cursor = await conn.execute(
        "SELECT FROM case_marks WHERE case_id = %s AND kind = 'person' AND mark = %s",
        (case.id, hasher.hash(own.officer_number).hex()),
    )
    if await cursor.fetchone() is not None:
        raise refusals.conflict_of_interest()
