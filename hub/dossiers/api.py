"""The API of dossiers: declare one, record what happens to it, read it and its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp

from contracts.codes import parse_dossier_code
from contracts.dossier import DossierFacts
from contracts.errors import Sentence
from contracts.events import CancellationEntry, Event, ResultEntry, StepEntry, SupplementEntry, WithdrawalEntry
from hub.access.agencies import require_agency
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.dossiers import openapi_examples as examples
from hub.dossiers.decisions import Caller, Recorded
from hub.dossiers.views import DossierView, Receipt, Timeline
from hub.errors import Refusal
from hub.settings import ApiSettings
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import entity_tag, idempotency_key, if_match, if_none_match
from hub.web.faults import FAULTS
from hub.web.idempotency import IdempotencyClaim, fingerprint
from hub.web.parameters import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH
from hub.web.resources import SUBJECT, Call, Handler, Operation, Parameter, Resource, Success
from hub.web.validation import JsonReader, read_json

TAG = "dossiers"

FACTS: TypeAdapter[DossierFacts] = TypeAdapter(DossierFacts)
STEP: TypeAdapter[StepEntry] = TypeAdapter(StepEntry)
RESULT: TypeAdapter[ResultEntry] = TypeAdapter(ResultEntry)
SUPPLEMENT: TypeAdapter[SupplementEntry] = TypeAdapter(SupplementEntry)
WITHDRAWAL: TypeAdapter[WithdrawalEntry] = TypeAdapter(WithdrawalEntry)
CANCELLATION: TypeAdapter[CancellationEntry] = TypeAdapter(CancellationEntry)

RECEIPT = TypeAdapter(Receipt)
VIEW = TypeAdapter(DossierView)
TIMELINE = TypeAdapter(Timeline)

_REPLAYED = (b"idempotency-replayed", b"true")


class Intake(Protocol):
    """What takes dossiers in; `hub.dossiers.intake.DossierIntake` in production."""

    async def put(
        self,
        *,
        code: str,
        facts: DossierFacts,
        caller: Caller,
        if_match: int | None,
        if_none_match: bool,
        body: bytes | None,
    ) -> Receipt:
        """Declare a dossier or replace its facts; return after the commit."""
        ...

    async def record(
        self, *, code: str, event: Event, caller: Caller, claim: IdempotencyClaim, if_match: int | None
    ) -> Recorded:
        """Record an event once per key; return after the commit."""
        ...


class Reader(Protocol):
    """What reads dossiers; `hub.dossiers.service.DossierService` in production."""

    async def get(self, code: str) -> DossierView:
        """Return the dossier or refuse with 404."""
        ...

    async def timeline(self, code: str) -> Timeline:
        """Return the timeline or refuse with 404."""
        ...


class DossierApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, intake: Intake, reader: Reader, settings: ApiSettings) -> None:
        """``settings`` give the limits of bodies."""
        self._intake = intake
        self._reader = reader
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def put(self, call: Call) -> ASGIApp:
        """``PUT /v1/dossiers/{code}``."""
        code = _code(call)
        revision, is_new = if_match(call.headers), if_none_match(call.headers)
        body = await self._json(call)
        facts = read_json(FACTS, body)
        call.begin_work()
        receipt = await self._intake.put(
            code=code, facts=facts, caller=_caller(call), if_match=revision, if_none_match=is_new, body=body
        )
        return _receipt(201 if receipt.created else 200, receipt)

    async def get(self, call: Call) -> ASGIApp:
        """``GET /v1/dossiers/{code}``."""
        view = await self._reader.get(_code(call))
        return Answer(200, VIEW.dump_json(view), ((b"etag", entity_tag(view.dossier.revision)),))

    async def timeline(self, call: Call) -> ASGIApp:
        """``GET /v1/dossiers/{code}/timeline``."""
        return Answer(200, TIMELINE.dump_json(await self._reader.timeline(_code(call))))

    async def step(self, call: Call) -> ASGIApp:
        """``POST …/steps``."""
        return await self._record(call, STEP)

    async def result(self, call: Call) -> ASGIApp:
        """``POST …/results``."""
        return await self._record(call, RESULT)

    async def supplement(self, call: Call) -> ASGIApp:
        """``POST …/supplements``."""
        return await self._record(call, SUPPLEMENT)

    async def withdrawal(self, call: Call) -> ASGIApp:
        """``POST …/withdrawals``."""
        return await self._record(call, WITHDRAWAL)

    async def cancellation(self, call: Call) -> ASGIApp:
        """``POST …/cancellations``."""
        return await self._record(call, CANCELLATION)

    async def _record(self, call: Call, reader: JsonReader[Event]) -> Answer:
        code = _code(call)
        key, revision = idempotency_key(call.headers), if_match(call.headers)
        body = await self._json(call)
        event = read_json(reader, body)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()
        recorded = await self._intake.record(
            code=code, event=event, caller=_caller(call), claim=claim, if_match=revision
        )
        return _receipt(201, recorded.receipt, *([_REPLAYED] if recorded.replayed else []))

    async def _json(self, call: Call) -> bytes:
        require_json(call.headers)
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


def _code(call: Call) -> str:
    """Return the dossier code of the address, checked, and one the client may act for."""
    try:
        code = parse_dossier_code(call.path["code"])
    except PydanticCustomError:
        fault = FAULTS["dossier_code"]
        raise Refusal(422, fault.code, Sentence(fault.en, fault.vi), field="code") from None
    call.scope[SUBJECT] = code
    require_agency(call.principal.agencies, code)
    return code


def _caller(call: Call) -> Caller:
    return Caller(call.principal.client_id, call.principal.agencies)


def _receipt(status: int, receipt: Receipt, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, RECEIPT.dump_json(receipt), ((b"etag", entity_tag(receipt.revision)), *headers))


# --- addresses --------------------------------------------------------------------------------------------

_CODE = Parameter(
    "code",
    "path",
    "The dossier code: agency, day (yyMMdd), sequence of 4 to 7 digits.",
    {"type": "string", "pattern": r"^[0-9A-Z.]{3,35}-[0-9]{6}-[0-9]{4,7}$"},
    required=True,
    example="H99.12-261008-0001",
)


def _event(
    name: str, handler: Handler, adapter: TypeAdapter[Any], *, summary: str, description: str, example: Any
) -> Operation:
    return Operation(
        method="POST",
        handler=handler,
        access=Scope.DOSSIERS_WRITE,
        name=name,
        summary=summary,
        description=description,
        tag=TAG,
        body=adapter,
        body_example=example,
        parameters=(_CODE, IDEMPOTENCY_KEY, IF_MATCH),
        successes=(Success(201, "Recorded; durable.", RECEIPT, headers=("ETag", "Idempotency-Replayed")),),
        refusals={
            404: "dossier_not_found",
            409: "idempotency_conflict, transition_not_allowed, … : the dossier's present state stands in the way",
            412: "revision_mismatch",
        },
    )


def resources(api: DossierApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of dossiers."""
    dossier = "/v1/dossiers/{code}"
    put = Operation(
        method="PUT",
        handler=api.put,
        access=Scope.DOSSIERS_WRITE,
        name="put_dossier",
        summary="Declare a dossier, or replace what was declared",
        description=(
            "Carries everything the dossier system says of a dossier; what happens to it later is posted as events."
            " Answered after the commit is durable. The same facts again change nothing (`unchanged`)."
        ),
        tag=TAG,
        body=FACTS,
        body_example=examples.DOSSIER,
        parameters=(_CODE, IF_MATCH, IF_NONE_MATCH),
        successes=(
            Success(200, "Replaced, or unchanged.", RECEIPT, headers=("ETag",)),
            Success(201, "Declared for the first time.", RECEIPT, headers=("ETag",)),
        ),
        refusals={409: "the dossier's present state stands in the way", 412: "revision_mismatch, dossier_exists"},
    )
    get = Operation(
        method="GET",
        handler=api.get,
        access=Scope.DOSSIERS_READ,
        name="get_dossier",
        summary="Read a dossier and how it stands at each system",
        description="The facts with every event folded in, as of the newest revision.",
        tag=TAG,
        parameters=(_CODE,),
        successes=(Success(200, "The dossier.", VIEW, headers=("ETag",)),),
        refusals={404: "dossier_not_found"},
    )
    timeline = Operation(
        method="GET",
        handler=api.timeline,
        access=Scope.DOSSIERS_READ,
        name="get_timeline",
        summary="The timeline of a dossier in plain words",
        description="What happened to the dossier and to its messages, oldest first, in both languages.",
        tag=TAG,
        parameters=(_CODE,),
        successes=(Success(200, "The timeline.", TIMELINE),),
        refusals={404: "dossier_not_found"},
    )
    events = {
        "steps": _event(
            "record_step",
            api.step,
            STEP,
            summary="Record a step of processing",
            description="With the state after it; also acceptance, pauses, the extension. Late entry is marked.",
            example=examples.STEP,
        ),
        "results": _event(
            "record_result",
            api.result,
            RESULT,
            summary="Record a result paper",
            description="With its catalogue code and at least one file.",
            example=examples.RESULT,
        ),
        "supplements": _event(
            "record_supplement",
            api.supplement,
            SUPPLEMENT,
            summary="Ask for more papers, or record that they came",
            description="At most one request per dossier; `kind` says which of the two it is.",
            example=examples.SUPPLEMENT,
        ),
        "withdrawals": _event(
            "record_withdrawal",
            api.withdrawal,
            WITHDRAWAL,
            summary="Record that the applicant takes the dossier back",
            description="With the reason.",
            example=examples.WITHDRAWAL,
        ),
        "cancellations": _event(
            "record_cancellation",
            api.cancellation,
            CANCELLATION,
            summary="Strike a dossier from the statistics",
            description="For test data, duplicates and wrong procedures; asked for by one person, approved by another.",
            example=examples.CANCELLATION,
        ),
    }
    return (
        Resource(dossier, (put, get), guard),
        Resource(f"{dossier}/timeline", (timeline,), guard),
        *(Resource(f"{dossier}/{name}", (operation,), guard) for name, operation in events.items()),
    )
