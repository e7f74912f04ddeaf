"""Claiming lanes and completing attempts: the statements of a worker.

A lane's row holds the lease: whoever claims it moves ``due_at`` to the end of the lease and takes a fresh token, and
a completion with another token is void. A lane whose lease ran out is due again by itself; an exchange found there
in state ``sending`` may or may not have left, so its outcome is unknown.

All functions take a connection inside a transaction that the caller owns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from contracts.errors import Sentence
from hub.exchanges.outbox import SUPERSEDED
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


@dataclass(frozen=True, slots=True)
class Finished:
    """What one attempt came to; written together with its lane."""

    exchange: ClaimedExchange
    state: ExchangeState
    retry_in: timedelta | None
    outcome: str
    upstream_code: str
    sentence: Sentence
    started_at: datetime
    duration_ms: int
    request_bytes: int | None = None
    answer_bytes: int | None = None
    attempted: bool = True
    """False where nothing was tried (a lease too short, a stop): no attempt is recorded."""
    doubts: int = 0
    known_there: bool = False
    confirmed_revision: int | None = None
    confirmed_state: int | None = None
    held_reason: str | None = None


_CLAIM = """
WITH due AS (
    SELECT id FROM lanes
    WHERE connection = %(connection)s AND due_at <= now()
      AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.id = %(connection)s AND c.paused)
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
"""


async def claim(
    conn: AsyncConnection[TupleRow], connection: str, *, limit: int, depth: int, lease: timedelta, worker: str
) -> list[ClaimedExchange]:
    """Take up to ``limit`` due lanes and return the first ``depth`` open exchanges of each, in lane order.

    A paused connection yields nothing: the pause is read in the same statement, so a stop is a stop.
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


_MARK = "UPDATE exchanges SET state = 'sending', attempts = attempts + 1 WHERE id = ANY(%s)"

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
    conn: AsyncConnection[TupleRow], exchanges: Sequence[ClaimedExchange], *, now: datetime, worker: str
) -> None:
    """Record, before anything leaves, that an attempt begins; and the attempts whose worker was lost."""
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
    await conn.execute(_MARK, ([one.id for one in exchanges],), prepare=True)
    for one in exchanges:
        one.attempts += 1


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


# --- completing ---------------------------------------------------------------------------------------------

_COMPLETE = """
WITH v AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(lanes)s::json)
        AS t(id bigint, token bigint, ended int, wait float, known boolean, revision int, state int, held text)
), locked AS (
    SELECT l.id FROM lanes l JOIN v ON v.id = l.id AND v.token = l.lease_token
    ORDER BY l.subject, l.connection FOR UPDATE OF l
), freed AS (
    UPDATE lanes l
    SET open_count = l.open_count - v.ended,
        lease_token = NULL,
        leased_by = NULL,
        held_reason = v.held,
        due_at = CASE WHEN v.held IS NULL AND l.open_count > v.ended
                      THEN now() + make_interval(secs => coalesce(v.wait, 0)) END,
        known_there = l.known_there OR v.known,
        confirmed_revision = coalesce(v.revision, l.confirmed_revision),
        confirmed_state = coalesce(v.state, l.confirmed_state),
        confirmed_at = CASE WHEN v.revision IS NULL AND v.state IS NULL THEN l.confirmed_at ELSE %(now)s END
    FROM v JOIN locked USING (id)
    WHERE l.id = v.id
    RETURNING l.id
), x AS MATERIALIZED (
    SELECT t.* FROM json_to_recordset(%(exchanges)s::json)
        AS t(id uuid, lane_id bigint, state text, ended_at timestamptz, doubts int, upstream_code text, reason text,
             reason_vi text, attempted boolean, number int, started_at timestamptz, duration_ms int, outcome text,
             request_bytes int, answer_bytes int)
    JOIN freed ON freed.id = t.lane_id
), ended AS (
    UPDATE exchanges e
    SET state = x.state, ended_at = x.ended_at, doubts = x.doubts, upstream_code = x.upstream_code,
        reason = x.reason, reason_vi = x.reason_vi
    FROM x WHERE e.id = x.id
), tried AS (
    INSERT INTO attempts (exchange_id, number, started_at, duration_ms, outcome, upstream_code, reason, reason_vi,
                          request_bytes, answer_bytes, worker)
    SELECT id, number, started_at, duration_ms, outcome, upstream_code, reason, reason_vi, request_bytes,
           answer_bytes, %(worker)s
    FROM x WHERE attempted
    ON CONFLICT DO NOTHING
)
SELECT id FROM freed
"""


async def complete(
    conn: AsyncConnection[TupleRow], finished: Sequence[Finished], *, now: datetime, worker: str
) -> set[UUID]:
    """Write the outcomes and free the lanes; return the exchanges whose lease had been lost.

    The outcome of a lost lease is not written: another worker has the lane and settles it by asking.
    """
    lanes: dict[int, list[Finished]] = {}
    for one in finished:
        lanes.setdefault(one.exchange.lane_id, []).append(one)
    cursor = await conn.execute(
        _COMPLETE,
        {
            "lanes": orjson.dumps([_lane_row(ones) for ones in lanes.values()]).decode(),
            "exchanges": orjson.dumps([_exchange_row(one, now) for one in finished]).decode(),
            "now": now,
            "worker": worker,
        },
        prepare=True,
    )
    freed = {row[0] for row in await cursor.fetchall()}
    return {one.exchange.id for one in finished if one.exchange.lane_id not in freed}


def _exchange_row(one: Finished, now: datetime) -> dict[str, Any]:
    return {
        "id": one.exchange.id,
        "lane_id": one.exchange.lane_id,
        "state": one.state,
        "ended_at": None if one.state.is_open else now,
        "doubts": one.doubts,
        "upstream_code": one.upstream_code,
        "reason": one.sentence.en,
        "reason_vi": one.sentence.vi,
        "attempted": one.attempted,
        "number": one.exchange.attempts,
        "started_at": one.started_at,
        "duration_ms": one.duration_ms,
        "outcome": one.outcome,
        "request_bytes": one.request_bytes,
        "answer_bytes": one.answer_bytes,
    }


def _lane_row(ones: Sequence[Finished]) -> dict[str, Any]:
    """Fold the outcomes of one lane's call: the lane waits for the first that is still open."""
    waits = [one.retry_in for one in ones if one.state.is_open and one.retry_in is not None]
    confirmed = [one for one in ones if one.state is ExchangeState.DELIVERED]
    return {
        "id": ones[0].exchange.lane_id,
        "token": ones[0].exchange.token,
        "ended": sum(not one.state.is_open for one in ones),
        "wait": waits[0].total_seconds() if waits else None,
        "known": any(one.known_there for one in ones),
        "revision": max((one.confirmed_revision for one in confirmed if one.confirmed_revision), default=None),
        "state": next((one.confirmed_state for one in reversed(confirmed) if one.confirmed_state), None),
        "held": next((one.held_reason for one in ones if one.held_reason), None),
    }


async def end_overtaken(
    conn: AsyncConnection[TupleRow], overtaken: Sequence[ClaimedExchange], *, now: datetime, worker: str
) -> None:
    """End exchanges that would set the partner back, without an attempt; their lanes are due again at once."""
    ends = [
        Finished(
            exchange=one,
            state=ExchangeState.SUPERSEDED,
            retry_in=None,
            outcome="superseded",
            upstream_code="",
            sentence=SUPERSEDED,
            started_at=now,
            duration_ms=0,
            attempted=False,
        )
        for one in overtaken
    ]
    if ends:
        await complete(conn, ends, now=now, worker=worker)


async def seconds_until_due(conn: AsyncConnection[TupleRow], connection: str) -> float | None:
    """Return how long until the next lane is due; ``None`` when nothing waits, or the connection is paused."""
    cursor = await conn.execute(
        "SELECT extract(epoch FROM min(due_at) - now())::float FROM lanes WHERE connection = %(id)s"
        " AND due_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.id = %(id)s AND c.paused)",
        {"id": connection},
        prepare=True,
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]
