"""What is asked, kept in Redis from the moment the gate admits it until the log has it.

Admitting a look-up and keeping it is one act of the gate's script, so the partner never hears of a look-up that this
process alone knows of. It lies there sealed whole: nobody who reads Redis learns who is looked up, and nobody who
writes to it puts a look-up into the log. What a process that died left behind, the clerk moves into the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
import redis.asyncio
import structlog

from hub.lookups.counting import ASKED
from hub.lookups.rows import LookupRow, asked_about
from hub.lookups.writer import LogWriter
from hub.store.errors import SealError
from hub.store.sealing import Sealer

RECOVER_AFTER: Final = timedelta(minutes=1)
"""A process that lives has long put its look-up into the log by then; see `hub.lookups.entry`."""

MOST_AT_ONCE: Final = 200
"""Look-ups read from Redis at once."""

RECOVERED: Final = {"code": "admitted", "recovered": True}
"""What the gate saw, of a look-up whose process died with it."""

_log = structlog.get_logger("hub.lookups")


def intent_context(lookup_id: str) -> str:
    """Name the place of a kept look-up for the sealing."""
    return f"lookup-intent:{lookup_id}"


def intent_of(sealer: Sealer, row: LookupRow) -> bytes:
    """Return a look-up as it is kept: everything but what the gate sees."""
    clear = row.clear()
    del clear["gate"]
    reasons = None if row.reasons is None else row.reasons.decode()
    plain = orjson.dumps({**clear, "content": row.content.decode(), "reasons": reasons})
    return sealer.seal(plain, intent_context(row.id))


def row_of(sealer: Sealer, lookup_id: str, kept: bytes) -> LookupRow:
    """Return the look-up that `intent_of` kept. Raises `SealError`."""
    told: dict[str, Any] = orjson.loads(sealer.open(kept, intent_context(lookup_id)))
    subject, reasons = told["subject_hash"], told["reasons"]
    changed = {
        "asked_at": datetime.fromisoformat(told["asked_at"]),
        "subject_hash": None if subject is None else bytes.fromhex(subject.removeprefix("\\x")),
        "gate": RECOVERED,
        "content": told["content"].encode(),
        "reasons": None if reasons is None else reasons.encode(),
    }
    return LookupRow(**{**told, **changed})


class IntentKeeper:
    """Moves into the log what processes that died left in Redis; for the clerk, one at a time."""

    def __init__(self, sealer: Sealer, writer: LogWriter, client: redis.asyncio.Redis) -> None:
        self._sealer = sealer
        self._writer = writer
        self._client = client

    async def recover(self, now: datetime) -> int:
        """Move what is older than `RECOVER_AFTER`; return how many look-ups the log did not have.

        They are then ended as abandoned like any other that was cut off. Raises ``RedisError``, ``OSError`` or
        ``TimeoutError`` where Redis does not answer, ``StoreUnavailable`` where the log does not; nothing is lost.
        """
        moved = at = 0
        while True:
            told: tuple[int, Any] = await self._client.hscan(ASKED.decode(), cursor=at, count=MOST_AT_ONCE)
            at, found = told
            moved += await self._move(found, now)
            if not at:
                return moved

    async def _move(self, found: Mapping[bytes, bytes], now: datetime) -> int:
        rows: list[LookupRow] = []
        refused: list[str] = []
        for name, kept in found.items():
            lookup_id = name.decode(errors="replace")
            if not _is_left(lookup_id, now):
                continue
            try:
                rows.append(row_of(self._sealer, lookup_id, kept))
            except SealError as error:
                # Whoever sealed it, it is no look-up that can be moved. Only a key unknown here may yet become known.
                _log.error("lookup_intent_unreadable", code=error.code)
                if error.code != "data_key_unknown":
                    refused.append(lookup_id)
        moved, written = await self._write(rows)
        if written or refused:
            await self._client.hdel(ASKED.decode(), *written, *refused)
        if moved:
            _log.warning("lookups_recovered", lookups=moved)
        return moved

    async def _write(self, rows: Sequence[LookupRow]) -> tuple[int, list[str]]:
        """Write them, together or else one by one; return how many the log did not have, and which it has now."""
        if not rows:
            return 0, []
        try:
            return await self._writer.recover(rows), [one.id for one in rows]
        except psycopg.Error as error:
            if len(rows) == 1:
                # It stays where it is: one that cannot be written keeps no other from being written.
                _log.error("lookup_intent_unwritable", lookup_id=rows[0].id, error=type(error).__name__)
                return 0, []
        moved, written = 0, list[str]()
        for one in rows:
            more, ids = await self._write([one])
            moved += more
            written += ids
        return moved, written


def _is_left(lookup_id: str, now: datetime) -> bool:
    try:
        _earliest, latest = asked_about(UUID(lookup_id))
    except ValueError:
        return True
    return latest + RECOVER_AFTER < now
