"""Translation between the canonical dossier and the portal's messages, both ways, without any I/O.

`fields` accounts for every canonical field: where it goes, or why it cannot. What the portal cannot take
unchanged is refused with `contracts.errors.Unsupported` and the name of the field; nothing is ever cut,
guessed or dropped in silence. Source: the portal's wire facts §2.3 to §2.8.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Literal, assert_never

import orjson
from pydantic import ValidationError

from adapters.national_portal import values, wire
from adapters.national_portal.told import UnknownValue, told_facts
from adapters.national_portal.values import Vocabulary
from contracts.dossier import (
    Component,
    Dossier,
    Fee,
    FileRef,
    OtherPaper,
    Procedure,
    Result,
    Step,
    Supplement,
)
from contracts.errors import Malformed, Sentence, Unsupported
from contracts.people import AgencyApplicant, Applicant, EnterpriseApplicant, OtherApplicant, PersonApplicant
from contracts.ports import PartnerDossier
from contracts.states import DossierState

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: UTC+7 without exception since 1975, before the earliest moment a dossier can have."""

NOTE_MAX = 2000
SUMMARY_MAX = 1000
HANDLER_MAX = 50
FILE_NAME_MAX = 4000
PAPER_NAME_MAX = 2000

FileAddress = Callable[[str, str], str]
"""Returns the address under which the portal can fetch a file, from its own address and its canonical path.

Raises `Unsupported` with that path when the portal could not reach the file."""


# --- dossier → DongBoHoSoMC -------------------------------------------------------------------------------


def dossier_to_wire(dossier: Dossier, vocabulary: Vocabulary, file_address: FileAddress) -> wire.HoSo:
    """Return the dossier as the portal takes it; raises `Unsupported` naming the canonical field."""
    facts = dossier.facts
    applicant = facts.applicant
    contact = applicant.contact
    account = applicant.portal_account
    paper, identifiers = _identity(applicant)
    return {
        "MaHoSo": dossier.code,
        "MaTTHC": facts.procedure.code,
        "TenTTHC": facts.procedure.name,
        "MaLinhVuc": facts.procedure.field_code,
        "TenLinhVuc": facts.procedure.field_name,
        "SoBienNhan": facts.receipt_number,
        "ChuHoSo": applicant.name,
        "SoGiayToChuHoSo": paper,
        "LoaiDoiTuong": values.APPLICANT_KINDS[applicant.kind],
        "MaDoiTuong": None if account is None else account.technical_id,
        "DinhDanhCHS": identifiers,
        "ThongTinKhac": applicant.other_information,
        "Email": contact.email or "",
        "Fax": contact.fax or "",
        "SoDienThoai": contact.phone or "",
        "TrichYeuHoSo": _bounded(facts.summary, SUMMARY_MAX, "facts.summary"),
        "NgayNopHoSo": wire_time(facts.submitted_at),
        "NgayTiepNhan": wire_time(dossier.received_at),
        "NgayHenTra": wire_time(dossier.due_at),
        "NgayTra": wire_time(dossier.returned_at),
        "NgayKetThucXuLy": wire_time(dossier.finished_at),
        "NgayTuChoi": wire_time(dossier.refused_at),
        "TrangThaiHoSo": values.STATE_NUMBERS[published_state(dossier)],
        "HinhThuc": values.DELIVERIES[facts.result_delivery],
        "KenhThucHien": values.CHANNELS[facts.channel],
        "NoiNopHoSo": vocabulary.submission_places[facts.submission_place],
        "HoSoCoThanhPhanSoHoa": _yes(any(one.digitisation.digitised for one in facts.components)),
        "TaiKhoanDuocXacThucVoiVNeID": _yes(account is not None and account.verified_by_vneid),
        "DuocThanhToanTrucTuyen": _online_payment(dossier),
        "DSKetNoiCSDL": [
            {"MaCSDL": code} for code in dict.fromkeys(one.database_code for one in facts.databases_consulted)
        ],
        "ThongTinTra": facts.return_information,
        "DonViXuLy": facts.processing_unit,
        "GhiChu": _note(dossier),
        "TaiLieuNop": [
            item
            for index, component in enumerate(facts.components)
            for item in _component(component, f"facts.components.{index}", vocabulary, file_address)
        ],
        "DanhSachLePhi": [_fee(fee, vocabulary) for fee in facts.fees],
        "DanhSachTepDinhKemKhac": [
            _paper(one, f"facts.other_papers.{index}") for index, one in enumerate(facts.other_papers)
        ],
        "DanhSachHoSoBoSung": [
            _supplement(one, f"supplements.{index}", vocabulary) for index, one in enumerate(dossier.supplements)
        ],
        "DanhSachGiayToKetQua": [
            item
            for index, result in enumerate(dossier.results)
            for item in _result(result, f"results.{index}", file_address)
        ],
    }


def published_state(dossier: Dossier) -> DossierState:
    """Return the state the portal is told: a cancelled dossier is stopped, whatever it was before."""
    return dossier.state if dossier.cancellation is None else DossierState.PROCESSING_STOPPED


def _identity(applicant: Applicant) -> tuple[str, list[wire.DinhDanh]]:
    """Return ``SoGiayToChuHoSo`` and ``DinhDanhCHS``; the latter knows only 12 and 9 digits."""
    match applicant:
        case PersonApplicant():
            return _person_identity(applicant)
        case EnterpriseApplicant():
            return applicant.enterprise_code, []
        case AgencyApplicant():
            return applicant.agency_code, []
        case OtherApplicant():
            return applicant.registration_number, []
    assert_never(applicant)


def _person_identity(applicant: PersonApplicant) -> tuple[str, list[wire.DinhDanh]]:
    listed: list[wire.DinhDanh] = []
    passport = ""
    for index, one in enumerate(applicant.identifiers):
        match one.kind:
            case "personal_number":
                listed.append({"LoaiDinhDanh": "1", "SoDinhDanh": one.value})
            case "identity_card_9":
                listed.append({"LoaiDinhDanh": "2", "SoDinhDanh": one.value})
            case "passport":
                if passport:
                    raise Unsupported(_SECOND_PASSPORT, field=f"facts.applicant.identifiers.{index}")
                passport = one.value
    return passport or applicant.identifiers[0].value, listed


def _online_payment(dossier: Dossier) -> str:
    """Return ``DuocThanhToanTrucTuyen`` from the recorded payments: while anything is owed, it is unpaid."""
    asked = [fee for fee in dossier.fees_asked if fee.amount_vnd > 0 or fee.payment is not None]
    if any(fee.payment is None for fee in asked):
        return values.ONLINE_PAYMENT_UNPAID
    paid = {values.ONLINE_PAYMENTS[fee.payment.platform] for fee in asked if fee.payment is not None}
    online = paid - {values.ONLINE_PAYMENT_NONE}
    return min(online) if online else values.ONLINE_PAYMENT_NONE


def _note(dossier: Dossier) -> str:
    """Return ``GhiChu``; of a cancelled dossier it says why, in place of a note that no longer matters."""
    if dossier.cancellation is not None:
        return values.CANCELLATION_NOTES[dossier.cancellation.reason]
    return _bounded(dossier.facts.note, NOTE_MAX, "facts.note")


def _component(
    component: Component, path: str, vocabulary: Vocabulary, file_address: FileAddress
) -> Iterable[wire.TaiLieuNop]:
    """Yield one item per file; a component without a file (on paper, or replaced) is one item without address."""
    if not component.files:
        yield _document(component, "", "", "", vocabulary)
    for index, file in enumerate(component.files):
        name, address = _file(file, f"{path}.files.{index}", file_address)
        yield _document(component, file.id, name, address, vocabulary)


def _document(component: Component, file_id: str, name: str, address: str, vocabulary: Vocabulary) -> wire.TaiLieuNop:
    digitisation = component.digitisation
    return {
        "TepDinhKemId": file_id,
        "TenTepDinhKem": name,
        "IsDeleted": "False",
        "MaThanhPhanHoSo": component.code,
        "DuongDanTaiTepTin": address,
        "DuocSoHoa": _yes(digitisation.digitised),
        "DuocTaiSuDung": vocabulary.reuse[digitisation.reuse],
        "DuocLayTuKhoDMQG": _yes(digitisation.from_personal_store),
        "MaKetQuaThayThe": digitisation.replaced_by_result_code or "",
    }


def _file(file: FileRef, path: str, file_address: FileAddress) -> tuple[str, str]:
    return _bounded(file.name, FILE_NAME_MAX, f"{path}.name"), file_address(file.url, f"{path}.url")


def _fee(fee: Fee, vocabulary: Vocabulary) -> wire.LePhi:
    return {
        "TenPhiLePhi": fee.name,
        "MaPhiLePhi": fee.code,
        "HinhThucThu": vocabulary.fee_collections[fee.collection],
        "Gia": str(fee.amount_vnd),
        "LoaiPhiLePhi": vocabulary.fee_kinds[fee.kind],
    }


def _paper(paper: OtherPaper, path: str) -> wire.TepDinhKemKhac:
    return {
        "TenGiayTo": _bounded(paper.name, PAPER_NAME_MAX, f"{path}.name"),
        "SoLuong": paper.quantity,
        "LoaiGiayTo": paper.kind,
    }


def _supplement(supplement: Supplement, path: str, vocabulary: Vocabulary) -> wire.HoSoBoSung:
    receiver = supplement.received_by
    return {
        "HoSoBoSungId": supplement.id,
        "NguoiYeuCauBoSung": supplement.requested_by.name,
        "NoiDungBoSung": supplement.content,
        "NgayBoSung": wire_time(supplement.requested_at),
        "NguoiTiepNhanBoSung": "" if receiver is None else receiver.name,
        "ThongTinTiepNhan": supplement.received_note,
        "NgayTiepNhanBoSung": wire_time(supplement.received_at),
        "TrangThaiBoSung": vocabulary.supplement_open if supplement.is_open else vocabulary.supplement_received,
        "DanhSachGiayToBoSung": [_paper(one, f"{path}.papers.{index}") for index, one in enumerate(supplement.papers)],
        "DanhSachLePhiBoSung": [_fee(fee, vocabulary) for fee in supplement.fees],
        "NgayHenTraTruoc": wire_time(supplement.previous_due_at),
        "NgayHenTraMoi": wire_time(supplement.new_due_at),
    }


def _result(result: Result, path: str, file_address: FileAddress) -> Iterable[wire.GiayToKetQua]:
    """Yield one item per file: the portal has one address per paper, so further files get an id of their own."""
    name = _bounded(result.name, PAPER_NAME_MAX, f"{path}.name")
    for index, file in enumerate(result.files):
        yield {
            "TenGiayTo": name,
            "MaThanhPhanHoSo": result.component_code or "",
            "GiayToId": result.id if len(result.files) == 1 else f"{result.id}/{file.id}",
            "DuongDanTepTinKetQua": file_address(file.url, f"{path}.files.{index}.url"),
            "MaGiayToKetQua": result.catalogue_code,
        }


# --- step → CapNhatTienDoHoSoMC ---------------------------------------------------------------------------


def step_to_wire(dossier_code: str, step: Step) -> wire.TienDo:
    """Return the step as the portal takes it; raises `Unsupported` naming the canonical field."""
    return {
        "MaHoSo": dossier_code,
        "NguoiXuLy": _bounded(step.handler.name, HANDLER_MAX, "handler.name"),
        "ChucDanh": step.handler.title,
        "ThoiDiemXuLy": wire_time(step.occurred_at),
        "PhongBanXuLy": step.handler.department,
        "NoiDungXuLy": step.content,
        "TrangThai": values.STATE_NUMBERS[step.state],
        "NgayBatDau": wire_time(step.started_at),
        "NgayKetThucTheoQuyDinh": wire_time(step.planned_end_at),
    }


STEP_FIELDS: tuple[str, ...] = tuple(wire.TienDo.__annotations__)


def fingerprint(step: Mapping[str, object]) -> str:
    """Return the SHA-256 of a step's wire fields, equal for the step we send and the step the portal lists.

    Normalised: null is ``""``, numbers are their digits, text is NFC without outer blanks. Two steps that
    do not differ in any field the portal knows have the same fingerprint: count them.
    """
    values = [_normal(step[name]) for name in STEP_FIELDS]
    return hashlib.sha256(orjson.dumps(values)).hexdigest()


def _normal(value: object) -> str:
    return "" if value is None else unicodedata.normalize("NFC", str(value)).strip()


# --- TraCuuHoSo, LayDanhSachTTHC → canonical ---------------------------------------------------------------


def partner_dossier(
    found: wire.TraCuuHoSo, steps: Sequence[wire.TienDoDaGhi] | None, unknown_value: UnknownValue
) -> PartnerDossier:
    """Return what the portal holds; raises `Malformed` when its state is none of the ten."""
    state = values.STATES_BY_NUMBER.get(str(found.TrangThaiHoSo))
    if state is None:
        raise Malformed(_UNKNOWN_STATE)
    return PartnerDossier(
        code=found.MaHoSo,
        state=state,
        step_fingerprints=None if steps is None else tuple(listed_fingerprint(found.MaHoSo, one) for one in steps),
        facts=told_facts(found, unknown_value),
    )


def listed_fingerprint(dossier_code: str, step: wire.TienDoDaGhi) -> str:
    """Return the fingerprint of a listed step; a list inside a dossier need not repeat the dossier's code."""
    values = {name: getattr(step, name) for name in STEP_FIELDS}
    return fingerprint({**values, "MaHoSo": step.MaHoSo or dossier_code})


def procedure_from_wire(item: wire.ThuTuc, field_codes: Mapping[str, str]) -> Procedure | None:
    """Return the procedure, or ``None`` for one outside the national form or of an unknown field.

    ``field_codes`` are the field codes by name, for lists that name the field without its code. A procedure
    of several fields is counted under the first.
    """
    if item.LINHVUCTHUCHIEN:
        code, name = item.LINHVUCTHUCHIEN[0].MALINHVUC, item.LINHVUCTHUCHIEN[0].TENLINHVUC
    else:
        name = item.TENLINHVUC or ""
        code = item.MALINHVUC or field_codes.get(name, "")
    try:
        return Procedure.model_validate(
            {"code": item.MATTHC, "name": item.TENTTHC, "field_code": code, "field_name": name}
        )
    except ValidationError:
        return None


# --- values -----------------------------------------------------------------------------------------------


def wire_time(moment: datetime | None) -> str:
    """Return ``yyyyMMddHHmmss`` in Vietnam time, ``""`` for none; parts of a second are cut off."""
    return "" if moment is None else moment.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")


def _yes(claim: bool) -> Literal["0", "1"]:  # noqa: FBT001 - the value is the message
    return "1" if claim else "0"


def _bounded(value: str, limit: int, field: str) -> str:
    if len(value) > limit:
        raise Unsupported(
            Sentence(
                en=f"{field} is longer than the {limit} characters the national portal takes; shorten it.",
                vi=f"Trường {field} dài hơn {limit} ký tự mà Cổng Dịch vụ công quốc gia cho phép; hãy rút gọn.",
            ),
            field=field,
        )
    return value


_UNKNOWN_STATE = Sentence(
    en="The national portal names a dossier state that is none of the ten national states.",
    vi="Cổng Dịch vụ công quốc gia trả về trạng thái hồ sơ không thuộc mười trạng thái quốc gia.",
)
_SECOND_PASSPORT = Sentence(
    en="The national portal has one place for a passport number; name only one passport of the applicant.",
    vi="Cổng Dịch vụ công quốc gia chỉ nhận một số hộ chiếu; hãy chỉ khai một hộ chiếu của chủ hồ sơ.",
)
