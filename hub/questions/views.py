"""What the API says about questions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from contracts.questions import AnswerEntry, Question, QuestionOrigin


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QuestionState(StrEnum):
    """Where a question stands."""

    OPEN = "open"
    """Nobody has answered yet."""
    ANSWERING = "answering"
    """An answer was accepted here and is on its way."""
    ANSWERED = "answered"
    """The portal holds an answer."""
    ANSWER_FAILED = "answer_failed"
    """The last answer ended without being delivered; see its exchange, then answer again."""


class QuestionSummary(View):
    """One line of the list of questions; without its text."""

    id: str
    connection: str
    origin: QuestionOrigin
    agency_code: str
    procedure_root: str | None
    asked_at: datetime | None
    received_at: datetime
    due_at: datetime
    """Last moment for the answer."""
    overdue: bool
    state: QuestionState
    answered_at: datetime | None
    exchange_id: str | None
    """The exchange that carries the newest answer given here."""


class QuestionPage(View):
    """Questions in the order of their deadlines."""

    items: tuple[QuestionSummary, ...]
    next_cursor: str | None


class QuestionView(View):
    """A question with its text and the answers given here."""

    summary: QuestionSummary
    question: Question
    answers: tuple[AnswerEntry, ...]
    """Oldest first."""


class AnswerReceipt(View):
    """The answer to an answer: it is durable, and this carries it."""

    question_id: str
    number: int
    exchange_id: str
    due_at: datetime
    late: bool
    """Whether the deadline had passed when it was accepted."""
