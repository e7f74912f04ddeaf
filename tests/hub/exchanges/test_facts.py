"""What workers learn of a connection: written beside outcomes, merged with what others learnt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from psycopg.rows import dict_row

from contracts.errors import LienThongError, NeedsPerson, Sentence, TryLater
from hub.exchanges import facts as written
from hub.exchanges.breaker import Breaker
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.reactions import Signal
from hub.health import metrics
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from tests.hub.disturbances import stop_database

__all__ = ["stop_database"]

WORDS = Sentence("Went wrong.", "Có lỗi.")


@pytest.fixture
async def portal_row(store: Store) -> Store:
    async with store.transaction() as conn:
        await conn.execute("INSERT INTO connections (id, adapter) VALUES ('portal', 'fake')")
    return store


async def write(store: Store, facts: ConnectionFacts) -> dict[str, Any]:
    async with store.transaction() as conn:
        await facts.write(conn)
        row = await (await conn.cursor(row_factory=dict_row).execute("SELECT * FROM connections")).fetchone()
    assert row is not None
    return row


def observe(facts: ConnectionFacts, signal: Signal, error: LienThongError | None = None, *, failures: int = 5) -> None:
    breaker = Breaker(failures=failures, cooldown=30.0, max_cooldown=30.0)
    clock = time.monotonic()
    breaker.observe(signal, clock)
    facts.observe(signal, error, breaker, clock)


async def test_unknown_fields_are_counted_together_by_all_workers(portal_row: Store) -> None:
    """Each adds what it saw since it last wrote, to fields others saw and to new ones."""
    one, other = ConnectionFacts("portal"), ConnectionFacts("portal")
    for _ in range(3):
        one.drift("TraCuuHoSo", "Moi")
    one.drift("TraCuuHoSo", "Khac")
    other.drift("TraCuuHoSo", "Moi")
    other.drift("Login", "Moi")
    await write(portal_row, one)
    row = await write(portal_row, other)
    assert row["drift"] == {"TraCuuHoSo.Moi": 4, "TraCuuHoSo.Khac": 1, "Login.Moi": 1}
    observe(one, Signal.ALIVE)
    assert (await write(portal_row, one))["drift"] == row["drift"], "nothing is counted twice"


async def test_a_name_from_outside_cannot_harm_the_record(portal_row: Store) -> None:
    """Names of unknown fields are the partner's own text: what does not look like one is counted as "(other)"."""
    facts = ConnectionFacts("portal")
    for name in ("\0", "tên ' lạ\n", "x" * 10_000, "\ud800"):
        facts.drift("TraCuuHoSo", name)
    facts.drift("TraCuuHoSo", "DanhSach[].Moi")
    assert (await write(portal_row, facts))["drift"] == {"TraCuuHoSo.(other)": 4, "TraCuuHoSo.DanhSach[].Moi": 1}


async def test_a_partner_with_ever_new_names_cannot_fill_the_record(
    portal_row: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded number of names is kept apart, the rest is counted together."""
    monkeypatch.setattr(metrics, "_drift_series", set())
    monkeypatch.setattr(metrics, "MAX_DRIFT_SERIES", 20)
    facts = ConnectionFacts("portal")
    for number in range(100):
        facts.drift("TraCuuHoSo", f"Moi{number}")
    assert (await write(portal_row, facts))["drift"] == {
        **{f"TraCuuHoSo.Moi{number}": 1 for number in range(20)},
        "TraCuuHoSo.(other)": 80,
    }


async def test_counts_are_kept_while_the_database_is_away(
    portal_row: Store, stop_database: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """What could not be written is written the next time."""
    portal_row._pool.timeout = 0.3
    facts = ConnectionFacts("portal")
    facts.drift("TraCuuHoSo", "Moi")
    with pytest.raises(StoreUnavailable):
        async with portal_row.transaction() as conn, stop_database():
            await facts.write(conn)
    portal_row._pool.timeout = 30
    async with asyncio.timeout(60):
        while True:
            try:
                row = await write(portal_row, facts)
                break
            except StoreUnavailable:
                await asyncio.sleep(0.1)
    assert row["drift"] == {"TraCuuHoSo.Moi": 1}


async def test_success_and_failure_are_remembered_with_their_words(portal_row: Store) -> None:
    """A failure says its kind, the partner's code and both sentences; a success leaves it for the record."""
    facts = ConnectionFacts("portal")
    observe(facts, Signal.TROUBLE, TryLater(WORDS, upstream_code="503"))
    row = await write(portal_row, facts)
    assert (row["last_failure_kind"], row["last_failure_code"]) == ("TryLater", "503")
    assert (row["last_failure_reason"], row["last_failure_reason_vi"]) == (WORDS.en, WORDS.vi)
    assert row["last_success_at"] is None
    failed_at = row["state_since"]
    assert failed_at == row["last_failure_at"]
    observe(facts, Signal.ALIVE)
    row = await write(portal_row, facts)
    assert row["last_success_at"] == row["state_since"] > failed_at
    assert row["last_failure_at"] == failed_at


async def test_what_says_nothing_about_the_partner_changes_nothing(portal_row: Store) -> None:
    """A message we could not express is no failure of the connection."""
    facts = ConnectionFacts("portal")
    observe(facts, Signal.SILENT, TryLater(WORDS))
    row = await write(portal_row, facts)
    assert row["last_success_at"] is row["last_failure_at"] is row["state_since"] is None


async def test_an_older_success_of_another_worker_does_not_turn_time_back(portal_row: Store) -> None:
    """The latest success stands, whoever writes last."""
    early, late = ConnectionFacts("portal"), ConnectionFacts("portal")
    observe(early, Signal.ALIVE)
    await asyncio.sleep(0.01)
    observe(late, Signal.ALIVE)
    latest = (await write(portal_row, late))["last_success_at"]
    assert (await write(portal_row, early))["last_success_at"] == latest


async def test_transitions_are_written_at_once_and_the_rest_once_a_second(
    portal_row: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of outcomes a second must not mean thousands of writes; a change must be seen at once."""
    monkeypatch.setattr(written, "_WRITE_EVERY_SECONDS", 3600.0)  # a second may pass between two lines of a test
    facts = ConnectionFacts("portal")
    observe(facts, Signal.ALIVE)
    first = (await write(portal_row, facts))["last_success_at"]
    await asyncio.sleep(0.01)
    observe(facts, Signal.ALIVE)
    assert (await write(portal_row, facts))["last_success_at"] == first
    observe(facts, Signal.NEEDS_PERSON, NeedsPerson(WORDS))
    row = await write(portal_row, facts)
    assert row["breaker"] == "open"
    assert row["breaker_until"] > row["last_failure_at"]
    observe(facts, Signal.ALIVE)
    row = await write(portal_row, facts)
    assert (row["breaker"], row["breaker_until"]) == ("closed", None)
