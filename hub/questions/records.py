"""How questions and answers lie in the database: sealed, each bound to its place."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from contracts.questions import AnswerEntry, Question
from hub.access.agencies import levels
from hub.store.sealing import Sealer

SUBJECT = "question"

STATE: LiteralString = """
    CASE WHEN q.state <> 'answering' OR e.id IS NULL THEN q.state
         WHEN e.state = 'delivered' THEN 'answered'
         WHEN e.ended_at IS NULL THEN 'answering'
         ELSE 'answer_failed' END
"""
"""Where a question ``q`` stands, given the exchange ``e`` of its newest answer."""

JOINED: LiteralString = """
    questions q
    LEFT JOIN question_answers a ON a.question_id = q.id AND a.number = q.answers
    LEFT JOIN exchanges e ON e.id = a.exchange_id
"""


def subject_of(question_id: UUID) -> str:
    """Return the lane of a question's answers."""
    return f"{SUBJECT}:{question_id}"


def question_context(question_id: UUID | str) -> str:
    """Name the place of a question for the sealing."""
    return f"questions:{question_id}"


def answer_context(question_id: UUID | str, number: int) -> str:
    """Name the place of an answer for the sealing."""
    return f"question_answers:{question_id}:{number}"


def open_question(sealer: Sealer, question_id: UUID, sealed: bytes) -> Question:
    """Return a question from its row."""
    return Question.model_validate_json(sealer.open(bytes(sealed), question_context(question_id)))


def open_answer(sealer: Sealer, question_id: UUID, number: int, sealed: bytes) -> AnswerEntry:
    """Return an answer from its row."""
    return AnswerEntry.model_validate_json(sealer.open(bytes(sealed), answer_context(question_id, number)))


async def insert_question(
    conn: AsyncConnection[Any],
    sealer: Sealer,
    question_id: UUID,
    connection: str,
    question: Question,
    *,
    procedure_root: str | None,
    received_at: datetime,
    due_at: datetime,
    state: str,
) -> None:
    """Insert a question that is not here yet."""
    await conn.execute(
        "INSERT INTO questions (id, connection, their_id, origin, agency_path, agency_code, procedure_root,"
        " asked_at, received_at, due_at, state, answered_at, sealed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s = 'answered' THEN %s END, %s)",
        (
            question_id,
            connection,
            question.id,
            question.origin.value,
            agency_path(question.agency_code),
            question.agency_code,
            procedure_root,
            question.asked_at,
            received_at,
            due_at,
            state,
            state,
            received_at,
            sealer.seal(question.model_dump_json().encode(), question_context(question_id)),
        ),
    )


def agency_path(code: str) -> str:
    """Return an agency's levels from the top, each with a full stop: of one above it, this is a beginning."""
    return "".join(f"{level}." for level in levels(code))


COVERED: LiteralString = """
    EXISTS (SELECT FROM unnest(%(agencies)s::text[]) AS above(path) WHERE starts_with(q.agency_path, above.path))
"""
"""Whether the agency of a question ``q`` is, or lies below, one of the paths ``agencies``."""
