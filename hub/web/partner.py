"""What a caller is told when a partner that was asked on its behalf did not answer as hoped."""

from __future__ import annotations

from contracts.errors import (
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Rejected,
    Sentence,
    TryLater,
    Unsupported,
)
from hub.errors import Refusal

_ANSWERS: dict[type[LienThongError], tuple[int, str]] = {
    TryLater: (503, "partner_unavailable"),
    OutcomeUnknown: (503, "partner_unavailable"),
    NeedsPerson: (503, "connection_needs_person"),
    Rejected: (502, "partner_refused"),
    Malformed: (502, "partner_answer_broken"),
    Unsupported: (422, "not_expressible"),
}

_PAUSED = Sentence(
    "This connection is paused by an operator; nothing is asked of it until it is resumed.",
    "Kết nối này đang được người vận hành tạm dừng; hệ thống không gửi yêu cầu cho tới khi mở lại.",
)
_MISSING = Sentence(
    "No connection of this deployment can do this; an operator adds one to the configuration.",
    "Chưa có kết nối nào trong cấu hình làm được việc này; người vận hành cần bổ sung.",
)


def refusal_of(error: LienThongError) -> Refusal:
    """Return the answer to a caller whose question failed: the status by the reaction, the sentence as it is."""
    status, code = _ANSWERS[type(error)]
    return Refusal(status, code, error.sentence, field=error.field)


def connection_paused() -> Refusal:
    """503: a stop is a stop, for questions too."""
    return Refusal(503, "connection_paused", _PAUSED)


def no_connection() -> Refusal:
    """503: nothing is configured that could answer."""
    return Refusal(503, "not_configured", _MISSING)
