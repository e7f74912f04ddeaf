"""The API of reconciliation: runs, what they found, reports, and repairs after a preview."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.codes import AgencyCode, DossierCode
from contracts.text import Model, VisibleNfc
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.reconciliation.classify import Outcome
from hub.reconciliation.reports import report_csv
from hub.reconciliation.service import ReconciliationService
from hub.reconciliation.views import DifferencePage, RepairView, Report, RunPage, RunView
from hub.settings import ApiSettings
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, fingerprint, once
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Handler, Operation, Parameter, Resource, Success
from hub.web.validation import read_json

TAG = "reconciliation"
ROOT = "/v1/reconciliations"
MOST_CODES_OF_A_CALL = 10_000

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Cursor = Annotated[str, StringConstraints(max_length=64)]


class RunRequest(Model):
    """What is to be compared; everything may be left out."""

    connection: _Name | None = None
    """The connection to ask; may be left out where there is only one."""
    # JSON has no dates; strict mode would take none.
    first_day: Annotated[date, Field(strict=False)] | None = Field(default=None, alias="from")
    """First day of reception, in Vietnam; yesterday if not given."""
    last_day: Annotated[date, Field(strict=False)] | None = Field(default=None, alias="to")
    """Last day of reception."""
    agency: AgencyCode | None = None
    """Only dossiers of this agency and those below it."""
    codes: Annotated[tuple[DossierCode, ...], Field(strict=False, max_length=MOST_CODES_OF_A_CALL)] = ()
    """Only these dossiers, whatever their day: also those that the hub does not hold."""


class PreviewRequest(Model):
    """Nothing needs to be said for a preview; the body may also be left out."""


class StartRequest(Model):
    """Which previewed repair is started, and why."""

    repair: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """Id of the previewed repair."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), VisibleNfc]
    """The reason, which stays on record. Do not name citizens in it."""


class RunQuery(BaseModel):
    """The filters of the list of runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: Annotated[_Name | None, Field(description="Of this connection.")] = None
    cursor: Annotated[_Cursor | None, Field(description="`next_cursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most entries of a page.")] = 30


class DifferenceQuery(BaseModel):
    """The filters of what a run found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Annotated[Outcome | None, Field(description="Only this class, or `not_answered`.")] = None
    cursor: Annotated[_Cursor | None, Field(description="`next_cursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=500, description="Most entries of a page.")] = 100


REQUEST: TypeAdapter[RunRequest] = TypeAdapter(RunRequest)
PREVIEW: TypeAdapter[PreviewRequest] = TypeAdapter(PreviewRequest)
START: TypeAdapter[StartRequest] = TypeAdapter(StartRequest)
RUN_QUERY: TypeAdapter[RunQuery] = TypeAdapter(RunQuery)
DIFFERENCE_QUERY: TypeAdapter[DifferenceQuery] = TypeAdapter(DifferenceQuery)
RUN = TypeAdapter(RunView)
RUNS = TypeAdapter(RunPage)
DIFFERENCES = TypeAdapter(DifferencePage)
REPORT = TypeAdapter(Report)
REPAIR = TypeAdapter(RepairView)


class ReconciliationApi:
    """The handlers."""

    def __init__(self, service: ReconciliationService, store: Store, settings: ApiSettings) -> None:
        """``settings`` bound the bodies."""
        self._service = service
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def start(self, call: Call) -> ASGIApp:
        """``POST /v1/reconciliations``."""
        body = await self._body(call)
        wish = read_json(REQUEST, body) if body else RunRequest.model_validate({})
        actor = call.principal.client_id

        async def work() -> bytes:
            run = await self._service.start(
                actor=actor,
                connection=wish.connection,
                from_day=wish.first_day,
                to_day=wish.last_day,
                agency=wish.agency,
                codes=wish.codes,
            )
            return RUN.dump_json(run)

        return await self._once(call, body, work)

    async def runs(self, call: Call) -> ASGIApp:
        """``GET /v1/reconciliations``."""
        query = read_query(RUN_QUERY, call.scope["query_string"])
        page = await self._service.list(connection=query.connection, cursor=query.cursor, limit=query.limit)
        return Answer(200, RUNS.dump_json(page))

    async def run(self, call: Call) -> ASGIApp:
        """``GET /v1/reconciliations/{id}``."""
        return Answer(200, RUN.dump_json(await self._service.get(call.path["id"])))

    async def differences(self, call: Call) -> ASGIApp:
        """``GET /v1/reconciliations/{id}/differences``."""
        query = read_query(DIFFERENCE_QUERY, call.scope["query_string"])
        page = await self._service.differences(
            call.path["id"], outcome=query.outcome, cursor=query.cursor, limit=query.limit
        )
        return Answer(200, DIFFERENCES.dump_json(page))

    async def report(self, call: Call) -> ASGIApp:
        """``GET /v1/reconciliations/{id}/report``."""
        return Answer(200, REPORT.dump_json(await self._service.report(call.path["id"])))

    async def report_csv(self, call: Call) -> ASGIApp:
        """``GET /v1/reconciliations/{id}/report.csv``."""
        report = await self._service.report(call.path["id"])
        name = f'attachment; filename="doi-soat-{report.run.id}.csv"'.encode()
        return Answer(
            200,
            report_csv(report).encode(),
            ((b"content-disposition", name),),
            media_type=b"text/csv; charset=utf-8",
        )

    async def preview(self, call: Call) -> ASGIApp:
        """``POST /v1/reconciliations/{id}/repairs``."""
        body = await self._body(call)
        if body:
            read_json(PREVIEW, body)
        actor = call.principal.client_id

        async def work() -> bytes:
            return REPAIR.dump_json(await self._service.preview(call.path["id"], actor=actor))

        return await self._once(call, body, work)

    async def start_repair(self, call: Call) -> ASGIApp:
        """``POST /v1/reconciliations/{id}/repairs/start``."""
        body = await self._body(call)
        wish = read_json(START, body)
        actor = call.principal.client_id

        async def work() -> bytes:
            repair = await self._service.start_repair(call.path["id"], wish.repair, actor=actor, reason=wish.reason)
            return REPAIR.dump_json(repair)

        return await self._once(call, body, work)

    async def repair(self, call: Call) -> ASGIApp:
        """``GET /v1/reconciliations/{id}/repairs/{repair}``."""
        return Answer(200, REPAIR.dump_json(await self._service.repair(call.path["id"], call.path["repair"])))

    async def _body(self, call: Call) -> bytes:
        idempotency_key(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        if body:
            require_json(call.headers)
        return body

    async def _once(self, call: Call, body: bytes, work: Callable[[], Awaitable[bytes]]) -> Answer:
        key = idempotency_key(call.headers)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()
        document, replayed = await once(self._store, claim, work)
        return Answer(202, document, ((b"idempotency-replayed", b"true"),) if replayed else ())


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "The id of the reconciliation.", {"type": "string"}, required=True)
_REPAIR_ID = Parameter(
    "repair", "path", "The id of the repair.", {"type": "string", "pattern": "^[0-9a-f-]{36}$"}, required=True
)


def _read(name: str, handler: Handler, summary: str, answer: TypeAdapter[Any], **rest: Any) -> Operation:
    return Operation(
        method="GET",
        handler=handler,
        access=Scope.RECONCILIATIONS_READ,
        name=name,
        summary=summary,
        description=rest.pop("description", Scope.RECONCILIATIONS_READ.sentence.en),
        tag=TAG,
        successes=rest.pop("successes", None) or (Success(200, "The answer.", answer),),
        **rest,
    )


def _act(
    name: str, handler: Handler, summary: str, body: TypeAdapter[Any], answer: TypeAdapter[Any], **rest: Any
) -> Operation:
    return Operation(
        method="POST",
        handler=handler,
        access=Scope.RECONCILIATIONS_MANAGE,
        name=name,
        summary=summary,
        tag=TAG,
        body=body,
        parameters=(*rest.pop("path", ()), IDEMPOTENCY_KEY),
        successes=(Success(202, "Accepted; a clerk carries it out.", answer, headers=("Idempotency-Replayed",)),),
        **rest,
    )


def resources(api: ReconciliationApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of reconciliation."""
    one = f"{ROOT}/{{id}}"
    not_found = {404: "reconciliation_not_found"}
    csv_answer = Success(200, "UTF-8 with BOM; identifiers are quoted.", None, media_type="text/csv")
    return (
        Resource(
            ROOT,
            (
                _read(
                    "list_reconciliations",
                    api.runs,
                    "List reconciliations with their counts, newest first",
                    RUNS,
                    parameters=filters(RUN_QUERY),
                    refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
                ),
                _act(
                    "start_reconciliation",
                    api.start,
                    "Compare our dossiers with what a partner holds",
                    REQUEST,
                    RUN,
                    description="By day of reception, within the rate of the connection; or only the given codes.",
                    body_required=False,
                    body_example={"from": "2026-10-01", "to": "2026-10-08", "agency": "H99.12"},
                    refusals={409: "reconciliation_running, idempotency_conflict"},
                ),
            ),
            guard,
        ),
        Resource(
            one,
            (_read("get_reconciliation", api.run, "Read one", RUN, parameters=(_ID,), refusals=not_found),),
            guard,
        ),
        Resource(
            f"{one}/differences",
            (
                _read(
                    "list_differences",
                    api.differences,
                    "List what it found, in the order of the codes",
                    DIFFERENCES,
                    parameters=(_ID, *filters(DIFFERENCE_QUERY)),
                    refusals={
                        **not_found,
                        400: "malformed_query, repeated_parameter, bad_cursor",
                        422: "a parameter is invalid",
                    },
                ),
            ),
            guard,
        ),
        Resource(
            f"{one}/report",
            (
                _read(
                    "report_reconciliation",
                    api.report,
                    "Report by day of reception and agency",
                    REPORT,
                    parameters=(_ID,),
                    refusals=not_found,
                ),
            ),
            guard,
        ),
        Resource(
            f"{one}/report.csv",
            (
                _read(
                    "report_reconciliation_csv",
                    api.report_csv,
                    "The same report for spreadsheets",
                    REPORT,
                    parameters=(_ID,),
                    refusals=not_found,
                    successes=(csv_answer,),
                ),
            ),
            guard,
        ),
        Resource(
            f"{one}/repairs",
            (
                _act(
                    "preview_repair",
                    api.preview,
                    "Preview a repair: what would be sent, what is left alone and why",
                    PREVIEW,
                    REPAIR,
                    description="Nothing is sent.",
                    path=(_ID,),
                    body_required=False,
                    body_example={},
                    refusals={**not_found, 409: "reconciliation_running, idempotency_conflict"},
                ),
            ),
            guard,
        ),
        Resource(
            f"{one}/repairs/start",
            (
                _act(
                    "start_repair",
                    api.start_repair,
                    "Start a previewed repair",
                    START,
                    REPAIR,
                    description="Each dossier is asked about once more; what is still proven becomes new exchanges.",
                    path=(_ID,),
                    body_example={"repair": "019a0000-0000-7000-8000-000000000000", "reason": "Cổng mất dữ liệu"},
                    refusals={404: "repair_not_found", 409: "repair_started, repair_running, idempotency_conflict"},
                ),
            ),
            guard,
        ),
        Resource(
            f"{one}/repairs/{{repair}}",
            (
                _read(
                    "get_repair",
                    api.repair,
                    "Read a repair with what it came to",
                    REPAIR,
                    parameters=(_ID, _REPAIR_ID),
                    refusals={404: "repair_not_found"},
                ),
            ),
            guard,
        ),
    )
