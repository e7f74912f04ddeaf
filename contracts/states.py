"""The ten national dossier states and the moves between them.

Codes 1 to 10 and their Vietnamese words are the national list that the portal and the national score use.
A vendor's own states map to these through a total table; there is no default.
"""

from __future__ import annotations

from enum import StrEnum


class DossierState(StrEnum):
    """Where a dossier stands, as the nation counts it."""

    NEWLY_REGISTERED = "newly_registered"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    IN_PROCESS = "in_process"
    SUPPLEMENT_REQUESTED = "supplement_requested"
    FINANCIAL_OBLIGATION_REQUESTED = "financial_obligation_requested"
    WITHDRAWN_BY_CITIZEN = "withdrawn_by_citizen"
    PROCESSING_STOPPED = "processing_stopped"
    PROCESSING_FINISHED = "processing_finished"
    RESULT_RETURNED = "result_returned"

    @property
    def number(self) -> int:
        """The national number, 1 to 10."""
        return _NUMBERS[self]

    @property
    def vietnamese(self) -> str:
        """The official Vietnamese words."""
        return _VIETNAMESE[self]

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not TRANSITIONS[self]


STATES: tuple[DossierState, ...] = tuple(DossierState)
"""All states; the one with national number *n* stands at *n* − 1."""

_NUMBERS: dict[DossierState, int] = {state: number for number, state in enumerate(DossierState, start=1)}

_VIETNAMESE: dict[DossierState, str] = {
    DossierState.NEWLY_REGISTERED: "Mới đăng ký",
    DossierState.ACCEPTED: "Được tiếp nhận",
    DossierState.NOT_ACCEPTED: "Không được tiếp nhận",
    DossierState.IN_PROCESS: "Đang xử lý",
    DossierState.SUPPLEMENT_REQUESTED: "Yêu cầu bổ sung giấy tờ",
    DossierState.FINANCIAL_OBLIGATION_REQUESTED: "Yêu cầu thực hiện nghĩa vụ tài chính",
    DossierState.WITHDRAWN_BY_CITIZEN: "Công dân yêu cầu rút hồ sơ",
    DossierState.PROCESSING_STOPPED: "Dừng xử lý",
    DossierState.PROCESSING_FINISHED: "Đã xử lý xong",
    DossierState.RESULT_RETURNED: "Đã trả kết quả",
}

_S = DossierState

TRANSITIONS: dict[DossierState, frozenset[DossierState]] = {
    # Reception decides within 8 working hours: accept, refuse, ask for papers or for the fee (VP 15.2a).
    _S.NEWLY_REGISTERED: frozenset(
        {
            _S.ACCEPTED,
            _S.NOT_ACCEPTED,
            _S.SUPPLEMENT_REQUESTED,
            _S.FINANCIAL_OBLIGATION_REQUESTED,
            _S.WITHDRAWN_BY_CITIZEN,
            _S.PROCESSING_STOPPED,
        }
    ),
    _S.ACCEPTED: frozenset(
        {
            _S.ACCEPTED,
            _S.IN_PROCESS,
            _S.SUPPLEMENT_REQUESTED,
            _S.FINANCIAL_OBLIGATION_REQUESTED,
            _S.WITHDRAWN_BY_CITIZEN,
            _S.PROCESSING_STOPPED,
            _S.PROCESSING_FINISHED,
        }
    ),
    _S.NOT_ACCEPTED: frozenset(),
    _S.IN_PROCESS: frozenset(
        {
            _S.IN_PROCESS,
            _S.SUPPLEMENT_REQUESTED,
            _S.FINANCIAL_OBLIGATION_REQUESTED,
            _S.WITHDRAWN_BY_CITIZEN,
            _S.PROCESSING_STOPPED,
            _S.PROCESSING_FINISHED,
        }
    ),
    # A full resubmission starts the deadline again (VP 16.3): the dossier is accepted anew.
    _S.SUPPLEMENT_REQUESTED: frozenset(
        {_S.ACCEPTED, _S.NOT_ACCEPTED, _S.IN_PROCESS, _S.WITHDRAWN_BY_CITIZEN, _S.PROCESSING_STOPPED}
    ),
    # A fee unpaid for 10 working days ends in refusal (VP 17.2b).
    _S.FINANCIAL_OBLIGATION_REQUESTED: frozenset(
        {
            _S.ACCEPTED,
            _S.NOT_ACCEPTED,
            _S.IN_PROCESS,
            _S.FINANCIAL_OBLIGATION_REQUESTED,
            _S.WITHDRAWN_BY_CITIZEN,
            _S.PROCESSING_STOPPED,
            _S.PROCESSING_FINISHED,
        }
    ),
    _S.WITHDRAWN_BY_CITIZEN: frozenset(),
    _S.PROCESSING_STOPPED: frozenset(),
    _S.PROCESSING_FINISHED: frozenset({_S.PROCESSING_FINISHED, _S.RESULT_RETURNED}),
    _S.RESULT_RETURNED: frozenset(),
}
"""From each state, the states a step may lead to. Backward moves do not exist: a mistake is corrected by a
later step, never by undoing history (deployed systems that moved 10 → 2 lost their score for it)."""


class PauseReason(StrEnum):
    """The only four reasons for which the clock of a dossier may stop (VP 17.2, VP 16.3)."""

    LAND_FINANCE_DUTY = "land_finance_duty"
    FEE_PAYMENT = "fee_payment"
    AMENDMENT = "amendment"
    HIGHER_AUTHORITY = "higher_authority"

    @property
    def vietnamese(self) -> str:
        """The words an officer reads."""
        return _PAUSE_VIETNAMESE[self]


_PAUSE_VIETNAMESE: dict[PauseReason, str] = {
    PauseReason.LAND_FINANCE_DUTY: "Thực hiện nghĩa vụ tài chính về đất đai",
    PauseReason.FEE_PAYMENT: "Nộp phí, lệ phí",
    PauseReason.AMENDMENT: "Sửa đổi hồ sơ đã hợp lệ",
    PauseReason.HIGHER_AUTHORITY: "Xin ý kiến cấp có thẩm quyền",
}

PAUSE_REASONS_BY_STATE: dict[DossierState, frozenset[PauseReason]] = {
    _S.FINANCIAL_OBLIGATION_REQUESTED: frozenset({PauseReason.LAND_FINANCE_DUTY, PauseReason.FEE_PAYMENT}),
    _S.IN_PROCESS: frozenset({PauseReason.AMENDMENT, PauseReason.HIGHER_AUTHORITY}),
}
"""In which state a pause for each reason stands. State 6 always is a pause and so always needs its reason;
an amendment stays in state 4, because state 5 would be counted as a supplement (QĐ 766, 2.1)."""


def may_follow(before: DossierState, after: DossierState) -> bool:
    """Say whether a step may move a dossier from ``before`` to ``after``."""
    return after in TRANSITIONS[before]
