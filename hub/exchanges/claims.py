"""Claiming lanes and marking what leaves: the statements of a worker before a call.

A lane's row holds the lease: whoever claims it moves ``due_at`` to the end of the lease and takes a fresh token, and
a completion with another token is void. A lane whose lease ran out is due again by itself; an exchange found there
in state ``sending`` may or may not have left, so its outcome is unknown.

All functions take a connection inside a transaction that the caller owns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from contracts.errors import Sentence
from hub.exchanges.views import ExchangeState


@dataclass(slots=True)
class ClaimedExchange:
    """An exchange in the hands of this worker, with what its lane knows."""

    id: UUID
    lane_id: int
    token: int
    subject: str
    operation: str
    revision: int
    step_sequence: int | None
    state: ExchangeState
    """State at the claim, before it was marked as sending."""
    attempts: int
    doubts: int
    age_from: datetime
    known_there: bool
    confirmed_state: int | None
    confirmed_revision: int | None

    @property
    def may_have_left(self) -> bool:
        """Whether an earlier attempt may have reached the partner."""
        return self.state in {ExchangeState.SENDING, ExchangeState.UNKNOWN}

    @property
    def is_first_of_lane(self) -> bool:
        """Whether nothing of this lane can ever have left: tokens count its claims, and this is the first."""
        return self.token == 1 and self.attempts == 0 and not self.known_there


_MAY_SEND = """
    NOT EXISTS (SELECT 1 FROM connections c WHERE c.id = %(connection)s AND c.paused)
    AND NOT EXISTS (SELECT 1 FROM maintenance_windows w WHERE w.connection = %(connection)s
                    AND w.cancelled_at IS NULL AND w.starts_at <= now() AND w.ends_at > now())
"""
"""Part of every statement after which something may leave: a stop is a stop."""

_CLAIM = f"""
WITH due AS (
    SELECT id FROM lanes
    WHERE connection = %(connection)s AND due_at <= now() AND {_MAY_SEND}
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE lanes l
    SET due_at = now() + %(lease)s, claims = l.claims + 1, lease_token = l.claims + 1, leased_by = %(worker)s
    FROM due WHERE l.id = due.id
    RETURNING l.id, l.lease_token, l.known_there, l.confirmed_state, l.confirmed_revision
)
SELECT e.id, c.id, c.lease_token, e.subject, e.operation, e.revision, e.step_sequence, e.state, e.attempts, e.doubts,
       coalesce(e.replayed_at, e.accepted_at), c.known_there, c.confirmed_state, c.confirmed_revision
FROM claimed c CROSS JOIN LATERAL (
    SELECT * FROM exchanges e
    WHERE e.lane_id = c.id AND e.ended_at IS NULL ORDER BY e.position LIMIT %(depth)s
) e
ORDER BY e.position
"""  # noqa: S608 - a constant


async def claim(
    conn: AsyncConnection[TupleRow], connection: str, *, limit: int, depth: int, lease: timedelta, worker: str
) -> list[ClaimedExchange]:
    """Take up to ``limit`` due lanes and return the first ``depth`` open exchanges of each, in lane order.

    A paused connection, or one in a maintenance window, yields nothing: both are read in the same statement, so a
    stop is a stop, and a window holds even if no clerk runs.
    """
    cursor = await conn.execute(
        _CLAIM,
        {"connection": connection, "lease": lease, "limit": limit, "depth": depth, "worker": worker},
        prepare=True,
    )
    return [
        ClaimedExchange(
            id=row[0],
            lane_id=row[1],
            token=row[2],
            subject=row[3],
            operation=row[4],
            revision=row[5],
            step_sequence=row[6],
            state=ExchangeState(row[7]),
            attempts=row[8],
            doubts=row[9],
            age_from=row[10],
            known_there=row[11],
            confirmed_state=row[12],
            confirmed_revision=row[13],
        )
        for row in await cursor.fetchall()
    ]


# A lane may have been in this worker's hand for a while: a pause, a dismissal, a newer revision or the loss of the
# lease in the meantime is seen here, in the statement after which the first byte may leave. Lanes are locked in the
# order in which everybody locks them.
_MARK = f"""
WITH v AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::uuid[], %(lanes)s::bigint[], %(tokens)s::bigint[], %(numbers)s::int[])
        AS t(id, lane, token, number)
), locked AS (
    SELECT l.id FROM lanes l
    WHERE l.id = ANY(%(lanes)s)
      AND EXISTS (SELECT 1 FROM v WHERE v.lane = l.id AND v.token = l.lease_token)
      AND {_MAY_SEND}
    ORDER BY l.subject, l.connection FOR UPDATE OF l
)
UPDATE exchanges e SET state = 'sending', attempts = v.number
FROM v JOIN locked ON locked.id = v.lane
WHERE e.id = v.id AND e.ended_at IS NULL
RETURNING e.id
"""  # noqa: S608 - a constant

_LOST = Sentence(
    "The worker ended while this attempt was under way; whether it arrived is asked before it is repeated.",
    "Tiến trình gửi dừng giữa chừng; hệ thống sẽ hỏi bên nhận trước khi gửi lại.",
)

_RECORD_LOST = """
INSERT INTO attempts (exchange_id, number, started_at, outcome, reason, reason_vi, worker)
SELECT id, number, %(now)s, 'worker_lost', %(en)s, %(vi)s, %(worker)s
FROM unnest(%(ids)s::uuid[], %(numbers)s::int[]) AS t(id, number)
ON CONFLICT DO NOTHING
"""


async def mark_sending(
    conn: AsyncConnection[TupleRow],
    connection: str,
    exchanges: Sequence[ClaimedExchange],
    *,
    now: datetime,
    worker: str,
) -> set[UUID]:
    """Record, before anything leaves, that an attempt begins; and the attempts whose worker was lost.

    Returns the exchanges that may be sent: not those that ended since they were claimed, whose lane another worker
    has, or whose connection was paused or went into maintenance.
    """
    if not exchanges:
        return set()
    lost = [one for one in exchanges if one.state is ExchangeState.SENDING]
    if lost:
        await conn.execute(
            _RECORD_LOST,
            {
                "ids": [one.id for one in lost],
                "numbers": [one.attempts for one in lost],
                "now": now,
                "en": _LOST.en,
                "vi": _LOST.vi,
                "worker": worker,
            },
        )
    cursor = await conn.execute(
        _MARK,
        {
            "connection": connection,
            "ids": [one.id for one in exchanges],
            "lanes": [one.lane_id for one in exchanges],
            "tokens": [one.token for one in exchanges],
            "numbers": [one.attempts + 1 for one in exchanges],
        },
        prepare=True,
    )
    marked = {row[0] for row in await cursor.fetchall()}
    for one in exchanges:
        one.attempts += one.id in marked
    return marked


_RELEASE = """
UPDATE lanes l SET due_at = CASE WHEN l.open_count > 0 THEN now() + %(wait)s END, lease_token = NULL, leased_by = NULL
FROM unnest(%(lanes)s::bigint[], %(tokens)s::bigint[]) AS v(id, token)
WHERE l.id = v.id AND l.lease_token = v.token
"""


async def release(conn: AsyncConnection[TupleRow], exchanges: Sequence[ClaimedExchange], *, wait: timedelta) -> None:
    """Give lanes back untouched, to be due again after ``wait``."""
    if exchanges:
        await conn.execute(
            _RELEASE,
            {
                "lanes": [one.lane_id for one in exchanges],
                "tokens": [one.token for one in exchanges],
                "wait": wait,
            },
        )


async def seconds_until_due(conn: AsyncConnection[TupleRow], connection: str) -> float | None:
    """Return how long until the next lane is due; ``None`` when nothing waits, or nothing may be sent now."""
    cursor = await conn.execute(
        "SELECT extract(epoch FROM min(due_at) - now())::float FROM lanes"  # noqa: S608 - a constant
        f" WHERE connection = %(connection)s AND due_at IS NOT NULL AND {_MAY_SEND}",
        {"connection": connection},
        prepare=True,
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]
