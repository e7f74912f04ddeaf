"""What is wrong with a value, for every type of error that pydantic or our contracts can raise.

One table, from the error's type to a stable code and a sentence in both languages. A sentence may hold limits and
the values that are allowed (``{max_length}``, ``{expected}``), never the value that was sent: that may be a
citizen's. A test compares the table with the list of the installed pydantic and with the contracts, so that no type
is without its sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.web.fault_sentences import OF_SUBJECTS


@dataclass(frozen=True, slots=True)
class Fault:
    """The stable code of a fault and its sentences; words in braces are limits, filled from the error."""

    code: str
    en: str
    vi: str


_NUMBER = Fault("wrong_type", "A number is expected here.", "Giá trị ở đây phải là số.")
_WHOLE_NUMBER = Fault(
    "wrong_type",
    "A whole number is expected here, without quotation marks and without a fraction.",
    "Giá trị ở đây phải là số nguyên, không đặt trong dấu ngoặc kép, không có phần thập phân.",
)
_TRUTH = Fault("wrong_type", "true or false is expected here.", "Giá trị ở đây phải là true hoặc false.")
_TEXT = Fault(
    "wrong_type",
    "Text in quotation marks is expected here.",
    "Giá trị ở đây phải là chuỗi ký tự đặt trong dấu ngoặc kép.",
)
_OBJECT = Fault(
    "wrong_type", "A JSON object {{ … }} is expected here.", "Giá trị ở đây phải là một đối tượng JSON {{ … }}."
)
_ARRAY = Fault("wrong_type", "A JSON array [ … ] is expected here.", "Giá trị ở đây phải là một mảng JSON [ … ].")
_DATE = Fault(
    "not_a_date",
    "A date that exists is expected here, in the form 2026-10-08.",
    "Giá trị ở đây phải là một ngày có thật, theo dạng 2026-10-08.",
)
_MOMENT = Fault(
    "not_a_date_time",
    "A date and time that exist are expected here, in the form 2026-10-08T08:30:00+07:00.",
    "Giá trị ở đây phải là ngày giờ có thật, theo dạng 2026-10-08T08:30:00+07:00.",
)
_TIME = Fault(
    "not_a_time",
    "A time of day is expected here, in the form 08:30:00.",
    "Giá trị ở đây phải là giờ trong ngày, theo dạng 08:30:00.",
)
_DURATION = Fault(
    "not_a_duration",
    "A duration is expected here, in the form PT30M.",
    "Giá trị ở đây phải là khoảng thời gian, theo dạng PT30M.",
)
_PAST = Fault("impossible_date", "This moment must lie in the past.", "Thời điểm này phải ở trong quá khứ.")
_FUTURE = Fault("impossible_date", "This moment must lie in the future.", "Thời điểm này phải ở trong tương lai.")
_CHOICE = Fault(
    "unknown_value",
    "This value is not known; allowed here: {expected}.",
    "Giá trị này không có trong danh mục; ở đây chỉ chấp nhận: {expected}.",
)
_MISSING = Fault("field_required", "This field is required.", "Trường này là bắt buộc.")
_UNKNOWN_FIELD = Fault(
    "unknown_field",
    "This field is not known here; check its spelling or leave it out.",
    "Trường này không được chấp nhận ở đây; hãy kiểm tra cách viết hoặc bỏ trường này.",
)
_ADDRESS = Fault("not_an_address", "A web address (URL) is expected here.", "Giá trị ở đây phải là địa chỉ web (URL).")
_UUID = Fault("not_a_uuid", "A UUID is expected here.", "Giá trị ở đây phải là một UUID.")
_INVALID = Fault("invalid_value", "This value is not valid here.", "Giá trị này không hợp lệ ở đây.")
_MALFORMED = Fault(
    "malformed_json",
    "The body is not valid JSON.",
    "Nội dung gửi đến không phải JSON hợp lệ.",
)

FAULTS: dict[str, Fault] = {
    # --- the document ---------------------------------------------------------------------------------
    "json_invalid": _MALFORMED,
    "json_type": _MALFORMED,
    "recursion_loop": Fault("too_deep", "The document is nested too deeply.", "Dữ liệu lồng nhau quá nhiều cấp."),
    "recursion_depth_exceeded": Fault(
        "too_deep", "The document is nested too deeply.", "Dữ liệu lồng nhau quá nhiều cấp."
    ),
    # --- fields ---------------------------------------------------------------------------------------
    "missing": _MISSING,
    "missing_argument": _MISSING,
    "missing_keyword_only_argument": _MISSING,
    "missing_positional_only_argument": _MISSING,
    "extra_forbidden": _UNKNOWN_FIELD,
    "unexpected_keyword_argument": _UNKNOWN_FIELD,
    "unexpected_positional_argument": _UNKNOWN_FIELD,
    "union_tag_not_found": Fault(
        "field_required",
        "The field {discriminator} is required here; it says which kind of object this is.",
        "Bắt buộc phải có trường {discriminator} để cho biết đây là loại đối tượng nào.",
    ),
    "union_tag_invalid": Fault(
        "unknown_value",
        "The field {discriminator} has an unknown value; allowed: {expected_tags}.",
        "Trường {discriminator} có giá trị không có trong danh mục; chỉ chấp nhận: {expected_tags}.",
    ),
    # --- types ----------------------------------------------------------------------------------------
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dataclass_exact_type": _OBJECT,
    "dict_type": _OBJECT,
    "frozen_dict_type": _OBJECT,
    "ordered_dict_type": _OBJECT,
    "counter_type": _OBJECT,
    "mapping_type": _OBJECT,
    "arguments_type": _OBJECT,
    "iterable_type": _ARRAY,
    "iteration_error": _ARRAY,
    "named_tuple_type": _ARRAY,
    "list_type": _ARRAY,
    "deque_type": _ARRAY,
    "tuple_type": _ARRAY,
    "set_type": _ARRAY,
    "frozen_set_type": _ARRAY,
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "bytes_type": _TEXT,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "fraction_type": _NUMBER,
    "fraction_parsing": _NUMBER,
    "complex_type": _NUMBER,
    "complex_str_parsing": _NUMBER,
    "none_required": Fault("wrong_type", "Only null is accepted here.", "Ở đây chỉ chấp nhận null."),
    # --- numbers --------------------------------------------------------------------------------------
    "greater_than": Fault("too_small", "The number must be greater than {gt}.", "Số phải lớn hơn {gt}."),
    "greater_than_equal": Fault("too_small", "The number must be at least {ge}.", "Số phải lớn hơn hoặc bằng {ge}."),
    "less_than": Fault("too_large", "The number must be less than {lt}.", "Số phải nhỏ hơn {lt}."),
    "less_than_equal": Fault("too_large", "The number must be at most {le}.", "Số phải nhỏ hơn hoặc bằng {le}."),
    "multiple_of": Fault(
        "not_a_multiple", "The number must be a multiple of {multiple_of}.", "Số phải là bội số của {multiple_of}."
    ),
    "finite_number": Fault("not_finite", "The number must be finite.", "Số phải hữu hạn."),
    "int_parsing_size": Fault("too_large", "The number is too large.", "Số quá lớn."),
    "decimal_max_digits": Fault(
        "too_many_digits",
        "The number must have at most {max_digits} digits.",
        "Số được có tối đa {max_digits} chữ số.",
    ),
    "decimal_max_places": Fault(
        "too_many_digits",
        "The number must have at most {decimal_places} decimal places.",
        "Số được có tối đa {decimal_places} chữ số thập phân.",
    ),
    "decimal_whole_digits": Fault(
        "too_many_digits",
        "The number must have at most {whole_digits} digits before the decimal point.",
        "Số được có tối đa {whole_digits} chữ số phần nguyên.",
    ),
    # --- lengths and forms ----------------------------------------------------------------------------
    "too_short": Fault(
        "too_few", "At least {min_length} entries are needed here.", "Ở đây cần ít nhất {min_length} phần tử."
    ),
    "too_long": Fault(
        "too_many",
        "At most {max_length} entries are accepted here.",
        "Ở đây chỉ chấp nhận tối đa {max_length} phần tử.",
    ),
    "string_too_short": Fault(
        "too_short", "The text must have at least {min_length} characters.", "Chuỗi phải có ít nhất {min_length} ký tự."
    ),
    "string_too_long": Fault(
        "too_long", "The text must have at most {max_length} characters.", "Chuỗi được có tối đa {max_length} ký tự."
    ),
    "bytes_too_short": Fault(
        "too_short", "The data must have at least {min_length} bytes.", "Dữ liệu phải có ít nhất {min_length} byte."
    ),
    "bytes_too_long": Fault(
        "too_long", "The data must have at most {max_length} bytes.", "Dữ liệu được có tối đa {max_length} byte."
    ),
    "url_too_long": Fault(
        "too_long",
        "The address must have at most {max_length} characters.",
        "Địa chỉ được có tối đa {max_length} ký tự.",
    ),
    "string_pattern_mismatch": Fault(
        "wrong_form", "The text must match the pattern {pattern}", "Chuỗi phải khớp với mẫu {pattern}"
    ),
    "string_not_ascii": Fault(
        "wrong_form",
        "Only unaccented ASCII characters are accepted here.",
        "Ở đây chỉ chấp nhận ký tự ASCII không dấu.",
    ),
    "bytes_invalid_encoding": Fault(
        "wrong_form", "The data is not in the expected encoding.", "Dữ liệu không đúng bảng mã quy định."
    ),
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    # --- dates and times ------------------------------------------------------------------------------
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "time_type": _TIME,
    "time_parsing": _TIME,
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "date_past": _PAST,
    "datetime_past": _PAST,
    "date_future": _FUTURE,
    "datetime_future": _FUTURE,
    "timezone_aware": Fault(
        "offset_required",
        "The moment needs its offset from UTC, as in 2026-10-08T08:30:00+07:00.",
        "Thời điểm phải kèm độ lệch so với UTC, ví dụ 2026-10-08T08:30:00+07:00.",
    ),
    "timezone_naive": Fault(
        "offset_forbidden",
        "The moment must be given without an offset from UTC.",
        "Thời điểm phải được ghi không kèm độ lệch so với UTC.",
    ),
    "timezone_offset": Fault(
        "offset_wrong", "The offset from UTC is not the expected one.", "Độ lệch so với UTC không đúng quy định."
    ),
    # --- addresses and identifiers --------------------------------------------------------------------
    "url_type": _ADDRESS,
    "url_parsing": _ADDRESS,
    "url_syntax_violation": _ADDRESS,
    "url_scheme": Fault(
        "not_an_address",
        "The address must begin with one of: {expected_schemes}.",
        "Địa chỉ phải bắt đầu bằng một trong các giao thức: {expected_schemes}.",
    ),
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": _UUID,
    # --- ours: codes and identifiers (contracts.codes) ------------------------------------------------
    "agency_code": Fault(
        "agency_code",
        "This is not an agency code such as H99.12 or 000.00.12.H99 (QĐ 20/2020/QĐ-TTg).",
        "Đây không phải mã định danh cơ quan, ví dụ H99.12 hoặc 000.00.12.H99 (QĐ 20/2020/QĐ-TTg).",
    ),
    "agency_code_closed": Fault(
        "agency_code_closed",
        "The agency code {closed} was closed when provinces merged; its successor is {successor}.",
        "Mã định danh {closed} đã đóng khi sáp nhập tỉnh; mã kế thừa là {successor}.",
    ),
    "agency_code_ambiguous": Fault(
        "agency_code_ambiguous",
        "This agency code has no certain twin in the other generation; an operator must configure the pair.",
        "Mã cơ quan này không có mã tương ứng chắc chắn ở thế hệ kia; quản trị viên phải khai báo cặp mã.",
    ),
    "dossier_code": Fault(
        "dossier_code",
        "This is not a dossier code such as H99.12-261008-0001: agency, day (yyMMdd), sequence of 4 to 7 digits.",
        "Đây không phải mã hồ sơ, ví dụ H99.12-261008-0001: mã cơ quan, ngày (yyMMdd), số thứ tự 4 đến 7 chữ số.",
    ),
    "procedure_code": Fault(
        "procedure_code",
        "This is not a national procedure code such as 1.000001.H99.",
        "Đây không phải mã thủ tục hành chính quốc gia, ví dụ 1.000001.H99.",
    ),
    "province_unit_code": Fault(
        "province_unit_code",
        "A province has a code of two digits (QĐ 19/2025/QĐ-TTg).",
        "Mã tỉnh, thành phố gồm 2 chữ số (QĐ 19/2025/QĐ-TTg).",
    ),
    "commune_unit_code": Fault(
        "commune_unit_code",
        "A commune has a code of five digits (QĐ 19/2025/QĐ-TTg).",
        "Mã xã, phường, đặc khu gồm 5 chữ số (QĐ 19/2025/QĐ-TTg).",
    ),
    "province_unit_unknown": Fault(
        "province_unit_unknown",
        "No province has this code since 1/7/2025.",
        "Từ ngày 1/7/2025 không có tỉnh, thành phố nào mang mã này.",
    ),
    "commune_unit_unknown": Fault(
        "commune_unit_unknown",
        "No commune has this code since 1/7/2025.",
        "Từ ngày 1/7/2025 không có xã, phường, đặc khu nào mang mã này.",
    ),
    "commune_unit_elsewhere": Fault(
        "commune_unit_elsewhere",
        "This commune lies in another province.",
        "Xã, phường, đặc khu này thuộc tỉnh, thành phố khác.",
    ),
    "personal_number_sex": Fault(
        "personal_number_sex",
        "The personal number is that of a person of the other sex.",
        "Số định danh cá nhân không khớp với giới tính đã khai.",
    ),
    "personal_number_birth": Fault(
        "personal_number_birth",
        "The personal number is of another year of birth.",
        "Số định danh cá nhân không khớp với năm sinh đã khai.",
    ),
    "personal_number": Fault(
        "personal_number",
        "A personal identification number has exactly 12 digits, written as text.",
        "Số định danh cá nhân gồm đúng 12 chữ số, ghi dưới dạng chuỗi.",
    ),
    "identity_card_9": Fault(
        "identity_card_9",
        "An old identity card (CMND) has exactly 9 digits, written as text.",
        "Số chứng minh nhân dân gồm đúng 9 chữ số, ghi dưới dạng chuỗi.",
    ),
    "enterprise_code": Fault(
        "enterprise_code",
        "An enterprise code has 10 digits with a valid check digit, or those, a dash and a branch from 001 to 999.",
        "Mã số doanh nghiệp gồm 10 chữ số có số kiểm tra đúng, hoặc thêm dấu gạch ngang và số chi nhánh 001 đến 999.",
    ),
    # --- ours: text and time (contracts.text) ---------------------------------------------------------
    "not_nfc": Fault(
        "not_nfc",
        "The text must be in Unicode normal form C (NFC, precomposed letters).",
        "Văn bản phải ở dạng chuẩn Unicode NFC (chữ dựng sẵn, không phải Unicode tổ hợp).",
    ),
    "control_character": Fault(
        "control_character",
        "The text holds a control character, which is not accepted.",
        "Văn bản chứa ký tự điều khiển, không được chấp nhận.",
    ),
    "blank": Fault("blank", "The text must not be blank.", "Nội dung không được để trống."),
    "impossible_date": Fault(
        "impossible_date",
        "This date cannot belong to a dossier; it must lie between 1990 and 2099.",
        "Ngày này không thể thuộc về một hồ sơ; phải nằm trong khoảng từ năm 1990 đến năm 2099.",
    ),
    # --- ours: dossiers and events (contracts.dossier, contracts.events) ------------------------------
    "dates_out_of_order": Fault(
        "dates_out_of_order",
        "The dates contradict each other: an earlier event is dated after a later one.",
        "Các mốc thời gian mâu thuẫn nhau: việc xảy ra trước lại ghi thời điểm sau.",
    ),
    "digitised_without_file": Fault(
        "digitised_without_file",
        "A digitised component needs at least one file, or the result paper that replaces it.",
        "Thành phần hồ sơ đã số hóa phải có ít nhất một tệp, hoặc mã kết quả giấy tờ thay thế.",
    ),
    "duplicate_file_id": Fault(
        "duplicate_file_id",
        "Two files have the same id; each file of a dossier needs an id of its own.",
        "Có hai tệp trùng mã; mỗi tệp trong hồ sơ phải có một mã riêng.",
    ),
    "same_person": Fault(
        "same_person",
        "The approval must come from another person than the request.",
        "Người phê duyệt phải khác người đề nghị.",
    ),
}

FAULTS.update({kind: Fault(kind, en, vi) for kind, (en, vi) in OF_SUBJECTS.items()})

# What a JSON document cannot cause today: faults of Python objects. They have a sentence all the same.
FAULTS.update(
    dict.fromkeys(
        (
            "assertion_error",
            "callable_type",
            "default_factory_not_called",
            "ellipsis_error",
            "frozen_field",
            "frozen_instance",
            "get_attribute_error",
            "invalid_key",
            "is_instance_of",
            "is_subclass_of",
            "missing_sentinel_error",
            "multiple_argument_values",
            "needs_python_object",
            "no_such_attribute",
            "set_item_not_hashable",
            "value_error",
        ),
        _INVALID,
    )
)

UNLISTED = _INVALID
"""For a type that a newer pydantic may bring before the table knows it."""
