"""What an officer should hear at once, while it can still be mended: advice beside an accepted call.

Advice never refuses. Each has a stable code and names what it will cost (QĐ 766 score facts, articles of the province
profile, whose terms it goes by).
"""

from __future__ import annotations

from datetime import timedelta

from contracts.dossier import Dossier, DossierFacts
from contracts.events import CancellationEntry, Event, StepEntry, SupplementRequestEntry, WithdrawalEntry
from contracts.states import DossierState
from hub.dossiers.views import Advice
from hub.profiles.calendar import after_working_days, working_calendar
from hub.profiles.values import ProfileValues

_LATE = Advice(
    code="late_entry",
    detail="Entered well after it happened; the entry is marked as late.",
    detail_vi="Nhập muộn so với thời điểm xảy ra; hệ thống đã đánh dấu là nhập muộn.",
)
_NO_DUE_DATE = Advice(
    code="due_date_missing",
    detail="The dossier is accepted without a deadline; the procedure's longest time will be counted.",
    detail_vi="Hồ sơ được tiếp nhận nhưng chưa có ngày hẹn trả; sẽ bị tính theo thời hạn tối đa của thủ tục.",
)
_NO_RESULT = Advice(
    code="result_missing",
    detail="The dossier ends without a result paper; post the result with its catalogue code and file.",
    detail_vi="Hồ sơ kết thúc mà chưa có giấy tờ kết quả; hãy gửi kết quả kèm mã danh mục và tệp.",
)
_LAST_SUPPLEMENT = Advice(
    code="last_supplement",
    detail="This is the one supplement the regulation allows; ask for everything that is missing.",
    detail_vi="Đây là lần bổ sung duy nhất được phép; hãy yêu cầu đầy đủ giấy tờ còn thiếu.",
)
_EXTENDED_LATE = Advice(
    code="extension_announced_late",
    detail="The apology letter left later than the regulation allows before the deadline.",
    detail_vi="Thư xin lỗi được gửi muộn hơn quy định trước ngày hẹn trả.",
)
_SUPPLEMENT_LATE = Advice(
    code="supplement_requested_late",
    detail="The supplement was asked for later than the regulation allows.",
    detail_vi="Yêu cầu bổ sung được gửi muộn hơn thời hạn của quy chế.",
)
_WITHDRAWAL_LATE = Advice(
    code="withdrawal_settled_late",
    detail="Settling the withdrawal took longer than the regulation allows.",
    detail_vi="Việc giải quyết rút hồ sơ lâu hơn thời hạn của quy chế.",
)
_CANCELLATION_LATE = Advice(
    code="cancellation_approved_late",
    detail="Approving the cancellation took longer than the regulation allows.",
    detail_vi="Việc duyệt huỷ hồ sơ lâu hơn thời hạn của quy chế.",
)


class Advisor:
    """Advises by the terms of one province profile."""

    def __init__(self, profile: ProfileValues) -> None:
        """The calendar is made once."""
        self._profile = profile
        self._calendar = working_calendar(profile)

    def advise(self, dossier: Dossier, content: DossierFacts | Event, *, late_entry: bool) -> tuple[Advice, ...]:
        """Return what is worth saying about the revision that ``content`` made."""
        advice: list[Advice] = []
        if late_entry:
            advice.append(_LATE)
        if dossier.state is DossierState.ACCEPTED and dossier.due_at is None:
            advice.append(_NO_DUE_DATE)
        match content:
            case StepEntry(state=DossierState.PROCESSING_FINISHED | DossierState.RESULT_RETURNED):
                if not dossier.results:
                    advice.append(_NO_RESULT)
            case StepEntry() if content.extension is not None and dossier.extension is not None:
                ahead = timedelta(days=self._profile.apology_letter_days_ahead)
                if content.occurred_at > dossier.extension.previous_due_at - ahead:
                    advice.append(_EXTENDED_LATE)
            case SupplementRequestEntry():
                advice.append(_LAST_SUPPLEMENT)
            case _:
                pass
        if (late := self._over_term(dossier, content)) is not None:
            advice.append(late)
        return tuple(advice)

    def _over_term(self, dossier: Dossier, content: DossierFacts | Event) -> Advice | None:
        """Return what is to be said where an act took longer than its term in working days."""
        profile = self._profile
        match content:
            case DossierFacts():  # first, because most are
                return None
            case SupplementRequestEntry():
                begun = dossier.facts.received_at or dossier.facts.submitted_at
                days, advice = profile.supplement_request_working_days, _SUPPLEMENT_LATE
            case WithdrawalEntry():
                begun, days, advice = content.requested_at, profile.withdrawal_working_days, _WITHDRAWAL_LATE
            case CancellationEntry():
                begun = content.requested_at
                days, advice = profile.cancellation_approval_working_days, _CANCELLATION_LATE
            case _:
                return None
        return advice if content.occurred_at > after_working_days(self._calendar, begun, days) else None
