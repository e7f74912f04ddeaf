"""What cases refuse, each with a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.errors import Sentence
from hub.access import second_person as shared
from hub.errors import Refusal


def not_found() -> Refusal:
    """There is none with this id, or none that this reader may see."""
    return Refusal(
        404,
        "case_not_found",
        Sentence("There is no case with this id.", "Không có vụ việc nào với mã này."),
        field="id",
    )


def reading_not_found() -> Refusal:
    """The case has no such request to read numbers."""
    return _no_part("reading", "đề nghị xem")


def package_not_found() -> Refusal:
    """The case has no such package."""
    return _no_part("package", "gói chuyển giao")


def _no_part(what: str, what_vi: str) -> Refusal:
    return Refusal(
        404,
        "case_part_not_found",
        Sentence(f"This case has no {what} with this id.", f"Vụ việc này không có {what_vi} với mã này."),
    )


def question_not_found() -> Refusal:
    """There is none with this id, or none for this reader."""
    return Refusal(
        404,
        "explanation_not_found",
        Sentence("There is no request for an explanation with this id.", "Không có yêu cầu giải trình nào với mã này."),
        field="id",
    )


_STATES: Mapping[str, Sentence] = {
    "new": Sentence("Nobody has taken this case yet; take it first.", "Vụ việc chưa có người nhận; hãy nhận trước."),
    "taken": Sentence("Somebody works on this case already.", "Vụ việc đang có người xử lý."),
    "waiting_explanation": Sentence(
        "This case waits for the officer's explanation.", "Vụ việc đang chờ cán bộ giải trình."
    ),
    "suppressed": Sentence(
        "This case is put aside; take it to go on with it.", "Vụ việc đang tạm lắng; hãy nhận để xử lý tiếp."
    ),
    "decided": Sentence(
        "This case has been decided; reopen it, with a reason, to go on with it.",
        "Vụ việc đã có kết luận; muốn xử lý tiếp phải mở lại và nêu lý do.",
    ),
}


def wrong_state(state: str, act: str) -> Refusal:
    """Refuse what its present state does not allow."""
    sentence = _STATES[state]
    return Refusal(
        409,
        f"case_{state}",
        Sentence(f"{sentence.en} ({act.replace('_', ' ')} is not possible now.)", sentence.vi),
    )


def not_yours() -> Refusal:
    """Refuse what is the holder's to do."""
    return Refusal(
        403,
        "case_not_yours",
        Sentence(
            "Somebody else has taken this case; they release it, or they act.",
            "Vụ việc do người khác nhận; người đó phải trả lại hoặc tự thực hiện.",
        ),
    )


def conflict_of_interest() -> Refusal:
    """Refuse whoever the case is about; it does not say more, for the answer would tell about people."""
    return Refusal(
        403,
        "conflict_of_interest",
        Sentence(
            "This person is concerned by the case and cannot act on it; another one has to.",
            "Người này có liên quan đến vụ việc nên không được xử lý; cần người khác.",
        ),
        field="person",
    )


def second_person() -> Refusal:
    """Refuse the approval of one's own wish."""
    return shared.second_person_required(
        Sentence(
            "Whoever asked to read the numbers cannot approve it; a second person, with another client, has to.",
            "Người đề nghị xem số định danh không được tự phê duyệt; cần người thứ hai dùng ứng dụng khác.",
        )
    )


def approved_already() -> Refusal:
    """Refuse a second approval: the record names one."""
    return shared.approved_already(Sentence("This reading is approved already.", "Đề nghị xem này đã được phê duyệt."))


def reading_not_approved() -> Refusal:
    """Refuse a reading on one person's word."""
    return shared.approval_required(
        Sentence("A second person has to approve this reading first.", "Cần người thứ hai phê duyệt đề nghị xem trước.")
    )


def reading_over() -> Refusal:
    """Refuse a reading after its time."""
    return Refusal(
        409,
        "reading_over",
        Sentence(
            "The time for this reading is over; ask for a new one.", "Thời hạn xem đã hết; hãy lập đề nghị xem mới."
        ),
    )


def not_suppressible() -> Refusal:
    """Refuse to put a hard rule aside."""
    return Refusal(
        409,
        "hard_rule",
        Sentence(
            "This case holds a hard rule, which cannot be suppressed; decide it.",
            "Vụ việc có quy tắc cứng nên không được tạm lắng; hãy kết luận.",
        ),
    )


def suppression_too_long(days: int) -> Refusal:
    """Refuse to forget for longer."""
    return Refusal(
        422,
        "suppression_too_long",
        Sentence(
            f"A case can be suppressed for at most {days} days.", f"Chỉ được tạm lắng vụ việc tối đa {days} ngày."
        ),
        field="days",
    )


def lookups_not_of_case() -> Refusal:
    """Refuse a question about look-ups the case is not about."""
    return Refusal(
        422,
        "lookups_not_of_case",
        Sentence(
            "Some of these look-ups are not look-ups of this case's account in its evidence.",
            "Có lượt tra cứu không thuộc chứng cứ của vụ việc này.",
        ),
        field="lookup_ids",
    )


def answered_already() -> Refusal:
    """Refuse a second answer: the first stands, and a new question can be asked."""
    return Refusal(
        409,
        "explanation_given",
        Sentence("This has been answered already.", "Yêu cầu này đã được giải trình."),
    )


def question_cancelled() -> Refusal:
    """Refuse an answer nobody waits for."""
    return Refusal(
        409,
        "explanation_cancelled",
        Sentence(
            "The case was closed or released without this answer; nothing needs to be done.",
            "Vụ việc đã kết thúc hoặc được trả lại khi chưa có giải trình; không cần làm gì thêm.",
        ),
    )


def not_the_officer() -> Refusal:
    """Refuse an answer from somebody else than the officer who was asked."""
    return Refusal(
        403,
        "not_the_officer_asked",
        Sentence(
            "Only the officer who was asked can explain these look-ups.",
            "Chỉ cán bộ được yêu cầu mới được giải trình các lượt tra cứu này.",
        ),
        field="actor.account_id",
    )


def not_the_supervisor() -> Refusal:
    """Refuse that somebody justifies look-ups of their own."""
    return Refusal(
        403,
        "supervisor_required",
        Sentence(
            "These look-ups are justified by a supervisor, not by the officer, and with the field 'justified'.",
            "Các lượt tra cứu này do người phụ trách xác nhận (trường 'justified'), không phải cán bộ đó.",
        ),
        field="actor.account_id",
    )


def justified_not_asked() -> Refusal:
    """Refuse a judgement where an explanation was asked for."""
    return Refusal(
        422,
        "justified_not_asked",
        Sentence(
            "Leave 'justified' out: it belongs to what a supervisor is asked.",
            "Hãy bỏ trường 'justified': chỉ dùng khi hỏi người phụ trách.",
        ),
        field="justified",
    )


def no_recipient() -> Refusal:
    """Refuse a package nobody could be given."""
    return Refusal(
        409,
        "handover_recipient_missing",
        Sentence(
            "No certificate of the police is set; the operator sets cases.handover_certificate_file.",
            "Chưa có chứng thư của cơ quan công an; quản trị viên đặt cases.handover_certificate_file.",
        ),
    )


def package_too_large() -> Refusal:
    """Refuse what would not fit."""
    return Refusal(
        409,
        "package_too_large",
        Sentence(
            "The evidence is too large for one package; export its pieces one by one.",
            "Chứng cứ quá lớn cho một gói; hãy xuất từng phần.",
        ),
    )
