"""What the gate says when it refuses: what is wrong and what to do. Each code stands in the log too."""

from __future__ import annotations

from typing import Final

from contracts.errors import Sentence
from hub.errors import Refusal

_REFUSALS: Final[dict[str, tuple[int, str, Sentence]]] = {
    "account_unknown": (
        403,
        "actor.account_id",
        Sentence(
            "This account is not registered for look-ups; the officer's agency must request it in writing.",
            "Tài khoản chưa được đăng ký khai thác; cơ quan của cán bộ cần có văn bản đề nghị cấp.",
        ),
    ),
    "account_unapproved": (
        403,
        "actor.account_id",
        Sentence(
            "This account was requested and is not approved; look-ups begin when the other party approves it.",
            "Tài khoản đã được đề nghị nhưng chưa được phê duyệt; chỉ khai thác được sau khi có phê duyệt.",
        ),
    ),
    "account_suspended": (
        403,
        "actor.account_id",
        Sentence(
            "This account is suspended; ask who administers accounts when it is to be reinstated.",
            "Tài khoản đang tạm ngưng; hãy liên hệ đơn vị quản lý tài khoản để được khôi phục.",
        ),
    ),
    "account_locked": (
        403,
        "actor.account_id",
        Sentence(
            "This account is locked; the reason is on record with who administers accounts.",
            "Tài khoản đã bị khóa; lý do được lưu tại đơn vị quản lý tài khoản.",
        ),
    ),
    "account_revoked": (
        403,
        "actor.account_id",
        Sentence(
            "This account is revoked; a new one must be requested in writing.",
            "Tài khoản đã bị thu hồi; muốn khai thác phải đề nghị cấp mới bằng văn bản.",
        ),
    ),
    "account_dormant": (
        403,
        "actor.account_id",
        Sentence(
            "This account has not been used for a year on end and is closed to look-ups until it is reinstated.",
            "Tài khoản không khai thác liên tục quá một năm nên không còn sử dụng được cho tới khi được mở lại.",
        ),
    ),
    "account_not_valid": (
        403,
        "actor.account_id",
        Sentence(
            "Today lies outside the validity of this account; its agency may request another validity.",
            "Hôm nay nằm ngoài thời hạn hiệu lực của tài khoản; cơ quan có thể đề nghị điều chỉnh thời hạn.",
        ),
    ),
    "unit_outside_scope": (
        403,
        "actor.unit_code",
        Sentence(
            "This account may not act for that unit; its scope names the units.",
            "Tài khoản không được khai thác cho đơn vị này; xem phạm vi đã được phê duyệt.",
        ),
    ),
    "operation_outside_scope": (
        403,
        "",
        Sentence(
            "This kind of look-up is outside the scope of this account.",
            "Loại tra cứu này nằm ngoài phạm vi đã phê duyệt của tài khoản.",
        ),
    ),
    "purpose_missing": (
        422,
        "purpose",
        Sentence(
            "Say what the look-up is for.",
            "Phải nêu mục đích tra cứu.",
        ),
    ),
    "own_record": (
        403,
        "",
        Sentence(
            "Officers do not look up their own record; if it is needed for a dossier, a colleague looks it up.",
            "Cán bộ không tự tra cứu thông tin của chính mình; nếu hồ sơ cần, hãy để đồng nghiệp tra cứu.",
        ),
    ),
    "dossier_required": (
        403,
        "dossier_code",
        Sentence(
            "A look-up serves a dossier: give its code, or use break_glass with a reason; that is always reviewed.",
            "Tra cứu phải gắn với hồ sơ: hãy nêu mã hồ sơ, hoặc dùng break_glass kèm lý do (luôn được hậu kiểm).",
        ),
    ),
    "dossier_unknown": (
        403,
        "dossier_code",
        Sentence(
            "The hub knows no dossier of this code; register the dossier first, or check the code.",
            "Không có hồ sơ mang mã này trên hệ thống; hãy đăng ký hồ sơ trước hoặc kiểm tra lại mã.",
        ),
    ),
    "dossier_of_another_unit": (
        403,
        "dossier_code",
        Sentence(
            "This dossier belongs to another unit and is not assigned to this officer.",
            "Hồ sơ thuộc đơn vị khác và không được phân công cho cán bộ này.",
        ),
    ),
    "dossier_closed": (
        403,
        "dossier_code",
        Sentence(
            "This dossier has ended; nothing is looked up for it any more.",
            "Hồ sơ đã kết thúc; không còn căn cứ để tra cứu.",
        ),
    ),
    "procedure_required": (
        422,
        "procedure_code",
        Sentence(
            "Say which procedure the look-up is for; the hub has no dossier that would tell.",
            "Phải nêu thủ tục hành chính vì hệ thống không có hồ sơ để xác định.",
        ),
    ),
    "procedure_mismatch": (
        422,
        "procedure_code",
        Sentence(
            "The dossier is of another procedure.",
            "Hồ sơ thuộc thủ tục hành chính khác.",
        ),
    ),
    "procedure_outside_scope": (
        403,
        "procedure_code",
        Sentence(
            "This procedure is outside the scope of this account.",
            "Thủ tục hành chính này nằm ngoài phạm vi đã phê duyệt của tài khoản.",
        ),
    ),
    "fields_outside_purpose": (
        403,
        "fields",
        Sentence(
            "None of the data asked for is needed for this procedure and open to this account.",
            "Không có nhóm thông tin nào được yêu cầu là cần cho thủ tục này và được phép với tài khoản.",
        ),
    ),
    "step_up_required": (
        429,
        "step_up",
        Sentence(
            "This account looks up more people than usual for its role. Say why, with step_up, and go on; or wait.",
            "Tài khoản tra cứu nhiều người hơn mức thông thường. Hãy nêu lý do (step_up) để tiếp tục, hoặc chờ.",
        ),
    ),
    "too_fast": (
        429,
        "",
        Sentence(
            "Look-ups of this account come faster than a person works; slow down and try again.",
            "Tài khoản tra cứu nhanh hơn mức con người có thể thao tác; hãy giảm tốc độ rồi thử lại.",
        ),
    ),
}

MISMATCH_CODE: Final = "answer_about_another_person"

_MISMATCH = Sentence(
    "The partner answered about somebody else than was asked for. Nothing is handed out; an operator has been told.",
    "Hệ thống bạn trả về thông tin của đối tượng khác. Kết quả không được cung cấp; người vận hành đã được báo.",
)


def refusal(code: str) -> Refusal:
    """Return the refusal of this code."""
    status, field, sentence = _REFUSALS[code]
    return Refusal(status, code, sentence, field=field)


def mismatch() -> Refusal:
    """502: the answer is about somebody else."""
    return Refusal(502, MISMATCH_CODE, _MISMATCH)


def codes(status: int) -> str:
    """Return the codes of a status, for the OpenAPI document."""
    return ", ".join(code for code, (one, _field, _sentence) in _REFUSALS.items() if one == status)
