"""Which administrative procedures exist: kept from the national database, asked by every declaration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from pydantic import ValidationError

from contracts.catalogue import CatalogueProcedure
from contracts.codes import procedure_root
from contracts.dossier import Procedure
from contracts.errors import Sentence
from hub.errors import Refusal
from hub.store.engine import Store

_FRESH_SECONDS = 30.0

_UNKNOWN = Sentence(
    "This procedure is not in the national catalogue known here; check the code, or synchronise the catalogue.",
    "Thủ tục này không có trong danh mục quốc gia đã đồng bộ; hãy kiểm tra mã hoặc đồng bộ lại danh mục.",
)
_EMPTY = Sentence(
    "The catalogue of procedures has never been synchronised; an operator runs `lienthong catalogue sync`.",
    "Danh mục thủ tục chưa được đồng bộ lần nào; người vận hành cần chạy `lienthong catalogue sync`.",
)


_WITHDRAWN = Sentence(
    "This procedure was withdrawn from the national catalogue before the dossier was handed in; choose its successor.",
    "Thủ tục này đã bị bãi bỏ khỏi danh mục quốc gia trước ngày nộp hồ sơ; hãy chọn thủ tục thay thế.",
)


class ProcedureIndex:
    """The roots of all known procedures, held in memory and read again every half minute."""

    def __init__(self, store: Store) -> None:
        """Start empty; the first question reads the table."""
        self._store = store
        self._roots: dict[str, datetime | None] = {}
        self._read_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    async def refresh_if_old(self) -> None:
        """Read the table again if the copy is older than half a minute; who comes meanwhile shares the reading."""
        if self._read_at is not None and time.monotonic() - self._read_at < _FRESH_SECONDS:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        async with self._store.transaction() as conn:
            cursor = await conn.execute("SELECT root, withdrawn_at FROM procedures")
            self._roots = {row[0]: row[1] for row in await cursor.fetchall()}
        # An empty catalogue is asked for again at once: the first synchronisation must take effect at once.
        self._read_at = time.monotonic() if self._roots else None

    def require(self, code: str, submitted_at: datetime | None = None) -> None:
        """Refuse a procedure that is not in the catalogue (422), or any while the catalogue is empty (503).

        A procedure withdrawn from the catalogue is refused (422) for a dossier handed in after that: the dossiers of
        before go on to their end.
        """
        root = procedure_root(code)
        if root in self._roots:
            withdrawn_at = self._roots[root]
            if withdrawn_at is not None and submitted_at is not None and submitted_at > withdrawn_at:
                self._read_at = None
                raise Refusal(422, "procedure_withdrawn", _WITHDRAWN, field="procedure.code")
            return
        if not self._roots:
            raise Refusal(503, "procedures_not_synchronised", _EMPTY)
        # The catalogue may have grown since the copy was read.
        self._read_at = None
        raise Refusal(422, "unknown_procedure", _UNKNOWN, field="procedure.code")


async def save_procedures(store: Store, source: str, procedures: Sequence[Procedure]) -> int:
    """Insert or update procedures as published by connection ``source``; return how many were written."""
    async with store.transaction() as conn:
        return await _save(conn, source, procedures)


async def write_index(conn: AsyncConnection[Any], source: str, published: Sequence[CatalogueProcedure]) -> int:
    """Make procedures of the catalogue usable for declarations, in the caller's transaction; return how many are.

    What a dossier cannot name on the wire – a code outside the national form, a field without its code – is not.
    """
    usable: list[Procedure] = []
    for one in published:
        field = one.fields[0] if one.fields else None
        try:
            usable.append(
                Procedure(
                    code=one.code,
                    name=one.name,
                    field_code=field.code if field else "",
                    field_name=field.name if field else "",
                )
            )
        except ValidationError:
            continue
    return await _save(conn, source, usable)


async def _save(conn: AsyncConnection[Any], source: str, procedures: Sequence[Procedure]) -> int:
    newest = {procedure_root(one.code): one for one in procedures}
    await conn.execute(
        """
        INSERT INTO procedures (root, code, name, field_code, field_name, source, synchronised_at)
        SELECT v.*, %(source)s, now() FROM unnest(%(roots)s::text[], %(codes)s::text[], %(names)s::text[],
                                                  %(field_codes)s::text[], %(field_names)s::text[]) AS v
        ON CONFLICT (root) DO UPDATE SET code = excluded.code, name = excluded.name,
            field_code = excluded.field_code, field_name = excluded.field_name,
            source = excluded.source, synchronised_at = excluded.synchronised_at, withdrawn_at = NULL
        """,
        {
            "source": source,
            "roots": list(newest),
            "codes": [one.code for one in newest.values()],
            "names": [one.name for one in newest.values()],
            "field_codes": [one.field_code for one in newest.values()],
            "field_names": [one.field_name for one in newest.values()],
        },
    )
    return len(newest)
