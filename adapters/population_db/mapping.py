"""Translation of canonical questions into the database's messages, without any input or output.

Who asks is always the officer, by a number of their own; what cannot be asked faithfully is refused before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.population_db import wire
from adapters.population_db.names import NameForm, wire_name
from contracts.codes import is_procedure_code, procedure_root
from contracts.errors import Sentence, Unsupported
from contracts.population import (
    Address,
    Asker,
    BirthDate,
    CitizenQuestion,
    Confirmation,
    ConfirmationKind,
    Extent,
    MaritalStatus,
    Relative,
)

CALL_OF_EXTENT: Mapping[Extent, wire.Call] = {
    Extent.USUAL: wire.Call.LOOK_UP,
    Extent.FULL: wire.Call.PROVIDE,
    Extent.BLOOD_GROUP: wire.Call.BLOOD_GROUP,
}
CALL_OF_CONFIRMATION: Mapping[ConfirmationKind, wire.Call] = {
    ConfirmationKind.IDENTITY: wire.Call.IDENTITY,
    ConfirmationKind.RELATIVE: wire.Call.RELATIVE,
    ConfirmationKind.GUARDIAN: wire.Call.GUARDIAN,
    ConfirmationKind.HOUSEHOLD_HEAD: wire.Call.HOUSEHOLD_HEAD,
    ConfirmationKind.PRESENT_RESIDENCE: wire.Call.PRESENT_RESIDENCE,
    ConfirmationKind.MARITAL_STATUS: wire.Call.MARITAL_STATUS,
    ConfirmationKind.DEATH: wire.Call.DEATH,
}
_CODE_OF_STATUS: Mapping[MaritalStatus, str] = {
    MaritalStatus.NOT_MARRIED: "1",
    MaritalStatus.MARRIED: "2",
    MaritalStatus.DIVORCED_OR_WIDOWED: "3",
}
_PERSONAL_NUMBER = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The forms and codes that are configuration."""

    integration_codes: Mapping[wire.Call, str | None]
    service_codes: Mapping[str, str]
    service_code_otherwise: str
    officer_id: str
    unit_elements: bool
    name_form: NameForm
    names: Mapping[ConfirmationKind, str]
    """Elements that say what is to be confirmed."""


def citizen_request(
    question: CitizenQuestion, asker: Asker, call: wire.Call, request_id: str, words: Vocabulary
) -> wire.Request:
    """Return the question for a citizen, its elements in their order.

    Raises:
        Unsupported: No permission is known for the call or the procedure, the officer has no number of their own, or
            the name cannot be written.
    """
    return wire.Request(call, request_id, (*_head(asker, call, request_id, words), *_citizen(question, words)))


def confirmation_request(confirmation: Confirmation, asker: Asker, request_id: str, words: Vocabulary) -> wire.Request:
    """Return the question whether something is so, as `citizen_request`; what is to be confirmed comes last."""
    call = CALL_OF_CONFIRMATION[confirmation.kind]
    elements = (*_head(asker, call, request_id, words), *_citizen(confirmation.citizen, words))
    return wire.Request(call, request_id, (*elements, *_subject(confirmation, words)))


def _head(asker: Asker, call: wire.Call, request_id: str, words: Vocabulary) -> wire.Elements:
    permission = words.integration_codes[call]
    if permission is None:
        raise Unsupported(_NO_PERMISSION, field="integration_codes")
    head = (
        ("MaYeuCau", request_id),
        ("MaDVC", _service_code(asker.procedure_code, words)),
        ("MaTichHop", permission),
        ("MaCanBo", _officer(asker, words)),
    )
    if not words.unit_elements:
        return head
    return (
        *head,
        ("MaDonVi", asker.unit_code),
        ("TaiKhoan", asker.account_id),
        ("SoDienThoai", asker.phone),
    )


def _officer(asker: Asker, words: Vocabulary) -> str:
    """Return who asks; a number of one digit repeated is a placeholder that somebody typed for everybody."""
    number = asker.officer_number
    if number == number[:1] * len(number) or _PERSONAL_NUMBER.fullmatch(number) is None:
        raise Unsupported(_NO_OFFICER, field="asker.officer_number")
    return number if words.officer_id == "personal_number" else asker.officer_code


def _service_code(procedure: str, words: Vocabulary) -> str:
    root = procedure_root(procedure) if is_procedure_code(procedure) else procedure
    known = words.service_codes.get(procedure) or words.service_codes.get(root)
    if known is not None:
        return known
    if words.service_code_otherwise == "refuse":
        raise Unsupported(_NO_SERVICE_CODE, field="asker.procedure_code")
    return procedure if words.service_code_otherwise == "code" else root


def _citizen(question: CitizenQuestion, words: Vocabulary) -> wire.Elements:
    return (
        _number(question.number, question.identity_card_9),
        ("HoVaTen", wire_name(question.name, words.name_form)),
        ("NgayThangNamSinh", (_birth(question.birth),)),
    )


def _number(number: str | None, card: str | None) -> tuple[str, str]:
    return ("SoDinhDanh", number) if number is not None else ("SoCMND", card or "")


def _birth(birth: BirthDate) -> tuple[str, str]:
    if birth.day is None:
        return "Nam", f"{birth.year:04}"
    # Not strftime, which costs more than the rest of a question.
    return "NgayThangNam", f"{birth.day.year:04}{birth.day.month:02}{birth.day.day:02}"


def _subject(confirmation: Confirmation, words: Vocabulary) -> wire.Elements:
    name = words.names.get(confirmation.kind)
    if name is None:
        return ()
    if confirmation.kind is ConfirmationKind.PRESENT_RESIDENCE:
        return () if confirmation.address is None else ((name, _address_elements(confirmation.address)),)
    if confirmation.kind is ConfirmationKind.MARITAL_STATUS:
        status = confirmation.marital_status
        return () if status is None else ((name, _CODE_OF_STATUS[status]),)
    return () if confirmation.relative is None else ((name, _relative_elements(confirmation.relative, words)),)


def _relative_elements(relative: Relative, words: Vocabulary) -> wire.Elements:
    if relative.number is None and relative.identity_card_9 is None and not relative.name:
        raise Unsupported(_NO_RELATIVE, field="relative")
    relation = (("QuanHe", relative.relation),) if relative.relation else ()
    has_number = relative.number is not None or relative.identity_card_9 is not None
    number = (_number(relative.number, relative.identity_card_9),) if has_number else ()
    nationality = (("QuocTich", relative.nationality),) if relative.nationality else ()
    name = (("HoVaTen", wire_name(relative.name, words.name_form)),) if relative.name else ()
    return (*relation, *number, *nationality, *name)


def _address_elements(address: Address) -> wire.Elements:
    return (
        ("MaTinhThanh", address.province_code),
        ("MaQuanHuyen", address.district_code),
        ("MaPhuongXa", address.commune_code),
        ("ChiTiet", address.detail),
        ("QuocGia", address.country),
    )


_NO_PERMISSION = Sentence(
    en="This province has no integration code for this kind of look-up (integration_codes); nothing was sent.",
    vi="Tỉnh chưa có mã tích hợp cho loại tra cứu này (integration_codes); chưa gửi gì.",
)
_NO_SERVICE_CODE = Sentence(
    en="The population database has no service code for this procedure (service_codes); nothing was sent.",
    vi="Thủ tục này chưa có mã dịch vụ tại Cơ sở dữ liệu dân cư (service_codes); chưa gửi gì.",
)
_NO_OFFICER = Sentence(
    en="The register of accounts has no personal number of the officer's own; nothing was sent. Correct it there.",
    vi="Cán bộ chưa có số định danh cá nhân riêng trong sổ tài khoản; chưa gửi gì. Hãy bổ sung tại sổ tài khoản.",
)
_NO_RELATIVE = Sentence(
    en="The relative to be confirmed has neither a number nor a name; nothing was sent.",
    vi="Người thân cần xác minh không có số giấy tờ và họ tên; chưa gửi gì.",
)
