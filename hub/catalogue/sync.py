"""Synchronising the catalogue (đồng bộ TTHC): every source, on a schedule or when a person asks.

The lists come first and are put to use at once, because a dossier of an unknown procedure is refused. Then each
procedure is read with its details, no faster than the connection's rate, and the whole is compared and kept as a
version (`hub.catalogue.versions`). Details that do not come leave those kept before as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection

from contracts.catalogue import CatalogueLists, CatalogueProcedure, EntryKind, NamedCode
from contracts.errors import LienThongError, Malformed, Rejected, Sentence, TryLater
from contracts.ports import CatalogueSource, ProcedureCatalogue
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.catalogue.settings import CatalogueSettings
from hub.catalogue.versions import Found, Outcome, write_version
from hub.dossiers.procedures import write_index
from hub.exchanges.breaker import TokenBucket
from hub.health.windows import in_maintenance
from hub.ledger.entries import record_act
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

LOOK_SECONDS = 600.0
RETRY_SECONDS = 30.0
"""Wait after a failure: while a catalogue is empty every dossier is refused."""

MOST_FAILURES = 3
"""Details in a row that may fail because the partner is in trouble, before the run stops asking for more."""

_PACE_SECONDS = 0.005
_LOCK = 0x4C545050
"""Advisory lock ("LTPP"): a person at the command line and the clerk do not synchronise at the same time."""

_STALE = """
    SELECT asked.name FROM unnest(%s::text[]) AS asked(name)
    WHERE NOT EXISTS (SELECT FROM connections c WHERE c.id = asked.name AND c.paused)
      AND NOT EXISTS (SELECT FROM catalogue_sources s WHERE s.source = asked.name AND s.asked_at > now() - %s)
"""

_log = structlog.get_logger("hub.catalogue")


@dataclass(frozen=True, slots=True)
class Source:
    """One connection that has a catalogue."""

    catalogue: CatalogueSource | ProcedureCatalogue
    rate_per_second: float | None = None
    """The connection's own rate, where it has one."""


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What one connection's catalogue brought."""

    connection: str
    procedures: int
    """Procedures that a dossier may name."""
    outcome: Outcome
    unread: int
    """Details that did not come, lists included."""


class CatalogueSync:
    """Keeps the copies of all catalogues."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        settings: CatalogueSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``sources`` by connection id, in the order of configuration."""
        self._store = store
        self._sources = dict(sources)
        self._settings = settings
        self._now = now

    async def copy_all(self, *, accept_withdrawals: bool = False, actor: str = "") -> list[Synchronised]:
        """Synchronise every catalogue now.

        ``accept_withdrawals`` believes a list that lost many entries; ``actor`` says so, and it is recorded. Raises
        one of `contracts.errors`, or ``StoreUnavailable``; what was synchronised before stays.
        """
        async with self._alone():
            return [await self._copy(name, accept_withdrawals, actor) for name in self._sources]

    async def run(self) -> None:
        """Synchronise, for ever, what is missing or old; not while its connection is paused or in maintenance."""
        while True:
            wait = LOOK_SECONDS
            try:
                async with self._alone():
                    for name in await self._stale():
                        done = await self._copy(name)
                        _log.info(
                            "catalogue_synchronised",
                            connection=name,
                            procedures=done.procedures,
                            version=done.outcome.version,
                            unread=done.unread,
                        )
            except LienThongError as error:
                _log.warning("catalogue_not_synchronised", sentence=error.sentence.en, code=error.upstream_code)
                wait = RETRY_SECONDS
            except StoreUnavailable:
                wait = RETRY_SECONDS
            await asyncio.sleep(wait)

    # --- one source -------------------------------------------------------------------------------------

    async def _copy(self, name: str, accept_withdrawals: bool = False, actor: str = "") -> Synchronised:  # noqa: FBT001, FBT002 - passed on
        source = self._sources[name]
        lists = await _lists(source.catalogue)
        usable = [one for one in lists.procedures if one.public is not False]
        async with self._store.transaction() as conn:
            indexed = await write_index(conn, name, usable)
        details, unread = await self._details(name, source, lists)
        found = _found(lists, details, with_details=isinstance(source.catalogue, CatalogueSource))
        now = self._now()
        async with self._store.transaction() as conn:
            outcome = await write_version(
                conn,
                name,
                found,
                now=now,
                max_withdrawn_share=self._settings.max_withdrawn_share,
                accept_withdrawals=accept_withdrawals,
            )
            await _withdraw_from_index(conn, name, now)
            await self._note(conn, name, outcome, unread + len(lists.missing), now)
            if accept_withdrawals:
                await record_act(
                    conn,
                    act="catalogue.withdrawals_accepted",
                    actor=actor,
                    target=name,
                    at=now,
                    facts={"withdrawn": str(outcome.withdrawn)},
                )
        return Synchronised(name, indexed, outcome, unread + len(lists.missing))

    async def _details(
        self, name: str, source: Source, lists: CatalogueLists
    ) -> tuple[dict[str, CatalogueProcedure], int]:
        """Return the procedures that came with their details, by key, and how many did not."""
        catalogue = source.catalogue
        if not isinstance(catalogue, CatalogueSource):
            return {}, 0
        rate = min(self._settings.requests_per_second, source.rate_per_second or self._settings.requests_per_second)
        pace = TokenBucket(rate, 1.0)
        details: dict[str, CatalogueProcedure] = {}
        failures = 0
        for listed in lists.procedures:
            while not pace.take_up_to(1, time.monotonic()):  # noqa: ASYNC110 - time fills it
                await asyncio.sleep(_PACE_SECONDS)
            try:
                one = await catalogue.read_procedure(listed.code)
            except (TryLater, Rejected, Malformed) as error:
                failures += isinstance(error, TryLater)
                _log.warning(
                    "procedure_not_read",
                    connection=name,
                    procedure=listed.key,
                    code=error.upstream_code,
                    error=type(error).__name__,
                )
                if failures >= MOST_FAILURES:
                    break
                continue
            failures = 0
            if one is not None:
                details[listed.key] = one
        return details, len(lists.procedures) - len(details)

    async def _note(self, conn: AsyncConnection[Any], name: str, outcome: Outcome, unread: int, now: datetime) -> None:
        await conn.execute(
            "INSERT INTO catalogue_sources AS s (source, version, asked_at, complete, unread, kept_back)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (source) DO UPDATE SET"
            " version = coalesce(excluded.version, s.version), asked_at = excluded.asked_at,"
            " complete = excluded.complete, unread = excluded.unread, kept_back = excluded.kept_back",
            (name, outcome.version, now, not unread, unread, outcome.kept_back),
        )
        key = f"catalogue.{name}.withdrawals"
        if outcome.kept_back:
            await raise_alert(conn, _suspicious(name, key, outcome.kept_back), now=now)
        else:
            await clear_alert(conn, key, now=now)

    async def _stale(self) -> list[str]:
        fresh = timedelta(hours=self._settings.fresh_hours)
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_STALE, (list(self._sources), fresh))
            names = [row[0] for row in await cursor.fetchall()]
            return [one for one in names if await in_maintenance(conn, one, self._now()) is None]

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        # Held by a transaction that does nothing else, so that a process that dies lets go.
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield


async def _lists(catalogue: CatalogueSource | ProcedureCatalogue) -> CatalogueLists:
    if isinstance(catalogue, CatalogueSource):
        return await catalogue.list_catalogue()
    listed = [
        CatalogueProcedure(code=one.code, name=one.name, fields=(NamedCode(code=one.field_code, name=one.field_name),))
        for one in await catalogue.list_procedures()
    ]
    everything_else = frozenset(EntryKind) - {EntryKind.PROCEDURE}
    return CatalogueLists(procedures=listed, agencies=(), fields=(), services=(), missing=everything_else)


def _found(lists: CatalogueLists, details: Mapping[str, CatalogueProcedure], *, with_details: bool) -> list[Found]:
    """Put lists and details together; of a list that did not come nothing is concluded."""
    detailed = frozenset(details)
    found = [
        Found(
            EntryKind.PROCEDURE,
            [details.get(one.key, one) for one in lists.procedures],
            frozenset(one.key for one in lists.procedures),
            detailed,
            keep_details=with_details,
        )
    ]
    for kind, entries in (
        (EntryKind.AGENCY, lists.agencies),
        (EntryKind.FIELD, lists.fields),
        (EntryKind.SERVICE, lists.services),
    ):
        if kind not in lists.missing:
            keys = frozenset(one.key for one in entries)
            found.append(Found(kind, entries, keys, keys))
    return found


_WITHDRAW = """
    UPDATE procedures p SET withdrawn_at = CASE
        WHEN e.withdrawn_at IS NULL AND coalesce(e.body -> 'public', 'true'::jsonb) <> 'false'::jsonb THEN NULL
        ELSE coalesce(p.withdrawn_at, %(now)s) END
    FROM catalogue_entries e
    WHERE e.source = %(source)s AND e.kind = 'procedure' AND e.key = p.root AND p.source = %(source)s
      AND (p.withdrawn_at IS NULL)
          <> (e.withdrawn_at IS NULL AND coalesce(e.body -> 'public', 'true'::jsonb) <> 'false'::jsonb)
"""


async def _withdraw_from_index(conn: AsyncConnection[Any], source: str, now: datetime) -> None:
    """Carry what is withdrawn, or no longer public, over to what declarations are checked against."""
    await conn.execute(_WITHDRAW, {"source": source, "now": now})


def _suspicious(name: str, key: str, kept_back: int) -> Alert:
    return Alert(
        key=key,
        severity=Severity.WARNING,
        connection=name,
        sentence=Sentence(
            en=f"The catalogue of {name} lost {kept_back} entries at once; they are kept until a person says that this"
            " is true: compare with the portal, then run `lienthong catalogue sync --accept-withdrawals`.",
            vi=f"Danh mục của {name} mất {kept_back} mục cùng lúc; hệ thống giữ nguyên cho tới khi có người xác nhận:"
            " hãy đối chiếu với Cổng, rồi chạy `lienthong catalogue sync --accept-withdrawals`.",
        ),
    )
