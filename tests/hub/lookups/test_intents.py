"""What is asked is on record outside of the process before the partner hears of it, whatever dies then."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import uuid_utils.compat

from hub.lookups.counting import ASKED
from hub.lookups.intents import RECOVERED, intent_of, row_of
from hub.lookups.jobs import LogKeeper
from hub.lookups.log import BEGINNING, digests_of, ended_since
from hub.lookups.rows import LookupRow, salted
from hub.lookups.settings import LookupSettings
from hub.store.engine import Store
from hub.store.errors import SealError
from tests.hub.databases import settled
from tests.hub.lookups.redis_server import RedisServer
from tests.hub.lookups.world import NUMBER, LookupWorld


def row(*, reasons: bytes | None = None) -> LookupRow:
    """A look-up under way."""
    return LookupRow(
        id=str(uuid_utils.compat.uuid7()),
        asked_at=datetime.now(UTC),
        kind="find_citizen",
        connection="dan_cu",
        client_id="client",
        account_id="canbo01",
        role="one_stop",
        unit_code="H99.12",
        ip="10.0.0.7",
        dossier_code=None,
        procedure_root="1.000001",
        purpose="Xác minh",
        break_glass=True,
        subject_hash=b"\x01" * 32,
        subject_kind="person",
        gate={},
        content=salted({"subject": NUMBER}),
        reasons=reasons,
    )


async def asked(desk: LookupWorld) -> None:
    """Wait until the partner has been asked once more."""
    before = len(desk.people.asked)
    while len(desk.people.asked) == before:
        await asyncio.sleep(0.005)


async def test_redis_keeps_what_is_asked_until_the_log_has_it(
    desk: LookupWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the gate's own act; a partner that takes longer is waited for with the row in the log; then it is let go."""
    monkeypatch.setattr("hub.lookups.entry.BLINK_SECONDS", 3600.0)
    desk.people.hold = asyncio.Event()
    asking = asyncio.create_task(desk.ask())
    await asked(desk)
    with desk.redis.client() as client:
        ((name, kept),) = client.hgetall(ASKED).items()
        assert await desk.outcomes() == []
        assert NUMBER.encode() not in kept
        assert b"canbo01" not in kept
        desk.people.hold.set()
        found = (await asking).json()
        assert (found["found"], found["lookup_id"]) == (True, name.decode())
        assert await desk.outcomes() == [("found", None, None)]
        while client.hlen(ASKED):
            await asyncio.sleep(0.005)  # with the next round trip

        monkeypatch.setattr("hub.lookups.entry.BLINK_SECONDS", 0.0)
        desk.people.hold = asyncio.Event()
        asking = asyncio.create_task(desk.person("099199000002"))
        await asked(desk)
        while len(await desk.outcomes()) == 1:
            await asyncio.sleep(0.005)
        assert (await desk.outcomes())[1] == ("under_way", None, None)
        desk.people.hold.set()
        assert (await asking).json()["found"] is True
        assert (await desk.outcomes())[1] == ("found", None, None)
        while client.hlen(ASKED):
            await asyncio.sleep(0.005)
    leaves = await desk.rows("SELECT count(*), count(DISTINCT digest) FROM ledger_queue WHERE kind = 'lookup'")
    assert leaves == [(4, 4)], "two for each, however it was written"


async def test_without_redis_the_log_has_it_before_anybody_is_asked(desk: LookupWorld) -> None:
    """On disk: nothing else would know of it."""
    desk.redis.stop()
    desk.people.hold = asyncio.Event()
    asking = asyncio.create_task(desk.ask())
    await asked(desk)
    assert await desk.outcomes() == [("under_way", None, None)]
    desk.people.hold.set()
    assert (await asking).json()["gate"]["degraded"] is True
    assert await desk.outcomes() == [("found", None, None)]


async def test_what_a_dead_process_left_is_moved_into_the_log(store: Store, redis_server: RedisServer) -> None:
    """Once, whole, and not while the process may live; what was put there by others never gets into the log."""
    redis_server.empty()
    patient = LookupSettings(redis_timeout_seconds=10)
    first, second, forged = row(reasons=salted({"break_glass": "Cấp cứu"})), row(), row()
    unwritable = row()
    unwritable.ip = "nowhere"
    with redis_server.client() as client:
        for one in (first, second, unwritable):
            client.hset(ASKED.decode(), one.id, intent_of(store.sealer, one))
        client.hset(ASKED.decode(), forged.id, intent_of(store.sealer, second))
        client.hset(ASKED.decode(), "nobody", orjson.dumps({"id": forged.id}))
        keeper = LogKeeper(store, patient, retention_months=12, redis_url=redis_server.url)
        now = datetime.now(UTC)
        assert await keeper.recover(now) == 0
        assert client.hlen(ASKED) == 4, "only what can be nobody's is removed at once"
        later = now + timedelta(minutes=3)
        assert await keeper.recover(later) == 2
        assert client.hkeys(ASKED) == [unwritable.id.encode()], "it keeps no other from being written"
        client.hdel(ASKED.decode(), unwritable.id)
        client.hset(ASKED.decode(), first.id, intent_of(store.sealer, first))
        assert await keeper.recover(later) == 0, "the log has it"
        assert client.hlen(ASKED) == 0
        redis_server.stop()
        assert await keeper.recover(later) == 0, "Redis is away: at the next turn"
    assert await keeper.end_abandoned(now + timedelta(minutes=20)) == 2
    await settled(store)
    async with store.transaction() as conn:
        found = await ended_since(conn, BEGINNING, 10)
        cursor = await conn.execute("SELECT digest FROM ledger_queue WHERE kind = 'lookup'")
        leaves = {bytes(one[0]) for one in await cursor.fetchall()}
    assert {(str(one.id), one.error) for one in found} == {(first.id, "Abandoned"), (second.id, "Abandoned")}
    assert {leaf for one in found for leaf in digests_of(one, store.sealer)} == leaves
    whole = next(one for one in found if str(one.id) == first.id)
    assert (whole.gate, whole.ip, whole.asked_at) == (RECOVERED, "10.0.0.7", first.asked_at)
    assert (whole.subject_number(store.sealer), whole.subject_hash) == (NUMBER, first.subject_hash)
    assert whole.reasons(store.sealer) == {"break_glass": "Cấp cứu"}


def test_a_kept_look_up_opens_only_as_itself(store: Store) -> None:
    """What was sealed for one id is none of another."""
    one = row()
    kept = intent_of(store.sealer, one)
    again = row_of(store.sealer, one.id, kept)
    assert (again.clear() | {"gate": {}}, again.content) == (one.clear(), one.content)
    with pytest.raises(SealError):
        row_of(store.sealer, row().id, kept)
