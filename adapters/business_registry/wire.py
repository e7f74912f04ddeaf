"""The database's messages, spelt as it spells them (wire facts §6), misspellings included.

What we receive is foreign until proven: unknown fields are kept for the drift report and input is never quoted in an
error, because an answer names the representatives of an enterprise. A list may come as a single object, a missing
part as null or as an empty text; a code may come as text or as a number that has lost its leading zeros.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictInt, StrictStr

Part = TypeVar("Part")


def _as_many(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return value
    return () if value is None or value == "" else (value,)


def _or_none(value: Any) -> Any:
    return None if value == "" else value


Many = Annotated[tuple[Part, ...], BeforeValidator(_as_many)]
"""An array, or its only item without the array."""
Maybe = Annotated[Part | None, BeforeValidator(_or_none)]
"""An object, null, or an empty text in its place."""
Text = StrictStr | StrictInt | None
Flag = StrictStr | StrictInt | StrictBool | None


class Received(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)


# --- the national dialect -----------------------------------------------------------------------------------


class Registration(Received):
    """The registration itself."""

    NAME: Text = None
    SHORT_NAME: Text = None
    NAME_F: Text = None
    ENTERPRISE_GDT_CODE: Text = None
    IMP_BUSINESS_CODE: Text = None
    ENTERPRISE_STATUS_ID: Text = None
    ENTERPRISE_STATUS_NAME: Text = None
    ENTERPRISE_TYPE_NAME: Text = None
    FOUNDING_DATE: Text = None
    LAST_AMEND_DATE: Text = None
    NUMBER_CHANGES: Text = None


class HeadOffice(Received):
    """``HOAdress``."""

    AddressFullText: Text = None


class Representative(Received):
    """A legal representative."""

    FULL_NAME: Text = None


class Activity(Received):
    """A line of business; the names of its fields are configuration."""


class Enterprise(Received):
    """All that is told of an enterprise."""

    MainInformation: Maybe[Registration] = None
    HOAdress: Maybe[HeadOffice] = None
    Representatives: Many[Representative] = ()
    BusinessActivities: Many[Activity] = ()


class NationalAnswer(Received):
    """The envelope; without ``Data`` it is no answer of this service."""

    Data: Maybe[Enterprise]


# --- the province dialect -----------------------------------------------------------------------------------


class TrangThai(Received):
    """A legal state."""

    TinhTrangPhapLy: Text = None
    MaTinhTrangPhapLy: Text = None
    NgayBatDauTamNgung: Text = None
    NgayKetThucTamNgung: Text = None
    LyDoTamNgung: Text = None


class CaNhan(Received):
    """A legal representative."""

    HoVaTen: Text = None
    LoaiGiayToChungThuc: Text = None
    SoGiayChungThuc: Text = None
    NgayCap: Text = None
    NoiCap: Text = None
    QuocTich: Text = None
    MaQuocTich: Text = None


class NguoiDaiDien(Received):
    """The representatives."""

    ThongTinCaNhan: Many[CaNhan] = ()


class MotDiaChi(Received):
    """An address."""

    QuocGia: Text = None
    TenTinhThanh: Text = None
    MaTinhThanh: Text = None
    TenQuanHuyen: Text = None
    MaQuanHuyen: Text = None
    TenPhuongXa: Text = None
    MaPhuongXa: Text = None
    DiaChi: Text = None
    SoNha: Text = None


class TruSo(Received):
    """The seat."""

    DiaChi: Many[MotDiaChi] = ()


class NganhNghe(Received):
    """A line of business."""

    MaNganh: Text = None
    TenNganh: Text = None
    LaNganhChinh: Flag = None


class GiayChungNhan(Received):
    """A registration certificate with all it says."""

    MaNoiBo: Text = None
    MaSoDoanhNghiep: Text = None
    SoGCNDKKD: Text = None
    MaLoaiHinhDN: Text = None
    LoaiHinhDN: Text = None
    TenTiengViet: Text = None
    TenNuocNgoai: Text = None
    TenVietTat: Text = None
    NgayDangKyLanDau: Text = None
    NgayDangKyThayDoi: Text = None
    SoLanDangKyThayDoi: Text = None
    TinhTrangPhapLy: Many[TrangThai] = ()
    DaiDienPhapLuat: Many[NguoiDaiDien] = ()
    DiaChiTruSo: Many[TruSo] = ()
    NganhNgheKinhDoanh: Many[NganhNghe] = ()


class ProvinceAnswer(Received):
    """The envelope; ``null`` says that there is no such enterprise."""

    GetEntCert: Many[GiayChungNhan]
