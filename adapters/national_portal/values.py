"""The portal's value lists, each as a total table: a canonical value without a code cannot be overlooked.

What the public facts state is a constant here; what they do not state is in the settings (`Vocabulary`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.dossier import (
    CancellationReason,
    Channel,
    FeeCollection,
    FeeKind,
    PaymentPlatform,
    ResultDelivery,
    Reuse,
    SubmissionPlace,
)
from contracts.states import DossierState

STATE_NUMBERS: dict[DossierState, str] = {state: str(state.number) for state in DossierState}
STATES_BY_NUMBER: dict[str, DossierState] = {number: state for state, number in STATE_NUMBERS.items()}

CHANNELS: dict[Channel, str] = {Channel.DIRECT: "1", Channel.ONLINE: "2", Channel.POSTAL: "3"}
DELIVERIES: dict[ResultDelivery, str] = {ResultDelivery.DIRECT: "0", ResultDelivery.POSTAL: "1"}
APPLICANT_KINDS: dict[str, str] = {"person": "1", "enterprise": "2", "agency": "3", "other": "4"}

APPLICANT_KINDS_BACK: dict[str, str] = {number: kind for kind, number in APPLICANT_KINDS.items()}
DELIVERIES_BACK: dict[str, str] = {number: delivery.value for delivery, number in DELIVERIES.items()}

ONLINE_PAYMENT_NONE = "0"
ONLINE_PAYMENT_UNPAID = "3"
ONLINE_PAYMENTS: dict[PaymentPlatform, str] = {
    PaymentPlatform.NATIONAL: "1",
    PaymentPlatform.PROVINCIAL: "2",
    # Cash and bank transfer are payments, but not online ones: neither 1 nor 2 would be true, nor "unpaid".
    PaymentPlatform.CASH: ONLINE_PAYMENT_NONE,
    PaymentPlatform.TRANSFER: ONLINE_PAYMENT_NONE,
}

PUBLIC_PROCEDURE = "1"
"""``TRANGTHAI`` of a procedure that is public."""

CANCELLATION_NOTES: dict[CancellationReason, str] = {
    CancellationReason.TEST_DATA: "Hồ sơ đã huỷ: dữ liệu kiểm thử",
    CancellationReason.DUPLICATE: "Hồ sơ đã huỷ: hồ sơ bị trùng",
    CancellationReason.WRONG_PROCEDURE: "Hồ sơ đã huỷ: sai thủ tục hành chính",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The value lists that are configuration, as total tables; made by the settings."""

    submission_places: Mapping[SubmissionPlace, str]
    fee_collections: Mapping[FeeCollection, str]
    fee_kinds: Mapping[FeeKind, str]
    reuse: Mapping[Reuse, str]
    supplement_open: str
    supplement_received: str
