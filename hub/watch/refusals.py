"""What changes of the watch refuse, each with a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.errors import Sentence
from hub.access import second_person as shared
from hub.errors import Refusal


def not_found() -> Refusal:
    """There is none with this id."""
    return Refusal(
        404,
        "proposal_not_found",
        Sentence("There is no proposal with this id.", "Không có đề xuất nào với mã này."),
        field="id",
    )


def nothing_changed(field: str) -> Refusal:
    """Refuse a proposal that would change nothing."""
    return Refusal(
        422,
        "nothing_changed",
        Sentence("This proposal changes nothing.", "Đề xuất này không thay đổi gì."),
        field=field,
    )


def second_person() -> Refusal:
    """Refuse the decision over one's own proposal."""
    return shared.second_person_required(
        Sentence(
            "Whoever made the proposal cannot decide over it; a second person, with another client, has to.",
            "Người đề xuất không được tự quyết định; cần người thứ hai dùng ứng dụng khác.",
        )
    )


def police_only() -> Refusal:
    """Refuse the list of protected people to others than the police, who keep it."""
    return Refusal(
        403,
        "police_only",
        Sentence(
            "The list of protected people is kept by the provincial police; their clients alone may change it.",
            "Danh sách người được bảo vệ do Công an tỉnh quản lý; chỉ ứng dụng của công an được thay đổi.",
        ),
    )


def outdated() -> Refusal:
    """Refuse a proposal made against what is not the newest any more."""
    return Refusal(
        409,
        "proposal_outdated",
        Sentence(
            "Another change was approved since this was proposed; propose it anew and look at its preview.",
            "Đã có thay đổi khác được phê duyệt; hãy đề xuất lại và xem lại bản chạy thử.",
        ),
    )


def not_proposer() -> Refusal:
    """Refuse to withdraw somebody else's proposal."""
    return Refusal(
        403,
        "not_the_proposer",
        Sentence("Only whoever proposed it can withdraw it.", "Chỉ người đề xuất mới rút được đề xuất."),
    )


def active_from_past() -> Refusal:
    """Refuse to rewrite what was judged already."""
    return Refusal(
        422,
        "active_from",
        Sentence(
            "A change takes effect now or within 90 days, never in the past.",
            "Thay đổi có hiệu lực ngay hoặc trong vòng 90 ngày tới, không được ở quá khứ.",
        ),
        field="active_from",
    )


_STATES: Mapping[str, Sentence] = {
    "previewing": Sentence(
        "This proposal is still being replayed over history; look at its preview first.",
        "Đề xuất đang được chạy thử trên dữ liệu lịch sử; hãy xem kết quả chạy thử trước.",
    ),
    "previewed": Sentence("This proposal waits for its decision.", "Đề xuất đang chờ quyết định."),
    "approved": Sentence("This proposal has been approved.", "Đề xuất đã được phê duyệt."),
    "refused": Sentence("This proposal has been refused.", "Đề xuất đã bị từ chối."),
    "withdrawn": Sentence("This proposal has been withdrawn.", "Đề xuất đã được rút."),
}


def wrong_state(state: str) -> Refusal:
    """Refuse what its present state does not allow."""
    return Refusal(409, f"proposal_{state}", _STATES[state])
