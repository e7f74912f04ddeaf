"""Messages about questions, ratings and technical ids as the portal spells them; see `wire`.

The fields of a question are not public and therefore settings; those of an answer are.
"""

from __future__ import annotations

from typing import TypedDict

from pydantic import StrictStr

from adapters.national_portal.wire import Received, Text

# --- what we send -----------------------------------------------------------------------------------------


class TraLoi(TypedDict):
    """An answer; ``HOIDAPID`` names the question it belongs to, the only field that could."""

    HOIDAPID: str
    MADONVI: str
    NGUOITRALOI: str
    CHUCVUNGUOITRALOI: str
    NGAYTRALOI: str
    NOIDUNGTRALOI: str


class TrungBinhDanhGia(TypedDict):
    """A rating of one month, as far as its fields are public; the grades of the service are added by setting.

    Shares are texts with two places; ``NgayTongHop`` is ``M-yyyy``.
    """

    NgayTongHop: str
    TongSoNguoiDanhGia: str
    PhanTramDanhGiaRatHaiLong: str
    PhanTramDanhGiaHaiLong: str
    PhanTramDanhGiaChuaHaiLong: str
    DanhSachNoiDungYKien: list[str]
    MaThuTuc: str
    NoiDung: str
    Madonvi: str
    TenDonVi: str


# --- what we receive --------------------------------------------------------------------------------------


class CauHoi(Received):
    """A question: every field is found by the name the settings give it."""


class TraLoiDaGhi(Received):
    """An answer the portal holds."""

    HOIDAPID: Text = None
    CAUHOIID: Text = None
    MADONVI: Text = None
    NGUOITRALOI: Text = None
    CHUCVUNGUOITRALOI: Text = None
    NGAYTRALOI: Text = None
    NOIDUNGTRALOI: Text = None


class TechID(Received):
    """One account of a person or enterprise."""

    TECHNICALID: StrictStr
