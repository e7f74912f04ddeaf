"""Completing attempts: the statement of a worker after a call, which writes outcomes and frees or keeps lanes.

The functions take a connection inside a transaction that the caller owns.
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
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.outbox import SUPERSEDED
from hub.exchanges.views import ExchangeState


@dataclass(slots=True)
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
    goes_on: bool = False
    """Whether the worker keeps the lane to send what comes next in it; then its lease begins anew."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the lanes when outcomes were written."""

    lost: frozenset[UUID]
    """Exchanges whose lease had been lost: nothing was written of them, another worker settles them by asking."""
    kept: frozenset[int]
    """Lanes that the worker still holds, because it goes on and something is open in them."""


_COMPLETE = """
WITH v AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(lanes)s::json)
        AS t(id bigint, token bigint, ended int, wait float, known boolean, revision int, state int, held text,
             keep boolean)
), locked AS (
    SELECT l.id, v.keep AND l.open_count > v.ended AS kept
    FROM lanes l JOIN v ON v.id = l.id AND v.token = l.lease_token
    ORDER BY l.subject, l.connection FOR UPDATE OF l
), freed AS (
    UPDATE lanes l
    SET open_count = l.open_count - v.ended,
        lease_token = CASE WHEN locked.kept THEN l.lease_token END,
        leased_by = CASE WHEN locked.kept THEN l.leased_by END,
        held_reason = v.held,
        due_at = CASE WHEN locked.kept THEN now() + %(lease)s
                      WHEN v.held IS NULL AND l.open_count > v.ended
                      THEN now() + make_interval(secs => coalesce(v.wait, 0)) END,
        known_there = l.known_there OR v.known,
        confirmed_revision = coalesce(v.revision, l.confirmed_revision),
        confirmed_state = coalesce(v.state, l.confirmed_state),
        confirmed_at = CASE WHEN v.revision IS NULL AND v.state IS NULL THEN l.confirmed_at ELSE %(now)s END
    FROM v JOIN locked USING (id)
    WHERE l.id = v.id
    RETURNING l.id, locked.kept
), x AS MATERIALIZED (
    SELECT t.* FROM json_to_recordset(%(exchanges)s::json)
        AS t(id uuid, lane_id bigint, state text, ended_at timestamptz, doubts int, upstream_code text, reason text,
             reason_vi text, attempted boolean, number int, started_at timestamptz, duration_ms int, outcome text,
             request_bytes int, answer_bytes int, ledger text)
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
), recorded AS (
    INSERT INTO ledger_queue (kind, subject, at, facts)
    SELECT 'exchange', id::text, ended_at, ledger FROM x WHERE ledger IS NOT NULL
)
SELECT id, kept FROM freed
"""


async def complete(
    conn: AsyncConnection[TupleRow],
    finished: Sequence[Finished],
    *,
    now: datetime,
    worker: str,
    lease: timedelta = timedelta(0),
) -> Recorded:
    """Write the outcomes; free the lanes, or begin their lease of ``lease`` anew where the worker goes on."""
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
            "lease": lease,
        },
        prepare=True,
    )
    written: dict[int, bool] = dict(await cursor.fetchall())
    return Recorded(
        lost=frozenset(one.exchange.id for one in finished if one.exchange.lane_id not in written),
        kept=frozenset(lane for lane, kept in written.items() if kept),
    )


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
        "ledger": None if one.state.is_open else _outcome_facts(one),
    }


def _outcome_facts(one: Finished) -> str:
    """Return what the ledger says of an end besides what the sealer finds in the exchange itself."""
    facts = {"attempts": str(one.exchange.attempts), "outcome": one.outcome, "state": one.state.value}
    if one.upstream_code:
        facts["code"] = one.upstream_code
    return orjson.dumps(facts).decode()


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
        "keep": ones[0].goes_on,
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
