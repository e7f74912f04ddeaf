"""Whether this process can do its work: the database answers, the tables are ours, and how long work has waited.

Work that waits does not make an api process unready: taking dossiers in is what it is for, above all while a
partner is down. The age is there for whoever watches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from psycopg import errors
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import Sentence
from hub.store import schema
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

CHECK_TIMEOUT_SECONDS = 3.0
KEEP_SECONDS = 1.0
"""How long an answer is given again: the address is public and must not become load on the database."""

_ANSWERS = Sentence("The database answers.", "Cơ sở dữ liệu đang trả lời.")
_SILENT = Sentence("The database does not answer.", "Cơ sở dữ liệu không trả lời.")
_CURRENT = Sentence("The tables are those of this version.", "Các bảng đúng phiên bản của chương trình.")
_OUTDATED = Sentence(
    "The tables are not those of this version; run: lienthong db upgrade",
    "Các bảng không đúng phiên bản của chương trình; hãy chạy: lienthong db upgrade",
)
_UNASKED = Sentence(
    "Not checked, because the database does not answer.", "Chưa kiểm tra vì cơ sở dữ liệu không trả lời."
)

_WAITING = """
    SELECT c.id, extract(epoch FROM now() - due.due_at)::float
    FROM connections c CROSS JOIN LATERAL (
        SELECT due_at FROM lanes WHERE connection = c.id AND due_at IS NOT NULL ORDER BY due_at LIMIT 1
    ) due
    WHERE due.due_at <= now() ORDER BY c.id
"""


class Check(BaseModel):
    """One thing that must be so."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(description="`database` or `schema`.")]
    ok: bool
    detail: Annotated[str, Field(description="What was found, in English.")]
    detail_vi: Annotated[str, Field(description="Kết quả kiểm tra, bằng tiếng Việt.")]


class Readiness(BaseModel):
    """The answer of ``/readyz``."""

    model_config = ConfigDict(frozen=True)

    status: Literal["ready", "not_ready"]
    checks: tuple[Check, ...]
    oldest_due_seconds: Annotated[
        dict[str, float],
        Field(description="For each connection with work that is due: how long the oldest exchange has been due."),
    ]
    open_alerts: Annotated[dict[str, int], Field(description="How many alerts are open, by severity.")] = {}
    degraded: Annotated[
        tuple[Check, ...],
        Field(description="What this process does less well just now; requests are served all the same."),
    ] = ()


class Prober:
    """Checks, at most once a second however often it is asked."""

    def __init__(self, store: Store, *, degraded: Callable[[], Sequence[Check]] = tuple) -> None:
        """The version of the tables that this program needs is read from its own migrations, once.

        ``degraded`` says what this process does less well just now.
        """
        self._store = store
        self._degraded = degraded
        self._head = schema.head_revision()
        self._lock = asyncio.Lock()
        self._last: tuple[float, Readiness] | None = None

    async def check(self) -> Readiness:
        """Return what was found now, or within the last second."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > KEEP_SECONDS:
                found = (await self._check()).model_copy(update={"degraded": tuple(self._degraded())})
                self._last = (time.monotonic(), found)
            return self._last[1]

    async def _check(self) -> Readiness:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS), self._store.transaction() as conn:
                cursor = await conn.execute("SELECT version_num FROM alembic_version")
                row = await cursor.fetchone()
                if row is None or row[0] != self._head:
                    return _result(_check("database", _ANSWERS), _check("schema", _OUTDATED, ok=False))
                cursor = await conn.execute(_WAITING)
                waiting = {str(one[0]): round(float(one[1]), 3) for one in await cursor.fetchall()}
                alerts = await open_alerts(conn)
        except (StoreUnavailable, TimeoutError):
            return _result(_check("database", _SILENT, ok=False), _check("schema", _UNASKED, ok=False))
        except errors.UndefinedTable:
            return _result(_check("database", _ANSWERS), _check("schema", _OUTDATED, ok=False))
        return _result(_check("database", _ANSWERS), _check("schema", _CURRENT), waiting, alerts)


def _check(name: str, sentence: Sentence, *, ok: bool = True) -> Check:
    return Check(name=name, ok=ok, detail=sentence.en, detail_vi=sentence.vi)


async def open_alerts(conn: Connection) -> dict[str, int]:
    """Return how many alerts are open, by severity."""
    cursor = await conn.execute("SELECT severity, count(*) FROM alerts WHERE cleared_at IS NULL GROUP BY severity")
    return {str(one[0]): int(one[1]) for one in await cursor.fetchall()}


def _result(
    database: Check, tables: Check, waiting: dict[str, float] | None = None, alerts: dict[str, int] | None = None
) -> Readiness:
    checks = (database, tables)
    status: Literal["ready", "not_ready"] = "ready" if all(one.ok for one in checks) else "not_ready"
    return Readiness(status=status, checks=checks, oldest_due_seconds=waiting or {}, open_alerts=alerts or {})
