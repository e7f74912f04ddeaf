"""The promises of `QuestionDesk`, `RatingPublisher` and `TechnicalIds` of `contracts.ports`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from contracts.conformance.adapter import PortSuite
from contracts.conformance.safety import personal_texts
from contracts.conformance.stage import Stage, staged
from contracts.conformance.subject import Subject
from contracts.conformance.wire import Act
from contracts.dossier import Agency
from contracts.ports import AnswerPush, QuestionDesk, RatingPublisher, RatingPush, RepeatClass, TechnicalIds
from contracts.questions import Answer, QuestionOrigin
from contracts.ratings import Grades, MonthlyRating

_QUESTION = "CH-0001"
_NUMBER = "099199000123"
_OF_THE_QUESTION = "Nội dung riêng của câu hỏi"


def _answer() -> Answer:
    return Answer(
        question_id=_QUESTION,
        origin=QuestionOrigin.PORTAL,
        agency_code="H99.12",
        content="Nội dung riêng của câu trả lời",
        officer_name="Lê Văn Thử",
        officer_title="Chuyên viên",
        answered_at=datetime(2026, 10, 9, 3, 0, tzinfo=UTC),
    )


def _rating() -> MonthlyRating:
    grades = Grades(very_satisfied=Decimal("80.00"), satisfied=Decimal("15.50"), not_satisfied=Decimal("4.50"))
    return MonthlyRating(
        month="2026-10",
        procedure_code="1.000001.H99",
        revision=1,
        agency=Agency(code="H99.12", name="UBND phường Mẫu"),
        raters=20,
        officers=grades,
        service=grades,
        opinions=("Nội dung riêng của ý kiến",),
        content="Mức độ hài lòng tháng 10",
    )


async def _ask(stage: Stage) -> None:
    """Let somebody ask a question at the partner: what a simulator of this port offers below ``/seed``."""
    question = {"origin": "portal", "id": _QUESTION, "fields": {"content": _OF_THE_QUESTION}}
    status, _ = await stage.control("POST", "/seed", {"questions": [question]})
    assert status == 201
    await stage.connection.list_answers(_QUESTION)


async def _push_answer(_stage: Stage, connection: Any) -> None:
    await connection.push_answer(AnswerPush("ex-1", _answer()))


async def _mend_answer(stage: Stage) -> None:
    if not await stage.connection.list_answers(_QUESTION):
        await stage.connection.push_answer(AnswerPush("ex-1", _answer()))
    (given,) = await stage.connection.list_answers(_QUESTION)
    assert given.content == _answer().content


class QuestionDeskSuite(PortSuite):
    """Questions come, answers go and are found again."""

    PORT = QuestionDesk
    REPEAT: ClassVar = {
        "list_questions": frozenset({RepeatClass.SAFE}),
        "list_answers": frozenset({RepeatClass.SAFE}),
        "push_answer": frozenset({RepeatClass.RECONCILE_FIRST, RepeatClass.IDEMPOTENT}),
    }
    ACTS: ClassVar = (
        Act(
            "list_questions",
            is_write=False,
            prepare=_ask,
            perform=lambda _stage, connection: connection.list_questions(),
            personal=lambda: frozenset({_OF_THE_QUESTION}),
        ),
        Act(
            "list_answers",
            is_write=False,
            prepare=_ask,
            perform=lambda _stage, connection: connection.list_answers(_QUESTION),
        ),
        Act(
            "push_answer",
            is_write=True,
            prepare=_ask,
            perform=_push_answer,
            personal=lambda: personal_texts(_answer()),
            mend=_mend_answer,
        ),
    )

    @pytest.mark.asyncio
    async def test_a_question_comes_and_its_answer_is_found_again(self, subject: Subject) -> None:
        """Asked there, told here with its own id; answered here, held there once."""
        async with staged(subject) as stage:
            assert list(await stage.connection.list_questions()) == []
            await _ask(stage)
            (question,) = await stage.connection.list_questions()
            assert (question.id, question.origin, question.content) == (
                _QUESTION,
                QuestionOrigin.PORTAL,
                _OF_THE_QUESTION,
            )
            assert list(await stage.connection.list_answers(_QUESTION)) == []
            await _push_answer(stage, stage.connection)
            (given,) = await stage.connection.list_answers(_QUESTION)
            assert (given.content, given.officer_name) == (_answer().content, _answer().officer_name)


class RatingPublisherSuite(PortSuite):
    """The satisfaction of a month, one per procedure."""

    PORT = RatingPublisher
    REPEAT: ClassVar = {"push_rating": frozenset({RepeatClass.IDEMPOTENT, RepeatClass.NEVER})}
    ACTS: ClassVar = (
        Act(
            "push_rating",
            is_write=True,
            prepare=lambda stage: stage.connection.push_rating(RatingPush("ex-0", _rating())),
            perform=lambda _stage, connection: connection.push_rating(RatingPush("ex-1", _rating())),
            personal=lambda: personal_texts(_rating()),
        ),
    )

    @pytest.mark.asyncio
    async def test_a_rating_arrives(self, subject: Subject) -> None:
        """And where the operation is idempotent, a repetition changes nothing."""
        async with staged(subject) as stage:
            operation = stage.connection.operations["push_rating"]
            for _ in range(2 if operation.repeat is RepeatClass.IDEMPOTENT else 1):
                await stage.connection.push_rating(RatingPush("ex-1", _rating()))
            _, state = await stage.control("GET", "/state")
            assert state["ratings"] == 1


class TechnicalIdsSuite(PortSuite):
    """Who has an account there."""

    PORT = TechnicalIds
    REPEAT: ClassVar = {"find_technical_ids": frozenset({RepeatClass.SAFE})}
    ACTS: ClassVar = (
        Act(
            "find_technical_ids",
            is_write=False,
            prepare=lambda stage: stage.connection.find_technical_ids(_NUMBER),
            perform=lambda _stage, connection: connection.find_technical_ids(_NUMBER),
            personal=lambda: frozenset({_NUMBER}),
        ),
    )

    @pytest.mark.asyncio
    async def test_who_has_no_account_has_no_id(self, subject: Subject) -> None:
        """That is an answer, told from a failure to ask; and each id comes once."""
        async with staged(subject) as stage:
            assert list(await stage.connection.find_technical_ids("099199999999")) == []
            found = list(await stage.connection.find_technical_ids(_NUMBER))
            assert len(set(found)) == len(found)
