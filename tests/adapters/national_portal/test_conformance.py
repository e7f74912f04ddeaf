"""The portal and its simulator keep the contract every adapter keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import adapters.national_portal as package
from adapters.national_portal import mapping
from contracts.conformance import (
    AdapterSuite,
    Capability,
    CatalogueSourceSuite,
    DossierPublisherSuite,
    InboundCall,
    InboundSuite,
    ProcedureCatalogueSuite,
    QuestionDeskSuite,
    RatingPublisherSuite,
    SimulatorSuite,
    Subject,
    TechnicalIdsSuite,
    WireSuite,
)
from contracts.dossier import Dossier, Step
from contracts.inbox import InboxKind
from tests.adapters.national_portal import situations as s


class TestNationalPortal(
    AdapterSuite,
    WireSuite,
    DossierPublisherSuite,
    ProcedureCatalogueSuite,
    CatalogueSourceSuite,
    QuestionDeskSuite,
    RatingPublisherSuite,
    TechnicalIdsSuite,
    InboundSuite,
    SimulatorSuite,
):
    """All that the portal does."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(
            adapter=package.ADAPTER,
            folder=Path(package.__file__).parent,
            tests=Path(__file__).parent,
            calls={
                "login": "login",
                "find_dossier": "TraCuuHoSo",
                "push_dossier": "DongBoHoSoMC",
                "push_step": "CapNhatTienDoHoSoMC",
                "list_procedures": "LayDanhSachTTHC",
                "list_catalogue": "LayDanhSachTTHC",
                "read_procedure": "LayThuTuc",
                "list_questions": "LayDanhSachHoiDapGuiTuDVCQG",
                "list_answers": "LayNoiDungTraLoiTheoCauHoi",
                "push_answer": "DongBoKetQuaHoiDapGuiTuDVCQG",
                "push_rating": "DongBoDanhGia",
                "find_technical_ids": "TraCuuTechID",
            },
            hasty={
                "call_deadline_seconds": 1,
                "push_dossier_deadline_seconds": 1.5,
                "push_step_deadline_seconds": 1.5,
                "find_dossier_deadline_seconds": 0.3,
                "list_procedures_deadline_seconds": 0.3,
                "list_catalogue_deadline_seconds": 0.3,
                "read_procedure_deadline_seconds": 0.3,
                "list_questions_deadline_seconds": 0.3,
                "push_answer_deadline_seconds": 1.5,
                "push_rating_deadline_seconds": 1.5,
                "find_technical_ids_deadline_seconds": 0.3,
            },
            capabilities=frozenset(
                {
                    Capability.LOGIN,
                    Capability.ASKS_FIRST,
                    Capability.SAYS_ALREADY_THERE,
                    Capability.LISTS_STEPS,
                }
            ),
            inbound=(
                InboundCall(name="file_dossier", keeps=frozenset({InboxKind.DOSSIER_FILED})),
                InboundCall(name="amend_dossier", keeps=frozenset({InboxKind.DOSSIER_AMENDED})),
                InboundCall(name="promotion_notice", keeps=frozenset({InboxKind.PROMOTION_NOTICE})),
                InboundCall(name="tax_notice", keeps=frozenset({InboxKind.TAX_NOTICE})),
                InboundCall(name="search", asks=True),
                InboundCall(name="payment", asks=True, keeps=frozenset({InboxKind.PAYMENT_ASKED})),
            ),
        )

    @pytest.fixture
    def copy_of(self) -> Callable[[Dossier], Any]:
        """The translation, whose own tests look at each field."""
        return lambda dossier: dict(mapping.dossier_to_wire(dossier, s.settings().vocabulary(), lambda url, _path: url))

    @pytest.fixture
    def step_copy_of(self) -> Callable[[str, Step], Any]:
        return lambda code, step: dict(mapping.step_to_wire(code, step))
