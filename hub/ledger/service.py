"""Reading the ledger: checkpoints, proofs of consistency, evidence of an exchange."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.ledger import keys, leaf, log, merkle
from hub.ledger.entries import MAX_SUBJECT, record_act
from hub.ledger.evidence import Proven, document
from hub.ledger.note import VerifierKey, named_keys
from hub.ledger.views import CheckpointView, ConsistencyView
from hub.store.engine import Store

MAX_ENTRIES = 500
"""Most entries of one evidence, the newest; an exchange has a few."""


class LedgerService:
    """Answers what auditors and operators ask."""

    def __init__(self, store: Store) -> None:
        """Everything is read from ``store``; nothing is kept here."""
        self._store = store

    async def checkpoint(self) -> CheckpointView:
        """Return the newest checkpoint, or refuse with 404 while nothing is sealed."""
        async with self._store.transaction() as conn:
            signed = await _require_checkpoint(conn, None)
            signers = await _signers(conn, signed)
        return CheckpointView(
            size=signed.size, root=signed.root.hex(), note=signed.note, keys=tuple(keys.texts(signers))
        )

    async def consistency(self, old: int, new: int | None) -> ConsistencyView:
        """Prove that the log of ``old`` leaves is the beginning of the log of ``new``; the newest if not given.

        Refuses with 404 while nothing is sealed, 409 beyond what is sealed, 422 where the sizes are out of order.
        """
        async with self._store.transaction() as conn:
            signed = await _require_checkpoint(conn, None)
            end = signed.size if new is None else new
            if end > signed.size:
                raise Refusal(409, "not_sealed_yet", _beyond(signed.size), field="to")
            if not 0 < old <= end:
                raise Refusal(422, "sizes_out_of_order", _OUT_OF_ORDER, field="from")
            wanted = merkle.consistency_ranges(old, end)
            roots = [(0, old), (0, end)]
            *path, from_root, to_root = await log.hashes_of(conn, [*wanted, *roots])
        return ConsistencyView(
            from_size=old,
            from_root=from_root.hex(),
            to_size=end,
            to_root=to_root.hex(),
            path=tuple(one.hex() for one in path),
        )

    async def evidence(self, subject: str, *, actor: str, size: int | None = None, indented: bool = False) -> bytes:
        """Return all that is sealed about an exchange, with proofs, as a document; record who read it.

        ``size`` takes the checkpoint of so many leaves; the newest if not given. Entries added since are not in it.
        Refuses with 404 what does not exist, and with 409 what has not ended or is not sealed yet.
        """
        name = _normal(subject)
        async with self._store.transaction() as conn:
            signed = await log.checkpoint(conn, size)
            if signed is None and size is not None:
                raise Refusal(404, "checkpoint_not_found", _NO_SUCH_CHECKPOINT, field="size")
            found = await _leaves(conn, name, signed.size if signed is not None else 0)
            if signed is None or not found:
                raise await _why_none(conn, name, subject)
            made = await self._prove(conn, signed, found)
            signers = await _signers(conn, signed)
            await record_act(
                conn,
                act="evidence.read",
                actor=actor,
                target=f"evidence:{name}",
                facts={"entries": str(len(found)), "size": str(signed.size)},
            )
        return document(subject=name, note=signed.note, keys=signers, entries=made, indented=indented)

    async def _prove(
        self, conn: AsyncConnection[Any], signed: log.Signed, found: list[tuple[int, bytes, bytes]]
    ) -> list[Proven]:
        salt = await keys.salt_key(conn, self._store.sealer)
        ranges = {index: merkle.inclusion_ranges(index, signed.size) for index, _, _ in found}
        wanted = list({one for path in ranges.values() for one in path})
        hashes = dict(zip(wanted, await log.hashes_of(conn, wanted), strict=True))
        return [
            Proven(
                index=index,
                leaf=data,
                path=[hashes[one] for one in ranges[index]],
                content_digest=digest,
                salt=leaf.salt_of(salt, index),
            )
            for index, data, digest in found
        ]


async def _leaves(conn: AsyncConnection[Any], subject: str, size: int) -> list[tuple[int, bytes, bytes]]:
    cursor = await conn.execute(
        "SELECT index, leaf, digest FROM ledger_leaves WHERE subject = %s AND index < %s ORDER BY index DESC LIMIT %s",
        (subject, size, MAX_ENTRIES),
        prepare=True,
    )
    return [(row[0], bytes(row[1]), bytes(row[2])) for row in reversed(await cursor.fetchall())]


async def _why_none(conn: AsyncConnection[Any], name: str, subject: str) -> Refusal:
    """Say why there is no evidence."""
    cursor = await conn.execute(
        "SELECT EXISTS (SELECT FROM ledger_queue WHERE subject = %(name)s)"
        " OR EXISTS (SELECT FROM ledger_leaves WHERE subject = %(name)s),"
        " EXISTS (SELECT FROM exchanges WHERE id = %(id)s)",
        {"name": name, "id": _uuid(subject)},
    )
    row = await cursor.fetchone()
    waits, exists = (False, False) if row is None else (row[0], row[1])
    if waits:
        return Refusal(409, "not_sealed_yet", _NOT_SEALED, exchange_id=name if exists else "")
    if exists:
        return Refusal(409, "not_ended_yet", _NOT_ENDED, exchange_id=name)
    return Refusal(404, "exchange_not_found", _NO_EXCHANGE, field="id")


async def _require_checkpoint(conn: AsyncConnection[Any], size: int | None) -> log.Signed:
    signed = await log.checkpoint(conn, size)
    if signed is None:
        raise Refusal(404, "nothing_sealed", _NOTHING_SEALED)
    return signed


async def _signers(conn: AsyncConnection[Any], signed: log.Signed) -> list[VerifierKey]:
    """Return the keys that signed a checkpoint, the newest first."""
    named = named_keys(signed.note)
    return [key for key in await keys.verifier_keys(conn) if (key.name, key.id) in named]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _normal(subject: str) -> str:
    """Return the subject as entries spell it, or refuse with 404 what cannot be one."""
    if len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise Refusal(404, "exchange_not_found", _NO_EXCHANGE, field="id")
    found = _uuid(subject)
    return subject if found is None else str(found)


# --- sentences ------------------------------------------------------------------------------------------------

_NO_EXCHANGE = Sentence("There is no exchange with this id.", "Không có lượt trao đổi nào với mã này.")
_NOT_ENDED = Sentence(
    "This exchange has not ended yet; its outcome is recorded when it does.",
    "Lượt trao đổi này chưa kết thúc; kết quả được ghi vào sổ cái khi kết thúc.",
)
_NOT_SEALED = Sentence(
    "What happened is recorded but not sealed yet; ask again in a few seconds.",
    "Sự việc đã được ghi nhưng chưa được niêm phong; hãy hỏi lại sau vài giây.",
)
_NOTHING_SEALED = Sentence(
    "Nothing is sealed yet; the first checkpoint follows the first thing that happens.",
    "Chưa có gì được niêm phong; điểm kiểm tra đầu tiên có sau sự việc đầu tiên.",
)
_NO_SUCH_CHECKPOINT = Sentence(
    "There is no checkpoint of this size; take the size from one that was published.",
    "Không có điểm kiểm tra nào với số mục này; hãy lấy số mục từ một điểm kiểm tra đã công bố.",
)
_OUT_OF_ORDER = Sentence(
    "The first size must be at least 1 and not larger than the second.",
    "Số mục thứ nhất phải từ 1 trở lên và không lớn hơn số mục thứ hai.",
)


def _beyond(size: int) -> Sentence:
    return Sentence(
        f"Only {size} entries are sealed so far; ask for a smaller size, or later.",
        f"Hiện mới niêm phong {size} mục; hãy hỏi với số nhỏ hơn, hoặc hỏi lại sau.",
    )
