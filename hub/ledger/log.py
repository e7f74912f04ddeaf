"""Reading the stored tree: its size, its newest checkpoint, and the hash of any range of leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from hub.ledger import merkle
from hub.ledger.merkle import Edge, Range


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it is stored."""

    size: int
    root: bytes
    note: str


async def log_size(conn: AsyncConnection[Any]) -> int:
    """Return how many leaves there are."""
    cursor = await conn.execute("SELECT coalesce(max(index) + 1, 0) FROM ledger_leaves")
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def checkpoint(conn: AsyncConnection[Any], size: int | None = None) -> Signed | None:
    """Return the newest checkpoint, or the one of this size; ``None`` when there is none."""
    cursor = await conn.execute(
        "SELECT size, root, note FROM ledger_checkpoints WHERE %(size)s::bigint IS NULL OR size = %(size)s"
        " ORDER BY size DESC LIMIT 1",
        {"size": size},
    )
    row = await cursor.fetchone()
    return None if row is None else Signed(row[0], bytes(row[1]), row[2])


_STORED = """
SELECT 0, l.index, l.hash
FROM unnest(%(levels)s::int[], %(firsts)s::bigint[], %(ends)s::bigint[]) AS w(level, first, stop)
JOIN ledger_leaves l ON l.index >= w.first AND l.index < w.stop
WHERE w.level = 0
UNION ALL
SELECT n.level, n.index, n.hash
FROM unnest(%(levels)s::int[], %(firsts)s::bigint[], %(ends)s::bigint[]) AS w(level, first, stop)
JOIN ledger_nodes n ON n.level = w.level AND n.index >= w.first AND n.index < w.stop
WHERE w.level > 0
"""


async def stored(conn: AsyncConnection[Any], wanted: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, bytes]]:
    """Return stored hashes: level, index, hash. ``wanted`` are levels with their first index and end."""
    cursor = await conn.execute(
        _STORED,
        {
            "levels": [one[0] for one in wanted],
            "firsts": [one[1] for one in wanted],
            "ends": [one[2] for one in wanted],
        },
        prepare=True,
    )
    return [(row[0], row[1], bytes(row[2])) for row in await cursor.fetchall()]


async def edge_of(conn: AsyncConnection[Any], size: int) -> Edge:
    """Return the right edge of the tree of this size.

    Raises:
        ValueError: The stored tree lacks a hash.
    """
    return Edge(size, await stored(conn, Edge.wanted(size)))


async def hashes_of(conn: AsyncConnection[Any], ranges: Sequence[Range]) -> list[bytes]:
    """Return the hash of each range of leaves, as proofs name them; reads a few rows per level of the tree.

    Raises:
        LookupError: The stored tree lacks a hash.
    """
    nodes = {one: merkle.complete_nodes(*one) for one in ranges}
    rows = {node: merkle.stored_rows(node) for found in nodes.values() for node in found}
    values = {(level, index): value for level, index, value in await stored(conn, list(set(rows.values())))}

    def of_node(node: merkle.Node) -> bytes:
        level, first, end = rows[node]
        return merkle.root_of_complete([values[level, index] for index in range(first, end)])

    return [merkle.join([of_node(node) for node in nodes[one]]) for one in ranges]
