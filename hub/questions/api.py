"""The API of questions: list them by deadline, read one, answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.questions import AnswerEntry
from contracts.text import require_plausible
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.questions.service import Answerer, QuestionService
from hub.questions.views import AnswerReceipt, QuestionPage, QuestionState, QuestionView
from hub.settings import ApiSettings
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, fingerprint
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "questions"
MAX_PAGE = 500

_Moment = Annotated[AwareDatetime, AfterValidator(require_plausible)]


class QuestionQuery(BaseModel):
    """The filters of the list of questions; those given must all hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Annotated[QuestionState | None, Field(description="In this state.")] = None
    overdue: Annotated[
        bool | None, Field(description="Whether the deadline has passed and no answer is there or on its way.")
    ] = None
    due_before: Annotated[_Moment | None, Field(description="With a deadline before this moment (RFC 3339).")] = None
    cursor: Annotated[
        str | None, StringConstraints(max_length=100), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Most entries of a page.")] = 50


QUERY: TypeAdapter[QuestionQuery] = TypeAdapter(QuestionQuery)
ENTRY: TypeAdapter[AnswerEntry] = TypeAdapter(AnswerEntry)
EXAMPLE = {
    "content": "Hồ sơ được nộp tại Trung tâm phục vụ hành chính công phường Mẫu.",
    "officer_name": "Phạm Thị Thử",
    "officer_title": "Chuyên viên",
    "answered_at": "2026-10-09T10:00:00+07:00",
}


class QuestionApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, service: QuestionService, settings: ApiSettings) -> None:
        self._service = service
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def list(self, call: Call) -> ASGIApp:
        """``GET /v1/questions``."""
        query = read_query(QUERY, call.scope["query_string"])
        page = await self._service.page(
            _caller(call),
            state=query.state,
            overdue=query.overdue,
            due_before=query.due_before,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Answer(200, page.model_dump_json().encode())

    async def get(self, call: Call) -> ASGIApp:
        """``GET /v1/questions/{id}``."""
        return Answer(200, (await self._service.get(call.path["id"], _caller(call))).model_dump_json().encode())

    async def answer(self, call: Call) -> ASGIApp:
        """``POST /v1/questions/{id}/answers``."""
        key = idempotency_key(call.headers)
        require_json(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        entry = read_json(ENTRY, body)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()
        document, replayed = await self._service.answer(call.path["id"], entry, _caller(call), claim)
        return Answer(201, document, ((b"idempotency-replayed", b"true"),) if replayed else ())


def _caller(call: Call) -> Answerer:
    return Answerer(call.principal.client_id, frozenset(call.principal.agencies))


_ID = Parameter("id", "path", "The id of the question.", {"type": "string", "format": "uuid"}, required=True)


def resources(api: QuestionApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of questions."""
    listed = Operation(
        method="GET",
        handler=api.list,
        access=Scope.QUESTIONS_READ,
        name="list_questions",
        summary="List the questions of one's agencies by deadline",
        description="Without their texts. The deadline counts working days as the province's profile says.",
        tag=TAG,
        parameters=filters(QUERY),
        successes=(Success(200, "The page.", TypeAdapter(QuestionPage)),),
        refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
    )
    one = Operation(
        method="GET",
        handler=api.get,
        access=Scope.QUESTIONS_READ,
        name="get_question",
        summary="Read a question and the answers given to it",
        description="Holds citizens' data.",
        tag=TAG,
        parameters=(_ID,),
        successes=(Success(200, "The question.", TypeAdapter(QuestionView)),),
        refusals={404: "question_not_found"},
    )
    answer = Operation(
        method="POST",
        handler=api.answer,
        access=Scope.QUESTIONS_ANSWER,
        name="answer_question",
        summary="Answer a question",
        description="Answered after the commit is durable; the answer then travels as an exchange.",
        tag=TAG,
        body=ENTRY,
        body_example=EXAMPLE,
        parameters=(_ID, IDEMPOTENCY_KEY),
        successes=(Success(201, "Accepted; durable.", TypeAdapter(AnswerReceipt), headers=("Idempotency-Replayed",)),),
        refusals={404: "question_not_found", 409: "already_answered, connection_not_configured, idempotency_conflict"},
    )
    return (
        Resource("/v1/questions", (listed,), guard),
        Resource("/v1/questions/{id}", (one,), guard),
        Resource("/v1/questions/{id}/answers", (answer,), guard),
    )
