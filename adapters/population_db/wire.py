"""The messages of the population database, spelt as it spells them (QCVN 109:2017; wire facts §5).

A request is its call and its elements in their order, which the database insists on; empty elements are sent as empty.
What is received is text until `mapping` has looked at it; absent and empty are the same there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

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


@dataclass(slots=True, repr=False)
class TenNguoi:
    """`HoVaTen`: most records have all of it in the last part."""

    Ho: str = ""
    ChuDem: str = ""
    Ten: str = ""


@dataclass(slots=True, repr=False)
class NgaySinh:
    """`NgayThangNamSinh`: a day as yyyyMMdd, or a year alone."""

    NgayThangNam: str = ""
    Nam: str = ""


@dataclass(slots=True, repr=False)
class DiaChi:
    """An address."""

    MaTinhThanh: str = ""
    MaQuanHuyen: str = ""
    MaPhuongXa: str = ""
    ChiTiet: str = ""
    QuocGia: str = ""


@dataclass(slots=True, repr=False)
class NguoiLienQuan:
    """Another person in a record; `QuanHe` of the head of the household only."""

    QuanHe: str = ""
    SoDinhDanh: str = ""
    SoCMND: str = ""
    QuocTich: str = ""
    HoVaTen: TenNguoi | None = None


@dataclass(slots=True, repr=False)
class CongDan:
    """A citizen."""

    SoDinhDanh: str = ""
    SoCMND: str = ""
    HoVaTen: TenNguoi | None = None
    GioiTinh: str = ""
    DanToc: str = ""
    TonGiao: str = ""
    QuocTich: str = ""
    TinhTrangHonNhan: str = ""
    NhomMau: str = ""
    NgayThangNamSinh: NgaySinh | None = None
    NoiDangKyKhaiSinh: DiaChi | None = None
    QueQuan: DiaChi | None = None
    ThuongTru: DiaChi | None = None
    NoiOHienTai: DiaChi | None = None
    Cha: NguoiLienQuan | None = None
    Me: NguoiLienQuan | None = None
    VoChong: NguoiLienQuan | None = None
    NguoiDaiDien: NguoiLienQuan | None = None
    ChuHo: NguoiLienQuan | None = None
    SoSoHoKhau: str = ""


@dataclass(slots=True, repr=False)
class CongdanCollection:
    """Citizens, none to many."""

    SoCongDan: str = ""
    GhiChu: str = ""
    ThoiDiemDuLieu: str = ""
    id: str = ""
    CongDan: list[CongDan] = field(default_factory=list)


@dataclass(slots=True, repr=False)
class KetQuaXacThuc:
    """Yes or no; `TinhTrangHonNhan` where it was asked which it is."""

    TonTai: str = ""
    TinhTrangHonNhan: str = ""


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
