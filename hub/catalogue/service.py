"""Reading the catalogue and its versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg.rows import dict_row

from contracts.catalogue import (
    CatalogueAgency,
    CatalogueField,
    CatalogueProcedure,
    CatalogueService,
    EntryKind,
)
from contracts.codes import is_procedure_code, procedure_root
from contracts.errors import Sentence
from hub.catalogue.views import (
    AgencyList,
    Change,
    EntryDifference,
    EntryVersion,
    FieldDifference,
    FieldList,
    ProcedurePage,
    ProcedureSummary,
    ProcedureView,
    ServiceList,
    SourceView,
    VersionPage,
    VersionSummary,
    VersionView,
)
from hub.errors import Refusal
from hub.store.engine import Store
from hub.web import cursors

_NO_PROCEDURE = Sentence(
    "The catalogue has no procedure of this code; its root N.NNNNNN is what counts.",
    "Danh mục không có thủ tục với mã này; hệ thống đối chiếu theo mã gốc N.NNNNNN.",
)
_NO_VERSION = Sentence("The catalogue has no version of this number.", "Danh mục không có phiên bản này.")
_SEPARATOR = "|"


class CatalogueReader:
    """Shows what is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def procedures(
        self,
        *,
        name: str | None = None,
        field: str | None = None,
        withdrawn: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> ProcedurePage:
        """Return procedures in the order of their roots; ``cursor`` continues after the last of the page before."""
        after_key, after_source = _pair(cursor)
        rows = await self._rows(
            """
            SELECT key, source, name, body ->> 'code' AS code, (body ->> 'public')::boolean AS public, version,
                   withdrawn_at
            FROM catalogue_entries
            WHERE kind = 'procedure' AND (key, source) > (%(key)s, %(source)s)
              AND (%(name)s::text IS NULL OR strpos(lower(name), lower(%(name)s)) > 0)
              AND (%(field)s::text IS NULL OR body @> jsonb_build_object('fields',
                   jsonb_build_array(jsonb_build_object('code', %(field)s::text))))
              AND (%(withdrawn)s::boolean IS NULL OR (withdrawn_at IS NOT NULL) = %(withdrawn)s)
            ORDER BY key, source LIMIT %(limit)s
            """,
            {
                "key": after_key,
                "source": after_source,
                "name": name,
                "field": field,
                "withdrawn": withdrawn,
                "limit": limit + 1,
            },
        )
        shown = rows[:limit]
        items = tuple(ProcedureSummary(root=row["key"], **{one: row[one] for one in _SUMMARY}) for row in shown)
        more = len(rows) > len(shown)
        last = f"{shown[-1]['key']}{_SEPARATOR}{shown[-1]['source']}" if more else None
        return ProcedurePage(items=items, next_cursor=last)

    async def procedure(self, code: str) -> ProcedureView:
        """Return a procedure by its code in any form, or refuse with 404."""
        key = procedure_root(code) if is_procedure_code(code) else code
        if "\0" in key:
            raise Refusal(404, "procedure_not_found", _NO_PROCEDURE, field="code")
        rows = await self._rows(
            "SELECT source, body, detailed, withdrawn_at FROM catalogue_entries"
            " WHERE kind = 'procedure' AND key = %(key)s ORDER BY withdrawn_at IS NOT NULL, source LIMIT 1",
            {"key": key},
        )
        if not rows:
            raise Refusal(404, "procedure_not_found", _NO_PROCEDURE, field="code")
        row = rows[0]
        history = await self._rows(
            "SELECT v.number AS version, v.made_at, d.change, d.fields FROM catalogue_differences d"
            " JOIN catalogue_versions v ON v.number = d.version"
            " WHERE d.kind = 'procedure' AND d.key = %(key)s AND v.source = %(source)s"
            " ORDER BY v.number DESC LIMIT 100",
            {"key": key, "source": row["source"]},
        )
        return ProcedureView(
            procedure=CatalogueProcedure.model_validate(row["body"], strict=False),
            source=row["source"],
            detailed=row["detailed"],
            withdrawn_at=row["withdrawn_at"],
            history=tuple(
                EntryVersion(
                    version=one["version"],
                    made_at=one["made_at"],
                    change=Change(one["change"]),
                    fields=_fields(one["fields"]),
                )
                for one in history
            ),
        )

    async def versions(self, *, cursor: str | None = None, limit: int = 50) -> VersionPage:
        """Return versions, newest first."""
        rows = await self._rows(
            "SELECT number, source, made_at, added, changed, withdrawn FROM catalogue_versions"
            " WHERE %(before)s::int IS NULL OR number < %(before)s ORDER BY number DESC LIMIT %(limit)s",
            {"before": None if cursor is None else _number(cursor), "limit": limit + 1},
        )
        sources = await self._rows("SELECT * FROM catalogue_sources ORDER BY source", {})
        shown = rows[:limit]
        return VersionPage(
            items=tuple(VersionSummary(**row) for row in shown),
            next_cursor=str(shown[-1]["number"]) if len(rows) > len(shown) else None,
            sources=tuple(SourceView(**row) for row in sources),
        )

    async def version(self, number: str, *, cursor: str | None = None, limit: int = 50) -> VersionView:
        """Return one version with a page of its differences, or refuse with 404."""
        if not number.isascii() or not number.isdigit() or len(number) > _DIGITS:
            raise Refusal(404, "version_not_found", _NO_VERSION, field="number")
        found = await self._rows(
            "SELECT number, source, made_at, added, changed, withdrawn FROM catalogue_versions WHERE number = %(n)s",
            {"n": int(number)},
        )
        if not found:
            raise Refusal(404, "version_not_found", _NO_VERSION, field="number")
        kind, key = _pair(cursor)
        rows = await self._rows(
            "SELECT kind, key, name, change, fields FROM catalogue_differences"
            " WHERE version = %(n)s AND (kind, key) > (%(kind)s, %(key)s) ORDER BY kind, key LIMIT %(limit)s",
            {"n": int(number), "kind": kind, "key": key, "limit": limit + 1},
        )
        shown = rows[:limit]
        more = len(rows) > len(shown)
        return VersionView(
            version=VersionSummary(**found[0]),
            differences=tuple(
                EntryDifference(
                    kind=EntryKind(row["kind"]),
                    key=row["key"],
                    name=row["name"],
                    change=Change(row["change"]),
                    fields=_fields(row["fields"]),
                )
                for row in shown
            ),
            next_cursor=f"{shown[-1]['kind']}{_SEPARATOR}{shown[-1]['key']}" if more else None,
        )

    async def agencies(self) -> AgencyList:
        """Return the agencies published now."""
        return AgencyList(items=tuple(CatalogueAgency(**body) for body in await self._bodies(EntryKind.AGENCY)))

    async def fields(self) -> FieldList:
        """Return the fields of procedures published now."""
        return FieldList(items=tuple(CatalogueField(**body) for body in await self._bodies(EntryKind.FIELD)))

    async def services(self) -> ServiceList:
        """Return the public services published now."""
        items = await self._bodies(EntryKind.SERVICE)
        return ServiceList(items=tuple(CatalogueService.model_validate(body, strict=False) for body in items))

    async def _bodies(self, kind: EntryKind) -> list[dict[str, Any]]:
        rows = await self._rows(
            "SELECT DISTINCT ON (key) body FROM catalogue_entries WHERE kind = %(kind)s AND withdrawn_at IS NULL"
            " ORDER BY key, source",
            {"kind": kind.value},
        )
        return [row["body"] for row in rows]

    async def _rows(self, query: LiteralString, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        async with self._store.transaction() as conn:
            return await (await conn.cursor(row_factory=dict_row).execute(query, values)).fetchall()


_SUMMARY = ("code", "name", "public", "source", "version", "withdrawn_at")
_DIGITS = 9


def _fields(rows: list[dict[str, Any]]) -> tuple[FieldDifference, ...]:
    return tuple(FieldDifference(**row) for row in rows)


def _pair(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    first, separator, second = cursor.partition(_SEPARATOR)
    if not separator or "\0" in cursor:
        raise cursors.bad_cursor()
    return first, second


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _DIGITS:
        raise cursors.bad_cursor()
    return int(cursor)
