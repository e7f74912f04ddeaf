"""The sealer: takes what waits, adds it to the tree, and signs a checkpoint. A job of the clerk.

There is one writer at a time: the clerk runs the job once, and an advisory lock in the transaction holds even if it
did not. What waits is taken by deleting it, so an entry is in the queue or in the log and never in both or neither,
whatever breaks off; entries whose transactions commit late are there the next time, and no gap in the numbers of
the queue matters. Before it adds anything the sealer compares the stored tree with its own last signature.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, LiteralString

import orjson
import structlog
from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.ledger import keys, leaf, log, merkle
from hub.ledger.entries import MAX_FACT, EntryKind
from hub.ledger.note import Checkpoint, sign
from hub.store.engine import Store

PORTION = 5_000
"""Entries taken by one statement."""

MOST = 50_000
"""Entries under one checkpoint; the rest of a backlog waits for the next."""

ALERT = "ledger.damaged"

_EMPTY_DIGEST = sha256().digest()
_LONG_NUMBER = re.compile(r"\d{9}")

_log = structlog.get_logger("hub.ledger")


class LedgerDamagedError(Exception):
    """The stored log contradicts what was signed of it; nothing is added until a person has looked."""

    def __init__(self, sentence: Sentence) -> None:
        """``sentence`` says what was found."""
        super().__init__(sentence.en)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one round of sealing did."""

    entries: int
    size: int


# What an exchange was about is fixed once it exists, so it is read here and not where every outcome is written. Its
# content is the dossier as of its revision, and that is its events in their order.
_TAKE = """
WITH taken AS (
    DELETE FROM ledger_queue
    WHERE id <= coalesce((SELECT id FROM ledger_queue ORDER BY id OFFSET %(most)s - 1 LIMIT 1), 9223372036854775807)
    RETURNING id, kind, subject, at, digest, facts
)
SELECT t.kind, t.subject, t.at, t.facts,
       coalesce(t.digest, (
           SELECT sha256(string_agg(d.body_hash, ''::bytea ORDER BY d.revision))
           FROM dossier_events d WHERE d.dossier_code = e.subject AND d.revision <= e.revision)),
       e.connection, e.operation, e.subject, e.revision, e.step_sequence
FROM taken t LEFT JOIN LATERAL (
    SELECT * FROM exchanges x WHERE x.id = CASE WHEN t.kind = 'exchange' THEN t.subject::uuid END
    OFFSET 0  -- looked up one by one: joined as a whole, all exchanges there ever were would be read every second
) e ON true
ORDER BY t.id
"""


class LedgerSealer:
    """Seals what waits, round after round."""

    def __init__(
        self, store: Store, *, origin: str, every_seconds: float = 1.0, portion: int = PORTION, most: int = MOST
    ) -> None:
        """``origin`` names the log and its key; there is at most one checkpoint in ``every_seconds``."""
        self._store = store
        self._origin = origin
        self._every = every_seconds
        self._portion = portion
        self._most = most

    async def run(self) -> None:
        """Seal for ever. Raises `LedgerDamagedError`, after the alert is raised."""
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            await self.seal()
            await asyncio.sleep(max(0.0, self._every - (clock() - begun)))

    async def seal(self) -> Sealed | None:
        """Seal what waits, under one new checkpoint; ``None`` when nothing does.

        Raises:
            LedgerDamagedError: The stored log contradicts its last checkpoint. An alert is open.
            StoreUnavailable: The database does not answer; everything is as it was.
        """
        try:
            return await self._seal()
        except LedgerDamagedError as error:
            _log.error("ledger_damaged", sentence=error.sentence.en)
            async with self._store.transaction() as conn:
                await raise_alert(conn, Alert(ALERT, Severity.CRITICAL, error.sentence), now=datetime.now(UTC))
            raise

    async def _seal(self) -> Sealed | None:
        async with self._store.transaction() as conn:
            # Planning for the many rows that could be, PostgreSQL would compile a program for the few there are.
            await conn.execute("SET LOCAL jit TO off")
            await keys.lock(conn)
            if not await _anything_waits(conn):
                return None
            # A key that is made now is recorded now: its act is among what is taken below.
            signing = await keys.signing_keys(conn, self._store.sealer, self._origin)
            salt = await keys.salt_key(conn, self._store.sealer)
            edge = await _proven_edge(conn)
            before = edge.size
            while edge.size - before < self._most:
                rows = await self._take(conn)
                if rows:
                    await _add(conn, edge, rows, salt)
                if len(rows) < self._portion:
                    break
            checkpoint = Checkpoint(self._origin, edge.size, edge.root())
            await conn.execute(
                "INSERT INTO ledger_checkpoints (size, root, note) VALUES (%s, %s, %s)",
                (checkpoint.size, checkpoint.root, sign(checkpoint.text, signing)),
            )
            await clear_alert(conn, ALERT, now=datetime.now(UTC))
        return Sealed(edge.size - before, edge.size)

    async def _take(self, conn: AsyncConnection[Any]) -> Sequence[tuple[Any, ...]]:
        cursor = conn.cursor(binary=True)
        await cursor.execute(_TAKE, {"most": self._portion}, prepare=True)
        return await cursor.fetchall()


async def _anything_waits(conn: AsyncConnection[Any]) -> bool:
    cursor = await conn.execute("SELECT EXISTS (SELECT FROM ledger_queue)", prepare=True)
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def _proven_edge(conn: AsyncConnection[Any]) -> merkle.Edge:
    """Return the right edge of the stored tree, which must be what was signed last."""
    size = await log.log_size(conn)
    last = await log.checkpoint(conn)
    try:
        edge = await log.edge_of(conn, size)
    except ValueError:
        raise LedgerDamagedError(_DAMAGED) from None
    if (last.size, last.root) != (size, edge.root()) if last is not None else size != 0:
        raise LedgerDamagedError(_DAMAGED)
    return edge


_DAMAGED = Sentence(
    "The stored ledger does not agree with its last signed checkpoint. Nothing is added to it, and new entries wait."
    " Keep the database as it is and run: lienthong evidence audit",
    "Sổ cái lưu trữ không khớp với điểm kiểm tra đã ký gần nhất. Hệ thống ngừng ghi thêm, mục mới chờ lại."
    " Hãy giữ nguyên cơ sở dữ liệu và chạy: lienthong evidence audit",
)


async def _add(conn: AsyncConnection[Any], edge: merkle.Edge, rows: Sequence[tuple[Any, ...]], salt: bytes) -> None:
    """Append leaves and the inner hashes they complete."""
    first = edge.size
    leaves: list[bytes] = []
    hashes: list[bytes] = []
    for index, (kind, subject, at, facts, digest, *exchange) in enumerate(rows, first):
        content = _EMPTY_DIGEST if digest is None else digest  # an exchange that is not about a dossier
        named = orjson.loads(facts)
        if kind == EntryKind.EXCHANGE:
            named = _known(exchange, named)
        salted = leaf.salted(leaf.salt_of(salt, index), content)
        data = leaf.encode(kind=kind, subject=subject, at=at, digest=salted, facts=named)
        hashes.append(merkle.leaf_hash(data))
        leaves.append(_leaf_row(index, subject, data, hashes[-1], content))
    nodes = edge.append(hashes)
    await _copy(conn, "COPY ledger_leaves (index, subject, leaf, hash, digest) FROM STDIN (FORMAT BINARY)", leaves)
    await _copy(
        conn,
        "COPY ledger_nodes (level, index, hash) FROM STDIN (FORMAT BINARY)",
        [_node_row(*one) for one in nodes],
    )


def _known(exchange: Sequence[Any], facts: dict[str, str]) -> dict[str, str]:
    """Add what its row says of an exchange; leave out a partner's code that is none.

    That is one too long, or with a number in it that could be a citizen's.
    """
    code = facts.get("code")
    if code is not None and (len(code) > MAX_FACT or not code.isprintable() or _LONG_NUMBER.search(code)):
        del facts["code"]
    connection, operation, dossier, revision, step = exchange
    if connection is not None:
        facts["connection"] = connection
        facts["operation"] = operation
        facts["dossier"] = dossier
    if revision is not None:
        facts["revision"] = str(revision)
    if step is not None:
        facts["step"] = str(step)
    return facts


_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_END = b"\xff\xff"
_LEAF = struct.Struct(">hiqi")
_NODE = struct.Struct(">hihiqi")
_LENGTH = struct.Struct(">i").pack


async def _copy(conn: AsyncConnection[Any], statement: LiteralString, rows: Iterable[bytes]) -> None:
    """Send rows in PostgreSQL's binary form, made here: row by row through the driver takes three times as long."""
    async with conn.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(b"".join((_COPY_HEAD, *rows, _COPY_END)))


def _leaf_row(index: int, subject: str, data: bytes, value: bytes, digest: bytes) -> bytes:
    name = subject.encode()
    return b"".join(
        (
            _LEAF.pack(5, 8, index, len(name)),
            name,
            _LENGTH(len(data)),
            data,
            _LENGTH(len(value)),
            value,
            _LENGTH(len(digest)),
            digest,
        )
    )


def _node_row(level: int, index: int, value: bytes) -> bytes:
    return _NODE.pack(3, 2, level, 8, index, len(value)) + value
