"""A ledger on a database of the test's own, and ways to fill it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from hub.ledger import log
from hub.ledger.audit import Report, audit
from hub.ledger.entries import Entry, EntryKind, append
from hub.ledger.evidence import Verified, verify
from hub.ledger.keys import verifier_keys
from hub.ledger.note import VerifierKey
from hub.ledger.sealer import LedgerSealer
from hub.ledger.service import LedgerService
from hub.store.engine import Store

ORIGIN = "h99.example/ledger"
AT = datetime(2026, 10, 8, 1, 15, tzinfo=UTC)


def entry(number: int, subject: str | None = None) -> Entry:
    """An invented message that came in."""
    return Entry(
        kind=EntryKind.INBOUND,
        subject=subject if subject is not None else f"event-{number}",
        at=AT + timedelta(milliseconds=number),
        digest=hashlib.sha256(b"content %d" % number).digest(),
        facts={"system": "national_portal", "number": str(number)},
    )


class Ledger:
    """The parts of the ledger on one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sealer = LedgerSealer(store, origin=ORIGIN)
        self.service = LedgerService(store)

    async def append(self, *numbers: int) -> None:
        """Add entries in one transaction."""
        async with self.store.transaction() as conn:
            await append(conn, [entry(one) for one in numbers])

    async def fill(self, *portions: int) -> None:
        """Add and seal portions of entries, one checkpoint each."""
        number = await self.size()
        for count in portions:
            await self.append(*range(number, number + count))
            await self.sealer.seal()
            number += count

    async def size(self) -> int:
        """How many leaves there are."""
        async with self.store.transaction() as conn:
            return await log.log_size(conn)

    async def waiting(self) -> int:
        """How many entries are not sealed."""
        async with self.store.transaction() as conn:
            row = await (await conn.execute("SELECT count(*) FROM ledger_queue")).fetchone()
        assert row is not None
        return int(row[0])

    async def keys(self) -> list[VerifierKey]:
        """The public keys, the newest first."""
        async with self.store.transaction() as conn:
            return await verifier_keys(conn)

    async def audit(self) -> Report:
        """Recompute everything."""
        return await audit(self.store)

    async def proven(self, subject: str) -> Verified:
        """Get the evidence of a subject and verify it with the key of the database."""
        return verify(await self.service.evidence(subject, actor="test"), trusted=await self.keys())


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """An empty ledger."""
    return Ledger(store)
