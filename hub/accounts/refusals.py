"""What is refused about accounts, and what to do then."""

from __future__ import annotations

from contracts.errors import Sentence
from hub.access import second_person as shared
from hub.errors import Refusal


def not_found() -> Refusal:
    """404: there is no such account, or none of the caller's agencies."""
    return Refusal(
        404,
        "account_not_found",
        Sentence(en="There is no such account.", vi="Không có tài khoản này."),
        field="id",
    )


def agency_not_allowed(field: str) -> Refusal:
    """403: the account, or its scope, reaches beyond the agencies of the client."""
    return Refusal(
        403,
        "agency_not_allowed",
        Sentence(
            en="This client may not act for this agency; ask the operator of the hub.",
            vi="Ứng dụng này không được phép thao tác cho cơ quan này; hãy liên hệ quản trị viên.",
        ),
        field=field,
    )


def own_party() -> Refusal:
    """403: the party that approves asks for an account itself."""
    return Refusal(
        403,
        "other_party_required",
        Sentence(
            en="The party that approves accounts cannot request them; the request must come from the other party.",
            vi="Bên phê duyệt tài khoản không được tự đề nghị; đề nghị phải do bên kia lập.",
        ),
    )


def second_person(field: str) -> Refusal:
    """403: the same client, person or officer on both sides."""
    return shared.second_person_required(
        Sentence(
            en="Nobody approves what they requested, or their own account: another client of the other party and"
            " another person must decide.",
            vi="Không ai được phê duyệt đề nghị hoặc tài khoản của chính mình: phải do ứng dụng khác của bên kia và"
            " người khác quyết định.",
        ),
        field=field,
    )


def not_the_approver() -> Refusal:
    """403: the client does not belong to the party that approves here."""
    return Refusal(
        403,
        "not_the_approving_party",
        Sentence(
            en="By the province's profile another party decides on accounts.",
            vi="Theo cấu hình của tỉnh, việc phê duyệt tài khoản thuộc bên khác.",
        ),
    )


def consent_required() -> Refusal:
    """422: the province asks for the written consent of the police."""
    return Refusal(
        422,
        "police_consent_required",
        Sentence(
            en="Give the number of the document by which the provincial police agreed.",
            vi="Cần ghi số văn bản đồng ý của Công an tỉnh.",
        ),
        field="consent_document",
    )


def nothing_pending() -> Refusal:
    """409: there is nothing to decide on."""
    return Refusal(
        409,
        "nothing_pending",
        Sentence(
            en="No request of this account waits for a decision.",
            vi="Tài khoản này không có đề nghị nào chờ quyết định.",
        ),
    )


def request_changed() -> Refusal:
    """409: the request in question is not the one that waits now."""
    return Refusal(
        409,
        "request_changed",
        Sentence(
            en="Another request waits now; read the account again and decide on that one.",
            vi="Hiện đã có đề nghị khác đang chờ; hãy đọc lại tài khoản rồi quyết định.",
        ),
        field="request_number",
    )


def request_pending() -> Refusal:
    """409: a request of another kind waits."""
    return Refusal(
        409,
        "request_pending",
        Sentence(
            en="Another request of this account waits for its decision; that comes first.",
            vi="Tài khoản đang có đề nghị khác chờ quyết định; cần quyết định đề nghị đó trước.",
        ),
    )


def new_document_needed() -> Refusal:
    """409: the account has ended, and the written request is the one it had before."""
    return Refusal(
        409,
        "account_ended",
        Sentence(
            en="This account was revoked or refused; a new written request, with its own number, begins it anew.",
            vi="Tài khoản đã bị thu hồi hoặc từ chối; cần văn bản đề nghị mới, có số riêng, để cấp lại.",
        ),
        field="request.document_number",
    )


def validity_over() -> Refusal:
    """422: what is asked for would have ended already."""
    return Refusal(
        422,
        "validity_over",
        Sentence(
            en="The last day asked for lies in the past; have it requested anew.",
            vi="Ngày cuối trong đề nghị đã qua; cần đề nghị lại.",
        ),
    )


def roster_past(days: int) -> Refusal:
    """422: a roster of days long gone would be an alibi, not a roster."""
    return Refusal(
        422,
        "roster_past",
        Sentence(
            en=f"Duty days more than {days} days ago cannot be added or taken away any more.",
            vi=f"Không được thêm hoặc bỏ ngày trực đã qua quá {days} ngày.",
        ),
        field="days",
    )
