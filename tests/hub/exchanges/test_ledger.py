"""Every end of an exchange leaves one entry in the ledger, whoever or whatever ended it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.errors import Rejected, Sentence
from hub.exchanges.claims import claim
from hub.exchanges.completing import Finished, complete
from hub.exchanges.views import ExchangeState
from hub.ledger.evidence import Verified, verify
from hub.ledger.sealer import LedgerSealer
from hub.ledger.service import LedgerService
from tests.hub.exchanges.conftest import PORTAL, World, step

CODE = "H99.12-261008-0001"


async def evidence(world: World, exchange: Any) -> Verified:
    """Seal, and verify what there is about an exchange."""
    await LedgerSealer(world.store, origin="h99.example/ledger").seal()
    return verify(await LedgerService(world.store).evidence(str(exchange), actor="test"))


async def exchange_of(world: World, revision: int = 1, operation: str = "push_dossier") -> Any:
    """Return the id of an exchange."""
    return await world.scalar(
        "SELECT id FROM exchanges WHERE subject = %s AND revision = %s AND operation = %s", CODE, revision, operation
    )


async def test_what_was_delivered_is_recorded_once(world: World) -> None:
    """With what was delivered: the digest is of the dossier's events up to its revision."""
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
        await world.record(CODE, step())
        await world.until(world.settled)
    for revision, operation in ((1, "push_dossier"), (2, "push_step"), (2, "push_dossier")):
        exchange = await exchange_of(world, revision, operation)
        [(index, leaf)] = (await evidence(world, exchange)).entries
        assert leaf.kind == "exchange"
        expected = {"state": "delivered", "operation": operation, "dossier": CODE, "revision": str(revision)}
        assert expected.items() <= leaf.facts.items()
        bodies = await world.scalar(
            "SELECT array_agg(body_hash ORDER BY revision) FROM dossier_events"
            " WHERE dossier_code = %s AND revision <= %s",
            CODE,
            revision,
        )
        digest = await world.scalar("SELECT digest FROM ledger_leaves WHERE index = %s", index)
        assert bytes(digest) == hashlib.sha256(b"".join(bytes(one) for one in bodies)).digest()
        assert bytes(digest).hex() not in str(leaf)
    everything = await world.scalar("SELECT string_agg(convert_from(leaf, 'UTF8'), ' ') FROM ledger_leaves")
    for personal in ("Trần", "Mẫu", "099199000123", "Lê Văn Thử", "Thẩm định"):
        assert personal not in everything


async def test_what_was_refused_replayed_and_delivered_is_recorded_twice(world: World) -> None:
    """Each end is an entry of its own, and the person's act stands between them."""

    def refuse(operation: str, pushes: Sequence[Any]) -> None:
        raise Rejected(Sentence("Not taken.", "Không nhận."), upstream_code="-9")

    world.portal.before = refuse
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
    exchange = await exchange_of(world)
    world.portal.before = lambda _operation, _pushes: None
    await world.exchanges.replay(str(exchange), actor="an", reason="Đã sửa danh mục")
    async with world.working():
        await world.until(world.settled)
    told = [leaf.facts.get("state") or leaf.facts["act"] for _, leaf in (await evidence(world, exchange)).entries]
    assert told == ["refused", "exchange.replayed", "delivered"]
    first = (await evidence(world, exchange)).entries[0][1]
    assert (first.facts["code"], first.facts["attempts"]) == ("-9", "1")


async def test_what_was_superseded_or_dismissed_is_recorded(world: World) -> None:
    """A revision that never left, and one that a person ended."""
    await world.put(CODE)
    await world.put(CODE, processing_unit="Phòng khác")
    await world.exchanges.dismiss(str(await exchange_of(world, 2)), actor="an", reason="Thử")
    [(_, leaf)] = (await evidence(world, await exchange_of(world, 1))).entries
    assert (leaf.facts["state"], leaf.facts["attempts"]) == ("superseded", "0")
    told = [
        leaf.facts.get("state") or leaf.facts["act"]
        for _, leaf in (await evidence(world, await exchange_of(world, 2))).entries
    ]
    assert sorted(told) == ["dismissed", "exchange.dismissed"]


async def test_an_outcome_that_came_too_late_is_not_recorded(world: World) -> None:
    """Whoever lost the lease does not write an end, so there is no entry of one either."""
    await world.put(CODE)
    async with world.store.transaction() as conn:
        [claimed] = await claim(conn, PORTAL, limit=1, depth=1, lease=timedelta(seconds=30), worker="slow")
        await conn.execute("UPDATE lanes SET lease_token = lease_token + 1")
        late = Finished(
            exchange=claimed,
            state=ExchangeState.DELIVERED,
            retry_in=None,
            outcome="delivered",
            upstream_code="0",
            sentence=Sentence("Delivered.", "Đã giao."),
            started_at=datetime.now(UTC),
            duration_ms=1,
        )
        recorded = await complete(conn, [late], now=datetime.now(UTC), worker="slow")
    assert recorded.lost == {claimed.id}
    assert await world.scalar("SELECT count(*) FROM ledger_queue WHERE kind = 'exchange'") == 0
