"""The API of the look-up log, for security staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import TypeAdapter
from starlette.types import ASGIApp

from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.lookups.log_service import LogService, LookupQuery
from hub.lookups.views import LookupDetail, LookupPage
from hub.web.answers import Answer
from hub.web.parameters import filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success

TAG = "security"

NO_STORE = ((b"cache-control", b"no-store"),)

QUERY: TypeAdapter[LookupQuery] = TypeAdapter(LookupQuery)
PAGE = TypeAdapter(LookupPage)
DETAIL = TypeAdapter(LookupDetail)

_ID = Parameter("id", "path", "Id of the look-up.", {"type": "string", "format": "uuid"}, required=True)


class LogApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, log: LogService) -> None:
        self._log = log

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/lookups``."""
        query = read_query(QUERY, call.scope["query_string"])
        principal = call.principal
        found = await self._log.page(
            query, client_id=principal.client_id, agencies=principal.agencies, now=datetime.now(UTC)
        )
        return Answer(200, PAGE.dump_json(found), NO_STORE)

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/lookups/{id}``."""
        principal = call.principal
        found = await self._log.get(
            call.path["id"], client_id=principal.client_id, agencies=principal.agencies, now=datetime.now(UTC)
        )
        return Answer(200, DETAIL.dump_json(found), NO_STORE)


def resources(api: LogApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the log."""
    page = Operation(
        method="GET",
        handler=api.page,
        access=Scope.LOOKUPS_READ,
        name="list_lookups",
        summary="Read the look-up log, newest first",
        description="People masked; reading it is recorded in the ledger. A client that has agencies sees theirs.",
        tag=TAG,
        parameters=filters(QUERY),
        successes=(Success(200, "A page of the log.", PAGE),),
        refusals={400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"},
    )
    one = Operation(
        method="GET",
        handler=api.one,
        access=Scope.LOOKUPS_READ,
        name="get_lookup",
        summary="Read one look-up with the officer's reasons and its proof",
        description="Says whether its rows are those the ledger stands for. People masked; reading is recorded.",
        tag=TAG,
        parameters=(_ID,),
        successes=(Success(200, "The look-up.", DETAIL),),
        refusals={404: "lookup_not_found"},
    )
    return (Resource("/v1/lookups", (page,), guard), Resource("/v1/lookups/{id}", (one,), guard))
