"""The transactional outbox: every statement that moves an exchange, and nothing that calls a partner.

A *lane* is one dossier at one connection. Its row holds the lease, so order within a dossier and
independence between dossiers follow from one row lock: whoever claims a lane moves its ``due_at`` to the end
of the lease and takes a fresh token; a completion with another token is void. A lane whose lease ran out
becomes due again by itself, and an exchange found there in state ``sending`` may or may not have left: its
outcome is unknown.

All functions take a connection inside a transaction that the caller owns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from uuid_utils import uuid7

from contracts.errors import Sentence

WAKE_CHANNEL = "lienthong_outbox"
"""``NOTIFY`` channel: workers sleep on it; the payload is empty, being late costs one poll."""

PUSH_DOSSIER = "push_dossier"
PUSH_STEP = "push_step"

HELD_UNKNOWN = "outcome_unknown"
"""Why a lane is held whose exchange may have arrived, where the partner cannot tell."""


def new_exchange_id() -> str:
    """Return a UUIDv7: unique without asking the database, and sorted by time of acceptance."""
    return str(uuid7())


@dataclass(slots=True)
class NewExchange:
    """One exchange to be written in the transaction that causes it."""

    id: str
    connection: str
    subject: str
    operation: str
    revision: int
    step_sequence: int | None = None


# --- writing ------------------------------------------------------------------------------------------------

_SUPERSEDE = """
WITH lane AS (
    SELECT id, known_there, subject = ANY(%(stepping)s) AS stepping FROM lanes
    WHERE connection = ANY(%(connections)s) AND subject = ANY(%(subjects)s)
    ORDER BY subject, connection FOR UPDATE
), old AS (
    UPDATE exchanges e
    SET state = 'superseded', ended_at = %(now)s, reason = %(en)s, reason_vi = %(vi)s
    FROM lane
    WHERE e.lane_id = lane.id AND e.ended_at IS NULL AND e.operation = 'push_dossier' AND e.state <> 'sending'
      AND (lane.known_there
        OR e.position > (
          SELECT min(f.position) FROM exchanges f
          WHERE f.lane_id = e.lane_id AND f.ended_at IS NULL AND f.operation = 'push_dossier')
        OR NOT lane.stepping AND NOT EXISTS (
          SELECT 1 FROM exchanges s
          WHERE s.lane_id = e.lane_id AND s.ended_at IS NULL AND s.operation <> 'push_dossier'))
    RETURNING e.lane_id, e.id, e.attempts
), recorded AS (
    INSERT INTO ledger_queue (kind, subject, at, facts)
    SELECT 'exchange', id::text, %(now)s,
           '{"attempts":"' || attempts || '","outcome":"superseded","state":"superseded"}'
    FROM old
), counted AS (
    SELECT lane_id, count(*) AS n FROM old GROUP BY lane_id
)
UPDATE lanes l
SET open_count = l.open_count - counted.n,
    -- A snapshot of unknown outcome that is replaced has nothing left to be found out.
    held_reason = CASE
      WHEN l.held_reason IS DISTINCT FROM 'outcome_unknown' THEN l.held_reason
      WHEN EXISTS (
        SELECT 1 FROM exchanges u
        WHERE u.lane_id = l.id AND u.ended_at IS NULL AND u.state = 'unknown' AND u.id NOT IN (SELECT id FROM old))
      THEN l.held_reason END
FROM counted WHERE l.id = counted.lane_id
"""

SUPERSEDED = Sentence(
    "A newer revision of the dossier was accepted before this one left; the newer one is sent instead.",
    "Đã có phiên bản hồ sơ mới hơn trước khi gửi; hệ thống gửi phiên bản mới thay thế.",
)

_ENQUEUE = """
WITH new AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(connections)s::text[], %(subjects)s::text[], %(operations)s::text[],
                         %(revisions)s::int[], %(steps)s::int[])
        WITH ORDINALITY AS t(id, connection, subject, operation, revision, step_sequence, n)
), lane AS (
    INSERT INTO lanes AS l (connection, subject, open_count, due_at)
    SELECT connection, subject, count(*), now() FROM new GROUP BY subject, connection ORDER BY subject, connection
    ON CONFLICT (connection, subject) DO UPDATE
    SET open_count = l.open_count + excluded.open_count,
        due_at = CASE WHEN l.held_reason IS NULL THEN coalesce(l.due_at, excluded.due_at) END
    RETURNING l.id, l.connection, l.subject
)
INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, step_sequence, state, accepted_at)
SELECT new.id, lane.id, new.connection, new.subject, new.operation, new.revision, new.step_sequence,
       'accepted', %(now)s
FROM new JOIN lane USING (connection, subject) ORDER BY new.n
"""

# A dossier the partner refused holds its lane; the corrected revision goes in its place, before the steps
# that waited behind it.
_RELEASE_HELD = """
WITH fresh AS (
    SELECT DISTINCT ON (e.lane_id) e.lane_id, e.id
    FROM exchanges e JOIN lanes l ON l.id = e.lane_id
    WHERE l.connection = ANY(%(connections)s) AND l.subject = ANY(%(subjects)s)
      AND l.held_reason = 'not_accepted_there' AND e.ended_at IS NULL AND e.operation = 'push_dossier'
    ORDER BY e.lane_id, e.position DESC
), first AS (
    SELECT fresh.lane_id, fresh.id, min(e.position) AS position
    FROM fresh JOIN exchanges e ON e.lane_id = fresh.lane_id AND e.ended_at IS NULL
    GROUP BY fresh.lane_id, fresh.id
), moved AS (
    UPDATE exchanges e SET position = first.position - 1 FROM first WHERE e.id = first.id RETURNING e.lane_id
)
UPDATE lanes l SET held_reason = NULL, due_at = now() FROM moved WHERE l.id = moved.lane_id
"""


async def supersede(
    conn: AsyncConnection[TupleRow],
    *,
    connections: Sequence[str],
    subjects: Sequence[str],
    stepping: Sequence[str],
    now: datetime,
) -> None:
    """End the snapshots of these dossiers that have not left: only the newest goes.

    Where the partner does not know the dossier yet, its first snapshot stays as long as steps wait behind it:
    the partner must know a dossier before its steps. ``stepping`` names the dossiers that get a step now.
    """
    await conn.execute(
        _SUPERSEDE,
        {
            "connections": list(connections),
            "subjects": list(subjects),
            "stepping": list(stepping),
            "now": now,
            "en": SUPERSEDED.en,
            "vi": SUPERSEDED.vi,
        },
    )


async def enqueue(
    conn: AsyncConnection[TupleRow], new: Sequence[NewExchange], *, now: datetime, release: Sequence[str] = ()
) -> None:
    """Write exchanges in their order; ``release`` names the dossiers whose held lanes a new snapshot frees."""
    if not new:
        return
    await conn.execute(
        _ENQUEUE,
        {
            "ids": [one.id for one in new],
            "connections": [one.connection for one in new],
            "subjects": [one.subject for one in new],
            "operations": [one.operation for one in new],
            "revisions": [one.revision for one in new],
            "steps": [one.step_sequence for one in new],
            "now": now,
        },
        prepare=True,
    )
    if release:
        await conn.execute(
            _RELEASE_HELD,
            {"connections": list({one.connection for one in new}), "subjects": list(release)},
        )
    await conn.execute(f"NOTIFY {WAKE_CHANNEL}")  # a constant name
