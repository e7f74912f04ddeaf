"""The officers' side: which look-ups they are asked to explain, and their answers, through the dossier system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pydantic import TypeAdapter
from starlette.types import ASGIApp

from contracts.errors import Sentence
from hub.access.agencies import covers
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.cases.asking import Explanations
from hub.cases.bodies import ExplanationRequest, QuestionQuery
from hub.cases.records import Acting
from hub.cases.views import AnsweredView, ExplanationPage, ExplanationView
from hub.errors import Refusal
from hub.settings import ApiSettings
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.posting import Posting
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success

TAG = "look-ups"

ANSWER: TypeAdapter[ExplanationRequest] = TypeAdapter(ExplanationRequest)
QUERY: TypeAdapter[QuestionQuery] = TypeAdapter(QuestionQuery)
ONE = TypeAdapter(ExplanationView)
PAGE = TypeAdapter(ExplanationPage)
ANSWERED = TypeAdapter(AnsweredView)

_UNIT = Sentence(
    "This client may not act for the officer's unit; ask the operator of the hub.",
    "Ứng dụng này không được phép thao tác cho đơn vị của cán bộ; hãy liên hệ quản trị viên.",
)


class ExplanationApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(
        self,
        explanations: Explanations,
        store: Store,
        settings: ApiSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``store`` keeps the answers by idempotency key; ``settings`` limit bodies; ``now`` is the clock."""
        self._explanations = explanations
        self._posting = Posting(store, settings)
        self._now = now

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/explanations``."""
        query = read_query(QUERY, call.scope["query_string"])
        found = await self._explanations.page(
            agencies=call.principal.agencies,
            account_id=query.account_id,
            include_closed=query.closed,
            cursor=query.cursor,
            limit=query.limit,
            now=self._now(),
        )
        return Answer(200, PAGE.dump_json(found))

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/explanations/{id}``."""
        found = await self._explanations.get(call.path["id"], agencies=call.principal.agencies, now=self._now())
        return Answer(200, ONE.dump_json(found))

    async def answer(self, call: Call) -> ASGIApp:
        """``POST /v1/explanations/{id}/answer``."""

        async def work(wanted: ExplanationRequest, conn: Connection) -> bytes:
            agencies = tuple(call.principal.agencies)
            if agencies and not covers(agencies, wanted.actor.unit_code):
                raise Refusal(403, "unit_not_allowed", _UNIT, field="actor.unit_code")
            acting = Acting(call.principal.client_id, wanted.actor.account_id, agencies)
            found = await self._explanations.answer(
                call.path["id"], acting, text=wanted.text, justified=wanted.justified, now=self._now(), within=conn
            )
            return ANSWERED.dump_json(found)

        return await self._posting.once(call, ANSWER, work)


_ID = Parameter("id", "path", "Id of the request.", {"type": "string", "format": "uuid"}, required=True)
_EXAMPLE = {
    "actor": {"account_id": "canbo.motcua01", "unit_code": "H99.12", "ip": "10.0.0.7"},
    "text": "Công dân đến nộp hồ sơ trực tiếp, hồ sơ được nhập sau khi mất điện.",
}


def resources(api: ExplanationApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of explanations."""
    base = "/v1/explanations"
    about = "For the agencies of the client. People are masked; the officer knows whom they looked up."
    listed = Operation(
        method="GET",
        handler=api.page,
        access=Scope.EXPLANATIONS_WRITE,
        name="list_explanations",
        summary="List look-ups to be explained",
        description=about,
        tag=TAG,
        parameters=filters(QUERY),
        successes=(Success(200, "The answer.", PAGE),),
        refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
    )
    one = Operation(
        method="GET",
        handler=api.one,
        access=Scope.EXPLANATIONS_WRITE,
        name="get_explanation",
        summary="Read one request to explain look-ups",
        description=about,
        tag=TAG,
        parameters=(_ID,),
        successes=(Success(200, "The answer.", ONE),),
        refusals={404: "explanation_not_found"},
    )
    answer = Operation(
        method="POST",
        handler=api.answer,
        access=Scope.EXPLANATIONS_WRITE,
        name="answer_explanation",
        summary="Explain look-ups",
        description="By the officer who was asked; for the random sample by a supervisor, with `justified`. The first"
        " answer stands; a late one counts, as late.",
        tag=TAG,
        body=ANSWER,
        body_example=_EXAMPLE,
        parameters=(_ID, IDEMPOTENCY_KEY),
        successes=(Success(200, "Taken in.", ANSWERED, headers=("Idempotency-Replayed",)),),
        refusals={
            403: "not_the_officer_asked, supervisor_required, unit_not_allowed",
            404: "explanation_not_found",
            409: "explanation_given, explanation_cancelled, idempotency_conflict",
            422: "justified_not_asked, or a field is invalid",
        },
    )
    return (
        Resource(base, (listed,), guard),
        Resource(f"{base}/{{id}}", (one,), guard),
        Resource(f"{base}/{{id}}/answer", (answer,), guard),
    )
