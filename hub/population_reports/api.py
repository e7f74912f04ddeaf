"""The API of reports on the use of the population database, for the provincial office, the police, and agencies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.codes import AgencyCode
from contracts.errors import Sentence
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.population_reports.files import ReportFormat, ReportTable, csv_of, file_name, workbook_of
from hub.population_reports.periods import Period
from hub.population_reports.service import PopulationReports, ReportReader
from hub.population_reports.views import DuePeriods, PopulationUseReport
from hub.web.answers import Answer
from hub.web.parameters import filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success

TAG = "population reports"

_MEDIA_TYPES = {
    "application/json": ReportFormat.JSON,
    "text/csv": ReportFormat.CSV,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ReportFormat.XLSX,
    "application/*": ReportFormat.JSON,
    "text/*": ReportFormat.CSV,
    "*/*": ReportFormat.JSON,
}
_MOST_ACCEPTED = 32


class ReportQuery(BaseModel):
    """Which report is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: Annotated[
        str,
        StringConstraints(max_length=16),
        Field(description="`2026-10` (month), `2026-Q4` (quarter), `2026-H2` (half-year) or `2026` (year)."),
    ]
    agency: Annotated[
        AgencyCode | None, Field(description="This agency and all below it; all of the caller's if unset.")
    ] = None
    format: Annotated[ReportFormat | None, Field(description="Goes before the `Accept` header.")] = None
    table: Annotated[ReportTable, Field(description="Which table a CSV file holds.")] = ReportTable.UNITS


QUERY: TypeAdapter[ReportQuery] = TypeAdapter(ReportQuery)
REPORT = TypeAdapter(PopulationUseReport)
DUE = TypeAdapter(DuePeriods)


class PopulationReportApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, reports: PopulationReports) -> None:
        self._reports = reports

    async def use(self, call: Call) -> ASGIApp:
        """``GET /v1/reports/population-use``."""
        query = read_query(QUERY, call.scope["query_string"])
        period = Period.parse(query.period)
        form = query.format if query.format is not None else accepted(call.headers)
        reader = ReportReader(call.principal.client_id, tuple(call.principal.agencies))
        call.begin_work()
        report = await self._reports.make(period, reader, agency=query.agency, form=form.value)
        body = await asyncio.to_thread(_written, report, form, query.table)
        disposition = f'attachment; filename="{file_name(report, form, query.table)}"'.encode()
        headers = () if form is ReportFormat.JSON else ((b"content-disposition", disposition),)
        return Answer(200, body, (*headers, (b"vary", b"accept")), media_type=form.media_type)

    async def due(self, call: Call) -> ASGIApp:  # noqa: ARG002 - nothing is asked
        """``GET /v1/reports/population-use/due``."""
        return Answer(200, DUE.dump_json(self._reports.due()))


def accepted(headers: Mapping[bytes, bytes]) -> ReportFormat:
    """Return the format that the ``Accept`` header (RFC 9110) likes best; JSON where it does not say.

    Raises `Refusal` 406 where it takes none of them.
    """
    value = headers.get(b"accept", b"").decode("latin-1").strip()
    if not value:
        return ReportFormat.JSON
    liked = [_liking(one) for one in value.split(",")[:_MOST_ACCEPTED]]
    refused = {form for quality, form in liked if quality == 0 and form is not None}
    for quality, form in sorted(liked, key=lambda one: -one[0]):
        if form is not None and quality > 0 and form not in refused:
            return form
    raise Refusal(
        406,
        "format_not_offered",
        Sentence(
            "This report comes as application/json, text/csv or XLSX; name one in Accept, or as format=.",
            "Báo cáo có các dạng JSON, CSV hoặc XLSX; hãy chọn bằng tiêu đề Accept hoặc tham số format.",
        ),
        field="format",
    )


def _liking(text: str) -> tuple[float, ReportFormat | None]:
    media_type, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return (quality if quality == quality else 0.0), _MEDIA_TYPES.get(media_type)  # noqa: PLR0124 - not a number


def _written(report: PopulationUseReport, form: ReportFormat, table: ReportTable) -> bytes:
    match form:
        case ReportFormat.JSON:
            return REPORT.dump_json(report)
        case ReportFormat.CSV:
            return csv_of(report, table)
        case ReportFormat.XLSX:
            return workbook_of(report)


# --- addresses --------------------------------------------------------------------------------------------------


def _parameters() -> tuple[Parameter, ...]:
    # The two lists of words stand in no body, so nothing else describes them in the document.
    words = {"format": ReportFormat, "table": ReportTable}
    return tuple(
        Parameter(
            one.name,
            one.place,
            one.description,
            {"type": "string", "enum": [word.value for word in words[one.name]]} if one.name in words else one.schema,
            required=one.name == "period",
        )
        for one in filters(QUERY)
    )


def resources(api: PopulationReportApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of reports."""
    use = Operation(
        method="GET",
        handler=api.use,
        access=Scope.POPULATION_REPORTS_READ,
        name="report_population_use",
        summary="Report the use of the population database in a period",
        description="Per agency, account, month and quarter, with accounts out of use and cases; nothing of a citizen."
        " As JSON, as an XLSX workbook, or one table as CSV. A client that has agencies sees only theirs."
        " Reading it is recorded in the ledger.",
        tag=TAG,
        parameters=_parameters(),
        successes=(Success(200, "The report; as a file in the other formats.", REPORT),),
        refusals={
            400: "malformed_query, repeated_parameter",
            403: "agency_not_allowed",
            406: "format_not_offered",
            422: "period_invalid, period_in_future, or a parameter is invalid",
        },
    )
    due = Operation(
        method="GET",
        handler=api.due,
        access=Scope.POPULATION_REPORTS_READ,
        name="list_due_population_reports",
        summary="List the reports that are due",
        description="The newest complete period of each kind that the province's profile names.",
        tag=TAG,
        successes=(Success(200, "The periods.", DUE),),
    )
    base = "/v1/reports/population-use"
    return (Resource(base, (use,), guard), Resource(f"{base}/due", (due,), guard))
