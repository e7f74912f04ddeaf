"""Reading questions and answering them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from contracts.errors import Sentence
from contracts.ports import QuestionDesk
from contracts.questions import AnswerEntry, QuestionOrigin
from hub.errors import Refusal
from hub.exchanges.outbox import NewExchange, enqueue, new_exchange_id
from hub.questions.delivery import PUSH_ANSWER
from hub.questions.records import (
    COVERED,
    JOINED,
    STATE,
    agency_path,
    answer_context,
    open_answer,
    open_question,
    subject_of,
)
from hub.questions.views import AnswerReceipt, QuestionPage, QuestionState, QuestionSummary, QuestionView
from hub.store.engine import Store
from hub.web import cursors
from hub.web.idempotency import IdempotencyClaim, at_most_once
from hub.web.ids import id_or

_NOT_FOUND = Sentence(
    "There is no question with this id for the agencies of this client.",
    "Không có câu hỏi nào với mã này thuộc các cơ quan của ứng dụng.",
)
_ANSWERED = Sentence(
    "This question has been answered, or an answer is on its way; look at its exchange first.",
    "Câu hỏi này đã được trả lời hoặc câu trả lời đang được gửi; hãy xem lượt trao đổi trước.",
)
_NOT_CONFIGURED = Sentence(
    "The connection this question came from is not configured any more; an answer could not leave.",
    "Kết nối của câu hỏi này không còn trong cấu hình; không thể gửi câu trả lời.",
)
_IN_FUTURE = Sentence("An answer cannot have been given in the future.", "Thời điểm trả lời không được ở tương lai.")


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who calls, and for which agencies."""

    client_id: str
    agencies: frozenset[str]


class QuestionService:
    """Questions for the API."""

    def __init__(
        self,
        store: Store,
        desks: Mapping[str, QuestionDesk],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``desks`` by connection: where answers can go."""
        self._store = store
        self._desks = desks
        self._now = now

    async def page(
        self,
        caller: Answerer,
        *,
        state: QuestionState | None = None,
        due_before: datetime | None = None,
        overdue: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> QuestionPage:
        """Return questions in the order of their deadlines; what is answered is never overdue."""
        now = self._now()
        after_due, after_id = _cursor(cursor)
        async with self._store.transaction() as conn:
            rows = await (
                await conn.cursor(row_factory=dict_row).execute(
                    f"""
                    SELECT * FROM (
                        SELECT {_COLUMNS}, {STATE} AS shown_state FROM {JOINED}
                        WHERE {COVERED} AND (%(after_due)s::timestamptz IS NULL
                              OR (q.due_at, q.id) > (%(after_due)s, %(after_id)s::uuid))
                          AND (%(due_before)s::timestamptz IS NULL OR q.due_at < %(due_before)s)
                    ) s
                    WHERE (%(state)s::text IS NULL OR shown_state = %(state)s)
                      AND (%(overdue)s::boolean IS NULL
                           OR (due_at < %(now)s AND shown_state NOT IN ('answered', 'answering')) = %(overdue)s)
                    ORDER BY due_at, id LIMIT %(limit)s
                    """,  # noqa: S608 - put together from constants
                    {
                        "agencies": [agency_path(one) for one in caller.agencies],
                        "after_due": after_due,
                        "after_id": after_id,
                        "due_before": due_before,
                        "state": state.value if state else None,
                        "overdue": overdue,
                        "now": now,
                        "limit": limit + 1,
                    },
                )
            ).fetchall()
        shown = rows[:limit]
        last = f"{shown[-1]['due_at'].isoformat()}_{shown[-1]['id']}" if len(rows) > len(shown) else None
        return QuestionPage(items=tuple(_summary(row, now) for row in shown), next_cursor=last)

    async def get(self, question_id: str, caller: Answerer) -> QuestionView:
        """Return a question with its text and answers, or refuse with 404."""
        async with self._store.transaction() as conn:
            row = await self._find(conn, question_id, caller)
            cursor = await conn.execute(
                "SELECT number, sealed FROM question_answers WHERE question_id = %s ORDER BY number", (row["id"],)
            )
            answers = await cursor.fetchall()
        sealer = self._store.sealer
        return QuestionView(
            summary=_summary(row, self._now()),
            question=open_question(sealer, row["id"], row["sealed"]),
            answers=tuple(open_answer(sealer, row["id"], number, sealed) for number, sealed in answers),
        )

    async def answer(
        self, question_id: str, entry: AnswerEntry, caller: Answerer, claim: IdempotencyClaim
    ) -> tuple[bytes, bool]:
        """Accept an answer, once per idempotency key; return the receipt as JSON and whether it is an earlier one."""

        async def work(conn: AsyncConnection[Any]) -> bytes:
            return (await self._accept(conn, question_id, entry, caller)).model_dump_json().encode()

        stored, replayed = await at_most_once(self._store, claim, work, status=201)
        return stored.body, replayed

    async def _accept(
        self, conn: AsyncConnection[Any], question_id: str, entry: AnswerEntry, caller: Answerer
    ) -> AnswerReceipt:
        now = self._now()
        row = await self._find(conn, question_id, caller, lock=True)
        if row["shown_state"] not in {QuestionState.OPEN, QuestionState.ANSWER_FAILED}:
            raise Refusal(409, "already_answered", _ANSWERED, field="id", exchange_id=str(row["exchange_id"] or ""))
        if row["connection"] not in self._desks:
            raise Refusal(409, "connection_not_configured", _NOT_CONFIGURED)
        if entry.answered_at > now + _SKEW:
            raise Refusal(422, "in_the_future", _IN_FUTURE, field="answered_at")
        number, exchange = row["answers"] + 1, new_exchange_id()
        await conn.execute(
            "INSERT INTO question_answers (question_id, number, exchange_id, accepted_at, client_id, sealed)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (
                row["id"],
                number,
                exchange,
                now,
                caller.client_id,
                self._store.sealer.seal(entry.model_dump_json().encode(), answer_context(row["id"], number)),
            ),
        )
        await conn.execute("UPDATE questions SET answers = %s, state = 'answering' WHERE id = %s", (number, row["id"]))
        new = NewExchange(exchange, row["connection"], subject_of(row["id"]), PUSH_ANSWER, number)
        await enqueue(conn, [new], now=now)
        return AnswerReceipt(
            question_id=str(row["id"]),
            number=number,
            exchange_id=str(exchange),
            due_at=row["due_at"],
            late=now > row["due_at"],
        )

    async def _find(
        self, conn: AsyncConnection[Any], question_id: str, caller: Answerer, *, lock: bool = False
    ) -> dict[str, Any]:
        key = id_or(question_id, _not_found)
        cursor = await conn.cursor(row_factory=dict_row).execute(
            f"SELECT {_COLUMNS}, q.sealed, q.answers, {STATE} AS shown_state FROM {JOINED}"  # noqa: S608 - constants
            f" WHERE q.id = %(id)s AND {COVERED} {'FOR UPDATE OF q' if lock else ''}",
            {"id": key, "agencies": [agency_path(one) for one in caller.agencies]},
        )
        row = await cursor.fetchone()
        if row is None:
            raise _not_found()
        return row


_COLUMNS = """
    q.id, q.connection, q.origin, q.agency_code, q.procedure_root, q.asked_at, q.received_at, q.due_at,
    coalesce(q.answered_at, CASE WHEN e.state = 'delivered' THEN e.ended_at END) AS answered_at,
    a.exchange_id AS exchange_id
"""

_SKEW = timedelta(minutes=5)
"""How far a clock elsewhere may be ahead of ours."""


def _summary(row: Mapping[str, Any], now: datetime) -> QuestionSummary:
    state = QuestionState(row["shown_state"])
    return QuestionSummary(
        id=str(row["id"]),
        connection=row["connection"],
        origin=QuestionOrigin(row["origin"]),
        agency_code=row["agency_code"],
        procedure_root=row["procedure_root"],
        asked_at=row["asked_at"],
        received_at=row["received_at"],
        due_at=row["due_at"],
        overdue=state in {QuestionState.OPEN, QuestionState.ANSWER_FAILED} and row["due_at"] < now,
        state=state,
        answered_at=row["answered_at"],
        exchange_id=None if row["exchange_id"] is None else str(row["exchange_id"]),
    )


def _cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    try:
        moment, _, key = cursor.partition("_")
        due = datetime.fromisoformat(moment)
        return due.astimezone(UTC), UUID(key)
    except (ValueError, OverflowError):
        raise cursors.bad_cursor() from None


def _not_found() -> Refusal:
    return Refusal(404, "question_not_found", _NOT_FOUND, field="id")
