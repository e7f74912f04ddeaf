"""The portal's messages, spelt as the portal spells them.

What we send are typed dictionaries: they cost nothing to build and go to the wire as they are. What we
receive are models: foreign until proven, unknown fields kept so that they can be reported, and input never
quoted in an error, because an answer may hold a citizen's data. Values: an empty value is ``""``; dates
are ``yyyyMMddHHmmss`` in Vietnam time; yes and no are ``"1"`` and ``"0"``, in the oldest fields
``"True"`` and ``"False"``.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr

ZeroOne = Literal["0", "1"]

# --- what we send: DongBoHoSoMC ---------------------------------------------------------------------------


class DinhDanh(TypedDict):
    """One identifier of the owner: kind 1 has 12 digits, kind 2 has 9."""

    LoaiDinhDanh: Literal["1", "2"]
    SoDinhDanh: str


class KetNoiCSDL(TypedDict):
    """One database that was consulted."""

    MaCSDL: str


class TaiLieuNop(TypedDict):
    """One file of one submitted component; the portal fetches the file by its address."""

    TepDinhKemId: str
    TenTepDinhKem: str
    IsDeleted: Literal["False"]
    MaThanhPhanHoSo: str
    DuongDanTaiTepTin: str
    DuocSoHoa: ZeroOne
    DuocTaiSuDung: str
    DuocLayTuKhoDMQG: ZeroOne
    MaKetQuaThayThe: str


class LePhi(TypedDict):
    """One fee or charge; ``Gia`` is whole đồng in digits."""

    TenPhiLePhi: str
    MaPhiLePhi: str
    HinhThucThu: str
    Gia: str
    LoaiPhiLePhi: str


class TepDinhKemKhac(TypedDict):
    """A paper that is no component of the procedure."""

    TenGiayTo: str
    SoLuong: int
    LoaiGiayTo: str


class HoSoBoSung(TypedDict):
    """One round of supplement, asked for and perhaps received."""

    HoSoBoSungId: str
    NguoiYeuCauBoSung: str
    NoiDungBoSung: str
    NgayBoSung: str
    NguoiTiepNhanBoSung: str
    ThongTinTiepNhan: str
    NgayTiepNhanBoSung: str
    TrangThaiBoSung: str
    DanhSachGiayToBoSung: list[TepDinhKemKhac]
    DanhSachLePhiBoSung: list[LePhi]
    NgayHenTraTruoc: str
    NgayHenTraMoi: str


class GiayToKetQua(TypedDict):
    """One file of one result paper."""

    TenGiayTo: str
    MaThanhPhanHoSo: str
    GiayToId: str
    DuongDanTepTinKetQua: str
    MaGiayToKetQua: str


class HoSo(TypedDict):
    """A dossier as ``DongBoHoSoMC`` takes it."""

    MaHoSo: str
    MaTTHC: str
    TenTTHC: str
    MaLinhVuc: str
    TenLinhVuc: str
    SoBienNhan: str
    ChuHoSo: str
    SoGiayToChuHoSo: str
    LoaiDoiTuong: str
    MaDoiTuong: str | None
    DinhDanhCHS: list[DinhDanh]
    ThongTinKhac: str
    Email: str
    Fax: str
    SoDienThoai: str
    TrichYeuHoSo: str
    NgayNopHoSo: str
    NgayTiepNhan: str
    NgayHenTra: str
    NgayTra: str
    NgayKetThucXuLy: str
    NgayTuChoi: str
    TrangThaiHoSo: str
    HinhThuc: str
    KenhThucHien: str
    NoiNopHoSo: str
    HoSoCoThanhPhanSoHoa: ZeroOne
    TaiKhoanDuocXacThucVoiVNeID: ZeroOne
    DuocThanhToanTrucTuyen: str
    DSKetNoiCSDL: list[KetNoiCSDL]
    ThongTinTra: str
    DonViXuLy: str
    GhiChu: str
    TaiLieuNop: list[TaiLieuNop]
    DanhSachLePhi: list[LePhi]
    DanhSachTepDinhKemKhac: list[TepDinhKemKhac]
    DanhSachHoSoBoSung: list[HoSoBoSung]
    DanhSachGiayToKetQua: list[GiayToKetQua]


# --- what we send: CapNhatTienDoHoSoMC --------------------------------------------------------------------


class TienDo(TypedDict):
    """A step as ``CapNhatTienDoHoSoMC`` takes it; ``NoiDungXuLy`` is never null."""

    MaHoSo: str
    NguoiXuLy: str
    ChucDanh: str
    ThoiDiemXuLy: str
    PhongBanXuLy: str
    NoiDungXuLy: str
    TrangThai: str
    NgayBatDau: str
    NgayKetThucTheoQuyDinh: str


# --- what we receive --------------------------------------------------------------------------------------

Text = StrictStr | StrictInt | None
"""A text that some answers write as a number and some as null."""


class Received(BaseModel):
    """Part of an answer: unknown fields are kept for the drift report, values are never quoted in errors."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)


class Answer(Received):
    """The envelope of every answer; HTTP 200 says nothing, ``error_code`` does."""

    error_code: StrictInt | StrictStr
    message: StrictStr | None = None
    result: Any = None


class LoginAnswer(Answer):
    """The answer of ``mapi/login``."""

    session: StrictStr | None = None


class TraCuuHoSo(Received):
    """What the portal tells of a dossier it holds: nine documented fields, and those of ``DongBoHoSoMC`` it may add."""

    MaHoSo: StrictStr
    TrangThaiHoSo: StrictInt | StrictStr
    MaTTHC: Text = None
    TenTTHC: Text = None
    MaLinhVuc: Text = None
    TenLinhVuc: Text = None
    LoaiDoiTuong: Text = None
    HinhThuc: Text = None
    DonViXuLy: Text = None
    ChuHoSo: Text = None
    TrichYeuHoSo: Text = None
    SoBienNhan: Text = None
    KenhThucHien: Text = None
    HoSoCoThanhPhanSoHoa: Text = None
    TaiKhoanDuocXacThucVoiVNeID: Text = None
    NgayNopHoSo: Text = None
    NgayTiepNhan: Text = None
    NgayHenTra: Text = None
    NgayKetThucXuLy: Text = None
    NgayTra: Text = None
    NgayTuChoi: Text = None


class TienDoDaGhi(Received):
    """A step in a list of steps, where the portal gives one."""

    MaHoSo: Text = None
    NguoiXuLy: Text = None
    ChucDanh: Text = None
    ThoiDiemXuLy: Text = None
    PhongBanXuLy: Text = None
    NoiDungXuLy: Text = None
    TrangThai: Text = None
    NgayBatDau: Text = None
    NgayKetThucTheoQuyDinh: Text = None


class LinhVuc(Received):
    """A field of procedures, in a procedure or in ``LayDanhMucLinhVuc``."""

    MALINHVUC: StrictStr
    TENLINHVUC: StrictStr
    MANGANH: Text = None


class ThuTuc(Received):
    """A procedure in a list; the field stands in one of three forms (see the README, open questions)."""

    MATTHC: StrictStr
    TENTTHC: StrictStr
    TRANGTHAI: StrictInt | StrictStr | None = None
    LINHVUCTHUCHIEN: tuple[LinhVuc, ...] | None = None
    MALINHVUC: StrictStr | None = None
    TENLINHVUC: StrictStr | None = None
    MADVC: Text = None
    TENDVC: Text = None
    TENCOQUANBANHANH: Text = None
    APDUNGDVC: Any = None
    MACOQUANCONGBO: Text = None
    TRINHTUTHUCHIEN: Any = None
    CACHTHUCTHUCHIEN: Any = None
    THANHPHANHOSO: Any = None
    YEUCAU: Any = None
    DOITUONGTHUCHIEN: Any = None
    MOTADOITUONGTHUCHIEN: Any = None
    KETQUATHUCHIEN: Any = None
    CANCUPHAPLY: Any = None
    COQUANTHUCHIEN: Any = None


class DanhSachDVC(Received):
    """The other shape of a list: an object whose ``data`` is the list, as ``LayDVC`` answers."""

    data: tuple[ThuTuc, ...]
