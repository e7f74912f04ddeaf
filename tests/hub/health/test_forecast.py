"""Forecasts: the trend of the disk, certificates that end, a backlog that will not leave in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.errors import Sentence
from hub.alerts.service import Severity
from hub.health.forecast import (
    Sample,
    SeenUntil,
    judge_backlog,
    judge_certificates,
    judge_disk,
    reaches_zero,
    slope,
)
from hub.health.forecasting import Forecasted, Forecasting, free_bytes
from hub.health.settings import HealthSettings
from hub.store.engine import Store

NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
GIGA = float(1 << 30)
SETTINGS = HealthSettings()
TITLE = Sentence("Portal", "Cổng")


def course(last: float, per_hour: float, hours: int = 24) -> list[Sample]:
    """Hourly samples up to now that end at ``last``."""
    return [Sample(NOW - timedelta(hours=back), last - per_hour * back) for back in range(hours, -1, -1)]


def test_a_trend_needs_time() -> None:
    """Two samples, or half an hour of them, say nothing."""
    assert slope(course(1, 1, hours=1)) is None
    assert slope([Sample(NOW + timedelta(minutes=n), n) for n in range(20)]) is None
    assert slope(course(5, 2)) == pytest.approx(2 / 3600)
    assert reaches_zero(course(48, -2)) == pytest.approx(NOW + timedelta(hours=24), abs=timedelta(seconds=1))
    assert reaches_zero(course(48, 2)) is None
    assert reaches_zero(course(GIGA, -1)) is None  # in a thousand years


@pytest.mark.parametrize(
    ("free", "severity"),
    [
        ([], None),
        (course(100 * GIGA, 0), None),
        (course(100 * GIGA, 1), None),
        (course(100 * GIGA, -GIGA / 10), None),  # 42 days
        (course(100 * GIGA, -GIGA / 2), Severity.WARNING),  # 8 days
        (course(100 * GIGA, -2 * GIGA), Severity.CRITICAL),  # 2 days
        (course(GIGA / 2, 0), Severity.CRITICAL),
    ],
)
def test_the_disk(free: Sequence[Sample], severity: Severity | None) -> None:
    """Told before it is full, in days, with what the database has to do with it."""
    alert = judge_disk(free, course(9 * GIGA, GIGA / 24), SETTINGS, NOW)
    assert (alert.severity if alert else None) == severity
    if alert is not None:
        assert "the database grows 1.0 GB a day" in alert.sentence.en
        assert "1.0 GB mỗi ngày" in alert.sentence.vi


def seen(days: float, *, connection: str = "portal", fingerprint: str = "ab" * 32, kind: str = "server") -> SeenUntil:
    return SeenUntil(connection, kind, "a.example:443", fingerprint, NOW + timedelta(days=days))


def test_certificates() -> None:
    """A month ahead a warning, a week ahead critical; one alert for each certificate, however many use it."""
    assert judge_certificates([seen(31)], SETTINGS, NOW) == []
    [shared] = judge_certificates([seen(29), seen(29, connection="payments")], SETTINGS, NOW)
    assert (shared.severity, shared.connection) == (Severity.WARNING, None)
    assert "payments, portal" in shared.sentence.en
    [soon] = judge_certificates([seen(6)], SETTINGS, NOW)
    assert (soon.severity, soon.connection) == (Severity.CRITICAL, "portal")
    [ours] = judge_certificates([seen(-1, kind="client")], SETTINGS, NOW)
    assert "Our client certificate" in ours.sentence.en
    assert "đã hết hạn" in ours.sentence.vi
    assert len(judge_certificates([seen(6), seen(6, fingerprint="cd" * 32)], SETTINGS, NOW)) == 2


@pytest.mark.parametrize(
    ("waiting", "rate", "warns"),
    [
        ([], None, False),
        (course(0, -5), None, False),
        (course(100, -50), None, False),  # two hours
        (course(1000, -50), None, True),  # twenty hours
        (course(1000, 10), None, True),  # it grows
        ([Sample(NOW, 1000)], None, False),
        ([Sample(NOW, 100_000)], 1.0, True),  # a day at this rate
        ([Sample(NOW, 100_000)], 10.0, False),
    ],
)
def test_a_backlog(waiting: Sequence[Sample], rate: float | None, *, warns: bool) -> None:
    """Told when the trend or the rate says that it will not have left within eight hours."""
    alert = judge_backlog("portal", TITLE, waiting, rate_per_second=rate, settings=SETTINGS, now=NOW)
    assert (alert is not None) is warns


async def test_the_job_alerts_and_clears(store: Store, tmp_path: Path) -> None:
    """Measured in the database and on the disk; what is forecast no more is cleared, what is old is forgotten."""
    job = Forecasting(store, {"portal": Forecasted(TITLE, 1.0)}, SETTINGS, tmp_path)
    async with store.transaction() as conn:
        await conn.execute(
            "INSERT INTO certificates VALUES ('portal', 'server', 'a:443', 'abcd', %s, %s, %s)",
            (NOW - timedelta(days=300), NOW + timedelta(days=5), NOW),
        )
        await conn.execute(
            "INSERT INTO lanes (connection, subject, open_count, due_at) VALUES ('portal', 'x', 100000, now())"
        )
        await conn.execute("INSERT INTO space_samples VALUES ('disk', %s, 1)", (NOW - timedelta(days=200),))
    await job.look(NOW)
    await job.look(NOW + timedelta(minutes=10))
    async with store.transaction() as conn:
        rows = await (await conn.execute("SELECT key FROM alerts WHERE cleared_at IS NULL ORDER BY key")).fetchall()
        kept = await (await conn.execute("SELECT what, count(*) FROM space_samples GROUP BY 1 ORDER BY 1")).fetchall()
        await conn.execute("UPDATE certificates SET not_after = %s", (NOW + timedelta(days=400),))
        await conn.execute("DELETE FROM lanes")
    assert [row[0] for row in rows] == ["backlog.portal", "certificate.abcd"]
    assert kept == [("backlog portal", 2), ("database", 2), ("disk", 2)]
    await job.look(NOW + timedelta(minutes=20))
    async with store.transaction() as conn:
        assert await (await conn.execute("SELECT 1 FROM alerts WHERE cleared_at IS NULL")).fetchall() == []


def test_the_disk_of_a_directory_to_be_made(tmp_path: Path) -> None:
    """Before the first start the directory is not there; its disk is."""
    assert free_bytes(tmp_path / "not" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.2)
