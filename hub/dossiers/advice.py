"""What an officer should hear at once, while it can still be mended: advice beside an accepted call.

Advice never refuses. Each has a stable code and names what it will cost (QĐ 766 score facts, VP articles).
"""

from __future__ import annotations

from datetime import timedelta

from contracts.dossier import Dossier, DossierFacts
from contracts.events import Event, StepEntry, SupplementRequestEntry
from contracts.states import DossierState
from hub.dossiers.views import Advice

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
    detail="The apology letter should leave at the latest one day before the deadline (VP 16.4).",
    detail_vi="Thư xin lỗi phải gửi chậm nhất 01 ngày trước ngày hẹn trả (VP 16.4).",
)


def advise(dossier: Dossier, content: DossierFacts | Event, *, late_entry: bool) -> tuple[Advice, ...]:
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
            if content.occurred_at > dossier.extension.previous_due_at - timedelta(days=1):
                advice.append(_EXTENDED_LATE)
        case SupplementRequestEntry():
            advice.append(_LAST_SUPPLEMENT)
        case _:
            pass
    return tuple(advice)
