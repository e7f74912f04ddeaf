"""What the portal accepts, field by field, written from the wire facts §2.3 and §2.4 and from nothing else.

This table shares no code and no constant with the adapter's own messages: where the two disagree, a test
fails and the facts decide. Rules: required fields are those of the re-made sample and of the key; an empty
value is ``""`` and not null, except where the facts say null; unknown fields are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field may hold."""

    required: bool = False
    filled: bool = False
    """Whether ``""`` is refused."""
    nullable: bool = False
    longest: int | None = None
    choices: frozenset[str] | None = None
    number_too: bool = False
    """Whether the same value may be written as a JSON number."""
    is_date: bool = False
    pattern: re.Pattern[str] | None = None
    items: Mapping[str, Rule] | None = None
    """The fields of each object, when the field is a list."""


def _choice(*values: str, required: bool = False, number_too: bool = False, nullable: bool = False) -> Rule:
    return Rule(required=required, filled=required, choices=frozenset(values), number_too=number_too, nullable=nullable)


_TEXT = Rule()
_KEY = Rule(required=True, filled=True)
_DATE = Rule(is_date=True)
_ZERO_ONE = _choice("0", "1", number_too=True)
_STATE = _choice(*(str(number) for number in range(1, 11)), required=True, number_too=True)
_DOSSIER_CODE = Rule(required=True, filled=True, pattern=re.compile(r"[0-9A-Z.]{3,35}-[0-9]{6}-[0-9]{4,7}"))
_DIGITS = Rule(number_too=True, pattern=re.compile(r"[0-9]*"))

_LE_PHI = {
    "TenPhiLePhi": _TEXT,
    "MaPhiLePhi": _TEXT,
    "HinhThucThu": _TEXT,
    "Gia": _DIGITS,
    "LoaiPhiLePhi": _TEXT,
}
_GIAY_TO = {
    "TenGiayTo": Rule(required=True, filled=True, longest=2000),
    "SoLuong": _DIGITS,
    "LoaiGiayTo": Rule(number_too=True),
}

DOSSIER: Mapping[str, Rule] = {
    "MaHoSo": _DOSSIER_CODE,
    "MaTTHC": _KEY,
    "TenTTHC": _KEY,
    "MaLinhVuc": _KEY,
    "TenLinhVuc": _KEY,
    "SoBienNhan": _TEXT,
    "ChuHoSo": _KEY,
    "SoGiayToChuHoSo": _TEXT,
    "LoaiDoiTuong": _choice("1", "2", "3", "4", required=True),
    "MaDoiTuong": Rule(nullable=True),
    "DinhDanhCHS": Rule(
        items={
            "LoaiDinhDanh": _choice("1", "2", required=True),
            "SoDinhDanh": Rule(required=True, filled=True, pattern=re.compile(r"[0-9]{12}|[0-9]{9}")),
        }
    ),
    "ThongTinKhac": _TEXT,
    "Email": _TEXT,
    "Fax": _TEXT,
    "SoDienThoai": _TEXT,
    "TrichYeuHoSo": Rule(longest=1000),
    "NgayNopHoSo": _DATE,
    "NgayTiepNhan": Rule(required=True, is_date=True),
    "NgayHenTra": _DATE,
    "NgayTra": _DATE,
    "NgayKetThucXuLy": _DATE,
    "NgayTuChoi": _DATE,
    "TrangThaiHoSo": _STATE,
    "HinhThuc": _choice("0", "1", required=True),
    # A null channel exists in the field: the score counts it as direct.
    "KenhThucHien": _choice("1", "2", "3", nullable=True),
    "NoiNopHoSo": _choice("1", "2"),
    "HoSoCoThanhPhanSoHoa": _ZERO_ONE,
    "TaiKhoanDuocXacThucVoiVNeID": _ZERO_ONE,
    "DuocThanhToanTrucTuyen": _choice("0", "1", "2", "3", number_too=True),
    "DSKetNoiCSDL": Rule(items={"MaCSDL": _KEY}),
    "ThongTinTra": _TEXT,
    "DonViXuLy": _KEY,
    "GhiChu": Rule(longest=2000),
    "TaiLieuNop": Rule(
        items={
            "TepDinhKemId": _TEXT,
            "TenTepDinhKem": Rule(required=True, longest=4000),
            "IsDeleted": _choice("False", "True", required=True),
            "MaThanhPhanHoSo": Rule(required=True),
            "DuongDanTaiTepTin": Rule(required=True, pattern=re.compile(r"(?:https?://\S+)?")),
            "DuocSoHoa": _ZERO_ONE,
            "DuocTaiSuDung": _choice("0", "1", "2", number_too=True),
            "DuocLayTuKhoDMQG": _ZERO_ONE,
            "MaKetQuaThayThe": _TEXT,
        }
    ),
    "DanhSachLePhi": Rule(items=_LE_PHI),
    "DanhSachTepDinhKemKhac": Rule(items=_GIAY_TO),
    "DanhSachHoSoBoSung": Rule(
        items={
            "HoSoBoSungId": Rule(required=True, filled=True, number_too=True),
            "NguoiYeuCauBoSung": _TEXT,
            "NoiDungBoSung": Rule(required=True),
            "NgayBoSung": Rule(required=True, is_date=True),
            "NguoiTiepNhanBoSung": _TEXT,
            "ThongTinTiepNhan": _TEXT,
            "NgayTiepNhanBoSung": _DATE,
            "TrangThaiBoSung": _TEXT,
            "DanhSachGiayToBoSung": Rule(items=_GIAY_TO),
            "DanhSachLePhiBoSung": Rule(items=_LE_PHI),
            "NgayHenTraTruoc": _DATE,
            "NgayHenTraMoi": _DATE,
        }
    ),
    "DanhSachGiayToKetQua": Rule(
        items={
            "TenGiayTo": Rule(required=True, filled=True, longest=2000),
            "MaThanhPhanHoSo": _TEXT,
            "GiayToId": _TEXT,
            "DuongDanTepTinKetQua": Rule(required=True, pattern=re.compile(r"(?:https?://\S+)?")),
            "MaGiayToKetQua": _TEXT,
        }
    ),
}

STEP: Mapping[str, Rule] = {
    "MaHoSo": _DOSSIER_CODE,
    "NguoiXuLy": Rule(required=True, filled=True, longest=50),
    "ChucDanh": Rule(required=True),
    "ThoiDiemXuLy": Rule(required=True, filled=True, is_date=True),
    "PhongBanXuLy": Rule(required=True),
    "NoiDungXuLy": Rule(required=True),
    "TrangThai": _STATE,
    "NgayBatDau": Rule(required=True, is_date=True),
    "NgayKetThucTheoQuyDinh": Rule(required=True, is_date=True),
}

_IDENTIFIER_LENGTHS = {"1": 12, "2": 9}


def find_fault(message: Any, table: Mapping[str, Rule], place: str = "") -> str | None:
    """Return what is wrong with a message, as the portal would say it, or ``None`` when nothing is."""
    if not isinstance(message, dict):
        return f"{place or 'data'} không phải là đối tượng"
    for name in message:
        if name not in table:
            return f"Trường không xác định: {place}{name}"
    for name, rule in table.items():
        if name not in message:
            if rule.required:
                return f"Thiếu trường {place}{name}"
            continue
        fault = _value_fault(message[name], rule, place + name)
        if fault is not None:
            return fault
    if "SoDinhDanh" in table and len(message["SoDinhDanh"]) != _IDENTIFIER_LENGTHS[message["LoaiDinhDanh"]]:
        return f"Trường {place}SoDinhDanh không đúng loại định danh"
    return None


def _value_fault(value: Any, rule: Rule, place: str) -> str | None:  # noqa: PLR0911 - one return per reason
    if value is None:
        return None if rule.nullable else f"Trường {place} không được null"
    if rule.items is not None:
        return _list_fault(value, rule.items, place)
    if rule.number_too and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return f"Trường {place} sai kiểu dữ liệu"
    if value == "":
        return f"Trường {place} không được để trống" if rule.filled else None
    if rule.longest is not None and len(value) > rule.longest:
        return f"Trường {place} vượt quá {rule.longest} ký tự"
    if rule.choices is not None and value not in rule.choices:
        return f"Trường {place} có giá trị không hợp lệ"
    if rule.pattern is not None and rule.pattern.fullmatch(value) is None:
        return f"Trường {place} sai định dạng"
    if rule.is_date and not _is_date(value):
        return f"Trường {place} không phải là ngày giờ yyyyMMddHHmmss"
    return None


def _list_fault(value: Any, items: Mapping[str, Rule], place: str) -> str | None:
    if not isinstance(value, list):
        return f"Trường {place} không phải là danh sách"
    for index, item in enumerate(value):
        fault = find_fault(item, items, f"{place}[{index}].")
        if fault is not None:
            return fault
    return None


def _is_date(value: str) -> bool:
    if len(value) != len("yyyyMMddHHmmss") or not (value.isascii() and value.isdigit()):
        return False
    try:
        datetime(  # noqa: DTZ001 - only whether the moment exists, in the portal's own time
            int(value[:4]), int(value[4:6]), int(value[6:8]), int(value[8:10]), int(value[10:12]), int(value[12:])
        )
    except ValueError:
        return False
    return True
