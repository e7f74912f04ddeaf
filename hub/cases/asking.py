"""Questions to officers: explain this look-up. Asked about a case; or of the supervisor, without one.

Supervisors justify the monthly random sample, and look-ups made as break-glass that no dossier explained.

The clock runs in the working hours of the province (profile value ``explanation_working_hours``). The officer answers
through the dossier system; what they write is sealed, and the first answer stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import dict_row

from hub.access.agencies import covers
from hub.cases import refusals
from hub.cases.evidence import lookups_of_case, read_lookups
from hub.cases.notices import tell_of_case
from hub.cases.parts import is_overdue
from hub.cases.records import Acting, open_text, question_context, write_act
from hub.cases.states import CaseAct, CaseState
from hub.cases.views import AnsweredView, AskedLookupView, ExplanationPage, ExplanationView
from hub.ledger.entries import record_act
from hub.masking import mask_text
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.store.sealing import Sealer
from hub.web import cursors
from hub.web.ids import id_or

_COLUMNS = (
    "id, case_id, purpose, account_id, unit_code, lookup_ids, asked_at, due_at, answered_at, cancelled_at, sealed"
)

_LOOK_BACK = timedelta(days=90)
"""How old a look-up may be that is to be explained."""


async def require_of_case(conn: Connection, case_id: UUID, lookup_ids: Sequence[UUID]) -> None:
    """Refuse (422) look-ups that the case is not about."""
    if not set(lookup_ids) <= set(await lookups_of_case(conn, case_id)):
        raise refusals.lookups_not_of_case()


async def insert(
    conn: Connection,
    sealer: Sealer,
    *,
    case_id: UUID | None,
    purpose: str,
    account_id: str,
    unit_code: str,
    lookup_ids: Sequence[UUID],
    question: str,
    asked_by: str,
    now: datetime,
    due_at: datetime,
) -> UUID:
    """Store a question and return its id."""
    question_id = uuid_utils.compat.uuid7()
    await conn.execute(
        "INSERT INTO case_questions (id, case_id, purpose, account_id, unit_code, lookup_ids, asked_by, asked_at,"
        " due_at, sealed) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            question_id,
            case_id,
            purpose,
            account_id,
            unit_code,
            list(lookup_ids),
            asked_by,
            now,
            due_at,
            sealer.seal(orjson.dumps({"question": question}), question_context(question_id)),
        ),
    )
    return question_id


async def cancel(conn: Connection, case_id: UUID, *, now: datetime) -> None:
    """Note that the open questions of a case are not waited for any more."""
    await conn.execute(
        "UPDATE case_questions SET cancelled_at = %s WHERE case_id = %s AND answered_at IS NULL"
        " AND cancelled_at IS NULL",
        (now, case_id),
    )


class Explanations:
    """The officers' side: what is asked of the agencies of a client, and the answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self,
        *,
        agencies: Sequence[str],
        account_id: str | None,
        include_closed: bool,
        cursor: str | None,
        limit: int,
        now: datetime,
    ) -> ExplanationPage:
        """Return questions for these agencies (none: all), the newest first, people masked."""
        async with self._store.transaction() as conn:
            found = await conn.cursor(row_factory=dict_row).execute(
                f"SELECT {_COLUMNS} FROM case_questions"  # noqa: S608 - constants
                " WHERE (%(after)s::uuid IS NULL OR id < %(after)s)"
                " AND (%(account)s::text IS NULL OR account_id = %(account)s)"
                " AND (%(closed)s OR (answered_at IS NULL AND cancelled_at IS NULL)) ORDER BY id DESC LIMIT %(limit)s",
                {
                    "after": None if cursor is None else cursors.id_of(cursor),
                    "account": account_id,
                    "closed": include_closed,
                    "limit": limit + 1,
                },
            )
            rows = await found.fetchall()
            shown = [row for row in rows[:limit] if not agencies or covers(agencies, row["unit_code"])]
            return ExplanationPage(
                items=tuple([await self._view(conn, row, now) for row in shown]),
                next_cursor=str(rows[limit - 1]["id"]) if len(rows) > limit else None,
            )

    async def get(
        self, question_id: str, *, agencies: Sequence[str], now: datetime, within: Connection | None = None
    ) -> ExplanationView:
        """Return one question, or refuse with 404."""
        key = id_or(question_id, refusals.question_not_found)
        async with joined(self._store, within) as conn:
            return await self._view(conn, await self._row(conn, key, agencies), now)

    async def answer(
        self,
        question_id: str,
        acting: Acting,
        *,
        text: str,
        justified: bool | None,
        now: datetime,
        within: Connection | None = None,
    ) -> AnsweredView:
        """Take the answer in; the case goes back to whoever asked. A late answer counts, as late.

        Refuses an answer by another than the officer who was asked; without a case, by that officer.
        """
        key = id_or(question_id, refusals.question_not_found)
        async with joined(self._store, within) as conn:
            await conn.execute("SELECT FROM case_questions WHERE id = %s FOR UPDATE", (key,))
            row = await self._row(conn, key, acting.agencies)
            _require_answerable(row, acting, justified=justified)
            words = open_text(self._store.sealer, row["sealed"], question_context(row["id"])) | {"answer": text}
            await conn.execute(
                "UPDATE case_questions SET answered_at = %s, answered_by = %s, answered_person = %s, justified = %s,"
                " sealed = %s WHERE id = %s",
                (
                    now,
                    acting.client_id,
                    acting.person,
                    justified,
                    self._store.sealer.seal(orjson.dumps(words), question_context(row["id"])),
                    row["id"],
                ),
            )
            facts = {"purpose": row["purpose"], "person": acting.person}
            if justified is not None:
                facts["justified"] = str(justified).lower()
            await record_act(
                conn,
                act="explanation.given",
                actor=acting.client_id,
                target=f"explanation:{row['id']}",
                reason=text,
                facts=facts,
                at=now,
            )
            if row["case_id"] is not None:
                await self._give_back(conn, row["case_id"], row["id"], acting, now)
            return AnsweredView(id=str(row["id"]), answered_at=now, overdue=now > row["due_at"])

    async def _give_back(
        self, conn: Connection, case_id: UUID, question_id: UUID, acting: Acting, now: datetime
    ) -> None:
        """Let the case go on once nothing is open any more."""
        cursor = await conn.execute("SELECT state FROM cases WHERE id = %s FOR UPDATE", (case_id,))
        row = await cursor.fetchone()
        cursor = await conn.execute(
            "SELECT FROM case_questions WHERE case_id = %s AND answered_at IS NULL AND cancelled_at IS NULL", (case_id,)
        )
        facts = {"question": str(question_id)}
        await write_act(conn, self._store.sealer, case_id, CaseAct.ANSWER, acting, now=now, facts=facts)
        waits = row is not None and row[0] == CaseState.WAITING_EXPLANATION.value
        if waits and await cursor.fetchone() is None:
            await conn.execute(
                "UPDATE cases SET state = %s, changed_at = %s WHERE id = %s", (CaseState.TAKEN.value, now, case_id)
            )
            await tell_of_case(conn, case_id, now=now)

    async def _row(self, conn: Connection, key: UUID, agencies: Sequence[str]) -> dict[str, Any]:
        cursor = await conn.cursor(row_factory=dict_row).execute(
            f"SELECT {_COLUMNS} FROM case_questions WHERE id = %s",  # noqa: S608 - constants
            (key,),
        )
        row = await cursor.fetchone()
        if row is None or (agencies and not covers(agencies, row["unit_code"])):
            raise refusals.question_not_found()
        return row

    async def _view(self, conn: Connection, row: dict[str, Any], now: datetime) -> ExplanationView:
        words = open_text(self._store.sealer, row["sealed"], question_context(row["id"]))
        asked_at: datetime = row["asked_at"]
        found = await read_lookups(
            conn, row["account_id"], row["lookup_ids"], since=asked_at - _LOOK_BACK, until=asked_at
        )
        return ExplanationView(
            id=str(row["id"]),
            purpose=row["purpose"],
            account_id=row["account_id"],
            unit_code=row["unit_code"],
            question=mask_text(words["question"]),
            asked_at=asked_at,
            due_at=row["due_at"],
            overdue=is_overdue(row, now),
            answered_at=row["answered_at"],
            cancelled_at=row["cancelled_at"],
            lookups=tuple(
                AskedLookupView(
                    id=str(one.id),
                    asked_at=one.asked_at,
                    kind=one.kind,
                    dossier_code=one.dossier_code,
                    purpose=one.purpose,
                    person=mask_text(one.subject_number(self._store.sealer)),
                    outcome=one.outcome,
                )
                for one in found
            ),
        )


def _require_answerable(row: dict[str, Any], acting: Acting, *, justified: bool | None) -> None:
    is_officer = acting.person.casefold() == row["account_id"].casefold()
    if row["answered_at"] is not None:
        raise refusals.answered_already()
    if row["cancelled_at"] is not None:
        raise refusals.question_cancelled()
    if row["purpose"] != "case":
        if is_officer or justified is None:
            raise refusals.not_the_supervisor()
        return
    if justified is not None:
        raise refusals.justified_not_asked()
    if not is_officer:
        raise refusals.not_the_officer()
