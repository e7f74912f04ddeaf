"""The example keeps the contract every adapter keeps: two fixtures to supply, and what its partner must hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.conformance import (
    AdapterSuite,
    Capability,
    DossierPublisherSuite,
    SimulatorSuite,
    Subject,
    WireSuite,
)
from contracts.dossier import Dossier, Step
from hub.registry import load_adapters


class TestModelRegister(AdapterSuite, WireSuite, DossierPublisherSuite, SimulatorSuite):
    """Found by its entry point, as the hub finds it."""

    @pytest.fixture
    def subject(self, installed: Path) -> Subject:
        return Subject(
            adapter=load_adapters()["so_mau"],
            folder=installed,
            tests=Path(__file__).parent,
            calls={"push_dossier": "ghi", "push_step": "buoc", "find_dossier": "tra"},
            hasty={"call_deadline_seconds": 1},
            capabilities=frozenset({Capability.LISTS_STEPS}),
        )

    @pytest.fixture
    def copy_of(self) -> Callable[[Dossier], Any]:
        return lambda dossier: {
            "ma": dossier.code,
            "trangThai": dossier.state.number,
            "maThuTuc": dossier.facts.procedure.code,
            "tenThuTuc": dossier.facts.procedure.name,
            "donVi": dossier.facts.agency.code,
            "nguoiNop": dossier.facts.applicant.name,
            "ngayNop": "2026-10-08T08:15:00",
            "trichYeu": dossier.facts.summary,
        }

    @pytest.fixture
    def step_copy_of(self) -> Callable[[str, Step], Any]:
        return lambda _code, step: {
            "so": step.sequence,
            "noiDung": step.content,
            "canBo": step.handler.name,
            "luc": f"2026-10-09T09:{step.sequence:02}:00",
        }
