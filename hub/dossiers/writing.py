"""The statements that make a dossier's change durable: heads, sealed events, and a new dossier all at once.

Rows travel as one JSON document per statement, and what is sealed as one run of bytes beside it, because they are
read in one go where a dozen arrays are adapted element by element: on the hot path that difference is most of the cost
of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from psycopg import AsyncConnection, errors

from contracts.codes import procedure_root
from contracts.dossier import Dossier
from contracts.states import STATES, DossierState
from hub.dossiers.events_store import event_context
from hub.dossiers.views import Receipt
from hub.exchanges.outbox import PUSH_DOSSIER, NewExchange
from hub.store.own_connections import OwnConnections, Statement
from hub.store.sealing import Sealer


@dataclass(slots=True)
class Head:
    """What stands in clear of a dossier that exists."""

    revision: int
    state: DossierState
    declared_hash: bytes


@dataclass(slots=True)
class Written:
    """What one accepted call adds: the revision it made, the event it is, the exchanges it causes."""

    dossier: Dossier
    declared_hash: bytes
    kind: str
    occurred_at: datetime
    late_entry: bool
    step_sequence: int | None
    client_id: str
    body: bytes
    body_hash: bytes
    receipt: Receipt = field(init=False)
    exchanges: list[NewExchange] = field(default_factory=list)


async def read_heads(conn: AsyncConnection[Any], codes: Sequence[str]) -> dict[str, Head]:
    """Lock and return the heads of the dossiers that exist, in one order everywhere so that none waits in a circle."""
    cursor = await conn.execute(
        "SELECT code, revision, state, declared_hash FROM dossiers WHERE code = ANY(%s) ORDER BY code FOR UPDATE",
        (list(codes),),
        prepare=True,
    )
    return {row[0]: Head(row[1], STATES[row[2] - 1], bytes(row[3])) for row in await cursor.fetchall()}


_ROWS = """
    SELECT r.*, substring(@sealed::bytea FROM sealed_at FOR sealed_bytes) AS sealed
    FROM json_to_recordset(@rows::json) AS r(
        code text, agency_code text, procedure_root text, state smallint, revision int, declared_hash bytea,
        submitted_at timestamptz, received_at timestamptz, due_at timestamptz, finished_at timestamptz,
        cancelled boolean, kind text, occurred_at timestamptz, late_entry boolean, step_sequence int, client_id text,
        body_hash bytea, sealed_at int, sealed_bytes int)
"""

_HEAD_COLUMNS = """code, agency_code, procedure_root, state, revision, declared_hash, submitted_at, received_at, due_at,
    finished_at, cancelled"""

_EVENT_COLUMNS = """revision, kind, state, occurred_at, late_entry, step_sequence, client_id, body_hash, sealed"""

_VALUES: Final = ("rows", "sealed", "now")

_WRITE: Final = Statement(
    f"""
WITH r AS MATERIALIZED ({_ROWS}), heads AS (
    INSERT INTO dossiers AS d ({_HEAD_COLUMNS}, recorded_at)
    SELECT {_HEAD_COLUMNS}, @now::timestamptz FROM r ORDER BY code
    ON CONFLICT (code) DO UPDATE
    SET agency_code = excluded.agency_code, procedure_root = excluded.procedure_root, state = excluded.state,
        revision = excluded.revision, declared_hash = excluded.declared_hash, submitted_at = excluded.submitted_at,
        received_at = excluded.received_at, due_at = excluded.due_at, finished_at = excluded.finished_at,
        cancelled = excluded.cancelled, recorded_at = excluded.recorded_at
    WHERE d.revision = excluded.revision - 1
    RETURNING d.code
)
INSERT INTO dossier_events (dossier_code, recorded_at, {_EVENT_COLUMNS})
SELECT r.code, @now::timestamptz, {_EVENT_COLUMNS} FROM r JOIN heads USING (code)
""",  # noqa: S608 - put together from constants
    *_VALUES,
    binary=("sealed",),
)


async def write_revisions(
    conn: AsyncConnection[Any], sealer: Sealer, written: Sequence[Written], now: datetime
) -> None:
    """Advance the heads and add the events.

    A dossier that another node changed meanwhile breaks the batch (``UniqueViolation``), to be redone.
    """
    cursor = await conn.execute(_WRITE.pooled, _WRITE.pooled_values(_values(sealer, written, now)), prepare=True)
    if cursor.rowcount != len(written):
        raise errors.UniqueViolation("another node wrote one of these dossiers first")


_WRITE_NEW: Final = Statement(
    f"""
WITH r AS MATERIALIZED ({_ROWS}), heads AS (
    INSERT INTO dossiers ({_HEAD_COLUMNS}, recorded_at)
    SELECT {_HEAD_COLUMNS}, @now::timestamptz FROM r ORDER BY code
    ON CONFLICT (code) DO NOTHING
    RETURNING code
), events AS (
    INSERT INTO dossier_events (dossier_code, recorded_at, {_EVENT_COLUMNS})
    SELECT r.code, @now::timestamptz, {_EVENT_COLUMNS} FROM r JOIN heads USING (code)
), fresh AS MATERIALIZED (
    SELECT e.id, e.connection, e.subject
    FROM json_to_recordset(@exchanges::json) AS e(id uuid, connection text, subject text)
    JOIN heads ON heads.code = e.subject
), lane AS (
    INSERT INTO lanes (connection, subject, open_count, due_at)
    SELECT connection, subject, 1, now() FROM fresh
    RETURNING id, connection, subject
), sent AS (
    INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, state, accepted_at)
    SELECT fresh.id, lane.id, lane.connection, lane.subject, '{PUSH_DOSSIER}', 1, 'accepted', @now::timestamptz
    FROM fresh JOIN lane USING (connection, subject)
)
SELECT code FROM heads
""",  # noqa: S608 - put together from constants
    *_VALUES,
    "exchanges",
    binary=("sealed",),
)


async def write_new(
    connections: OwnConnections, sealer: Sealer, written: Sequence[Written], now: datetime
) -> list[str]:
    """Store first declarations with their first exchanges, in one statement that commits by itself.

    Each causes one exchange at most at a connection. Returns the codes that were new; of the others nothing was
    stored, because they exist. Raises as `OwnConnections.execute`.
    """
    exchanges = [
        {"id": one.id, "connection": one.connection, "subject": one.subject} for row in written for one in row.exchanges
    ]
    return await connections.execute(
        _WRITE_NEW, {**_values(sealer, written, now), "exchanges": orjson.dumps(exchanges)}
    )


def _values(sealer: Sealer, written: Sequence[Written], now: datetime) -> dict[str, bytes]:
    """Return the values of a statement: the rows, and one after the other what is sealed of each."""
    rows, sealed, at = [], [], 1
    for row in written:
        one = sealer.seal(row.body, event_context(row.dossier.code, row.dossier.revision))
        rows.append(_row(row, at, len(one)))
        sealed.append(one)
        at += len(one)
    return {"rows": orjson.dumps(rows), "sealed": b"".join(sealed), "now": now.isoformat().encode()}


def _row(row: Written, sealed_at: int, sealed_bytes: int) -> dict[str, Any]:
    dossier = row.dossier
    facts = dossier.facts
    return {
        "code": dossier.code,
        "agency_code": facts.agency.code,
        "procedure_root": procedure_root(facts.procedure.code),
        "state": dossier.state.number,
        "revision": dossier.revision,
        "declared_hash": rf"\x{row.declared_hash.hex()}",
        "submitted_at": facts.submitted_at,
        "received_at": dossier.received_at,
        "due_at": dossier.due_at,
        "finished_at": dossier.finished_at,
        "cancelled": dossier.cancellation is not None,
        "kind": row.kind,
        "occurred_at": row.occurred_at,
        "late_entry": row.late_entry,
        "step_sequence": row.step_sequence,
        "client_id": row.client_id,
        "body_hash": rf"\x{row.body_hash.hex()}",
        "sealed_at": sealed_at,
        "sealed_bytes": sealed_bytes,
    }
