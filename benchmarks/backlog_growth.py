"""``backlog-growth``: what one claim costs with a million lanes due, against a thousand.

A claim is the outbox's own: take 64 due lanes with what is at their heads, mark them as sending, and here give
them back. The database is vacuumed and analysed after each seeding, as autovacuum does in the long run.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.deployment import CONNECTION, Deployment, deployment
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from hub.exchanges.claims import claim, mark_sending, release

BAR = 1.5
_LANES = 64

_SEED = """
WITH lane AS (
    INSERT INTO lanes (connection, subject, open_count, due_at)
    SELECT %(connection)s, 'H99.12-261008-' || lpad(n::text, 7, '0'), 1, now() - interval '1 hour' + n * interval '1 ms'
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
    RETURNING id, connection, subject
)
INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, state, accepted_at)
SELECT uuidv7(), id, connection, subject, 'push_dossier', 1, 'accepted', now() FROM lane
"""


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure."""
    async with deployment() as made:
        few = await _costs(made, 1, sizes.backlog_few, sizes.backlog_claims)
        many = await _costs(made, sizes.backlog_few + 1, sizes.backlog_many, sizes.backlog_claims)
    return [Measurement.cost_of("backlog-growth", many, few, unit="ms", bar=BAR)]


async def _costs(made: Deployment, first: int, last: int, claims: int) -> list[float]:
    async with made.store.transaction() as conn:
        await conn.execute("SET LOCAL synchronous_commit TO off")
        await conn.execute(_SEED, {"connection": CONNECTION, "first": first, "last": last})
    async with await psycopg.AsyncConnection.connect(made.store.url, autocommit=True) as tidy:
        await tidy.execute("VACUUM ANALYZE lanes")
        await tidy.execute("VACUUM ANALYZE exchanges")
        await tidy.execute("CHECKPOINT")
    for _ in range(claims // 10 + 1):
        await _claim_once(made)
    return [await _claim_once(made) for _ in range(claims)]


async def _claim_once(made: Deployment) -> float:
    """Claim, mark and give back; return the milliseconds."""
    began = time.perf_counter()
    async with made.store.transaction() as conn:
        claimed: list[Any] = await claim(
            conn, CONNECTION, limit=_LANES, depth=10, lease=timedelta(minutes=4), worker="benchmark"
        )
        if len(claimed) != _LANES:
            raise RuntimeError(f"{len(claimed)} lanes were due instead of {_LANES}")
        await mark_sending(conn, CONNECTION, claimed, now=datetime.now(UTC), worker="benchmark")
    spent = time.perf_counter() - began
    async with made.store.transaction() as conn:
        await conn.execute("UPDATE exchanges SET state = 'accepted' WHERE id = ANY(%s)", ([one.id for one in claimed],))
        await release(conn, claimed, wait=timedelta(0))
    return spent * 1000
