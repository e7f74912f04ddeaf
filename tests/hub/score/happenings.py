"""Events at moments of Vietnam, for hand-worked examples; all data is invented."""

from __future__ import annotations

from typing import Any

from contracts.dossier import Component, Digitisation, Fee, FeeCollection, FeeKind, FeePayment, FileRef, PaymentPlatform
from contracts.events import (
    CancellationEntry,
    ExtensionEntry,
    ResultEntry,
    StepEntry,
    SupplementReceiptEntry,
    SupplementRequestEntry,
    WithdrawalEntry,
)
from contracts.states import DossierState
from tests.contracts import histories
from tests.hub.score.conftest import vn


def step(state: DossierState, at: str, **changes: Any) -> StepEntry:
    return histories.step(state, 0, **changes).model_copy(update={"occurred_at": vn(at)})


def finish(at: str) -> StepEntry:
    return step(DossierState.PROCESSING_FINISHED, at)


def give_back(at: str) -> StepEntry:
    return step(DossierState.RESULT_RETURNED, at)


def result(at: str) -> ResultEntry:
    return histories.result(0).model_copy(update={"occurred_at": vn(at)})


def ask(at: str, key: str = "BS01") -> SupplementRequestEntry:
    return histories.request(0, key).model_copy(update={"occurred_at": vn(at)})


def answer(at: str, key: str = "BS01", *, due: str = "2025-10-15 17:00") -> SupplementReceiptEntry:
    return histories.receipt(0, key=key).model_copy(update={"occurred_at": vn(at), "new_due_at": vn(due)})


def withdraw(at: str) -> WithdrawalEntry:
    return histories.withdrawal(0).model_copy(update={"occurred_at": vn(at), "requested_at": vn(at)})


def cancel(at: str) -> CancellationEntry:
    return histories.cancellation(0).model_copy(update={"occurred_at": vn(at), "requested_at": vn(at)})


def extend(at: str, until: str) -> StepEntry:
    entry = ExtensionEntry(new_due_at=vn(until), reason="Chờ ý kiến chuyên môn", apology_letter="TXL01")
    return step(DossierState.IN_PROCESS, at, extension=entry)


def fee(platform: PaymentPlatform | None) -> Fee:
    payment = None
    if platform is not None:
        payment = FeePayment(platform=platform, paid_at=vn("2025-10-08 08:00"), reference="GD01")
    return Fee(
        code="LP01",
        name="Lệ phí",
        kind=FeeKind.CHARGE,
        collection=FeeCollection.ONLINE,
        amount_vnd=75_000,
        payment=payment,
    )


def component(*, file: bool = True, digitised: bool = False, from_store: bool = False) -> Component:
    files = (FileRef(id="101", name="don.pdf", url="https://tep.h99.example/101"),) if file else ()
    return Component(
        code="TP01",
        name="Tờ khai",
        files=files,
        digitisation=Digitisation(digitised=digitised, from_personal_store=from_store),
    )
