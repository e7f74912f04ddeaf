"""The courier of answers: an accepted answer becomes a call, and an unknown outcome is settled by asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.ports import AnswerPush, CallReport, QuestionDesk
from contracts.questions import Answer
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.single import SingleCourier
from hub.questions.records import SUBJECT, open_answer, open_question
from hub.store.sealing import Sealer

PUSH_ANSWER = "push_answer"


class AnswerCourier(SingleCourier):
    """Delivers ``push_answer``: the answer whose number the exchange names."""

    def __init__(self, desk: QuestionDesk, sealer: Sealer) -> None:
        """The operation's limits are those the connection declares."""
        super().__init__(desk.operations[PUSH_ANSWER], replaces=False)
        self._desk = desk
        self._sealer = sealer

    async def read(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Any]:
        """Open question and answer."""
        keys = [UUID(one.subject.removeprefix(f"{SUBJECT}:")) for one in exchanges]
        cursor = await conn.execute(
            "SELECT a.question_id, a.number, a.sealed, q.sealed FROM question_answers a"
            " JOIN questions q ON q.id = a.question_id"
            " JOIN unnest(%s::uuid[], %s::int[]) AS v(id, number) ON v.id = a.question_id AND v.number = a.number",
            (keys, [one.revision for one in exchanges]),
        )
        found = {(row[0], row[1]): (row[2], row[3]) for row in await cursor.fetchall()}
        return {
            one.id: AnswerPush(str(one.id), self._open(key, one.revision, *found[key, one.revision]))
            for key, one in zip(keys, exchanges, strict=True)
        }

    def _open(self, key: UUID, number: int, sealed_answer: bytes, sealed_question: bytes) -> Answer:
        entry = open_answer(self._sealer, key, number, sealed_answer)
        question = open_question(self._sealer, key, sealed_question)
        return Answer(
            content=entry.content,
            officer_name=entry.officer_name,
            officer_title=entry.officer_title,
            answered_at=entry.answered_at,
            question_id=question.id,
            origin=question.origin,
            agency_code=question.agency_code,
        )

    async def push(self, content: AnswerPush) -> CallReport:
        """Hand the answer in."""
        return await self._desk.push_answer(content)

    async def is_there(self, content: AnswerPush) -> bool:
        """Look for the same words by the same officer among the answers of the question."""
        answer = content.answer
        held = await self._desk.list_answers(answer.question_id)
        return any((one.content, one.officer_name) == (answer.content, answer.officer_name) for one in held)
