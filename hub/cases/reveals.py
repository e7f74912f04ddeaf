"""Reading citizens' numbers in a case: with a reason, a second person, a time limit, and each reading on record.

Whoever holds the case asks; somebody else, with another client, approves; until the permission ends the holder may
read. A reading is an act of the case, an entry of the ledger, and a row by which it appears in the citizens' own view.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import dict_row

from hub.access.second_person import decides_alone
from hub.cases import refusals
from hub.cases.evidence import numbers_in, read_pieces
from hub.cases.records import Acting, Case, reveal_context, write_act
from hub.cases.service import CaseService
from hub.cases.states import CaseAct
from hub.cases.views import CaseDone, CaseNumbersView
from hub.store.connections import Connection
from hub.store.joining import joined
from hub.web.ids import id_or


class Reveals:
    """Permissions to read citizens' numbers."""

    def __init__(self, cases: CaseService) -> None:
        self._cases = cases
        self._store = cases.store

    async def ask(
        self, case_id: str, acting: Acting, *, reason: str, now: datetime, within: Connection | None = None
    ) -> CaseDone:
        """Ask to read the numbers of a case one holds."""
        async with joined(self._store, within) as conn:
            one = await self._cases.require(conn, case_id, acting, CaseAct.ASK_REVEAL, now=now)
            key = uuid_utils.compat.uuid7()
            await conn.execute(
                "INSERT INTO case_reveals (id, case_id, asked_by, asked_person, asked_at, sealed)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    key,
                    one.id,
                    acting.client_id,
                    acting.person,
                    now,
                    self._store.sealer.seal(orjson.dumps({"reason": reason}), reveal_context(key)),
                ),
            )
            facts = {"reveal": str(key)}
            return await self._cases.done(
                conn, one, CaseAct.ASK_REVEAL, acting, text=reason, facts=facts, now=now, made_id=key
            )

    async def approve(
        self, case_id: str, reveal_id: str, acting: Acting, *, now: datetime, within: Connection | None = None
    ) -> CaseDone:
        """Approve as the second person; refused for whoever asked, by client or by person."""
        async with joined(self._store, within) as conn:
            one = await self._cases.require(conn, case_id, acting, CaseAct.APPROVE_REVEAL, now=now)
            asked = await _read(conn, one, reveal_id)
            if decides_alone(
                acting.client_id, acting.person, asked_by=asked["asked_by"], asked_person=asked["asked_person"]
            ):
                raise refusals.second_person()
            if asked["approved_at"] is not None:
                raise refusals.approved_already()
            until = now + timedelta(hours=self._cases.settings.reveal_hours)
            await conn.execute(
                "UPDATE case_reveals SET approved_by = %s, approved_person = %s, approved_at = %s, valid_until = %s"
                " WHERE id = %s",
                (acting.client_id, acting.person, now, until, asked["id"]),
            )
            facts = {"reveal": str(asked["id"])}
            return await self._cases.done(
                conn, one, CaseAct.APPROVE_REVEAL, acting, facts=facts, now=now, made_id=asked["id"]
            )

    async def read(self, case_id: str, reveal_id: str, acting: Acting, *, now: datetime) -> CaseNumbersView:
        """Return the numbers by look-up, once more on record; only to whoever asked, while the permission lasts."""
        async with self._store.transaction() as conn:
            one = await self._cases.require(conn, case_id, acting, CaseAct.READ_NUMBERS, now=now)
            asked = await _read(conn, one, reveal_id)
            if (asked["asked_by"], asked["asked_person"]) != (acting.client_id, acting.person):
                raise refusals.not_yours()
            if asked["approved_at"] is None:
                raise refusals.reading_not_approved()
            if now > asked["valid_until"]:
                raise refusals.reading_over()
            pieces = await read_pieces(conn, self._store.sealer, one.id)
            people = numbers_in(pieces)
            await record_reading(conn, self._cases, one, acting, people, reveal_id=asked["id"], now=now)
            facts = {"reveal": str(asked["id"]), "people": str(len(people))}
            await write_act(conn, self._store.sealer, one.id, CaseAct.READ_NUMBERS, acting, now=now, facts=facts)
        numbers = {lookup["id"]: lookup["subject"] for piece in pieces for lookup in piece.document["lookups"]}
        return CaseNumbersView(case_id=str(one.id), reveal_id=str(asked["id"]), numbers=numbers)


async def record_reading(
    conn: Connection,
    cases: CaseService,
    one: Case,
    acting: Acting,
    people: list[str],
    *,
    reveal_id: UUID | None,
    now: datetime,
) -> None:
    """Note whose numbers left the case, so that it stands in their own view."""
    hasher = await cases.hasher()
    await conn.execute(
        "INSERT INTO case_readings (id, case_id, reveal_id, at, client_id, person, subject_hashes)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            uuid_utils.compat.uuid7(),
            one.id,
            reveal_id,
            now,
            acting.client_id,
            acting.person,
            [hasher.hash(number) for number in people],
        ),
    )


async def _read(conn: Connection, one: Case, reveal_id: str) -> dict[str, Any]:
    key = id_or(reveal_id, refusals.reading_not_found)
    cursor = await conn.cursor(row_factory=dict_row).execute(
        "SELECT id, asked_by, asked_person, approved_at, valid_until FROM case_reveals WHERE id = %s AND case_id = %s"
        " FOR UPDATE",
        (key, one.id),
    )
    row = await cursor.fetchone()
    if row is None:
        raise refusals.reading_not_found()
    return row
