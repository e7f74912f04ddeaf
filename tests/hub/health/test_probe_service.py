"""Probes run on schedule with jitter, sooner in trouble, never in a maintenance window; each is kept."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Sentence, TryLater
from hub.errors import Refusal
from hub.exchanges.service import ConnectionInfo, ConnectionService
from hub.health.facts import forget_older_than
from hub.health.probe_service import ProbeService
from hub.health.settings import HealthSettings
from hub.store.engine import Store
from tests.hub.health.partners import NOW, connection, http, notes, partner

SETTINGS = HealthSettings(probe_seconds=300, probe_jitter=0.2, trouble_probe_seconds=30)


class Scene:
    """Connections that lead to one partner, and a clock that is moved by hand."""

    def __init__(self, store: Store, port: int, names: tuple[str, ...] = ("portal",)) -> None:
        self.store = store
        self.now = NOW
        self.error: Exception | None = None
        self.opened = {name: connection(f"http://127.0.0.1:{port}/", name=name, ask=self._ask) for name in names}
        book: Any = type("Book", (), {"pages": {name: notes() for name in names}})()
        self.service = ProbeService(
            store,
            self.opened,
            book,
            SETTINGS,
            now=self.clock,
            dice=random.Random(7),
        )

    def _ask(self) -> None:
        if self.error is not None:
            raise self.error

    def clock(self) -> datetime:
        return self.now

    async def register(self) -> None:
        await ConnectionService(
            self.store, [ConnectionInfo(name, "fake", Sentence(name, name), {}) for name in self.opened]
        ).register()

    async def due_within(self, seconds: float, *, step: float = 5) -> float | None:
        """Let time pass until a probe runs; return after how many seconds."""
        begun = self.now
        while (self.now - begun).total_seconds() < seconds:
            if await self.service.probe_due():
                return (self.now - begun).total_seconds()
            self.now += timedelta(seconds=step)
        return None

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.store.transaction() as conn:
            return await (await conn.execute(query)).fetchall()  # type: ignore[arg-type]


async def test_probes_come_with_jitter_and_sooner_in_trouble(store: Store) -> None:
    """The first at once; then within a fifth of the interval; every half minute while something is wrong."""
    async with partner(http(None)) as port:
        scene = Scene(store, port)
        await scene.register()
        assert await scene.due_within(10) == 0
        waits = [await scene.due_within(400, step=20) for _ in range(3)]
        assert all(one is not None and 240 <= one <= 380 for one in waits)
        assert len(set(waits)) > 1
        scene.error = TryLater(Sentence("No.", "Không."), upstream_code="HTTP 503")
        assert await scene.due_within(400, step=20) is not None
        wait = await scene.due_within(100)
        assert wait is not None
        assert wait <= 40
    stored = await scene.rows("SELECT origin, passed, proven, failed_layer, blame FROM probes ORDER BY id")
    assert stored[0] == ("schedule", True, True, None, None)
    assert stored[-1] == ("schedule", False, False, "call", "partner")


async def test_nothing_leaves_in_a_window_or_a_pause(store: Store) -> None:
    """The schedule is silent in both; a person is refused in a window, and may look in a pause."""
    async with partner(http(None)) as port:
        scene = Scene(store, port)
        await scene.register()
        async with store.transaction() as conn:
            await conn.execute(
                "INSERT INTO maintenance_windows (connection, starts_at, ends_at, reason, announced_at, announced_by,"
                " notice_days, notice_basis, notice_until) VALUES ('portal', %s, %s, 'x', %s, 'an', 0, '', %s)",
                (NOW, NOW + timedelta(hours=1), NOW, NOW),
            )
        assert await scene.due_within(10) is None
        with pytest.raises(Refusal) as caught:
            await scene.service.probe("portal", origin="an")
        assert (caught.value.status, caught.value.code) == (409, "in_maintenance")
        assert "11:00" in caught.value.sentence.vi
        scene.now += timedelta(hours=1)
        async with store.transaction() as conn:
            await conn.execute("UPDATE connections SET paused = true")
        assert await scene.due_within(10) is None
        assert (await scene.service.probe("portal", origin="an")).proven
        with pytest.raises(Refusal) as caught:
            await scene.service.probe("other", origin="an")
        assert caught.value.code == "connection_not_found"


async def test_another_partner_tells_whose_clock_is_wrong(store: Store) -> None:
    """Measured against what the probe of a partner elsewhere found within the hour."""
    async with partner(http(NOW + timedelta(minutes=10))) as port:
        scene = Scene(store, port)
        await scene.register()
        async with partner(http(NOW + timedelta(minutes=10))) as elsewhere:
            scene.opened["post"] = connection(f"http://127.0.0.1:{elsewhere}/", name="post")
            book: Any = type("Book", (), {"pages": {name: notes() for name in scene.opened}})()
            service = ProbeService(store, scene.opened, book, SETTINGS, now=scene.clock)
            first = await service.probe("post", origin="an")
            second = await service.probe("portal", origin="an")
    assert first.failure is not None
    assert second.failure is not None
    assert "cannot be told" in first.failure.sentence.en
    assert "ours is wrong" in second.failure.sentence.en
    assert second.failure.place == "ours"


async def test_old_probes_are_forgotten_but_the_last(store: Store) -> None:
    """The state is judged by the last one, however old."""
    async with partner(http(None)) as port:
        scene = Scene(store, port)
        await scene.register()
        for _ in range(3):
            await scene.service.probe("portal", origin="an")
    async with store.transaction() as conn:
        assert await forget_older_than(conn, NOW + timedelta(days=1), ["portal"]) == 2
    assert len(await scene.rows("SELECT 1 FROM probes")) == 1
