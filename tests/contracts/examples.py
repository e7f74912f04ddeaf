"""One plain valid example of each declaration and event; all data is invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts import dossier as d
from contracts import events as e
from contracts.examples import dossier_body
from contracts.states import DossierState

EXAMPLE_CODE = "H99.12-261008-0001"
"""The dossier code that goes with `example_facts`."""

_EXAMPLE_DAY = datetime(2026, 10, 9, 2, 0, tzinfo=UTC)


def example_facts() -> d.DossierFacts:
    """Return the declaration of ``contracts/examples/dossier.json``."""
    return d.DossierFacts.model_validate_json(dossier_body())


def example_handler(name: str = "Lê Văn Thử") -> d.Handler:
    """Return an officer."""
    return d.Handler(name=name, title="Chuyên viên", department="Phòng Tư pháp", account_id="canbo01")


def example_step(state: DossierState = DossierState.IN_PROCESS, **changes: Any) -> e.StepEntry:
    """Return a step into ``state``, with some fields changed where asked."""
    fields: dict[str, Any] = {
        "handler": example_handler(),
        "content": "Thẩm định hồ sơ",
        "occurred_at": _EXAMPLE_DAY,
    }
    return e.StepEntry(state=state, **(fields | changes))


def example_supplement_request() -> e.SupplementRequestEntry:
    """Return a request for one paper."""
    return e.SupplementRequestEntry(
        kind="supplement_request",
        id="BS01",
        handler=example_handler(),
        content="Đề nghị bổ sung bản sao giấy chứng sinh",
        occurred_at=_EXAMPLE_DAY,
        papers=(d.OtherPaper(name="Bản sao giấy chứng sinh"),),
    )


def example_supplement_receipt() -> e.SupplementReceiptEntry:
    """Return the receipt of the paper that `example_supplement_request` asks for."""
    return e.SupplementReceiptEntry(
        kind="supplement_receipt",
        id="BS01",
        handler=example_handler(),
        note="Đã nhận đủ giấy tờ",
        occurred_at=_EXAMPLE_DAY + timedelta(days=1),
        new_due_at=_EXAMPLE_DAY + timedelta(days=7),
    )


def example_result() -> e.ResultEntry:
    """Return a result paper with its file."""
    return e.ResultEntry(
        id="KQ01",
        handler=example_handler(),
        name="Giấy khai sinh (bản chính)",
        catalogue_code="KQ.G99.000001",
        component_code="TP01",
        paper_number="01/KS",
        occurred_at=_EXAMPLE_DAY + timedelta(days=5),
        files=(d.FileRef(id="901", name="giay-khai-sinh.pdf", url="https://tep.h99.example/901"),),
    )


def example_withdrawal() -> e.WithdrawalEntry:
    """Return a withdrawal."""
    return e.WithdrawalEntry(
        handler=example_handler(),
        reason="Người nộp đề nghị rút hồ sơ để bổ sung thông tin",
        requested_at=_EXAMPLE_DAY,
        occurred_at=_EXAMPLE_DAY + timedelta(hours=2),
    )


def example_cancellation() -> e.CancellationEntry:
    """Return a cancellation, approved by another officer."""
    return e.CancellationEntry(
        reason=d.CancellationReason.DUPLICATE,
        explanation="Hồ sơ bị nhập trùng",
        requested_by=example_handler(),
        requested_at=_EXAMPLE_DAY,
        approved_by=example_handler("Phạm Thị Duyệt"),
        occurred_at=_EXAMPLE_DAY + timedelta(hours=3),
    )


def example_events() -> tuple[Any, ...]:
    """Return one event of every kind."""
    return (
        example_step(),
        example_supplement_request(),
        example_supplement_receipt(),
        example_result(),
        example_withdrawal(),
        example_cancellation(),
    )
