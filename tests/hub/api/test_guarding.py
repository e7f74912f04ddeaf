"""The calls of whoever is on duty: probes, maintenance windows, alerts."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, raise_alert
from hub.app import Services, create_app
from hub.health.blame import Blame
from hub.health.layers import Layer, LayerResult, Passed
from hub.health.probing import ProbeReport
from hub.settings import ConnectionSettings
from tests.hub.api.world import PORTAL, ApiWorld, assert_problem, fresh_key, http

WINDOWS = "/v1/maintenance-windows"
PROBE = f"/v1/connections/{PORTAL}/probe"


class Probes:
    """Counts how often a probe ran."""

    def __init__(self) -> None:
        self.origins: list[str] = []

    async def probe(self, connection: str, *, origin: str) -> ProbeReport:
        self.origins.append(origin)
        words = Sentence("Nothing answers.", "Không trả lời.")
        failed = LayerResult(Layer.PORT, Passed.NO, words, Blame.NETWORK, "a:1", 3)
        return ProbeReport(connection, datetime(2026, 10, 12, tzinfo=UTC), 5, (failed,))


@pytest.fixture
async def duty(services: Services) -> ApiWorld:
    """The application with one configured connection and probes in memory."""
    settings = services.settings.model_copy(
        update={"connections": {PORTAL: ConnectionSettings(adapter="national_portal")}}
    )
    probes: Any = Probes()
    changed = dataclasses.replace(services, settings=settings, probes=probes)
    app = create_app(changed)
    world = ApiWorld(app, changed, http(app))
    world.caller = await world.calling()
    return world


def window(days: float, **changes: Any) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(days=days)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=4)).isoformat()}
    return {"connection": PORTAL, "reason": "Nâng cấp", **times, **changes}


async def test_a_probe_on_demand(duty: ApiWorld) -> None:
    """A layer that failed is an answer; a repetition under the same key probes nobody."""
    key = fresh_key()
    answer = await duty.caller.post(PROBE, headers=key)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["passed"], found["proven"]) == (False, False)
    assert found["layers"][0]["layer"] == "port"
    assert found["layers"][0]["blame"] == "network"
    again = await duty.caller.post(PROBE, headers=key)
    assert again.content == answer.content
    assert again.headers["idempotency-replayed"] == "true"
    probes: Any = duty.services.probes
    assert len(probes.origins) == 1
    assert probes.origins[0].startswith("client-")


async def test_windows_are_announced_listed_and_cancelled(duty: ApiWorld) -> None:
    """The whole life of a window, and what the connection says of it."""
    made = await duty.caller.post(WINDOWS, json=window(30), headers=fresh_key())
    assert made.status_code == 201
    number = made.json()["id"]
    assert made.json()["short_notice"] is False
    listed = (await duty.caller.get(WINDOWS, params={"connection": PORTAL})).json()["items"]
    assert [one["id"] for one in listed] == [number]
    gone = await duty.caller.delete(f"{WINDOWS}/{number}")
    assert gone.json()["state"] == "cancelled"
    assert (await duty.caller.get(WINDOWS)).json()["items"] == []
    assert [one["id"] for one in (await duty.caller.get(WINDOWS, params={"past": "true"})).json()["items"]] == [number]
    assert_problem(await duty.caller.delete(f"{WINDOWS}/{number}"), 409, "window_ended", "id")
    for wrong in ("999", "x", "1" * 30):
        assert_problem(await duty.caller.delete(f"{WINDOWS}/{wrong}"), 404, "window_not_found", "id")


async def test_a_window_under_way_shows_at_the_connection(duty: ApiWorld) -> None:
    """An urgent one begins at once, is marked, and the connection is in maintenance with its end."""
    answer = await duty.caller.post(WINDOWS, json=window(0, urgent_reason="Lỗ hổng"), headers=fresh_key())
    assert answer.json()["short_notice"] is True
    shown = (await duty.caller.get(f"/v1/connections/{PORTAL}")).json()
    assert shown["state"] == "maintenance"
    assert shown["maintenance_until"] is not None
    assert "Announced maintenance" in shown["sentence"]
    ready = (await duty.caller.get("/readyz")).json()
    assert ready["open_alerts"] == {"warning": 1}
    assert 'lienthong_alerts_open{severity="warning"} 1.0' in (await duty.caller.get("/metrics")).text


async def test_windows_that_make_no_sense(duty: ApiWorld, subtests: pytest.Subtests) -> None:
    """Each mistake with its code and field; nothing is announced."""
    for name, body, status, code, field in (
        ("late", window(1), 422, "notice_too_short", "starts_at"),
        ("unknown", window(30, connection="other"), 404, "connection_not_found", "connection"),
        ("without reason", {k: v for k, v in window(30).items() if k != "reason"}, 422, "field_required", "reason"),
        ("unknown field", window(30, note="x"), 422, "unknown_field", "note"),
    ):
        with subtests.test(name):
            answer = await duty.caller.post(WINDOWS, json=body, headers=fresh_key())
            assert_problem(answer, status, code, field)
    assert (await duty.caller.get(WINDOWS, params={"past": "true"})).json()["items"] == []


async def test_alerts_are_listed_and_acknowledged(duty: ApiWorld) -> None:
    """Open ones by default; who looks after one stays on record."""
    words = Sentence("It is broken.", "Đã hỏng.")
    async with duty.services.store.transaction() as conn:
        for key in ("a", "b"):
            await raise_alert(conn, Alert(key, Severity.CRITICAL, words, connection=PORTAL), now=datetime.now(UTC))
    page = (await duty.caller.get("/v1/alerts", params={"connection": PORTAL, "limit": "1"})).json()
    assert [one["key"] for one in page["items"]] == ["b"]
    assert page["channels"] == []
    rest = (await duty.caller.get("/v1/alerts", params={"cursor": page["next_cursor"]})).json()
    assert [one["key"] for one in rest["items"]] == ["a"]
    number = rest["items"][0]["id"]
    taken = await duty.caller.post(f"/v1/alerts/{number}/acknowledge", headers=fresh_key())
    assert taken.json()["acknowledged_by"].startswith("client-")
    assert_problem(
        await duty.caller.post("/v1/alerts/999/acknowledge", headers=fresh_key()), 404, "alert_not_found", "id"
    )
    assert_problem(await duty.caller.get("/v1/alerts", params={"cursor": "x"}), 400, "bad_cursor", "cursor")
    assert_problem(await duty.caller.get("/v1/alerts", params={"state": "x"}), 422, "unknown_value", "state")
