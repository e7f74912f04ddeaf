"""Translation from the database's messages into an enterprise, without any I/O.

What the database does not say is absent here. A number that has lost its leading zeros gets them back where the form
of the code proves how many there were; a value that cannot be taken is left out and counted as drift. The code of the
record is the record's own and never the one that was asked for: whether they are equal is the hub's to see.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic_core import PydanticCustomError

from adapters.business_registry import wire
from contracts.business import (
    BusinessActivity,
    BusinessAddress,
    Enterprise,
    EnterpriseStatus,
    LegalRepresentative,
    LegalState,
)
from contracts.codes import parse_enterprise_code, parse_personal_number
from contracts.errors import Sentence, Unsupported

Drift = Callable[[str], None]
"""Called with the path of a value that we cannot take as it is."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DIGITS = re.compile(r"[0-9]+")
_FORMS: Mapping[str, re.Pattern[str]] = {
    "dd/MM/yyyy": re.compile(r"(?P<day>[0-9]{1,2})/(?P<month>[0-9]{1,2})/(?P<year>[0-9]{4})"),
    "MM/dd/yyyy": re.compile(r"(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})"),
    "yyyy-MM-dd": re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    "yyyyMMdd": re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"),
}
_NO_DAY = "0001-01-01"
"""What one kind of server writes for a day it does not have."""
_PROVINCE, _DISTRICT, _COMMUNE = 2, 3, 5
"""Digits of the codes of administrative units (QĐ 19/2025/QĐ-TTg, and before it QĐ 124/2004/QĐ-TTg)."""
_ACTIVITY = 4
"""Digits of a line of business as it is registered, level four (QĐ 36/2025/QĐ-TTg)."""
_HEAD, _BRANCH = 10, 13
_CARD, _PERSON = 9, 12


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The value lists and forms that are configuration."""

    statuses: Mapping[str, EnterpriseStatus]
    date_formats: tuple[str, ...]
    activity_code: str
    activity_name: str
    activity_main: str
    branch_as: str = "dash"


def code_to_wire(code: str, vocabulary: Vocabulary) -> str:
    """Return a code as it is asked for; raises `Unsupported` for what no enterprise can have, before any call."""
    try:
        parse_enterprise_code(code)
    except PydanticCustomError:
        raise Unsupported(_NO_CODE, field="code") from None
    return code.replace("-", "") if vocabulary.branch_as == "digits" else code


# --- the national dialect -----------------------------------------------------------------------------------


def national_enterprise(found: wire.Enterprise | None, vocabulary: Vocabulary, drift: Drift) -> Enterprise | None:
    """Return the enterprise of an answer, or ``None`` where it holds none.

    Raises ``ValueError`` with the path of a missing or impossible code or name, pydantic's ``ValidationError`` for
    texts beyond every measure.
    """
    main = None if found is None else found.MainInformation
    if found is None or main is None or _is_empty(main.NAME, main.ENTERPRISE_GDT_CODE):
        return None
    status = _short(main.ENTERPRISE_STATUS_ID, 32, "Data.MainInformation.ENTERPRISE_STATUS_ID", drift)
    state = _state(status, main.ENTERPRISE_STATUS_NAME, vocabulary)
    office = found.HOAdress
    address = "" if office is None else text(office.AddressFullText)
    return Enterprise(
        code=_code(main.ENTERPRISE_GDT_CODE, "Data.MainInformation.ENTERPRISE_GDT_CODE"),
        certificate_number=_short(main.IMP_BUSINESS_CODE, 64, "Data.MainInformation.IMP_BUSINESS_CODE", drift),
        name=_name(main.NAME, "Data.MainInformation.NAME"),
        short_name=text(main.SHORT_NAME),
        foreign_name=text(main.NAME_F),
        kind=text(main.ENTERPRISE_TYPE_NAME),
        states=() if state is None else (state,),
        founded_on=_day(main.FOUNDING_DATE, "Data.MainInformation.FOUNDING_DATE", vocabulary, drift),
        amended_on=_day(main.LAST_AMEND_DATE, "Data.MainInformation.LAST_AMEND_DATE", vocabulary, drift),
        amendments=_count(main.NUMBER_CHANGES, "Data.MainInformation.NUMBER_CHANGES", drift),
        representatives=tuple(
            LegalRepresentative(name=name) for one in found.Representatives if (name := text(one.FULL_NAME))
        ),
        seat=BusinessAddress(full_text=address) if address else None,
        activities=tuple(_national_activity(one, vocabulary, drift) for one in found.BusinessActivities),
    )


def _national_activity(item: wire.Activity, vocabulary: Vocabulary, drift: Drift) -> BusinessActivity:
    fields = dict(item.model_extra or {})
    code = fields.pop(vocabulary.activity_code, None)
    name = fields.pop(vocabulary.activity_name, None)
    main = fields.pop(vocabulary.activity_main, None)
    for other in fields:
        drift(f"Data.BusinessActivities.{other if other.isidentifier() and other.isascii() else '(unprintable)'}")
    return BusinessActivity(
        code=_short(
            _padded(_scalar(code, "Data.BusinessActivities", drift), _ACTIVITY), 16, "Data.BusinessActivities", drift
        ),
        name=text(_scalar(name, "Data.BusinessActivities", drift)),
        main=_flag(main, "Data.BusinessActivities", drift),
    )


# --- the province dialect -----------------------------------------------------------------------------------


def province_enterprise(
    found: tuple[wire.GiayChungNhan, ...], code: str, vocabulary: Vocabulary, drift: Drift
) -> Enterprise | None:
    """Return the enterprise of an answer, or ``None`` where it holds none; errors as `national_enterprise`.

    Of several certificates the one of the code that was asked for is taken, else the first.
    """
    records = [one for one in found if not _is_empty(one.TenTiengViet, one.MaSoDoanhNghiep)]
    if not records:
        return None
    record = records[0]
    if len(records) > 1:
        drift("GetEntCert")
        record = next((one for one in records if _looks_like(one.MaSoDoanhNghiep, code)), record)
    people = [person for group in record.DaiDienPhapLuat for person in group.ThongTinCaNhan]
    seats = [seat for group in record.DiaChiTruSo for seat in group.DiaChi]
    if len(seats) > 1:
        drift("GetEntCert.DiaChiTruSo.DiaChi")
    return Enterprise(
        code=_code(record.MaSoDoanhNghiep, "GetEntCert.MaSoDoanhNghiep"),
        internal_code=_short(record.MaNoiBo, 64, "GetEntCert.MaNoiBo", drift),
        certificate_number=_short(record.SoGCNDKKD, 64, "GetEntCert.SoGCNDKKD", drift),
        name=_name(record.TenTiengViet, "GetEntCert.TenTiengViet"),
        short_name=text(record.TenVietTat),
        foreign_name=text(record.TenNuocNgoai),
        kind_code=_short(record.MaLoaiHinhDN, 32, "GetEntCert.MaLoaiHinhDN", drift),
        kind=text(record.LoaiHinhDN),
        states=tuple(
            state for one in record.TinhTrangPhapLy if (state := _province_state(one, vocabulary, drift)) is not None
        ),
        founded_on=_day(record.NgayDangKyLanDau, "GetEntCert.NgayDangKyLanDau", vocabulary, drift),
        amended_on=_day(record.NgayDangKyThayDoi, "GetEntCert.NgayDangKyThayDoi", vocabulary, drift),
        amendments=_count(record.SoLanDangKyThayDoi, "GetEntCert.SoLanDangKyThayDoi", drift),
        representatives=tuple(
            _representative(one, vocabulary, drift) for one in people if not _is_empty(one.HoVaTen, one.SoGiayChungThuc)
        ),
        seat=_seat(seats[0], drift) if seats else None,
        activities=tuple(
            BusinessActivity(
                code=_short(_padded(one.MaNganh, _ACTIVITY), 16, "GetEntCert.NganhNgheKinhDoanh.MaNganh", drift),
                name=text(one.TenNganh),
                main=_flag(one.LaNganhChinh, "GetEntCert.NganhNgheKinhDoanh.LaNganhChinh", drift),
            )
            for one in record.NganhNgheKinhDoanh
        ),
    )


def _province_state(item: wire.TrangThai, vocabulary: Vocabulary, drift: Drift) -> LegalState | None:
    where = "GetEntCert.TinhTrangPhapLy"
    return _state(
        _short(item.MaTinhTrangPhapLy, 32, f"{where}.MaTinhTrangPhapLy", drift),
        item.TinhTrangPhapLy,
        vocabulary,
        suspended_from=_day(item.NgayBatDauTamNgung, f"{where}.NgayBatDauTamNgung", vocabulary, drift),
        suspended_until=_day(item.NgayKetThucTamNgung, f"{where}.NgayKetThucTamNgung", vocabulary, drift),
        reason=text(item.LyDoTamNgung),
    )


def _representative(item: wire.CaNhan, vocabulary: Vocabulary, drift: Drift) -> LegalRepresentative:
    where = "GetEntCert.DaiDienPhapLuat.ThongTinCaNhan"
    return LegalRepresentative(
        name=text(item.HoVaTen),
        paper_kind=text(item.LoaiGiayToChungThuc),
        paper_number=_short(_paper_number(item.SoGiayChungThuc), 32, f"{where}.SoGiayChungThuc", drift),
        issued_on=_day(item.NgayCap, f"{where}.NgayCap", vocabulary, drift),
        issued_by=text(item.NoiCap),
        nationality=text(item.QuocTich),
        nationality_code=_short(item.MaQuocTich, 16, f"{where}.MaQuocTich", drift),
    )


def _seat(item: wire.MotDiaChi, drift: Drift) -> BusinessAddress:
    def unit(value: str | int | None, digits: int, name: str) -> str:
        return _short(_padded(value, digits), 8, f"GetEntCert.DiaChiTruSo.DiaChi.{name}", drift)

    return BusinessAddress(
        country=text(item.QuocGia),
        province_code=unit(item.MaTinhThanh, _PROVINCE, "MaTinhThanh"),
        province=text(item.TenTinhThanh),
        district_code=unit(item.MaQuanHuyen, _DISTRICT, "MaQuanHuyen"),
        district=text(item.TenQuanHuyen),
        commune_code=unit(item.MaPhuongXa, _COMMUNE, "MaPhuongXa"),
        commune=text(item.TenPhuongXa),
        detail=text(item.DiaChi),
        house_number=text(item.SoNha),
    )


# --- values ---------------------------------------------------------------------------------------------------


def text(value: str | int | None) -> str:
    """Return a foreign value as text in normal form C, without outer spaces; nothing for null."""
    if value is None:
        return ""
    plain = value if isinstance(value, str) else str(value)
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    return plain.strip() if plain.isprintable() else _UNPRINTABLE.sub("", plain).strip()


def _short(value: str | int | None, most: int, place: str, drift: Drift) -> str:
    """Return a code as text; one that is longer than any code is none."""
    code = text(value)
    if len(code) <= most:
        return code
    drift(place)
    return ""


def _is_empty(*values: str | int | None) -> bool:
    return not any(text(value) for value in values)


def _padded(value: str | int | None, digits: int) -> str:
    """Return a code of so many digits as text; a shorter number has lost its zeros. 0 stands for "none"."""
    plain = text(value)
    return "" if plain == "0" else plain.zfill(digits) if _DIGITS.fullmatch(plain) else plain


def _enterprise_code(value: str | int | None) -> str:
    """Return the code with its zeros and the dash of a branch; not yet checked."""
    plain = text(value)
    if not _DIGITS.fullmatch(plain):
        return plain
    whole = plain.zfill(_HEAD if len(plain) <= _HEAD else _BRANCH)
    return whole if len(whole) == _HEAD else f"{whole[:_HEAD]}-{whole[_HEAD:]}"


def _code(value: str | int | None, place: str) -> str:
    code = _enterprise_code(value)
    try:
        return parse_enterprise_code(code)
    except PydanticCustomError:
        # Only a check digit that is right proves that the zeros are the ones that were lost.
        raise ValueError(place) from None


def _looks_like(value: str | int | None, code: str) -> bool:
    return _enterprise_code(value) == code


def _name(value: str | int | None, place: str) -> str:
    name = text(value)
    if not name:
        raise ValueError(place)
    return name


def _paper_number(value: str | int | None) -> str:
    """Return the number of a paper; a number that fits no card is as it came."""
    if not isinstance(value, int):
        return text(value)
    plain = str(value)
    if len(plain) <= _CARD:
        return plain.zfill(_CARD)
    try:
        return parse_personal_number(plain.zfill(_PERSON))
    except PydanticCustomError:
        return plain


def _state(
    code: str | int | None,
    words: str | int | None,
    vocabulary: Vocabulary,
    *,
    suspended_from: date | None = None,
    suspended_until: date | None = None,
    reason: str = "",
) -> LegalState | None:
    known, said = text(code), text(words)
    if not known and not said:
        return None
    return LegalState(
        status=vocabulary.statuses.get(known, EnterpriseStatus.OTHER),
        code=known,
        words=said,
        suspended_from=suspended_from,
        suspended_until=suspended_until,
        reason=reason,
    )


def _day(value: str | int | None, place: str, vocabulary: Vocabulary, drift: Drift) -> date | None:
    written = text(value).partition("T")[0].partition(" ")[0]
    if not written or written == _NO_DAY:
        return None
    for name in vocabulary.date_formats:
        match = _FORMS[name].fullmatch(written)
        if match is not None:
            try:
                return date(int(match["year"]), int(match["month"]), int(match["day"]))
            except ValueError:
                continue
    drift(place)
    return None


def _count(value: str | int | None, place: str, drift: Drift) -> int | None:
    plain = text(value)
    if not plain:
        return None
    if _DIGITS.fullmatch(plain) and len(plain) <= _COUNT_DIGITS:
        return int(plain)
    drift(place)
    return None


def _flag(value: object, place: str, drift: Drift) -> bool | None:
    if value is None or value == "":
        return None
    found = _FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None
    if found is None:
        drift(place)
    return found


def _scalar(value: object, place: str, drift: Drift) -> str | int | None:
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    drift(place)
    return None


_COUNT_DIGITS = 6
_FLAGS = {"1": True, "0": False, "true": True, "false": False}

_NO_CODE = Sentence(
    en="No enterprise has this code: it has 10 digits with a check digit, or those, a dash and a branch. "
    "Nothing was asked.",
    vi="Không doanh nghiệp nào có mã số này: mã gồm 10 chữ số có số kiểm tra, hoặc thêm gạch nối và mã chi nhánh. "
    "Hệ thống chưa tra cứu.",
)
