"""``lienthong reconcile``: it carries the run out itself, writes the files, and repairs after a preview."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path

import pytest

from hub.reconciliation.classify import Outcome
from tests.adapters.national_portal import situations as s
from tests.hub.cli.conftest import Lienthong, lienthong
from tests.hub.exchanges.conftest import PORTAL
from tests.hub.reconciliation.conftest import STEPS_FIELD, Scene, code

__all__ = ["lienthong"]

pytestmark = pytest.mark.slow

DAYS = ("--from", "2025-10-08", "--to", "2025-10-08")


@pytest.fixture
def configured(scene: Scene, lienthong: Lienthong, monkeypatch: pytest.MonkeyPatch) -> Lienthong:
    """The command line with a connection to the simulator of the scene."""
    settings = {
        "username": s.USERNAME,
        "password": s.PASSWORD,
        "madonvi": s.USERNAME,
        "lookup_steps_field": STEPS_FIELD,
        "forward": {
            "adapter_url": scene.portal.settings.forward.adapter_url,
            "dstcode": s.DSTCODE,
            "http": {"allow_plain_http": True},
        },
    }
    connection = {"adapter": "national_portal", "settings": settings, "reconciliation": {"rate_per_second": 1000}}
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps({PORTAL: connection}))
    return lienthong


async def test_from_the_comparison_to_the_repair(scene: Scene, configured: Lienthong, tmp_path: Path) -> None:
    """One command compares, reports to two files, shows the preview and sends; a second finds what is under way."""
    await scene.declare(range(1, 4))
    await scene.deliver()
    scene.tamper(2, "lose")
    report, details = tmp_path / "report.csv", tmp_path / "details.csv"
    repair = ("--repair", "--reason", "Cổng mất dữ liệu", "--yes")
    files = ("--report", str(report), "--details", str(details))
    done = await asyncio.to_thread(configured, "reconcile", *DAYS, *files, *repair)
    assert done.exit_code == 0, done.output
    assert "1 differences" in done.output
    assert "1 new exchanges" in done.output
    assert "create" in done.output
    with report.open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["day"], line["same"], line["missing_there"]) == ("2025-10-08", "2", "1")
    with details.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["code"], row["outcome"]) == (code(2), "missing_there")
    await scene.deliver()
    assert code(2) in scene.portal.app.portal.dossiers
    again = await scene.compare()
    assert (again.counts[Outcome.SAME], again.differences) == (3, 0)


async def test_a_repair_is_not_started_by_accident(scene: Scene, configured: Lienthong) -> None:
    """Without a reason nothing begins; without --yes somebody has to be there to say it."""
    without = await asyncio.to_thread(configured, "reconcile", *DAYS, "--repair")
    assert without.exit_code == 1
    assert "--reason" in without.output
    await scene.declare([1])
    await scene.deliver()
    scene.tamper(1, "lose")
    unasked = await asyncio.to_thread(configured, "reconcile", *DAYS, "--repair", "--reason", "Thử")
    assert unasked.exit_code == 1
    assert "--yes" in unasked.output
    assert await scene.hub.settled(), "nothing was sent"
