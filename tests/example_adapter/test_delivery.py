"""The example through the whole hub: found by entry point, configured, delivered to, seen by an operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.registry import load_adapters
from hub.settings import Settings
from tests.hub.exchanges.conftest import step
from tests.hub.whole import CONNECTION, whole_hub

CODE = "H99.12-261008-0001"


def test_the_hub_finds_it_beside_its_own() -> None:
    """By entry point, like those of this repository; it lies elsewhere."""
    adapters = load_adapters()
    assert {"national_portal", "so_mau"} <= adapters.keys()
    assert adapters["so_mau"].settings.__module__ == "so_mau.settings"
    assert "so_mau" not in {path.name for path in (Path(__file__).parents[2] / "adapters").iterdir()}


@pytest.mark.slow
async def test_a_dossier_and_its_steps_arrive(make_settings: Callable[..., Settings]) -> None:
    """Handed in at the hub, held by the register as the last revision, each step once and in order."""
    async with whole_hub(make_settings, load_adapters()["so_mau"]) as hub:
        await hub.put(CODE, summary="Trích yếu đầu")
        await hub.record(CODE, step(content="Bước một"))
        await hub.record(CODE, step(minutes=1, content="Bước hai"))
        await hub.put(CODE, summary="Trích yếu sau")
        await hub.until(hub.settled)
        _, held = await hub.control("GET", f"/dossiers/{CODE}")
        assert held["dossier"]["trichYeu"] == "Trích yếu sau"
        assert held["creates"] == 1
        assert [one["noiDung"] for one in held["step_list"]] == ["Bước một", "Bước hai"]
        view = await hub.services.connections.get(CONNECTION)
        assert (view.id, view.adapter, view.open_exchanges) == (CONNECTION, "so_mau", 0)


async def test_a_fault_on_the_way_loses_and_doubles_nothing(make_settings: Callable[..., Settings]) -> None:
    """The answer to a step is lost after the register took it: the hub asks, and finds it there."""
    async with whole_hub(make_settings, load_adapters()["so_mau"]) as hub:
        await hub.put(CODE)
        await hub.until(hub.settled)
        await hub.control("POST", "/faults", {"kind": "reset_after", "operation": "buoc", "count": 1})
        await hub.record(CODE, step(content="Bước một"))
        await hub.until(hub.settled)
        _, held = await hub.control("GET", f"/dossiers/{CODE}")
        assert [one["noiDung"] for one in held["step_list"]] == ["Bước một"]
        outcomes = await hub.rows(
            "SELECT a.outcome FROM attempts a JOIN exchanges e ON e.id = a.exchange_id "
            "WHERE e.operation = 'push_step' ORDER BY a.number"
        )
        assert [row[0] for row in outcomes] == ["outcome_unknown", "settled"]
