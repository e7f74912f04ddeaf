"""Which administrative procedures exist: kept from the national database, asked by every declaration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

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
    "The catalogue of procedures has never been synchronised; an operator runs `lienthong procedures sync`.",
    "Danh mục thủ tục chưa được đồng bộ lần nào; người vận hành cần chạy `lienthong procedures sync`.",
)


class ProcedureIndex:
    """The roots of all known procedures, held in memory and read again every half minute."""

    def __init__(self, store: Store) -> None:
        """Start empty; the first question reads the table."""
        self._store = store
        self._roots: frozenset[str] = frozenset()
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
            cursor = await conn.execute("SELECT root FROM procedures")
            self._roots = frozenset(row[0] for row in await cursor.fetchall())
        # An empty catalogue is asked for again at once: the first synchronisation must take effect at once.
        self._read_at = time.monotonic() if self._roots else None

    def require(self, code: str) -> None:
        """Refuse a procedure that is not in the catalogue (422), or any while the catalogue is empty (503)."""
        if procedure_root(code) in self._roots:
            return
        if not self._roots:
            raise Refusal(503, "procedures_not_synchronised", _EMPTY)
        # The catalogue may have grown since the copy was read.
        self._read_at = None
        raise Refusal(422, "unknown_procedure", _UNKNOWN, field="procedure.code")


async def save_procedures(store: Store, source: str, procedures: Sequence[Procedure]) -> int:
    """Insert or update procedures as published by connection ``source``; return how many were written."""
    newest = {procedure_root(one.code): one for one in procedures}
    async with store.transaction() as conn:
        await conn.execute(
            """
            INSERT INTO procedures (root, code, name, field_code, field_name, source, synchronised_at)
            SELECT v.*, %(source)s, now() FROM unnest(%(roots)s::text[], %(codes)s::text[], %(names)s::text[],
                                                      %(field_codes)s::text[], %(field_names)s::text[]) AS v
            ON CONFLICT (root) DO UPDATE SET code = excluded.code, name = excluded.name,
                field_code = excluded.field_code, field_name = excluded.field_name,
                source = excluded.source, synchronised_at = excluded.synchronised_at
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
