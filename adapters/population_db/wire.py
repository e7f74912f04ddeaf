"""The messages of the population database, spelt as it spells them (QCVN 109:2017; wire facts §5).

A request is its call and its elements in their order, which the database insists on; empty elements are sent as empty.
What is received is text until `mapping` has looked at it; absent and empty are the same there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, TypedDict

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ASKED = "http://dancuquocgia.bca"
"""Namespace of what is asked."""
ANSWERED = "http://www.mic.gov.vn/dancu/1.0"
"""Namespace of what is answered."""


class Call(StrEnum):
    """A call of the database that the hub makes."""

    LOOK_UP = "TraCuuThongTinCongDan"
    PROVIDE = "CungCapThongTinCongDan"
    BLOOD_GROUP = "CungCapThongTinNhomMau"
    HOUSEHOLD = "CungCapThongTinHoGiaDinh"
    IDENTITY = "XacThucThongTinCongDan"
    RELATIVE = "XacMinhThongTinNhanThan"
    GUARDIAN = "XacMinhThongTinNguoiGiamHo"
    HOUSEHOLD_HEAD = "XacMinhThongTinChuHo"
    PRESENT_RESIDENCE = "XacMinhThongTinNoiOHienTai"
    MARITAL_STATUS = "XacMinhTinhTrangHonNhan"
    DEATH = "XacMinhTinhTrangChetMatTich"


COLLECTIONS = frozenset({Call.LOOK_UP, Call.PROVIDE, Call.BLOOD_GROUP, Call.HOUSEHOLD})
"""Calls that are answered with citizens; the others with yes or no."""

# --- what we send -----------------------------------------------------------------------------------------

Elements: TypeAlias = "tuple[tuple[str, str | Elements], ...]"


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    call: Call
    request_id: str = field(repr=False)
    """`MaYeuCau`, which is also the first of the elements."""
    elements: Elements = field(repr=False)


# --- what we receive --------------------------------------------------------------------------------------


Text: TypeAlias = "str | None"
"""What an element holds; ``None`` where it is empty."""


class TenNguoi(TypedDict, total=False):
    """`HoVaTen`: most records have all of it in the last part."""

    Ho: Text
    ChuDem: Text
    Ten: Text


class NgaySinh(TypedDict, total=False):
    """`NgayThangNamSinh`: a day as yyyyMMdd, or a year alone."""

    NgayThangNam: Text
    Nam: Text


class DiaChi(TypedDict, total=False):
    """An address."""

    MaTinhThanh: Text
    MaQuanHuyen: Text
    MaPhuongXa: Text
    ChiTiet: Text
    QuocGia: Text


class NguoiLienQuan(TypedDict, total=False):
    """Another person in a record; `QuanHe` of the head of the household only."""

    QuanHe: Text
    SoDinhDanh: Text
    SoCMND: Text
    QuocTich: Text
    HoVaTen: TenNguoi


class CongDan(TypedDict, total=False):
    """A citizen."""

    SoDinhDanh: Text
    SoCMND: Text
    HoVaTen: TenNguoi
    GioiTinh: Text
    DanToc: Text
    TonGiao: Text
    QuocTich: Text
    TinhTrangHonNhan: Text
    NhomMau: Text
    NgayThangNamSinh: NgaySinh
    NoiDangKyKhaiSinh: DiaChi
    QueQuan: DiaChi
    ThuongTru: DiaChi
    NoiOHienTai: DiaChi
    Cha: NguoiLienQuan
    Me: NguoiLienQuan
    VoChong: NguoiLienQuan
    NguoiDaiDien: NguoiLienQuan
    ChuHo: NguoiLienQuan
    SoSoHoKhau: Text


class KetQuaXacThuc(TypedDict, total=False):
    """Yes or no; `TinhTrangHonNhan` where it was asked which it is."""

    TonTai: Text
    TinhTrangHonNhan: Text


@dataclass(slots=True, repr=False)
class CongdanCollection:
    """Citizens, none to many."""

    SoCongDan: str = ""
    GhiChu: str = ""
    ThoiDiemDuLieu: str = ""
    id: str = ""
    CongDan: list[CongDan] = field(default_factory=list)


PARTS: dict[type, dict[str, type]] = {
    CongDan: {
        "HoVaTen": TenNguoi,
        "NgayThangNamSinh": NgaySinh,
        **dict.fromkeys(("NoiDangKyKhaiSinh", "QueQuan", "ThuongTru", "NoiOHienTai"), DiaChi),
        **dict.fromkeys(("Cha", "Me", "VoChong", "NguoiDaiDien", "ChuHo"), NguoiLienQuan),
    },
    NguoiLienQuan: {"HoVaTen": TenNguoi},
    TenNguoi: {},
    NgaySinh: {},
    DiaChi: {},
    KetQuaXacThuc: {},
}
"""Elements that hold elements, by the message they stand in; every other field is text."""
