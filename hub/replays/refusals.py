"""What replays refuse, each with a sentence a person can act on."""

from __future__ import annotations

from contracts.errors import Sentence
from hub.access import second_person as shared
from hub.errors import Refusal
from hub.replays.views import ReplayState


def not_found() -> Refusal:
    """There is none with this id, or none that this reader may see."""
    return Refusal(
        404,
        "replay_not_found",
        Sentence("There is no replay with this id.", "Không có đợt gửi lại nào với mã này."),
        field="id",
    )


def reason_required() -> Refusal:
    """Nobody can judge later what was done without a word."""
    return Refusal(
        422,
        "reason_required",
        Sentence("A replay needs a reason.", "Gửi lại hàng loạt phải ghi lý do."),
        field="reason",
    )


def not_selectable() -> Refusal:
    """Refuse a selection of what has arrived."""
    return Refusal(
        422,
        "state_not_selectable",
        Sentence(
            "What was delivered or superseded can be neither replayed nor dismissed; leave these states out.",
            "Lượt đã giao hoặc đã được thay thế thì không gửi lại hay bỏ qua được; hãy bỏ các trạng thái này.",
        ),
        field="filter.states",
    )


def too_large(most: int) -> Refusal:
    """Refuse more than can be looked over."""
    return Refusal(
        422,
        "selection_too_large",
        Sentence(
            f"The filter matches more than {most} exchanges; narrow it, for example by time or agency.",
            f"Bộ lọc khớp hơn {most} lượt trao đổi; hãy thu hẹp, ví dụ theo thời gian hoặc cơ quan.",
        ),
        field="filter",
    )


def nothing_selected() -> Refusal:
    """Refuse to start what would do nothing."""
    return Refusal(
        409,
        "nothing_selected",
        Sentence(
            "This preview holds no exchange to act on; there is nothing to start.",
            "Bản xem trước này không có lượt trao đổi nào để xử lý; không có gì để bắt đầu.",
        ),
    )


def second_person() -> Refusal:
    """Refuse the approval of one's own preview."""
    return shared.second_person_required(
        Sentence(
            "Whoever made the preview cannot approve it; a second person has to.",
            "Người lập bản xem trước không được tự phê duyệt; cần người thứ hai.",
        )
    )


def approval_required(above: int) -> Refusal:
    """Refuse to start a large selection on one person's word."""
    return shared.approval_required(
        Sentence(
            f"More than {above} exchanges: a second person has to approve this preview before it is started.",
            f"Nhiều hơn {above} lượt trao đổi: cần người thứ hai phê duyệt bản xem trước trước khi bắt đầu.",
        )
    )


def approved_already() -> Refusal:
    """Refuse a second approval: the record names one."""
    return shared.approved_already(
        Sentence("This preview is approved already; it can be started.", "Đã được phê duyệt; có thể bắt đầu.")
    )


def preview_too_old(hours: float) -> Refusal:
    """Refuse a preview nobody may remember rightly."""
    return Refusal(
        409,
        "preview_too_old",
        Sentence(
            f"This preview is older than {hours:g} hours; make a new one and look at it.",
            f"Bản xem trước đã quá {hours:g} giờ; hãy lập và xem lại bản mới.",
        ),
    )


_STATES: dict[ReplayState, Sentence] = {
    ReplayState.PREVIEWED: Sentence("This replay has not been started yet.", "Đợt gửi lại này chưa được bắt đầu."),
    ReplayState.RUNNING: Sentence("This replay is running.", "Đợt gửi lại này đang chạy."),
    ReplayState.PAUSED: Sentence("This replay is paused.", "Đợt gửi lại này đang tạm dừng."),
    ReplayState.STOPPED: Sentence(
        "This replay was stopped for good; make a new preview.", "Đợt gửi lại này đã dừng hẳn; hãy lập bản mới."
    ),
    ReplayState.FINISHED: Sentence("This replay has finished.", "Đợt gửi lại này đã hoàn tất."),
}


def wrong_state(state: ReplayState) -> Refusal:
    """Refuse what its present state does not allow."""
    return Refusal(409, f"replay_{state.value}", _STATES[state])
