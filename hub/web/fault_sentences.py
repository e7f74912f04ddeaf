"""Faults of single subjects (ratings, the document store): the type of the error, which is its code, and its sentences.

Part of the table in `hub.web.faults`; here so that a subject can grow without it.
"""

from __future__ import annotations

OF_SUBJECTS: dict[str, tuple[str, str]] = {
    # --- contracts.ratings --------------------------------------------------------------------------------
    "grades_do_not_add_up": (
        "The three grades must add up to 100 percent.",
        "Tổng ba mức độ hài lòng phải bằng 100 phần trăm.",
    ),
    "grades_missing": (
        "People rated, so the three grades cannot all be 0.",
        "Đã có người đánh giá nên ba mức độ hài lòng không thể đều bằng 0.",
    ),
    "grades_without_raters": (
        "Nobody rated, so there can be no grades and no opinions.",
        "Không có người đánh giá nên không thể có mức độ hài lòng hay ý kiến.",
    ),
    # --- contracts.lookups --------------------------------------------------------------------------------
    "ip_address": (
        "An IP address such as 10.0.0.7 is expected here.",
        "Giá trị ở đây phải là địa chỉ IP, ví dụ 10.0.0.7.",
    ),
    # --- contracts.accounts -------------------------------------------------------------------------------
    "validity_reversed": (
        "The last day must not be before the first.",
        "Ngày cuối không được trước ngày đầu.",
    ),
    "roster_stretch": (
        "A roster covers 1 to 400 days: until must not be before since.",
        "Lịch trực bao gồm từ 1 đến 400 ngày: until không được trước since.",
    ),
    "roster_day_outside": (
        "Every duty day must lie between since and until.",
        "Mọi ngày trực phải nằm trong khoảng từ since đến until.",
    ),
    # --- contracts.document_store -------------------------------------------------------------------------
    "officer_is_owner": (
        "The requester must be the officer: the officer's number is the same as the owner's.",
        "Người yêu cầu phải là cán bộ: số định danh của cán bộ đang trùng với số của chủ giấy tờ.",
    ),
    # --- contracts.population -----------------------------------------------------------------------------
    "birth_year_differs": (
        "The birth date must lie in the birth year given beside it.",
        "Ngày sinh phải thuộc năm sinh ghi kèm.",
    ),
    "one_number": (
        "Give either number (12 digits) or identity_card_9 (9 digits), and not both.",
        "Hãy cung cấp một trong hai: number (12 chữ số) hoặc identity_card_9 (9 chữ số), không cung cấp cả hai.",
    ),
    "relative_missing": (
        "To confirm a relative, a guardian or the head of the household, say in relative who that is.",
        "Để xác minh nhân thân, người giám hộ hoặc chủ hộ, hãy nêu người đó trong relative.",
    ),
    "address_missing": (
        "To confirm the present residence, give the address.",
        "Để xác minh nơi ở hiện tại, hãy cung cấp address.",
    ),
}
"""Type of the error to its sentence in English and in Vietnamese."""
