"""Watching connections: one alert for each cause, told once, ended once; flapping is one trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Sentence
from hub.exchanges.service import ConnectionInfo, ConnectionService
from hub.health import facts
from hub.health.blame import Blame
from hub.health.layers import Layer, LayerResult, Passed
from hub.health.probing import ProbeReport
from hub.health.settings import HealthSettings
from hub.health.watch import Watch, Watched
from hub.store.engine import Store

BEGIN = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
NAMES = ("portal", "payments", "post")
FOUND = Sentence("Nothing answers.", "Không có gì trả lời.")


class Scene:
    """Three connections, a clock that is moved by hand, and what was told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = BEGIN
        watched = {name: Watched(Sentence(name.title(), f"Kết nối {name}")) for name in NAMES}
        self.watch = Watch(store, watched, HealthSettings())

    async def probed(self, name: str, *, place: str | None = None, layer: Layer = Layer.PORT) -> None:
        """A probe that passes, or fails at this layer."""
        if place is None:
            results = (LayerResult(Layer.CALL, Passed.YES, FOUND),)
        else:
            results = (LayerResult(layer, Passed.NO, FOUND, Blame.NETWORK, place),)
        async with self.store.transaction() as conn:
            await facts.record_probe(conn, ProbeReport(name, self.now, 5, results), origin="test")

    async def pass_time(self, seconds: float, *, step: float = 10) -> None:
        """Look every ten seconds, or every ``step``."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            await self.watch.look(self.now)
            self.now += timedelta(seconds=step)

    async def all(self, query: str) -> list[tuple[Any, ...]]:
        async with self.store.transaction() as conn:
            return await (await conn.execute(query)).fetchall()  # type: ignore[arg-type]

    async def told(self) -> list[tuple[str, str]]:
        """Every message, in order: event and key."""
        found = await self.all(
            "SELECT m.event, a.key FROM alert_messages m JOIN alerts a ON a.id = m.alert_id ORDER BY m.id"
        )
        return [(row[0], row[1]) for row in found]


@pytest.fixture
async def scene(store: Store) -> Scene:
    infos = [ConnectionInfo(name, "fake", Sentence(name, name), {}) for name in NAMES]
    await ConnectionService(store, infos).register()
    made = Scene(store)
    for name in NAMES:
        await made.probed(name)
    await made.pass_time(10)
    return made


async def test_two_connections_down_by_one_cause_are_one_alert(scene: Scene) -> None:
    """Both are named, the third is not; the all-clear comes once, when both are back."""
    await scene.probed("portal", place="10.0.0.5:8080")
    await scene.pass_time(40)
    await scene.probed("payments", place="10.0.0.5:8080")
    await scene.pass_time(120)
    assert await scene.told() == [("opened", "cause.place 10.0.0.5:8080")]
    [(severity, sentence, sentence_vi, connection, cause)] = await scene.all(
        "SELECT severity, sentence, sentence_vi, connection, cause FROM alerts"
    )
    assert (severity, connection, cause) == ("critical", None, "place 10.0.0.5:8080")
    assert sentence.startswith("2 connections, one cause (Portal, Payments): Down since 10:00")
    assert sentence_vi.startswith("2 kết nối, cùng một nguyên nhân (Kết nối portal, Kết nối payments)")
    await scene.probed("portal")
    await scene.pass_time(200)
    assert len(await scene.told()) == 1
    await scene.probed("payments")
    await scene.pass_time(200)
    assert (await scene.told())[1:] == [("cleared", "cause.place 10.0.0.5:8080")]


async def test_different_causes_are_different_alerts(scene: Scene) -> None:
    """What is not shared is told apart, also a fault of the partner's own protocol at the same place."""
    await scene.probed("portal", place="10.0.0.5:8080", layer=Layer.CREDENTIALS)
    await scene.probed("payments", place="10.0.0.5:8080", layer=Layer.CREDENTIALS)
    await scene.probed("post", place="10.0.0.9:443")
    await scene.pass_time(90)
    assert sorted(await scene.told()) == [
        ("opened", "cause.place 10.0.0.9:443"),
        ("opened", "connection.payments"),
        ("opened", "connection.portal"),
    ]


async def test_flapping_is_one_alert(scene: Scene) -> None:
    """Down for two minutes, up for one, ten times: one alert, one all-clear at the end."""
    for _ in range(10):
        await scene.probed("portal", place="10.0.0.5:8080")
        await scene.pass_time(120, step=30)
        await scene.probed("portal")
        await scene.pass_time(60, step=30)
    assert await scene.told() == [("opened", "cause.place 10.0.0.5:8080")]
    await scene.pass_time(1920, step=60)
    assert await scene.told() == [("opened", "cause.place 10.0.0.5:8080"), ("cleared", "cause.place 10.0.0.5:8080")]
    states = await scene.all(
        "SELECT state_before, state FROM connection_transitions WHERE connection = 'portal' ORDER BY id"
    )
    assert states == [(None, "working"), ("working", "down"), ("down", "working")]


async def test_a_blip_is_told_nobody(scene: Scene) -> None:
    """Half a minute of trouble is stored by its probe and alerts nobody."""
    await scene.probed("portal", place="10.0.0.5:8080")
    await scene.pass_time(30)
    await scene.probed("portal")
    await scene.pass_time(600)
    assert await scene.told() == []


async def test_what_workers_saw_is_enough(scene: Scene) -> None:
    """Exchanges that fail make an alert without a probe; a pause ends it without quoting what a person typed."""
    async with scene.store.transaction() as conn:
        await conn.execute(
            "UPDATE connections SET last_failure_at = %s, last_failure_kind = 'NeedsPerson', last_failure_code = '-1',"
            " last_failure_reason = 'No entry.', last_failure_reason_vi = 'Không vào được.', breaker = 'open'"
            " WHERE id = 'portal'",
            (scene.now + timedelta(seconds=1),),
        )
        await conn.execute(
            "INSERT INTO lanes (connection, subject, open_count, due_at) VALUES ('portal', 'x', 1, now())"
        )
        await conn.execute("DELETE FROM probes WHERE connection = 'portal'")
    await scene.pass_time(90)
    [(sentence,)] = await scene.all("SELECT sentence FROM alerts")
    assert "at fault: our credentials or access rights. No entry." in sentence
    async with scene.store.transaction() as conn:
        await conn.execute(
            "UPDATE connections SET paused = true, paused_by = 'an', paused_at = now(),"
            " paused_reason = 'Bà Trần Thị Mẫu gọi' WHERE id = 'portal'"
        )
    await scene.pass_time(10)
    assert (await scene.told())[1:] == [("cleared", "connection.portal")]
    [(over,)] = await scene.all("SELECT cleared_sentence_vi FROM alerts")
    assert "Mẫu" not in over


async def test_the_view_tells_what_is_believed(scene: Scene) -> None:
    """``GET /v1/connections`` shows the blame, the beginning of the trouble and whom to call."""
    info = ConnectionInfo("portal", "fake", Sentence("Portal", "Cổng"), {}, contact="Trực ban")
    service = ConnectionService(scene.store, [info])
    begun = scene.now
    await scene.probed("portal", place="10.0.0.5:8080")
    await scene.pass_time(120)
    await scene.probed("portal", place="10.0.0.5:8080")
    view = await service.get("portal")
    assert (view.state, view.blame, view.contact) == ("down", "network", "Trực ban")
    assert view.since == begun
    assert view.probed_at == scene.now
    assert "Call: Trực ban." in view.sentence
