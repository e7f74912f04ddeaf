"""The look-up log itself: it only grows, by month, and nothing of it is lost or told too early."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat
from alembic import command

from hub.lookups.ceilings import measure
from hub.lookups.jobs import LogKeeper
from hub.lookups.log import BEGINNING, EndedLookup, LogPosition, digests_of, ended_since
from hub.lookups.partitions import Month, drop_old, made, make_ahead
from hub.lookups.rows import EndRow, LookupRow, asked_about, lookup_context, salted
from hub.lookups.settings import LookupSettings
from hub.lookups.subjects import SubjectHasher, subject_hash
from hub.lookups.telling import mismatch_alert
from hub.lookups.writer import LogWriter
from hub.sealed_columns import SEALED_COLUMNS
from hub.store import schema
from hub.store.engine import Store
from hub.store.own_connections import Statement
from hub.store.rotation import reseal, rotate_keys
from tests.hub.databases import settled

NOW = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
NUMBER = "099199000123"


def row(asked_at: datetime = NOW, **changes: Any) -> LookupRow:
    """A look-up under way."""
    facts: dict[str, Any] = {
        "id": str(uuid_utils.compat.uuid7()),
        "asked_at": asked_at,
        "kind": "find_citizen",
        "connection": "dan_cu",
        "client_id": "client-1",
        "account_id": "canbo01",
        "role": "one_stop",
        "unit_code": "H99.12",
        "ip": "2001:db8::7",
        "dossier_code": "H99.12-261008-0001",
        "procedure_root": "1.000001",
        "purpose": "Xác minh",
        "break_glass": False,
        "subject_hash": os.urandom(32),
        "subject_kind": "person",
        "gate": {"code": "admitted", "hour": 1, "degraded": False},
        "content": salted({"subject": NUMBER, "question": {}}),
        "reasons": salted({"step_up": "Tuần tuyển sinh"}),
    }
    return LookupRow(**{**facts, **changes})


def end(one: LookupRow, outcome: str = "found", **changes: Any) -> EndRow:
    """Its end."""
    content = salted({"subject_id": NUMBER, "commune": "00070"})
    return EndRow(one.id, one.asked_at, one.asked_at + timedelta(seconds=1), outcome, content=content, **changes)


@pytest.fixture
async def writer(store: Store) -> AsyncIterator[LogWriter]:
    """What writes the log."""
    opened = LogWriter(store)
    yield opened
    await opened.aclose()


async def read(store: Store, position: LogPosition = BEGINNING, limit: int = 1000) -> list[EndedLookup]:
    await settled(store)
    return await read_now(store, position, limit)


async def read_now(store: Store, position: LogPosition = BEGINNING, limit: int = 1000) -> list[EndedLookup]:
    async with store.transaction() as conn:
        return list(await ended_since(conn, position, limit))


async def rows(store: Store, query: Any, *values: Any) -> list[Any]:
    async with store.transaction() as conn:
        return await (await conn.execute(query, values)).fetchall()


REFUSED = (
    "UPDATE lookups SET account_id = 'x'",
    "UPDATE lookups SET sealed = '\\x00'::bytea || sealed",
    "UPDATE lookups SET asked_at = asked_at + interval '1 second'",
    "UPDATE lookup_ends SET outcome = 'denied'",
    "UPDATE lookup_ends SET sealed = substring(sealed FROM 1 FOR 5) || '\\x00'",
    "UPDATE lookups SET reason_sealed = NULL",
    "DELETE FROM lookups",
    "DELETE FROM lookup_ends",
    "TRUNCATE lookups CASCADE",
    "TRUNCATE lookup_ends_default",
)


async def test_who_comes_while_a_commit_waits_is_not_kept_waiting(
    store: Store, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A further commit begins beside it when the process has nothing else to do."""
    execute, held, go_on = writer._connections.execute, asyncio.Event(), asyncio.Event()

    async def held_once(statement: Statement, values: Mapping[str, bytes]) -> list[str]:
        if not held.is_set():
            held.set()
            await go_on.wait()
        return await execute(statement, values)

    monkeypatch.setattr(writer._connections, "execute", held_once)
    one, two = row(), row()
    first = asyncio.create_task(writer.whole(one, end(one)))
    async with asyncio.timeout(20):
        await held.wait()
        await writer.whole(two, end(two))
    assert not first.done()
    go_on.set()
    await first
    assert {str(ended.id) for ended in await read(store)} == {one.id, two.id}


async def test_the_log_only_grows_and_the_rotation_of_keys_reseals_it(store: Store, writer: LogWriter) -> None:
    """Nothing is changed, deleted or emptied; a new key changes neither what opens nor what the ledger stands for."""
    one = row()
    await writer.whole(one, end(one))
    for statement in REFUSED[:1] + REFUSED[2:4] + REFUSED[5:]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rows(store, statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(store, REFUSED[4])
    (before,) = await read(store)
    await rotate_keys(store, activation_delay=timedelta(0))
    assert await reseal(store, [one for one in SEALED_COLUMNS if one.table.startswith("lookup")]) >= 3
    (after,) = await read(store)
    assert after.sealed != before.sealed
    assert after.reason_sealed != before.reason_sealed
    assert after.end_sealed != before.end_sealed
    assert digests_of(after, store.sealer) == digests_of(before, store.sealer)
    assert after.subject_number(store.sealer) == NUMBER
    assert after.reasons(store.sealer) == {"step_up": "Tuần tuyển sinh"}
    queued = await rows(store, "SELECT digest FROM ledger_queue WHERE subject = %s ORDER BY at", str(one.id))
    assert tuple(bytes(found[0]) for found in queued) == digests_of(after, store.sealer)


async def test_many_that_come_together_are_each_written_once(store: Store, writer: LogWriter) -> None:
    """A batch with one that cannot be written keeps the others; an end is written once."""
    good = [row() for _ in range(50)]
    bad = row(ip="nowhere")
    outcomes = await asyncio.gather(*(writer.begin(one) for one in [*good, bad]), return_exceptions=True)
    assert [one for one in outcomes[:-1] if one is not None] == []
    assert isinstance(outcomes[-1], psycopg.errors.DataError)
    again = writer.end(end(good[1], "failed"), good[1], is_begun=False)
    await asyncio.gather(*(writer.end(end(one)) for one in good), writer.end(end(good[0], "failed")), again)
    assert await writer.recover(good) == 0
    assert len(await read(store)) == 50
    assert await rows(store, "SELECT count(*) FROM ledger_queue WHERE kind = 'lookup'") == [(100,)]


async def test_what_follows_the_log_misses_nothing(store: Store, writer: LogWriter) -> None:
    """While an older transaction is under way, what is newer is not told; then it comes in its place."""
    first, late, second = row(), row(), row()
    await writer.whole(first, end(first))
    seen = await read(store)
    position = seen[-1].position
    assert LogPosition.parse(str(position)) == position
    async with store.transaction() as conn:
        await writer.begin(late)
        await conn.execute(
            "INSERT INTO lookup_ends (asked_at, lookup_id, ended_at, outcome, data_groups)"
            " VALUES (%s, %s, now(), 'found', '{}')",
            (late.asked_at, late.id),
        )
        await writer.whole(second, end(second))
        assert await read_now(store, position) == []
    assert [str(one.id) for one in await read(store, position)] == [late.id, second.id]
    assert [str(one.id) for one in await read(store, limit=2)] == [first.id, late.id]


async def test_months_are_made_ahead_and_take_their_rows(store: Store, writer: LogWriter) -> None:
    """What came before its month was made moves there; made twice changes nothing; a month yet to come is ready."""
    early, now_one = row(NOW - timedelta(days=70)), row()
    await writer.whole(early, end(early))
    async with store.transaction() as conn:
        names = await make_ahead(conn, NOW)
        assert await make_ahead(conn, NOW) == []
        assert await made(conn, "lookups") == [Month(2026, 7), *(Month(2026, 10).plus(one) for one in range(4))]
    assert "lookup_ends_y2027m01" in names
    await writer.whole(now_one, end(now_one))
    far = row(NOW + timedelta(days=900))
    await writer.whole(far, end(far))
    places = await rows(store, "SELECT id, tableoid::regclass::text FROM lookups ORDER BY asked_at")
    assert places == [
        (UUID(early.id), "lookups_y2026m07"),
        (UUID(now_one.id), "lookups_y2026m10"),
        (UUID(far.id), "lookups_default"),
    ]
    assert len(await read(store)) == 3
    assert str((await read(store))[0].id) == early.id, "its place in the order is kept"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(store, "DELETE FROM lookups_y2026m07")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(store, "TRUNCATE lookups_y2026m07")


async def test_a_month_whose_time_is_over_is_dropped_whole_and_on_record(store: Store, writer: LogWriter) -> None:
    """By the profile's months; the ledger keeps what stood for its rows, and that it was dropped."""
    old, kept = row(NOW - timedelta(days=450)), row()
    for one in (old, kept):
        await writer.whole(one, end(one))
    keeper = LogKeeper(store, LookupSettings(), retention_months=12)
    _, dropped = await keeper.keep_months(NOW)
    assert dropped == ["lookups_y2025m07", "lookup_ends_y2025m07"]
    assert [str(one.id) for one in await read(store)] == [kept.id]
    acts = await rows(store, "SELECT subject, facts FROM ledger_queue WHERE kind = 'act' ORDER BY subject")
    assert [one[0] for one in acts] == ["lookup_ends_y2025m07", "lookups_y2025m07"]
    assert '"rows":"1"' in acts[0][1]
    async with store.transaction() as conn:
        assert await drop_old(conn, NOW, retention_months=12) == []


async def test_a_look_up_that_was_cut_off_gets_an_end(store: Store, writer: LogWriter) -> None:
    """Its process died while the partner was asked: it failed, as far as anybody knows."""
    cut, running = row(NOW - timedelta(minutes=20)), row(NOW - timedelta(minutes=1))
    await writer.begin(cut)
    await writer.begin(running)
    keeper = LogKeeper(store, LookupSettings(), retention_months=12)
    assert await keeper.end_abandoned(NOW) == 1
    assert await keeper.end_abandoned(NOW) == 0
    assert [(str(one.id), one.outcome, one.error) for one in await read(store)] == [(cut.id, "failed", "Abandoned")]


async def test_an_alert_about_mixed_up_people_is_taken_back_after_a_quiet_day(store: Store, writer: LogWriter) -> None:
    """While it goes on it stays open."""
    one = row()
    await writer.whole(one, end(one, "mismatch"))
    await rows_do(
        store,
        "INSERT INTO alerts (key, severity, connection, sentence, sentence_vi, opened_at)"
        " VALUES (%s, 'critical', 'dan_cu', 'x', 'x', now())",
        mismatch_alert("dan_cu"),
    )
    keeper = LogKeeper(store, LookupSettings(), retention_months=12)
    await keeper.take_back_alerts(NOW + timedelta(hours=23))
    assert await rows(store, "SELECT cleared_at IS NULL FROM alerts") == [(True,)]
    await keeper.take_back_alerts(NOW + timedelta(hours=25))
    assert await rows(store, "SELECT cleared_at IS NULL FROM alerts") == [(False,)]


async def rows_do(store: Store, query: Any, *values: Any) -> None:
    async with store.transaction() as conn:
        await conn.execute(query, values)


async def test_the_brake_of_a_role_is_measured_from_the_log(store: Store, writer: LogWriter) -> None:
    """Four times the 99th percentile of different people an hour; too little work concludes nothing."""
    people = [os.urandom(32) for _ in range(30)]
    wishes = []
    for hour in range(100):
        busy = 12 if hour < 2 else 3
        for person in people[:busy]:
            one = row(NOW - timedelta(hours=hour, minutes=30), subject_hash=person)
            again = row(one.asked_at, subject_hash=person)
            wishes += [writer.whole(one, end(one)), writer.whole(again, end(again))]
    few = row(role="rare")
    await asyncio.gather(*wishes, writer.whole(few, end(few)))
    async with store.transaction() as conn:
        assert await measure(conn, LookupSettings(least_ceiling=1), NOW + timedelta(hours=1)) == 1
        assert await measure(conn, LookupSettings(least_ceiling=1), NOW + timedelta(hours=1)) == 0
    assert await rows(store, "SELECT role, p99, account_hours, per_hour FROM lookup_ceilings") == [
        ("one_stop", 12, 100, 48)
    ]


async def test_subjects_are_hashed_under_one_key_for_ever(store: Store) -> None:
    """Every process reads the same key; without it a number cannot be tried."""
    first, second = await SubjectHasher.open(store), await SubjectHasher.open(store)
    assert first.hash(NUMBER) == second.hash(NUMBER)
    assert first.hash(NUMBER) != first.hash("099199000124")
    assert first.hash(NUMBER) != subject_hash(b"another", NUMBER)
    assert first.derive(b"requests") != first.derive(b"others")
    ((sealed,),) = await rows(store, "SELECT sealed FROM lookup_keys")
    assert bytes(sealed)[:1] == b"\x01"


def test_the_moment_of_a_look_up_stands_in_its_id() -> None:
    """So that one month is searched; an id that is none of ours is simply not found."""
    before, after = asked_about(uuid_utils.compat.uuid7())
    assert before < datetime.now(UTC) < after
    assert asked_about(UUID(int=2**128 - 1))[0] > asked_about(UUID(int=2**128 - 1))[1]


@pytest.mark.slow
def test_the_log_takes_over_from_the_table_before_it(database_url: str) -> None:
    """Rows of technical ids and papers are moved as they were, and back."""
    with schema.connect(database_url) as connection:
        config = schema.configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        for number, outcome in enumerate(("asked", "found", "nothing", "TryLater")):
            connection.exec_driver_sql(
                "INSERT INTO lookup_records VALUES (gen_random_uuid(), 'technical_id', 'cong', 'c', 'a', 'H99.12',"
                " %s, now(), now(), %s, %s, '\\x01')",
                (f"H99.12-261008-000{number}", outcome, number),
            )
        command.upgrade(config, "0003")
        found = connection.exec_driver_sql(
            "SELECT a.dossier_code, e.outcome, e.error FROM lookups a LEFT JOIN lookup_ends e ON e.lookup_id = a.id"
            " ORDER BY 1"
        ).fetchall()
        assert [tuple(one)[1:] for one in found] == [
            (None, None),
            ("found", None),
            ("not_found", None),
            ("failed", "TryLater"),
        ]
        command.downgrade(config, "0002")
        back = connection.exec_driver_sql("SELECT outcome FROM lookup_records ORDER BY dossier_code").fetchall()
        assert [one[0] for one in back] == ["asked", "found", "nothing", "TryLater"]
        connection.rollback()
    assert lookup_context("x") == "lookup_records:x", "what was sealed before still opens"
