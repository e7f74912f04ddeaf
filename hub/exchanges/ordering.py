"""Draining a backlog by legal deadline: the lanes that are due are put in the order of their dossiers' due dates.

Workers claim lanes by ``due_at``, soonest first. Here the due lanes get new ``due_at`` in the past, a microsecond
apart, before the oldest of them: the order changes, the age of the backlog does not, and the claim needs to know
nothing of dossiers.
"""

from __future__ import annotations

from array import array
from datetime import timedelta

from hub.store.engine import Store

MOST = 200_000
"""Lanes put in order at most, the most urgent ones; what is beyond keeps its own order behind them."""

_BATCH = 5_000

_URGENT = """
SELECT l.id FROM lanes l LEFT JOIN dossiers d ON d.code = l.subject
WHERE l.connection = %s AND l.due_at <= now()
ORDER BY d.due_at NULLS LAST, l.due_at, l.id LIMIT %s
"""

# A lane that somebody works on is passed over: waiting for it could make the two wait for each other.
_MOVE = """
WITH free AS (
    SELECT l.id, v.rank
    FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS v (id, rank) JOIN lanes l ON l.id = v.id
    WHERE l.due_at <= now() FOR UPDATE OF l SKIP LOCKED
)
UPDATE lanes l SET due_at = %(first)s::timestamptz + free.rank * interval '1 microsecond'
FROM free WHERE l.id = free.id
"""


async def by_deadline(store: Store, connection: str, *, most: int = MOST) -> int:
    """Put the due lanes of a connection in the order of legal deadlines; return how many were moved.

    Dossiers without a deadline come last. In batches, each a transaction of its own: at any moment what was moved is
    more urgent than what was not.
    """
    async with store.transaction() as conn:
        oldest = await (
            await conn.execute("SELECT min(due_at) FROM lanes WHERE connection = %s AND due_at <= now()", (connection,))
        ).fetchone()
        urgent = array("q")
        async with conn.cursor(name="urgent_lanes") as cursor:
            cursor.itersize = _BATCH
            await cursor.execute(_URGENT, (connection, most))
            async for row in cursor:
                urgent.append(row[0])
    if oldest is None or oldest[0] is None:
        return 0
    first = oldest[0] - timedelta(microseconds=len(urgent) + 1)
    moved = 0
    for begin in range(0, len(urgent), _BATCH):
        async with store.transaction() as conn:
            done = await conn.execute(
                _MOVE,
                {"ids": list(urgent[begin : begin + _BATCH]), "first": first + timedelta(microseconds=begin)},
            )
            moved += done.rowcount
    return moved
