"""The API of look-ups. What is asked stands in the body, never in an address, because addresses are logged."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter
from starlette.types import ASGIApp

from contracts.lookups import TechnicalIdQuestion
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.lookups.recording import LookupCaller
from hub.lookups.service import TechnicalIdService
from hub.lookups.views import TechnicalIdAnswer
from hub.settings import ApiSettings
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.parameters import IDEMPOTENCY_KEY
from hub.web.resources import Call, Operation, Resource, Success
from hub.web.validation import read_json

TAG = "look-ups"

QUESTION: TypeAdapter[TechnicalIdQuestion] = TypeAdapter(TechnicalIdQuestion)
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

    def __init__(self, technical_ids: TechnicalIdService, settings: ApiSettings) -> None:
        self._technical_ids = technical_ids
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def technical_ids(self, call: Call) -> ASGIApp:
        """``POST /v1/lookups/technical-ids``."""
        # A look-up is a question: repeated, it is asked and recorded again, so no answer is kept under the key.
        idempotency_key(call.headers)
        require_json(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        question = read_json(QUESTION, body)
        call.begin_work()
        answer = await self._technical_ids.find(question, caller_of(call))
        return Answer(200, answer.model_dump_json().encode(), NO_STORE)


NO_STORE = ((b"cache-control", b"no-store"),)
"""An answer about a citizen is kept by nobody in between."""


def caller_of(call: Call) -> LookupCaller:
    """Return who calls."""
    return LookupCaller(call.principal.client_id, tuple(call.principal.agencies))


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
    return (Resource("/v1/lookups/technical-ids", (technical_ids,), guard),)
