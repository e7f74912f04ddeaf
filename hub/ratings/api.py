"""The API of ratings: hand in the satisfaction of a month by procedure, and read it back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp

from contracts.codes import parse_procedure_code
from contracts.errors import Sentence
from contracts.ratings import RatingEntry
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.ratings.service import Rater, RatingService
from hub.ratings.views import RatingReceipt, RatingView
from hub.settings import ApiSettings
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.faults import FAULTS
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "ratings"

ENTRY: TypeAdapter[RatingEntry] = TypeAdapter(RatingEntry)
EXAMPLE = {
    "agency": {"code": "H99.12", "name": "UBND phường Mẫu"},
    "raters": 40,
    "officers": {"very_satisfied": "62.50", "satisfied": "30.00", "not_satisfied": "7.50"},
    "service": {"very_satisfied": "50.00", "satisfied": "45.00", "not_satisfied": "5.00"},
    "opinions": ["Thủ tục nhanh gọn."],
    "content": "Mức độ hài lòng khi giải quyết thủ tục",
}

_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_BAD_MONTH = Sentence("The month must be written as 2026-10.", "Tháng phải viết theo dạng 2026-10.")


class RatingApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, service: RatingService, settings: ApiSettings) -> None:
        self._service = service
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def put(self, call: Call) -> ASGIApp:
        """``PUT /v1/ratings/{month}/{procedure}``."""
        month, procedure = _place(call)
        require_json(call.headers)
        entry = read_json(ENTRY, await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout))
        call.begin_work()
        receipt = await self._service.put(month, procedure, entry, _caller(call))
        return Answer(201 if receipt.created else 200, receipt.model_dump_json().encode())

    async def get(self, call: Call) -> ASGIApp:
        """``GET /v1/ratings/{month}/{procedure}``."""
        month, procedure = _place(call)
        return Answer(200, (await self._service.get(month, procedure, _caller(call))).model_dump_json().encode())


def _place(call: Call) -> tuple[str, str]:
    month, procedure = call.path["month"], call.path["procedure"]
    if not _MONTH.fullmatch(month):
        raise Refusal(422, "bad_month", _BAD_MONTH, field="month")
    try:
        return month, parse_procedure_code(procedure)
    except PydanticCustomError:
        fault = FAULTS["procedure_code"]
        raise Refusal(422, fault.code, Sentence(fault.en, fault.vi), field="procedure") from None


def _caller(call: Call) -> Rater:
    return Rater(call.principal.client_id, tuple(call.principal.agencies))


_PARAMETERS = (
    Parameter(
        "month",
        "path",
        "The month, as yyyy-MM.",
        {"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$"},
        required=True,
        example="2026-10",
    ),
    Parameter(
        "procedure",
        "path",
        "The national code of the procedure; its root decides.",
        {"type": "string", "pattern": r"^[0-9]\.[0-9]{6}(\.[0-9A-Z.]{3,35})?$"},
        required=True,
        example="1.000001.H99",
    ),
)


def resources(api: RatingApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of ratings."""
    receipt = TypeAdapter(RatingReceipt)
    put = Operation(
        method="PUT",
        handler=api.put,
        access=Scope.RATINGS_WRITE,
        name="put_rating",
        summary="Hand in the satisfaction of one month and procedure",
        description=(
            "Three grades in percent that add up to 100. The same again changes nothing; a correction replaces what"
            " has not left yet. Answered after the commit is durable."
        ),
        tag=TAG,
        body=ENTRY,
        body_example=EXAMPLE,
        parameters=_PARAMETERS,
        successes=(Success(200, "Corrected, or unchanged.", receipt), Success(201, "Handed in.", receipt)),
        refusals={422: "bad_month, month_not_begun, unknown_procedure", 503: "procedures_not_synchronised"},
    )
    get = Operation(
        method="GET",
        handler=api.get,
        access=Scope.RATINGS_WRITE,
        name="get_rating",
        summary="Read a rating back",
        description="As it was last handed in.",
        tag=TAG,
        parameters=_PARAMETERS,
        successes=(Success(200, "The rating.", TypeAdapter(RatingView)),),
        refusals={404: "rating_not_found", 422: "bad_month, bad procedure code"},
    )
    return (Resource("/v1/ratings/{month}/{procedure}", (put, get), guard),)
