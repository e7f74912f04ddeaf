"""The store's messages, spelt as it spells them (wire facts §4).

What we receive is foreign until proven: unknown fields are kept for the drift report and input is never quoted in an
error, because an answer names papers of a citizen.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr

OFFICER: Literal["1"] = "1"
"""``KenhThucHien`` of an officer. "2" is a citizen's and is never sent: we act for officers only."""

# --- what we send -----------------------------------------------------------------------------------------


class DanhMucKetQua(TypedDict):
    """A paper that is looked for."""

    MaKetQua: str
    SoKyHieu: str


class TraCuuGiayTo(TypedDict):
    """A query."""

    SoDinhDanhChuSoHuu: str
    HoTenNguoiYeuCau: str
    KenhThucHien: Literal["1"]
    SoDinhDanhNguoiYeuCau: str
    MaThuTuc: str
    DanhSachDanhMucKetQua: list[DanhMucKetQua]


class TaiTep(TypedDict):
    """A file that is fetched."""

    CoQuanChuQuan: str
    DuongDan: str


class GiayToKetQua(TypedDict):
    """A digitised result paper."""

    LoaiDinhDanhCHS: str
    MaChuGiayTo: str
    MaCoQuan: str
    MaGiayToKetQua: str
    SoKyHieu: str
    TrichYeuNoiDung: str
    NgayCap: str
    ThoiHanHieuLuc: str
    PhamViHieuLuc: str
    TenFileGiayToKetQuaDinhKem: str
    NgaySoHoa: str
    MaCSDLDaKetNoi: str | list[str]


# --- what we receive --------------------------------------------------------------------------------------

Text = StrictStr | StrictInt | None


class Received(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)


class Answer(Received):
    """The envelope; the login of the same family writes ``error_code``, so both spellings are read."""

    errorCode: StrictInt | StrictStr | None = None  # noqa: N815 - their spelling
    error_code: StrictInt | StrictStr | None = None
    message: StrictStr | None = None
    signature: StrictStr | None = None
    result: Any = None


class TepDinhKem(Received):
    """A file of a paper."""

    TenTep: Text = None
    DuongDan: StrictStr


class GiayTo(Received):
    """A paper that was found."""

    MaKetQua: Text = None
    TenGiayTo: Text = None
    SoKyHieu: Text = None
    CoQuanChuQuan: Text = None
    DanhSachTepDinhKem: tuple[TepDinhKem, ...] | None = None


class KetQuaTraCuu(Received):
    """What a query found."""

    DanhSachGiayToKetQua: tuple[GiayTo, ...] | None = None
