"""What the citizen's own view refuses, each with a sentence a person can act on; no sentence holds a number."""

from __future__ import annotations

from contracts.errors import Sentence
from hub.access import second_person as shared
from hub.errors import Refusal
from hub.usage.views import WithholdingState


def bad_number() -> Refusal:
    """Refuse what is no personal number, without repeating it."""
    return Refusal(
        422,
        "personal_number",
        Sentence(
            "A personal number has exactly 12 digits; better than here it stands in the body of POST /v1/usage/query.",
            "Số định danh cá nhân gồm đúng 12 chữ số; nên gửi trong nội dung của POST /v1/usage/query thay vì địa chỉ.",
        ),
        field="personal_id",
    )


def not_found() -> Refusal:
    """There is none with this id, or none that this client may see."""
    return Refusal(
        404,
        "withholding_not_found",
        Sentence("There is no withholding with this id.", "Không có quyết định tạm giữ nào mang mã này."),
        field="id",
    )


def lookup_not_found() -> Refusal:
    """There is no such look-up, or none of this client's agencies."""
    return Refusal(
        404,
        "lookup_not_found",
        Sentence("There is no look-up with this id.", "Không có lượt tra cứu mang mã này."),
        field="lookup_id",
    )


def case_not_open(*, exists: bool) -> Refusal:
    """Refuse a condition that is met already, or never will be."""
    if exists:
        return Refusal(
            409,
            "case_decided",
            Sentence(
                "This case is decided, so it keeps nothing back; give a day instead.",
                "Vụ việc này đã kết luận nên không còn là căn cứ tạm giữ; hãy nêu ngày cụ thể.",
            ),
            field="case_id",
        )
    return Refusal(
        422,
        "case_not_found",
        Sentence("There is no case with this id.", "Không có vụ việc nào mang mã này."),
        field="case_id",
    )


def condition_required() -> Refusal:
    """Refuse to withhold without an end."""
    return Refusal(
        422,
        "condition_required",
        Sentence(
            "Say until when: a case (case_id), a moment (until), or both.",
            "Cần nêu điều kiện kết thúc: vụ việc (case_id), thời điểm (until) hoặc cả hai.",
        ),
        field="until",
    )


def end_out_of_bounds(most_days: int) -> Refusal:
    """Refuse an end that is past, or too far away."""
    return Refusal(
        422,
        "until_out_of_bounds",
        Sentence(
            f"The end must lie in the future, at most {most_days} days away; it can be withheld again later.",
            f"Thời điểm kết thúc phải ở tương lai và không quá {most_days} ngày; sau đó có thể tạm giữ lại.",
        ),
        field="until",
    )


def withheld_already() -> Refusal:
    """Refuse a second withholding of the same look-up."""
    return Refusal(
        409,
        "withheld_already",
        Sentence("This look-up is withheld already.", "Lượt tra cứu này đang được tạm giữ."),
        field="lookup_id",
    )


def second_person() -> Refusal:
    """Refuse one person both parts: another client and another person have to agree."""
    return shared.second_person_required(
        Sentence(
            "Whoever asked for it cannot agree to it; a second person, with a client of their own, has to.",
            "Người đề nghị không được tự đồng ý; cần người thứ hai dùng ứng dụng khác.",
        )
    )


_STATES: dict[WithholdingState, Sentence] = {
    WithholdingState.PROVISIONAL: Sentence(
        "Nobody has confirmed it yet.",
        "Chưa có người thứ hai xác nhận.",
    ),
    WithholdingState.CONFIRMED: Sentence(
        "It is confirmed, and nobody has asked for its release.",
        "Đã được xác nhận và chưa có đề nghị công bố.",
    ),
    WithholdingState.RELEASE_REQUESTED: Sentence(
        "Its release was asked for already; a second person has to approve it.",
        "Đã có đề nghị công bố; cần người thứ hai phê duyệt.",
    ),
    WithholdingState.RELEASED: Sentence("It was released.", "Đã được công bố."),
    WithholdingState.ENDED: Sentence("It has ended by its condition.", "Đã hết hiệu lực theo điều kiện."),
    WithholdingState.LAPSED: Sentence(
        "It has ended, because nobody confirmed it in time.", "Đã hết hiệu lực do không được xác nhận kịp thời."
    ),
}


def wrong_state(state: WithholdingState) -> Refusal:
    """Refuse what its present state does not allow."""
    return Refusal(409, f"withholding_{state.value}", _STATES[state])
