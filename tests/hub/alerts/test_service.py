"""An alert is open once for each key, told at each transition, and never again in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.store.engine import Store

NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
WORDS = Sentence("It is broken.", "Đã hỏng.")


def alert(severity: Severity = Severity.WARNING, sentence: Sentence = WORDS, key: str = "connection.portal") -> Alert:
    return Alert(key, severity, sentence, connection="portal", cause="place a:1")


async def told(store: Store) -> list[tuple[str, str]]:
    async with store.transaction() as conn:
        cursor = await conn.execute("SELECT event, severity FROM alert_messages ORDER BY id")
        return [(row[0], row[1]) for row in await cursor.fetchall()]


async def test_one_open_alert_for_each_key(store: Store) -> None:
    """Raised again it tells nobody; cleared and raised again it is a new one."""
    async with store.transaction() as conn:
        assert await raise_alert(conn, alert(), now=NOW)
        assert not await raise_alert(conn, alert(sentence=Sentence("Still.", "Vẫn vậy.")), now=NOW)
        assert await raise_alert(conn, alert(key="connection.post"), now=NOW)
        assert await clear_alert(conn, "connection.portal", now=NOW, sentence=Sentence("Well.", "Tốt."))
        assert not await clear_alert(conn, "connection.portal", now=NOW)
        assert await raise_alert(conn, alert(), now=NOW)
        cursor = await conn.execute("SELECT sentence, cleared_sentence_vi FROM alerts WHERE cleared_at IS NOT NULL")
        assert await cursor.fetchall() == [("Still.", "Tốt.")]
    assert [event for event, _ in await told(store)] == ["opened", "opened", "cleared", "opened"]


async def test_getting_worse_is_told_once(store: Store) -> None:
    """What goes up and down between warning and critical is told when it first becomes critical."""
    async with store.transaction() as conn:
        await raise_alert(conn, alert(), now=NOW)
        for minutes, severity, tells in (
            (1, Severity.CRITICAL, True),
            (2, Severity.WARNING, False),
            (3, Severity.CRITICAL, False),
        ):
            assert await raise_alert(conn, alert(severity), now=NOW + timedelta(minutes=minutes)) is tells
        cursor = await conn.execute("SELECT severity, escalated_at FROM alerts")
        assert await cursor.fetchall() == [("critical", NOW + timedelta(minutes=1))]
    assert await told(store) == [("opened", "warning"), ("escalated", "critical")]


async def test_an_alert_belongs_to_the_transaction_that_found_its_reason(store: Store) -> None:
    """What is rolled back never happened, so nobody is told."""
    with pytest.raises(ZeroDivisionError):
        await _raise_and_fail(store)
    assert await told(store) == []


async def _raise_and_fail(store: Store) -> None:
    async with store.transaction() as conn:
        await raise_alert(conn, alert(), now=NOW)
        1 / 0  # noqa: B018 - any failure
