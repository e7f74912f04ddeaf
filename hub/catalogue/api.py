"""The API of the catalogue: procedures with their history, versions with their differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.text import Nfc
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.catalogue.service import CatalogueReader
from hub.catalogue.views import (
    AgencyList,
    FieldList,
    ProcedurePage,
    ProcedureView,
    ServiceList,
    VersionPage,
    VersionView,
)
from hub.web.answers import Answer
from hub.web.parameters import filters
from hub.web.queries import read_query
from hub.web.resources import Call, Handler, Operation, Parameter, Resource, Success

TAG = "catalogue"
MAX_PAGE = 500


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: Annotated[
        str | None, StringConstraints(max_length=300), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Most entries of a page.")] = 50


class ProcedureQuery(PageQuery):
    """The filters of the list of procedures; those given must all hold."""

    name: Annotated[
        str | None, StringConstraints(min_length=1, max_length=200), Nfc, Field(description="Part of the name.")
    ] = None
    field: Annotated[
        str | None, StringConstraints(pattern=r"^[!-~]{1,64}$"), Field(description="Code of the field.")
    ] = None
    withdrawn: Annotated[bool | None, Field(description="Whether it was withdrawn; both when not given.")] = None


PROCEDURES: TypeAdapter[ProcedureQuery] = TypeAdapter(ProcedureQuery)
PAGE: TypeAdapter[PageQuery] = TypeAdapter(PageQuery)


class CatalogueApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, reader: CatalogueReader) -> None:
        self._reader = reader

    async def procedures(self, call: Call) -> ASGIApp:
        """``GET /v1/procedures``."""
        query = read_query(PROCEDURES, call.scope["query_string"])
        page = await self._reader.procedures(
            name=query.name, field=query.field, withdrawn=query.withdrawn, cursor=query.cursor, limit=query.limit
        )
        return Answer(200, page.model_dump_json().encode())

    async def procedure(self, call: Call) -> ASGIApp:
        """``GET /v1/procedures/{code}``."""
        return Answer(200, (await self._reader.procedure(call.path["code"])).model_dump_json().encode())

    async def versions(self, call: Call) -> ASGIApp:
        """``GET /v1/catalogue/versions``."""
        query = read_query(PAGE, call.scope["query_string"])
        page = await self._reader.versions(cursor=query.cursor, limit=query.limit)
        return Answer(200, page.model_dump_json().encode())

    async def version(self, call: Call) -> ASGIApp:
        """``GET /v1/catalogue/versions/{number}``."""
        query = read_query(PAGE, call.scope["query_string"])
        view = await self._reader.version(call.path["number"], cursor=query.cursor, limit=query.limit)
        return Answer(200, view.model_dump_json().encode())

    async def agencies(self, call: Call) -> ASGIApp:  # noqa: ARG002 - every handler takes the call
        """``GET /v1/catalogue/agencies``."""
        return Answer(200, (await self._reader.agencies()).model_dump_json().encode())

    async def fields(self, call: Call) -> ASGIApp:  # noqa: ARG002 - every handler takes the call
        """``GET /v1/catalogue/fields``."""
        return Answer(200, (await self._reader.fields()).model_dump_json().encode())

    async def services(self, call: Call) -> ASGIApp:  # noqa: ARG002 - every handler takes the call
        """``GET /v1/catalogue/services``."""
        return Answer(200, (await self._reader.services()).model_dump_json().encode())


def _read(
    name: str, handler: Handler, summary: str, description: str, answer: type[BaseModel], **rest: Any
) -> Operation:
    return Operation(
        method="GET",
        handler=handler,
        access=Scope.CATALOGUE_READ,
        name=name,
        summary=summary,
        description=description,
        tag=TAG,
        successes=(Success(200, "The answer.", TypeAdapter(answer)),),
        **rest,
    )


_BAD_QUERY = {400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"}


def resources(api: CatalogueApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the catalogue."""
    procedures = _read(
        "list_procedures",
        api.procedures,
        "List the procedures of the national catalogue",
        "In the order of their roots, a page at a time.",
        ProcedurePage,
        parameters=filters(PROCEDURES),
        refusals=_BAD_QUERY,
    )
    procedure = _read(
        "get_procedure",
        api.procedure,
        "Read one procedure with its history",
        "By its code in any form: the root N.NNNNNN decides. The history says which fields changed, from what to what.",
        ProcedureView,
        parameters=(
            Parameter(
                "code",
                "path",
                "The code of the procedure, with or without the suffix of an agency.",
                {"type": "string", "maxLength": 255},
                required=True,
                example="1.000001.H99",
            ),
        ),
        refusals={404: "procedure_not_found"},
    )
    versions = _read(
        "list_catalogue_versions",
        api.versions,
        "List the versions of the catalogue, newest first",
        "Each synchronisation that changed something made one. Also says how the copy of each connection stands.",
        VersionPage,
        parameters=filters(PAGE),
        refusals=_BAD_QUERY,
    )
    number = Parameter("number", "path", "The number of the version.", {"type": "string"}, required=True, example="1")
    version = _read(
        "get_catalogue_version",
        api.version,
        "Read one version with its differences",
        "What was added, what changed (which fields, from what to what), what was withdrawn.",
        VersionView,
        parameters=(number, *filters(PAGE)),
        refusals={404: "version_not_found", **_BAD_QUERY},
    )
    agencies = _read("list_catalogue_agencies", api.agencies, "List the agencies", "As published now.", AgencyList)
    fields = _read("list_catalogue_fields", api.fields, "List the fields", "As published now.", FieldList)
    services = _read("list_catalogue_services", api.services, "List the services", "As published now.", ServiceList)
    return (
        Resource("/v1/procedures", (procedures,), guard),
        Resource("/v1/procedures/{code}", (procedure,), guard),
        Resource("/v1/catalogue/versions", (versions,), guard),
        Resource("/v1/catalogue/versions/{number}", (version,), guard),
        Resource("/v1/catalogue/agencies", (agencies,), guard),
        Resource("/v1/catalogue/fields", (fields,), guard),
        Resource("/v1/catalogue/services", (services,), guard),
    )
