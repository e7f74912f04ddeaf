"""Maintenance is announced as early as the province's profile demands, told to the dossier systems, and kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.errors import Refusal
from hub.exchanges.claims import claim
from hub.health.maintenance import MaintenanceService, Notice, Wanted
from hub.health.windows import earliest_start, end_windows, in_maintenance, latest_announcement
from hub.profiles.calendar import working_calendar
from hub.profiles.profile import load_profile
from hub.store.engine import Store

PORTAL = "national_portal"
CALENDAR = working_calendar(load_profile())
NOW = datetime(2026, 10, 12, 10, 0, tzinfo=VIETNAM)  # a Monday


def service(store: Store, days: int = 5) -> MaintenanceService:
    return MaintenanceService(store, {PORTAL: Sentence("Portal", "Cổng")}, Notice(days, "HD 10.2", CALENDAR))


def wanted(starts_at: datetime, hours: float = 4, **changes: Any) -> Wanted:
    ends_at = starts_at + timedelta(hours=hours)
    return Wanted(
        **({"connection": PORTAL, "starts_at": starts_at, "ends_at": ends_at, "reason": "Nâng cấp"} | changes)
    )


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=VIETNAM)  # type: ignore[arg-type]


async def refused(work: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


# --- the notice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announced", "days", "earliest"),
    [
        (local(2026, 10, 12, 10), 5, local(2026, 10, 20)),  # Monday; Tuesday to Monday are five
        (local(2026, 10, 12, 23, 59), 2, local(2026, 10, 15)),
        (local(2026, 10, 16, 8), 2, local(2026, 10, 21)),  # Friday; the weekend does not count
        (local(2026, 10, 17, 8), 2, local(2026, 10, 21)),  # Saturday counts as little as Friday
        (local(2026, 8, 28, 8), 2, local(2026, 9, 5)),  # across the National Day and the day off before it
        (local(2026, 10, 12, 10), 0, local(2026, 10, 12, 10)),
    ],
)
def test_the_earliest_lawful_begin(announced: datetime, days: int, earliest: datetime) -> None:
    """The day of the announcement does not count, the last day counts to its end; holidays do not count."""
    assert earliest_start(CALENDAR, announced, days) == earliest
    if days:
        until = latest_announcement(CALENDAR, earliest, days)
        assert announced < until
        assert earliest_start(CALENDAR, until - timedelta(seconds=1), days) <= earliest
        assert earliest_start(CALENDAR, until, days) > earliest


async def test_the_profile_decides_how_early(store: Store) -> None:
    """Two days suffice in one province and not in another; the refusal names the article and the earliest begin."""
    window = wanted(local(2026, 10, 15, 22))
    view = await service(store, 2).announce(window, actor="an", now=NOW)
    assert (view.short_notice, view.notice_working_days, view.state) == (False, 2, "ahead")
    refusal = await refused(service(store, 5).announce(window, actor="an", now=NOW))
    assert (refusal.status, refusal.code, refusal.field) == (422, "notice_too_short", "starts_at")
    assert "HD 10.2" in refusal.sentence.en
    assert "2026-10-20 00:00" in refusal.sentence.en
    assert "00:00 20/10/2026" in refusal.sentence.vi


async def test_an_urgent_window_says_why_and_is_marked(store: Store) -> None:
    """What cannot wait is announced late, and stays visible as such; a lawful one is not marked by mistake."""
    late = wanted(NOW + timedelta(hours=1), urgent_reason="Lỗ hổng bảo mật")
    view = await service(store).announce(late, actor="an", now=NOW)
    assert (view.short_notice, view.urgent_reason) == (True, "Lỗ hổng bảo mật")
    lawful = wanted(local(2026, 11, 2, 22), urgent_reason="không cần")
    assert (await service(store).announce(lawful, actor="an", now=NOW)).short_notice is False
    async with store.transaction() as conn:
        rows = await (await conn.execute("SELECT severity, sentence FROM alerts ORDER BY id")).fetchall()
    assert [row[0] for row in rows] == ["warning", "info"]
    assert all("Nâng cấp" not in row[1] for row in rows)


async def test_times_that_cannot_be(store: Store) -> None:
    """Each mistake has its code and its field."""
    start = local(2026, 11, 2, 22)
    for window, code, field in (
        (wanted(start, hours=-1), "window_out_of_order", "ends_at"),
        (wanted(start, hours=0), "window_out_of_order", "ends_at"),
        (wanted(NOW - timedelta(hours=1)), "window_in_the_past", "starts_at"),
        (wanted(start, hours=24 * 31), "window_too_long", "ends_at"),
        (wanted(start + timedelta(days=400)), "window_too_far", "starts_at"),
        (wanted(start, reason=" "), "reason_required", "reason"),
        (wanted(start, connection="other"), "connection_not_found", "connection"),
        (wanted(NOW + timedelta(hours=1), urgent_reason=" "), "notice_too_short", "starts_at"),
    ):
        refusal = await refused(service(store).announce(window, actor="an", now=NOW))
        assert (refusal.code, refusal.field) == (code, field)


# --- what follows from it -----------------------------------------------------------------------------------


async def test_the_dossier_systems_and_the_ledger_hear_of_it(store: Store) -> None:
    """An inbox event for the announcement and one for its end, and both acts in the ledger."""
    made = await service(store).announce(wanted(local(2026, 11, 2, 22)), actor="an", now=NOW)
    await service(store).cancel(made.id, actor="bình", now=NOW + timedelta(hours=1))
    async with store.transaction() as conn:
        kinds = await (await conn.execute("SELECT kind, their_id FROM inbox_events ORDER BY their_id")).fetchall()
        acts = await (await conn.execute("SELECT facts::json ->> 'act' FROM ledger_queue ORDER BY 1")).fetchall()
        alerts = await (await conn.execute("SELECT cleared_at IS NOT NULL FROM alerts")).fetchall()
    assert kinds == [
        ("maintenance.announced", f"maintenance-{made.id}-announced"),
        ("maintenance.announced", f"maintenance-{made.id}-cancelled"),
    ]
    assert acts == [("maintenance_window.announced",), ("maintenance_window.cancelled",)]
    assert alerts == [(True,)]


async def test_windows_are_listed_and_cancelled_once(store: Store) -> None:
    """A window that is over or cancelled cannot be cancelled; the list shows what is ahead."""
    windows = service(store)
    first = await windows.announce(wanted(local(2026, 11, 2, 22)), actor="an", now=NOW)
    second = await windows.announce(wanted(local(2026, 11, 9, 22)), actor="an", now=NOW)
    assert [one.id for one in (await windows.list(now=NOW)).items] == [first.id, second.id]
    during = local(2026, 11, 2, 23)
    assert (await windows.list(now=during)).items[0].state == "under_way"
    after = local(2026, 11, 3, 8)
    assert [one.id for one in (await windows.list(now=after)).items] == [second.id]
    assert [one.state for one in (await windows.list(now=after, past=True)).items] == ["over", "ahead"]
    assert (await refused(windows.cancel(first.id, actor="an", now=after))).code == "window_ended"
    assert (await windows.cancel(second.id, actor="an", now=after)).state == "cancelled"
    assert (await refused(windows.cancel(second.id, actor="an", now=after))).code == "window_ended"
    assert (await refused(windows.cancel(999, actor="an", now=after))).code == "window_not_found"


async def test_nothing_leaves_in_the_window_and_the_backlog_drains_after(store: Store) -> None:
    """The statement that claims looks at the clock itself: no clerk is needed for a window to hold or to end."""
    now = datetime.now(UTC)
    async with store.transaction() as conn:
        await conn.execute("INSERT INTO connections (id, adapter) VALUES (%s, 'fake')", (PORTAL,))
        for number in range(3):
            cursor = await conn.execute(
                "INSERT INTO lanes (connection, subject, open_count, due_at) VALUES (%s, %s, 1, now()) RETURNING id",
                (PORTAL, f"H99-261012-000{number}"),
            )
            row = await cursor.fetchone()
            assert row is not None
            await conn.execute(
                "INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, state, accepted_at)"
                " VALUES (%s, %s, %s, 'x', 'push_dossier', 1, 'accepted', now())",
                (uuid4(), row[0], PORTAL),
            )

    async def claimed() -> int:
        async with store.transaction() as conn:
            found = await claim(conn, PORTAL, limit=10, depth=1, lease=timedelta(seconds=60), worker="w")
            await conn.execute("UPDATE lanes SET due_at = now() - interval '1 second'")
        return len(found)

    made = await service(store, 0).announce(wanted(now), actor="an", now=now)
    assert await claimed() == 0
    async with store.transaction() as conn:
        await conn.execute(
            "UPDATE maintenance_windows SET ends_at = now() - interval '1 second', starts_at = %s",
            (now - timedelta(hours=1),),
        )
    assert await claimed() == 3
    ahead = await service(store, 0).announce(wanted(now + timedelta(hours=1)), actor="an", now=now)
    assert await claimed() == 3
    async with store.transaction() as conn:
        await conn.execute("UPDATE maintenance_windows SET starts_at = now() WHERE id = %s", (ahead.id,))
    assert await claimed() == 0
    await service(store, 0).cancel(ahead.id, actor="an")
    assert await claimed() == 3
    assert made.id != ahead.id


async def test_windows_that_touch_are_one(store: Store) -> None:
    """Whoever asks how long it lasts is told the end of the last that touches."""
    windows = service(store, 0)
    first = local(2026, 10, 12, 22)
    await windows.announce(wanted(first, hours=2), actor="an", now=NOW)
    await windows.announce(wanted(first + timedelta(hours=2), hours=1), actor="an", now=NOW)
    await windows.announce(wanted(first + timedelta(hours=5), hours=1), actor="an", now=NOW)
    async with store.transaction() as conn:
        assert await in_maintenance(conn, PORTAL, first) == first + timedelta(hours=3)
        assert await in_maintenance(conn, PORTAL, first + timedelta(hours=4)) is None
        assert await in_maintenance(conn, "other", first) is None


async def test_the_end_is_told_once(store: Store) -> None:
    """The alert that announced it is closed when it is over, and the workers are woken."""
    await service(store, 0).announce(wanted(local(2026, 10, 12, 22), hours=2), actor="an", now=NOW)
    async with store.transaction() as conn:
        assert await end_windows(conn, local(2026, 10, 12, 23)) == 0
        assert await end_windows(conn, local(2026, 10, 13)) == 1
        assert await end_windows(conn, local(2026, 10, 13)) == 0
