"""Short lawful histories of one dossier, for the tests of `contracts.history`; all data is invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.dossier import (
    CancellationReason,
    Dossier,
    DossierFacts,
    Fee,
    FeeCollection,
    FeeKind,
    FeePayment,
    FileRef,
    PaymentPlatform,
)
from contracts.events import (
    CancellationEntry,
    Event,
    ExtensionEntry,
    ResultEntry,
    StepEntry,
    SupplementReceiptEntry,
    SupplementRequestEntry,
    WithdrawalEntry,
)
from contracts.history import accept, declare
from contracts.rules import DossierRules, RuleBroken
from contracts.states import DossierState, PauseReason
from tests.contracts.strategies import EXAMPLE_CODE, example_facts, example_handler

S = DossierState
CODE = EXAMPLE_CODE
SUBMITTED = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
NOW = datetime(2026, 10, 20, 1, 0, tzinfo=UTC)
"""When everything is recorded, unless a test says otherwise: twelve days after the submission."""
RULES = DossierRules(late_entry_after=timedelta(days=30))
OFFICER = example_handler()
CHIEF = example_handler("Phạm Thị Duyệt")
FINAL = sorted(state for state in DossierState if state.is_final)


def at(hours: float) -> datetime:
    """Return a moment so many hours after the submission."""
    return SUBMITTED + timedelta(hours=hours)


def facts(**changes: Any) -> DossierFacts:
    """Return a declaration of a dossier handed in and not yet received, without fees."""
    base = {"submitted_at": SUBMITTED, "received_at": None, "due_at": None, "fees": ()}
    fields = {name: getattr(example_facts(), name) for name in DossierFacts.model_fields}
    return DossierFacts(**(fields | base | changes))


def fee(code: str = "LP01", amount: int = 75_000, *, paid: bool = False) -> Fee:
    payment = FeePayment(platform=PaymentPlatform.NATIONAL, paid_at=at(1), reference="GD01") if paid else None
    return Fee(
        code=code,
        name="Lệ phí",
        kind=FeeKind.CHARGE,
        collection=FeeCollection.ONLINE,
        amount_vnd=amount,
        payment=payment,
    )


def step(state: DossierState, hours: float, **changes: Any) -> StepEntry:
    if state is S.FINANCIAL_OBLIGATION_REQUESTED:
        changes.setdefault("pause", PauseReason.FEE_PAYMENT)
    return StepEntry(state=state, handler=OFFICER, content="Thẩm định hồ sơ", occurred_at=at(hours), **changes)


def extension(hours: float) -> ExtensionEntry:
    return ExtensionEntry(new_due_at=at(hours), reason="Chờ ý kiến chuyên môn", apology_letter="TXL01")


def request(hours: float, key: str = "BS01", **changes: Any) -> SupplementRequestEntry:
    return SupplementRequestEntry(
        kind="supplement_request", id=key, handler=OFFICER, content="Thiếu giấy tờ", occurred_at=at(hours), **changes
    )


def receipt(hours: float, due: float = 200, key: str = "BS01", **changes: Any) -> SupplementReceiptEntry:
    return SupplementReceiptEntry(
        kind="supplement_receipt",
        id=key,
        handler=OFFICER,
        occurred_at=at(hours),
        new_due_at=at(due),
        **changes,
    )


def result(hours: float, key: str = "KQ01") -> ResultEntry:
    return ResultEntry(
        id=key,
        handler=OFFICER,
        name="Giấy khai sinh",
        catalogue_code="KQ.G99.000001",
        occurred_at=at(hours),
        files=(FileRef(id="901", name="ket-qua.pdf", url="https://tep.h99.example/901"),),
    )


def withdrawal(hours: float) -> WithdrawalEntry:
    return WithdrawalEntry(handler=OFFICER, reason="Người nộp xin rút", requested_at=at(hours), occurred_at=at(hours))


def cancellation(hours: float) -> CancellationEntry:
    return CancellationEntry(
        reason=CancellationReason.DUPLICATE,
        explanation="Nhập trùng",
        requested_by=OFFICER,
        requested_at=at(hours),
        approved_by=CHIEF,
        occurred_at=at(hours),
    )


def grow(dossier: Dossier, *happened: Event, rules: DossierRules = RULES, now: datetime = NOW) -> Dossier:
    """Accept events one after the other."""
    for event in happened:
        dossier = accept(dossier, event, recorded_at=now, rules=rules)
    return dossier


def new(*happened: Event, rules: DossierRules = RULES, **changes: Any) -> Dossier:
    """Declare a dossier and let events happen to it."""
    return grow(declare(CODE, facts(**changes), recorded_at=NOW, rules=rules), *happened, rules=rules)


def into(state: DossierState) -> Dossier:
    """Return a dossier in this state, by a short lawful way."""
    ways: dict[DossierState, tuple[Event, ...]] = {
        S.NEWLY_REGISTERED: (),
        S.ACCEPTED: (step(S.ACCEPTED, 1),),
        S.NOT_ACCEPTED: (step(S.NOT_ACCEPTED, 1),),
        S.IN_PROCESS: (step(S.ACCEPTED, 1), step(S.IN_PROCESS, 2)),
        S.SUPPLEMENT_REQUESTED: (step(S.ACCEPTED, 1), request(2)),
        S.FINANCIAL_OBLIGATION_REQUESTED: (step(S.ACCEPTED, 1), step(S.FINANCIAL_OBLIGATION_REQUESTED, 2)),
        S.WITHDRAWN_BY_CITIZEN: (step(S.ACCEPTED, 1), withdrawal(2)),
        S.PROCESSING_STOPPED: (step(S.ACCEPTED, 1), step(S.PROCESSING_STOPPED, 2)),
        S.PROCESSING_FINISHED: (step(S.ACCEPTED, 1), step(S.PROCESSING_FINISHED, 2)),
        S.RESULT_RETURNED: (step(S.ACCEPTED, 1), step(S.PROCESSING_FINISHED, 2), step(S.RESULT_RETURNED, 3)),
    }
    dossier = new(*ways[state])
    assert dossier.state is state
    return dossier


def refused(call: Callable[[], Any]) -> RuleBroken:
    with pytest.raises(RuleBroken) as caught:
        call()
    return caught.value
