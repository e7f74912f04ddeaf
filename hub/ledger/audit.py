"""Recomputing the stored log: every leaf, every stored hash, every checkpoint.

Works through the log once, in portions, in one snapshot, with flat memory. It finds what was changed, removed,
inserted or moved; what it cannot find by itself is a log that was rewritten as a whole, with its keys, which is why
checkpoints are kept elsewhere too and can be given here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.ledger import leaf, merkle
from hub.ledger.keys import key_context, row_id, verifier_keys
from hub.ledger.merkle import Edge
from hub.ledger.note import Checkpoint, NoteError, SigningKey, VerifierKey, open_checkpoint
from hub.store.engine import Store
from hub.store.errors import SealError
from hub.store.sealing import Sealer

PORTION = 5_000
MOST_FAULTS = 50


@dataclass(slots=True)
class Report:
    """What an audit found."""

    entries: int = 0
    checkpoints: int = 0
    root: bytes = merkle.EMPTY_ROOT
    faults: list[Sentence] = field(default_factory=list)
    """What is wrong, from the beginning of the log; at most `MOST_FAULTS`."""
    more: int = 0
    """Faults that are not listed."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def add(self, en: str, vi: str) -> None:
        """Note a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Sentence(en, vi))
        else:
            self.more += 1


async def audit(
    store: Store, *, trusted: Sequence[VerifierKey] = (), kept: Sequence[Checkpoint] = (), portion: int = PORTION
) -> Report:
    """Recompute the whole log and compare it with every checkpoint.

    Args:
        store: Whose log it is.
        trusted: Keys from elsewhere; where given, every checkpoint must be signed by one of them.
        kept: Verified checkpoints from elsewhere; the log must have had these roots at these sizes.
        portion: Leaves read at a time.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    async with store.transaction() as conn:
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return await audit_in(conn, store.sealer, trusted=trusted, kept=kept, portion=portion)


async def audit_in(
    conn: AsyncConnection[Any],
    sealer: Sealer,
    *,
    trusted: Sequence[VerifierKey] = (),
    kept: Sequence[Checkpoint] = (),
    portion: int = PORTION,
) -> Report:
    """Audit in a transaction of the caller's, which should see one snapshot."""
    report = Report()
    salt = await _check_keys(conn, sealer, report)
    keys = await verifier_keys(conn)
    due = deque(sorted([*[(one.size, one) for one in kept]], key=lambda one: one[0]))
    edge = Edge()
    checkpoints = _Checkpoints(conn, keys, trusted, report)
    async for rows in _portions(conn, portion):
        hashes = [_check_leaf(row, edge.size + n, salt, report) for n, row in enumerate(rows)]
        done = 0
        while done < len(hashes):
            # Up to the next size at which somebody signed, or this portion's end.
            sizes = [await checkpoints.next_size(), due[0][0] if due else None]
            stop = min([one for one in sizes if one is not None and one > edge.size], default=edge.size + len(hashes))
            fresh = hashes[done : done + stop - edge.size]
            await _check_nodes(conn, edge.append(fresh), report)
            done += len(fresh)
            await checkpoints.check(edge)
            while due and due[0][0] <= edge.size:
                _check_kept(due.popleft()[1], edge, report)
    report.entries, report.root = edge.size, edge.root()
    if edge.size and salt is None:
        report.add("The key that salts digests is missing.", "Thiếu khóa dùng để che giá trị băm.")
    await checkpoints.finish(edge)
    await _check_count(conn, edge, report)
    for _, one in due:
        _check_kept(one, edge, report)
    return report


# --- leaves ---------------------------------------------------------------------------------------------------


async def _portions(conn: AsyncConnection[Any], portion: int) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    after = None
    while True:
        cursor = await conn.execute(
            "SELECT index, subject, leaf, hash, digest FROM ledger_leaves"
            " WHERE %(after)s::bigint IS NULL OR index > %(after)s ORDER BY index LIMIT %(portion)s",
            {"after": after, "portion": portion},
        )
        rows = await cursor.fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _check_leaf(row: tuple[Any, ...], place: int, salt: bytes | None, report: Report) -> bytes:
    """Check one row by itself; return the hash that its leaf really has."""
    index, subject, data, stored, digest = row
    value = merkle.leaf_hash(data)
    if index != place:
        report.add(
            f"Entry {place} is missing, or {index} does not belong to the log.",
            f"Thiếu mục {place}, hoặc mục {index} không thuộc sổ cái.",
        )
    elif value != stored:
        report.add(f"Entry {place} or its stored hash was changed.", f"Mục {place} hoặc giá trị băm đã bị sửa.")
    else:
        fault = _fault_within(place, subject, data, digest, salt)
        if fault is not None:
            report.add(f"Entry {place}: {fault}.", f"Mục {place} không toàn vẹn: {fault}.")
    return value


def _fault_within(place: int, subject: str, data: bytes, digest: bytes, salt: bytes | None) -> str | None:
    try:
        read = leaf.decode(data)
    except ValueError as error:
        return str(error)
    if read.subject != subject:
        return "its row is filed under another subject than the leaf names"
    if salt is not None and leaf.salted(leaf.salt_of(salt, place), digest).hex() != read.digest:
        return "the stored digest of its content is not the one in the leaf"
    return None


# --- stored hashes --------------------------------------------------------------------------------------------


async def _check_nodes(conn: AsyncConnection[Any], made: Sequence[tuple[int, int, bytes]], report: Report) -> None:
    if not made:
        return
    cursor = await conn.execute(
        "SELECT level, index, hash FROM ledger_nodes JOIN unnest(%s::smallint[], %s::bigint[]) AS w(level, index)"
        " USING (level, index)",
        ([one[0] for one in made], [one[1] for one in made]),
    )
    found = {(row[0], row[1]): row[2] for row in await cursor.fetchall()}
    for level, index, value in made:
        if found.get((level, index)) != value:
            report.add(
                f"The stored hash {index} of level {level} is not that of entries {index << level} to"
                f" {((index + 1) << level) - 1}, or it is missing.",
                f"Giá trị băm {index} ở mức {level} bị sửa hoặc bị thiếu.",
            )


async def _check_count(conn: AsyncConnection[Any], edge: Edge, report: Report) -> None:
    """Find hashes that belong to no complete subtree; the others were compared one by one."""
    cursor = await conn.execute(
        "SELECT level, index FROM ledger_nodes WHERE level <= 0 OR level %% 4 <> 0 OR level > 60"
        " OR index < 0 OR index >= %s::bigint >> level LIMIT %s",
        (edge.size, MOST_FAULTS),
    )
    for level, index in await cursor.fetchall():
        report.add(
            f"The stored hash {index} of level {level} belongs to no entries.",
            f"Giá trị băm {index} ở mức {level} không thuộc mục nào.",
        )


# --- checkpoints and keys ---------------------------------------------------------------------------------------


class _Checkpoints:
    """Goes through the stored checkpoints in step with the tree."""

    def __init__(
        self,
        conn: AsyncConnection[Any],
        keys: Sequence[VerifierKey],
        trusted: Sequence[VerifierKey],
        report: Report,
    ) -> None:
        self._conn = conn
        self._keys = [*dict.fromkeys([*keys, *trusted])]
        self._trusted = frozenset(trusted)
        self._report = report
        self._rows: deque[tuple[int, bytes, str]] = deque()
        self._after = -(1 << 63)
        self._is_end = False

    async def next_size(self) -> int | None:
        """Return the size of the next one; ``None`` when there is none."""
        if not self._rows and not self._is_end:
            cursor = await self._conn.execute(
                "SELECT size, root, note FROM ledger_checkpoints WHERE size > %s ORDER BY size LIMIT 1000",
                (self._after,),
            )
            self._rows.extend((row[0], bytes(row[1]), row[2]) for row in await cursor.fetchall())
            self._is_end = not self._rows
        return self._rows[0][0] if self._rows else None

    async def check(self, edge: Edge) -> None:
        """Compare those up to this size of the tree."""
        while (size := await self.next_size()) is not None and size <= edge.size:
            self._check_one(*self._take(), edge)

    async def finish(self, edge: Edge) -> None:
        """Find those beyond the log, and entries beyond the last one."""
        while await self.next_size() is not None:
            self._check_one(*self._take(), edge)
        if edge.size and self._after != edge.size:
            self._report.add(
                f"The log has {edge.size} entries and its last checkpoint covers {self._after}.",
                f"Sổ cái có {edge.size} mục nhưng điểm kiểm tra cuối gồm {self._after} mục.",
            )

    def _take(self) -> tuple[int, bytes, str]:
        row = self._rows.popleft()
        self._after = row[0]
        self._report.checkpoints += 1
        return row

    def _check_one(self, size: int, root: bytes, note: str, edge: Edge) -> None:
        try:
            signed, signers = open_checkpoint(note, self._keys)
        except NoteError as error:
            self._report.add(
                f"The checkpoint of {size} entries does not hold: {error}.",
                f"Điểm kiểm tra {size} mục không hợp lệ: {error}.",
            )
            return
        if (signed.size, signed.root) != (size, root):
            self._report.add(
                f"The row of the checkpoint of {size} entries does not say what its note says.",
                f"Dòng của điểm kiểm tra {size} mục không khớp với nội dung đã ký.",
            )
        elif size != edge.size or root != edge.root():
            self._report.add(
                f"The log is not the one that was signed at {size} entries.",
                f"Sổ cái không phải là sổ đã ký ở mốc {size} mục.",
            )
        elif self._trusted and not self._trusted & set(signers):
            self._report.add(
                f"The checkpoint of {size} entries is not signed by the key given.",
                f"Điểm kiểm tra {size} mục không do khóa đã cho ký.",
            )


def _check_kept(one: Checkpoint, edge: Edge, report: Report) -> None:
    if one.size != edge.size or one.root != edge.root():
        report.add(
            f"The log is not the one of the kept checkpoint of {one.size} entries: it was rewritten or cut short.",
            f"Sổ cái không khớp điểm kiểm tra {one.size} mục đã lưu: sổ đã bị viết lại hoặc cắt bớt.",
        )


async def _check_keys(conn: AsyncConnection[Any], sealer: Sealer, report: Report) -> bytes | None:
    """Check that every key opens and is what its row says; return the salt key."""
    cursor = await conn.execute("SELECT id, purpose, sealed, public FROM ledger_keys ORDER BY id")
    salt: bytes | None = None
    for name, purpose, sealed, public in await cursor.fetchall():
        secret = _opened(sealer, name, sealed)
        if secret is not None and purpose == "salt" and public is None:
            salt = secret
        elif secret is None or not _is_checkpoint_key(name, purpose, secret, public):
            report.add(f"The key {name} of the ledger was changed.", f"Khóa {name} của sổ cái đã bị sửa.")
    return salt


def _opened(sealer: Sealer, name: str, sealed: bytes) -> bytes | None:
    try:
        return sealer.open(sealed, key_context(name))
    except SealError:
        return None


def _is_checkpoint_key(name: str, purpose: str, secret: bytes, public: bytes | None) -> bool:
    key = SigningKey(name[:-9], secret).verifier
    return purpose == "checkpoint" and row_id(key) == name and key.public == public
