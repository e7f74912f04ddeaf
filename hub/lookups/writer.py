"""Writing the look-up log: rows that come together are one commit, and nobody is answered before his is durable.

One statement adds look-ups, ends and their entries of the ledger, and is a transaction by itself. A look-up whose
connection is paused is not added and not made: a stop is a stop, for questions too.

A look-up and its end that were written before are not written again, and have one entry of the ledger: whoever does not
know whether a commit was done may do it again. See docs/decisions/0023 and 0027.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from hub.lookups.rows import EndRow, LookupRow, digest, end_context, lookup_context, reason_context
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.store.own_connections import OwnConnections, Statement
from hub.store.sealing import Sealer
from hub.store.shared_commits import SharedCommits
from hub.web.partner import connection_paused

_log = logging.getLogger(__name__)

MAX_BATCH = 128
"""Callers of one commit."""

WRITERS = 2
"""Commits under way at once, see `hub.store.shared_commits`."""

MAX_OVERDUE = 20_000
"""Ends kept in memory while the database is away; of what is more, the log says that it was asked, not how it ended."""

_RETRY_SECONDS = 1.0

_LOOKUP_COLUMNS = """asked_at, id, kind, connection, client_id, account_id, role, unit_code, ip, dossier_code,
    procedure_root, purpose, break_glass, subject_hash, subject_kind, gate, sealed, reason_sealed"""

_END_COLUMNS = """asked_at, lookup_id, ended_at, outcome, denied_code, found, data_groups, upstream_ms, error,
    subject_hash, other_subject_hashes, sealed"""

_TO_LEDGER = "INSERT INTO ledger_queue (kind, subject, at, digest, facts)"

_ADDED = f"""open AS MATERIALIZED (
    SELECT r.* FROM json_to_recordset(@lookups::json) AS r(
        asked_at timestamptz, id uuid, kind text, connection text, client_id text, account_id text, role text,
        unit_code text, ip inet, dossier_code text, procedure_root text, purpose text, break_glass boolean,
        subject_hash bytea, subject_kind text, gate jsonb, sealed bytea, reason_sealed bytea, must_be_open boolean,
        digest bytea, facts text)
    WHERE NOT must_be_open OR NOT EXISTS (SELECT FROM connections c WHERE c.id = r.connection AND c.paused)
), added AS (
    INSERT INTO lookups ({_LOOKUP_COLUMNS}) SELECT {_LOOKUP_COLUMNS} FROM open
    ON CONFLICT DO NOTHING RETURNING id
), to_ledger AS (
    {_TO_LEDGER} SELECT 'lookup', id::text, asked_at, digest, facts FROM open JOIN added USING (id)
)"""  # noqa: S608 - put together from constants

_ENDS = f"""done AS MATERIALIZED (
    SELECT * FROM json_to_recordset(@ends::json) AS r(
        asked_at timestamptz, lookup_id uuid, ended_at timestamptz, outcome text, denied_code text, found int,
        data_groups text[], upstream_ms int, error text, subject_hash bytea,
        other_subject_hashes bytea[], sealed bytea, digest bytea, facts text)
), ended AS (
    INSERT INTO lookup_ends ({_END_COLUMNS}) SELECT {_END_COLUMNS} FROM done
    ON CONFLICT DO NOTHING RETURNING lookup_id, outcome
), end_to_ledger AS (
    {_TO_LEDGER}
    SELECT 'lookup', lookup_id::text, ended_at, digest, facts FROM done JOIN ended USING (lookup_id, outcome)
)"""  # noqa: S608 - as above


# Each does no more than its rows need: with one look-up on its way, preparing to write nothing is felt.
_ADD_LOOKUPS: Final = Statement(f"WITH {_ADDED} SELECT id FROM open", "lookups")  # noqa: S608 - constants
_ADD_ENDS: Final = Statement(f"WITH {_ENDS} SELECT 1 WHERE false", "ends")
_ADD_BOTH: Final = Statement(f"WITH {_ADDED}, {_ENDS} SELECT id FROM open", "lookups", "ends")  # noqa: S608 - as above
_ADD_LEFT: Final = Statement(f"WITH {_ADDED} SELECT id FROM added", "lookups")  # noqa: S608 - as above


@dataclass(slots=True)
class _Wish:
    lookup: LookupRow | None
    end: EndRow | None
    future: asyncio.Future[None]
    must_be_open: bool = True


class LogWriter:
    """Adds rows to the log for many callers at once."""

    def __init__(self, store: Store, *, own_connections: bool = False) -> None:
        """``own_connections`` keeps a database connection for each writer, beside the pool; then close it."""
        self._store = store
        # One for each writer; a late retry that finds both taken borrows from the pool.
        self._connections = OwnConnections(store, WRITERS if own_connections else 0)
        self._commits = SharedCommits(self._write, most=MAX_BATCH, writers=WRITERS)
        self._overdue: deque[tuple[EndRow, LookupRow | None]] = deque(maxlen=MAX_OVERDUE)
        self._retrying: asyncio.Task[None] | None = None

    @property
    def overdue(self) -> int:
        """How many ends wait for the database to come back."""
        return len(self._overdue)

    async def begin(self, lookup: LookupRow, *, must_be_open: bool = True) -> None:
        """Add a look-up that has no end yet; returns after the commit.

        Raises `Refusal` (``connection_paused``: nothing was written, ask nobody; never without ``must_be_open``) or
        ``StoreUnavailable``.
        """
        await self._submit(lookup, None, must_be_open=must_be_open)

    async def whole(self, lookup: LookupRow, end: EndRow) -> None:
        """Add a look-up that nobody is asked for: refused, repeated, or answered from what is known."""
        await self._submit(lookup, end)

    def end(self, end: EndRow, lookup: LookupRow | None = None, *, is_begun: bool = True) -> Awaitable[None]:
        """Add the end of a look-up, and the look-up itself unless ``is_begun``; the commit is under way at once.

        Waiting for it raises ``StoreUnavailable``. The end is then written later, as one that handed nothing out,
        together with ``lookup``, should the log not have that.
        """
        return self._ended(self._submit(None if is_begun else lookup, end), end, lookup)

    async def _ended(self, written: asyncio.Future[None], end: EndRow, lookup: LookupRow | None) -> None:
        try:
            await written
        except StoreUnavailable:
            end.data_groups, end.found, end.other_subject_hashes = (), None, ()
            if end.outcome in ("found", "not_found", "repeated"):
                end.outcome, end.error = "failed", "StoreUnavailable"
            self._overdue.append((end, lookup))
            if self._retrying is None or self._retrying.done():
                self._retrying = asyncio.create_task(self._retry(), name="overdue look-up ends")
            raise

    async def recover(self, lookups: Sequence[LookupRow]) -> int:
        """Add look-ups that may be in the log already; return how many were not. Raises ``StoreUnavailable``."""
        made = [_lookup(self._store.sealer, one, must_be_open=False) for one in lookups]
        return len(await self._connections.execute(_ADD_LEFT, {"lookups": _listed(made)}))

    async def aclose(self) -> None:
        """Finish what was accepted; what waits for a database that is away is given up."""
        await self._commits.aclose()
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait((self._retrying,))
        await self._connections.aclose()

    # --- batching -------------------------------------------------------------------------------------------

    def _submit(
        self, lookup: LookupRow | None, end: EndRow | None, *, must_be_open: bool = False
    ) -> asyncio.Future[None]:
        # A caller that hangs up must not undo what others wait for: what is asked for is written all the same.
        wish = _Wish(lookup, end, asyncio.get_running_loop().create_future(), must_be_open)
        self._commits.add(wish)
        return wish.future

    async def _write(self, batch: list[_Wish]) -> None:
        try:
            paused = await self._add(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, every caller must hear of it
            if len(batch) == 1 or isinstance(error, StoreUnavailable):
                for wish in batch:
                    if not wish.future.done():
                        wish.future.set_exception(error)
                return
            _log.warning("look-ups not recorded together, recording one by one: %s", type(error).__name__)
            for wish in batch:
                await self._write([wish])
            return
        for wish in batch:
            if wish.future.done():
                continue
            if wish.lookup is not None and wish.lookup.id in paused:
                wish.future.set_exception(connection_paused())
            else:
                wish.future.set_result(None)

    async def _add(self, batch: Sequence[_Wish]) -> frozenset[str]:
        """Write in one commit; return those whose connection is paused, of which nothing was written."""
        sealer = self._store.sealer
        lookups = [
            one.lookup.prepared or _lookup(sealer, one.lookup, must_be_open=one.must_be_open)
            for one in batch
            if one.lookup is not None
        ]
        ends = [_end(sealer, one.end) for one in batch if one.end is not None]
        if not lookups:
            await self._connections.execute(_ADD_ENDS, {"ends": _listed(ends)})
            return frozenset()
        values = {"lookups": _listed(lookups)}
        if ends:
            written = await self._connections.execute(_ADD_BOTH, {**values, "ends": _listed(ends)})
        else:
            written = await self._connections.execute(_ADD_LOOKUPS, values)
        if len(written) == len(lookups):
            return frozenset()
        return frozenset(one.lookup.id for one in batch if one.lookup is not None) - frozenset(written)

    async def _retry(self) -> None:
        while self._overdue:
            await asyncio.sleep(_RETRY_SECONDS)
            batch = list(self._overdue)[:MAX_BATCH]
            try:
                await self._add([_Wish(lookup, end, _future(), must_be_open=False) for end, lookup in batch])
            except StoreUnavailable:
                continue
            except Exception:  # noqa: BLE001 - what can never be written must not keep the rest from being written
                _log.exception("ends of look-ups cannot be recorded", extra={"lookups": len(batch)})
            for _ in batch:
                self._overdue.popleft()


def prepare(sealer: Sealer, row: LookupRow) -> None:
    """Make the row as it will be written, ahead of its end: while the partner is asked there is time for it."""
    row.prepared = _lookup(sealer, row, must_be_open=False)


def _lookup(sealer: Sealer, row: LookupRow, *, must_be_open: bool) -> bytes:
    made = row.clear()
    made["digest"] = rf"\x{digest(made, row.content, row.reasons).hex()}"
    made["facts"] = orjson.dumps(row.facts()).decode()
    made["sealed"] = rf"\x{sealer.seal(row.content, lookup_context(row.id)).hex()}"
    if row.reasons is not None:
        made["reason_sealed"] = rf"\x{sealer.seal(row.reasons, reason_context(row.id)).hex()}"
    made["must_be_open"] = must_be_open
    return orjson.dumps(made)


def _end(sealer: Sealer, row: EndRow) -> bytes:
    made = row.clear()
    made["digest"] = rf"\x{digest(made, row.content).hex()}"
    made["facts"] = orjson.dumps(row.facts()).decode()
    if row.content is not None:
        made["sealed"] = rf"\x{sealer.seal(row.content, end_context(row.lookup_id)).hex()}"
    return orjson.dumps(made)


def _listed(rows: Sequence[bytes]) -> bytes:
    return b"[%s]" % b",".join(rows)


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()
