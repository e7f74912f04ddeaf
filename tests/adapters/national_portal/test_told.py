"""What ``TraCuuHoSo`` tells, as canonical facts: every field accounted for, and the same words as ours."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.national_portal import mapping, told, wire
from adapters.national_portal.simulator.app import SimulatorApp
from adapters.national_portal.simulator.portal import Refusal
from adapters.national_portal.simulator.tampering import TamperRequest, tamper
from contracts.comparison import CHOICES, CODES, COMPARABLE, MOMENTS, TEXTS, comparable_facts, is_personal, is_same
from tests.adapters.national_portal import situations as s


def _tell(**fields: Any) -> tuple[dict[str, str], list[str]]:
    unknown: list[str] = []
    found = wire.TraCuuHoSo.model_validate({"MaHoSo": s.CODE, "TrangThaiHoSo": "2", **fields})
    return told.told_facts(found, unknown.append), unknown


def test_every_field_of_the_answer_is_accounted_for() -> None:
    """A field becomes one canonical fact, or it says why not; a new field of the wire fails here."""
    tables = [told.TEXTS, told.CHOICES, told.MOMENTS, told.NOT_FACTS]
    assert sorted(name for table in tables for name in table) == sorted(wire.TraCuuHoSo.model_fields)
    names = [*told.TEXTS.values(), *(name for name, _ in told.CHOICES.values()), *told.MOMENTS.values()]
    assert len(names) == len(set(names))
    assert set(names) <= COMPARABLE
    assert len(COMPARABLE) == len(CODES) + len(CHOICES) + len(MOMENTS) + len(TEXTS)


@pytest.mark.parametrize("dossier", [s.full_dossier, s.plain_dossier])
def test_what_was_sent_is_told_in_our_own_words(dossier: Any) -> None:
    """A dossier that was sent and is told back unchanged is the same, fact for fact."""
    ours = dossier()
    body = mapping.dossier_to_wire(ours, s.settings().vocabulary(), lambda url, _: url)
    facts, unknown = _tell(**{name: body[name] for name in wire.TraCuuHoSo.model_fields if name != "MaHoSo"})  # type: ignore[literal-required]
    expected = comparable_facts(ours)
    assert expected.keys() == COMPARABLE
    assert {name for name in facts if not is_same(name, expected[name], facts[name])} == set()
    # What is told of it: everything that has a value.
    assert {name for name, value in expected.items() if value} <= facts.keys()
    assert unknown == []


@pytest.mark.parametrize(
    ("fields", "facts", "unknown"),
    [
        ({"NgayHenTra": ""}, {"due_at": ""}, []),
        ({"NgayHenTra": None}, {}, []),
        ({"NgayHenTra": "20251301000000"}, {}, ["NgayHenTra"]),
        ({"NgayHenTra": "ngày mai"}, {}, ["NgayHenTra"]),
        ({"NgayHenTra": 20251008000000}, {"due_at": "2025-10-07T17:00:00Z"}, []),
        ({"KenhThucHien": None}, {"channel": "direct"}, []),
        ({"KenhThucHien": "7"}, {}, ["KenhThucHien"]),
        ({"HoSoCoThanhPhanSoHoa": 1}, {"components.digitised": "true"}, []),
        ({"TenTTHC": ""}, {}, []),
        ({}, {}, []),
    ],
)
def test_what_is_absent_is_not_told(fields: dict[str, Any], facts: dict[str, str], unknown: list[str]) -> None:
    """Absent is no fact; an empty date says that there is none; a value of no list is drift."""
    assert _tell(**fields) == (facts, unknown)


def test_procedures_are_the_same_by_their_root() -> None:
    """1.003560.000.00.00.H56, 1.003560.H56 and 1.003560 are one procedure (wire facts §2.7)."""
    assert is_same("procedure.code", "1.003560.000.00.00.H56", "1.003560")
    assert not is_same("procedure.code", "1.003560.H56", "1.003561.H56")
    assert not is_same("procedure.code", "1.003560.H56", "")
    assert is_same("procedure.name", "Thủ tục ", "Thủ tục")


def test_names_of_citizens_are_personal_by_their_mark() -> None:
    """The marks of the models decide, not a list of this comparison."""
    assert {name for name in COMPARABLE if is_personal(name)} == {"applicant.name", "summary"}


def test_a_portal_can_lose_roll_back_and_alter_without_telling() -> None:
    """Nothing of it shows in counts and calls; a bad wish is refused and changes nothing."""
    app = SimulatorApp(s.settings())
    body = mapping.dossier_to_wire(s.plain_dossier(), s.settings().vocabulary(), lambda url, _: url)
    app.portal.add_dossier(dict(body))
    held = app.portal.dossiers[s.CODE]
    held.steps = [b"one", b"two"]
    tamper(app.portal, TamperRequest(code=s.CODE, action="roll_back", state="1", steps=1))
    assert (held.state, held.steps) == ("1", [b"one"])
    with pytest.raises(Refusal):
        tamper(app.portal, TamperRequest(code=s.CODE, action="alter", fields={"KenhThucHien": "9"}))
    tamper(app.portal, TamperRequest(code=s.CODE, action="alter", fields={"KenhThucHien": "3"}))
    assert b'"KenhThucHien":"3"' in held.body
    tamper(app.portal, TamperRequest(code=s.CODE, action="lose"))
    assert s.CODE not in app.portal.dossiers
    with pytest.raises(Refusal):
        tamper(app.portal, TamperRequest(code=s.CODE, action="lose"))
    assert not app.portal.calls
    assert not app.portal.counts
