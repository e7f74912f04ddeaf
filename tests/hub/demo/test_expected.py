"""The values written down by hand for the tour are those of the dossier the tour declares."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from adapters.national_portal import mapping
from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.simulator.fields import DOSSIER, STEP, find_fault
from contracts.dossier import Dossier, DossierFacts
from contracts.events import Event
from contracts.history import accept, declare
from contracts.rules import DossierRules
from hub.demo import expected, sample
from hub.demo.sample import Times

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
RULES = DossierRules()


def read(event: dict[str, Any]) -> Event:
    """Read an event as the API does."""
    return EVENT.validate_json(json.dumps({"kind": "result" if "catalogue_code" in event else "step", **event}))


def declared(times: Times) -> Dossier:
    """Declare the sample."""
    facts = DossierFacts.model_validate_json(json.dumps(sample.facts(times)))
    return declare(times.code(1), facts, recorded_at=datetime.now(UTC), rules=RULES)


def grown(times: Times, *events: dict[str, Any]) -> Dossier:
    """Declare the sample and record these events."""
    dossier = declared(times)
    for event in events:
        dossier = accept(dossier, read(event), recorded_at=datetime.now(UTC), rules=RULES)
    return dossier


def on_the_wire(dossier: Dossier) -> Any:
    """Translate as the adapter does."""
    settings = NationalPortalSettings.model_validate(
        {
            "username": "u",
            "password": "p",
            "madonvi": "000.00.00.H99",
            "forward": {"adapter_url": "http://127.0.0.1/forward", "dstcode": "VN:X"},
        }
    )
    return mapping.dossier_to_wire(dossier, settings.vocabulary(), lambda url, _path: url)


def test_the_declaration() -> None:
    """Two ways to the same values: a person's hand and the adapter's mapping; and the portal takes them."""
    times = Times.until_now()
    written = expected.accepted(times.code(1), times)
    assert on_the_wire(declared(times)) == written
    assert find_fault(written, DOSSIER) is None


def test_the_supplement() -> None:
    """The round of supplement, while the paper is owed and when it has come."""
    times = Times.until_now()
    asked = grown(times, sample.supplement_request(times, "BS-0001", 80))
    assert on_the_wire(asked)["DanhSachHoSoBoSung"] == [
        expected.supplement(times, asked_minutes_ago=80, came_minutes_ago=None)
    ]
    came = grown(
        times, sample.supplement_request(times, "BS-0001", 80), sample.supplement_receipt(times, "BS-0001", 70)
    )
    assert on_the_wire(came)["DanhSachHoSoBoSung"] == [
        expected.supplement(times, asked_minutes_ago=80, came_minutes_ago=70)
    ]
    assert on_the_wire(came)["NgayHenTra"] == expected.wire_time(times.due_again)


def test_the_result() -> None:
    """The result paper with its file and its catalogue code."""
    times = Times.until_now()
    dossier = grown(times, sample.step("Thẩm định hồ sơ", times.ago(30)), sample.result(times, 20))
    assert on_the_wire(dossier)["DanhSachGiayToKetQua"] == [expected.RESULT]


def test_a_step() -> None:
    """A step, with the officer who took it."""
    times = Times.until_now()
    dossier = grown(times, sample.step("Thẩm định hồ sơ", times.ago(30)))
    written = expected.step(dossier.code, "4", "Thẩm định hồ sơ", times.ago(30))
    assert mapping.step_to_wire(dossier.code, dossier.steps[0]) == written
    assert find_fault(written, STEP) is None


def test_nothing_of_the_tour_lies_in_the_future() -> None:
    """The tour runs at any time of day: its days are in order, and none is ahead of now."""
    for hour in range(24):
        times = Times(Times.until_now().now.replace(hour=hour))
        moments = [
            times.submitted,
            times.paid,
            times.consulted,
            times.received,
            times.late,
            times.ago(110),
            times.ago(0),
        ]
        assert moments == sorted(moments)
        assert times.now < times.due < times.due_again
        assert (times.now - times.late).total_seconds() > 24 * 3600
