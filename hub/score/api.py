"""The API of scores and early warnings, for the agencies of the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.codes import AgencyCode
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.score.causes import Cause, WarningCause
from hub.score.service import ScoreService
from hub.score.settings import Month
from hub.score.views import CostlyPage, ScorePage, WarningPage
from hub.web.answers import Answer
from hub.web.queries import read_query
from hub.web.resources import Call, Handler, Operation, Parameter, Resource, Success

TAG = "scores"
MAX_PAGE = 500

_Agency = Annotated[AgencyCode | None, Field(description="This agency and all below it; all of the caller's if unset.")]
_Cursor = Annotated[
    str | None, StringConstraints(max_length=256), Field(description="`next_cursor` of the page before.")
]
_Limit = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Most entries of a page.")]
_Month = Annotated[Month, Field(description="Month of reception in Vietnam, as YYYY-MM.")]


class ScoreQuery(BaseModel):
    """Which score is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    month: _Month
    agency: _Agency = None


class CostlyQuery(ScoreQuery):
    """Which dossiers are asked for."""

    cause: Annotated[Cause | None, Field(description="Only those with this cause.")] = None
    cursor: _Cursor = None
    limit: _Limit = 50


class WarningQuery(BaseModel):
    """Which warnings are asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agency: _Agency = None
    cause: Annotated[WarningCause | None, Field(description="Only those with this cause.")] = None
    cleared: Annotated[bool, Field(description="Those that have ended, in place of those in force.")] = False
    cursor: _Cursor = None
    limit: _Limit = 50


SCORES: TypeAdapter[ScoreQuery] = TypeAdapter(ScoreQuery)
COSTLY: TypeAdapter[CostlyQuery] = TypeAdapter(CostlyQuery)
WARNINGS: TypeAdapter[WarningQuery] = TypeAdapter(WarningQuery)
SCORE_PAGE = TypeAdapter(ScorePage)
COSTLY_PAGE = TypeAdapter(CostlyPage)
WARNING_PAGE = TypeAdapter(WarningPage)


def _now() -> datetime:
    return datetime.now(UTC)


class ScoreApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, scores: ScoreService, now: Callable[[], datetime] = _now) -> None:
        """``now`` is the clock by which a month that runs is counted."""
        self._scores = scores
        self._now = now

    async def scores(self, call: Call) -> ASGIApp:
        """``GET /v1/scores``."""
        query = read_query(SCORES, call.scope["query_string"])
        page = await self._scores.scores(
            query.month, now=self._now(), agencies=call.principal.agencies, agency=query.agency
        )
        return Answer(200, SCORE_PAGE.dump_json(page))

    async def dossiers(self, call: Call) -> ASGIApp:
        """``GET /v1/scores/dossiers``."""
        query = read_query(COSTLY, call.scope["query_string"])
        page = await self._scores.costly(
            query.month,
            now=self._now(),
            agencies=call.principal.agencies,
            agency=query.agency,
            cause=query.cause,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Answer(200, COSTLY_PAGE.dump_json(page))

    async def warnings(self, call: Call) -> ASGIApp:
        """``GET /v1/warnings``."""
        query = read_query(WARNINGS, call.scope["query_string"])
        page = await self._scores.warnings(
            agencies=call.principal.agencies,
            agency=query.agency,
            cause=query.cause,
            cleared=query.cleared,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Answer(200, WARNING_PAGE.dump_json(page))


# --- addresses --------------------------------------------------------------------------------------------


def _parameters(query: TypeAdapter[Any]) -> tuple[Parameter, ...]:
    schema: dict[str, Any] = query.json_schema(ref_template="#/components/schemas/{model}")
    return tuple(
        Parameter(
            name,
            "query",
            field.pop("description"),
            {key: value for key, value in field.items() if key != "title"},
            required=name in schema.get("required", ()),
        )
        for name, field in schema["properties"].items()
    )


def _read(
    name: str, handler: Handler, summary: str, description: str, *, query: TypeAdapter[Any], answer: TypeAdapter[Any]
) -> Operation:
    return Operation(
        method="GET",
        handler=handler,
        access=Scope.SCORES_READ,
        name=name,
        summary=summary,
        description=description,
        tag=TAG,
        parameters=_parameters(query),
        successes=(Success(200, "The answer.", answer),),
        refusals={
            400: "malformed_query, repeated_parameter, bad_cursor",
            403: "agency_not_allowed",
            422: "a parameter is invalid",
        },
    )


def resources(api: ScoreApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of scores and warnings."""
    return (
        Resource(
            "/v1/scores",
            (
                _read(
                    "read_scores",
                    api.scores,
                    "Read the score of a month",
                    "Every line of QĐ 766 that dossiers decide, by our data and by what the portal holds.",
                    query=SCORES,
                    answer=SCORE_PAGE,
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/scores/dossiers",
            (
                _read(
                    "list_costly_dossiers",
                    api.dossiers,
                    "List the dossiers that cost points",
                    "In the order of reception, each with every cause.",
                    query=COSTLY,
                    answer=COSTLY_PAGE,
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/warnings",
            (
                _read(
                    "list_warnings",
                    api.warnings,
                    "List early warnings, newest first",
                    "Each once per dossier and cause, cleared when its cause has ended.",
                    query=WARNINGS,
                    answer=WARNING_PAGE,
                ),
            ),
            guard,
        ),
    )
