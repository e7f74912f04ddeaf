"""The API of look-ups. What is asked stands in the body, never in an address, because addresses are logged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter
from starlette.types import ASGIApp

from contracts.lookups import (
    BusinessAnswer,
    BusinessLookup,
    HouseholdAnswer,
    HouseholdLookup,
    PeopleAnswer,
    PeopleLookup,
    PeopleVerification,
    TechnicalIdQuestion,
    VerificationAnswer,
)
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.lookups.plans import GateRefusal
from hub.lookups.recording import LookupCaller
from hub.lookups.refusals import MISMATCH_CODE, codes
from hub.lookups.service import LookupService, TechnicalIdService
from hub.lookups.views import TechnicalIdAnswer
from hub.settings import ApiSettings
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.parameters import IDEMPOTENCY_KEY
from hub.web.partner import no_connection
from hub.web.problems import ProblemAnswer
from hub.web.resources import Call, Operation, Resource, Success
from hub.web.validation import JsonReader, read_json

T = TypeVar("T")

TAG = "look-ups"

QUESTION: TypeAdapter[TechnicalIdQuestion] = TypeAdapter(TechnicalIdQuestion)
PEOPLE: TypeAdapter[PeopleLookup] = TypeAdapter(PeopleLookup)
HOUSEHOLDS: TypeAdapter[HouseholdLookup] = TypeAdapter(HouseholdLookup)
VERIFICATIONS: TypeAdapter[PeopleVerification] = TypeAdapter(PeopleVerification)
BUSINESSES: TypeAdapter[BusinessLookup] = TypeAdapter(BusinessLookup)
ACTOR = {"account_id": "canbo01", "unit_code": "H99.12", "ip": "10.0.0.7"}
EXAMPLE = {"actor": ACTOR, "dossier_code": "H99.12-261008-0001", "number": "099199000123"}

PARTNER_REFUSALS = {
    403: "agency_not_allowed, unit_not_allowed",
    502: "partner_refused, partner_answer_broken",
    503: "partner_unavailable, connection_needs_person, connection_paused, not_configured",
}
"""Refusals of every operation that asks a partner while somebody waits."""


class LookupApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(
        self, technical_ids: TechnicalIdService, settings: ApiSettings, service: LookupService | None = None
    ) -> None:
        """``service`` looks people and enterprises up; without it there is nobody to ask."""
        self._technical_ids = technical_ids
        self._service = service
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def technical_ids(self, call: Call) -> ASGIApp:
        """``POST /v1/lookups/technical-ids``."""
        question = await self._read(call, QUESTION)
        answer = await self._technical_ids.find(question, caller_of(call))
        return Answer(200, answer.model_dump_json().encode(), NO_STORE)

    async def people(self, call: Call) -> ASGIApp:
        """``POST /v1/lookups/people``."""
        return await self._answer(call, PEOPLE, self._looks_up.citizen)

    async def households(self, call: Call) -> ASGIApp:
        """``POST /v1/lookups/households``."""
        return await self._answer(call, HOUSEHOLDS, self._looks_up.household)

    async def verifications(self, call: Call) -> ASGIApp:
        """``POST /v1/verifications/people``."""
        return await self._answer(call, VERIFICATIONS, self._looks_up.confirmation)

    async def businesses(self, call: Call) -> ASGIApp:
        """``POST /v1/lookups/businesses``."""
        return await self._answer(call, BUSINESSES, self._looks_up.enterprise)

    @property
    def _looks_up(self) -> LookupService:
        if self._service is None:
            raise no_connection()
        return self._service

    async def _answer(
        self, call: Call, reader: JsonReader[T], look_up: Callable[[T, LookupCaller], Awaitable[bytes]]
    ) -> ASGIApp:
        wanted = await self._read(call, reader)
        try:
            answer = await look_up(wanted, caller_of(call))
        except GateRefusal as refused:
            if not refused.wait_seconds:
                raise
            return ProblemAnswer(refused, headers={"Retry-After": str(ceil(refused.wait_seconds))})
        return Answer(200, answer, NO_STORE)

    async def _read(self, call: Call, reader: JsonReader[T]) -> T:
        # A look-up is a question: no answer is kept under the key. The gate answers the same request once.
        idempotency_key(call.headers)
        require_json(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        value = read_json(reader, body)
        call.begin_work()
        return value


NO_STORE = ((b"cache-control", b"no-store"),)
"""An answer about a citizen is kept by nobody in between."""


def caller_of(call: Call) -> LookupCaller:
    """Return who calls."""
    return LookupCaller(call.principal.client_id, tuple(call.principal.agencies))


# --- addresses ----------------------------------------------------------------------------------------------

_CITIZEN = {"number": "099199000123", "name": "Trần Thị Mẫu", "birth": {"year": 1999, "day": "1999-01-02"}}
_SERVING = {"actor": ACTOR, "dossier_code": "H99.12-261008-0001", "purpose": "Xác minh người nộp hồ sơ"}
PEOPLE_EXAMPLE: Any = {**_SERVING, "question": _CITIZEN, "fields": ["identity", "residence"]}
HOUSEHOLD_EXAMPLE: Any = {**_SERVING, "question": _CITIZEN}
VERIFICATION_EXAMPLE: Any = {**_SERVING, "confirmation": {"kind": "identity", "citizen": _CITIZEN}}
BUSINESS_EXAMPLE: Any = {**_SERVING, "code": "9999999997"}

GATE_REFUSALS = {
    403: f"unit_not_allowed, {codes(403)}",
    422: f"{codes(422)}, not_expressible, or a field is invalid",
    429: codes(429),
    502: f"partner_refused, partner_answer_broken, {MISMATCH_CODE}",
    503: "partner_unavailable, connection_needs_person, connection_paused, not_configured, first_request_failed",
}
"""Refusals of every look-up that passes the gate."""

_RULES = (
    " For an approved officer, a dossier of the account's units and a purpose; without a dossier under `break_glass`,"
    " which is always reviewed. Past the usual number of people a reason is asked for (429 `step_up_required`)."
    " On record before the partner is asked; in the log, with its entries of the ledger, before the answer is given."
    " The same request again within seconds gets the same answer (`repeated`)."
)


def resources(api: LookupApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of look-ups."""
    technical_ids = Operation(
        method="POST",
        handler=api.technical_ids,
        access=Scope.TECHNICAL_IDS_READ,
        name="look_up_technical_ids",
        summary="Look up the TechID of the owner of a dossier",
        description="Recorded, also in the ledger, before the portal is asked. Repeated, it is asked again.",
        tag=TAG,
        body=QUESTION,
        body_example=EXAMPLE,
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(200, "What the portal says.", TypeAdapter(TechnicalIdAnswer)),),
        refusals=PARTNER_REFUSALS,
    )

    def gated(  # noqa: PLR0917 - a table, one row each
        path: str,
        handler: Any,
        access: Scope,
        name: str,
        summary: str,
        first: str,
        body: TypeAdapter[Any],
        example: Any,
        answer: type[BaseModel],
    ) -> Resource:
        operation = Operation(
            method="POST",
            handler=handler,
            access=access,
            name=name,
            summary=summary,
            description=first + _RULES,
            tag=TAG,
            body=body,
            body_example=example,
            parameters=(IDEMPOTENCY_KEY,),
            successes=(Success(200, "The answer.", TypeAdapter(answer)),),
            refusals=GATE_REFUSALS,
        )
        return Resource(path, (operation,), guard)

    return (
        Resource("/v1/lookups/technical-ids", (technical_ids,), guard),
        gated(
            "/v1/lookups/people",
            api.people,
            Scope.PEOPLE_LOOKUP,
            "look_up_people",
            "Look a citizen up in the population database",
            "Gives the groups of data that the procedure needs and the account may have.",
            PEOPLE,
            PEOPLE_EXAMPLE,
            PeopleAnswer,
        ),
        gated(
            "/v1/lookups/households",
            api.households,
            Scope.PEOPLE_LOOKUP,
            "look_up_households",
            "Look the household of a citizen up",
            "Gives of each member the groups of data that the procedure needs and the account may have.",
            HOUSEHOLDS,
            HOUSEHOLD_EXAMPLE,
            HouseholdAnswer,
        ),
        gated(
            "/v1/verifications/people",
            api.verifications,
            Scope.PEOPLE_VERIFY,
            "verify_people",
            "Have something about a citizen confirmed, yes or no",
            "Null: the database knows no such citizen.",
            VERIFICATIONS,
            VERIFICATION_EXAMPLE,
            VerificationAnswer,
        ),
        gated(
            "/v1/lookups/businesses",
            api.businesses,
            Scope.BUSINESSES_LOOKUP,
            "look_up_businesses",
            "Look an enterprise up by its code",
            "As the business registration database has it.",
            BUSINESSES,
            BUSINESS_EXAMPLE,
            BusinessAnswer,
        ),
    )
