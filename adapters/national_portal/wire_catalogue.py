"""The catalogue's messages as the portal spells them (wire facts §2.7); see `wire` for how they are read.

All data is public. A value that is a number in one answer may be a text in the next, and every list may be null.
"""

from __future__ import annotations

from typing import Any

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from adapters.national_portal.wire import Received

Value = StrictStr | StrictInt | StrictFloat | StrictBool | None
"""What stands where a text is meant."""


class TrinhTu(Received):
    """One step."""

    TENTRINHTU: Value = None


class TrinhTuThucHien(Received):
    """The steps of one case."""

    TRUONGHOP: Value = None
    TRINHTU: tuple[TrinhTu, ...] | None = None


class MaTen(Received):
    """A field of procedures within a procedure."""

    MALINHVUC: Value = None
    TENLINHVUC: Value = None
    MANGANH: Value = None


class PhiLePhi(Received):
    """A fee or charge."""

    MAPHILEPHI: Value = None
    SOTIEN: Value = None
    DONVI: Value = None
    MOTA: Value = None


class ThoiGian(Received):
    """A processing time."""

    THOIGIANGIAIQUYET: Value = None
    DONVITINH: Value = None
    MOTA: Value = None
    PHILEPHI: tuple[PhiLePhi, ...] | None = None


class CachThucThucHien(Received):
    """A way of handing in."""

    KENH: Value = None
    THOIGIAN: tuple[ThoiGian, ...] | None = None


class GiayTo(Received):
    """A paper to be handed in."""

    MAGIAYTO: Value = None
    TENGIAYTO: Value = None
    TENMAUDON: Value = None
    URL: Value = None


class ThanhPhanHoSo(Received):
    """The papers of one case."""

    TRUONGHOP: Value = None
    GIAYTO: tuple[GiayTo, ...] | None = None


class DoiTuong(Received):
    """Who may ask for a procedure."""

    TENDOITUONG: Value = None


class KetQua(Received):
    """A result."""

    MAKETQUA: Value = None
    TENKETQUA: Value = None


class CanCu(Received):
    """A legal document."""

    SOVANBAN: Value = None
    TENVANBAN: Value = None


class DonVi(Received):
    """An agency, in a procedure or in ``LayDanhMucCoQuan``."""

    MADONVI: Value = None
    TENDONVI: Value = None
    CAPDONVI: Value = None


class ThuTucDayDu(Received):
    """A procedure as ``LayThuTuc`` tells it; lists of procedures carry some of these fields."""

    MATTHC: StrictStr
    TENTTHC: Value = None
    MACOQUANCONGBO: Value = None
    TRANGTHAI: Value = None
    TRINHTUTHUCHIEN: tuple[TrinhTuThucHien, ...] | None = None
    LINHVUCTHUCHIEN: tuple[MaTen, ...] | None = None
    MALINHVUC: Value = None
    TENLINHVUC: Value = None
    CACHTHUCTHUCHIEN: tuple[CachThucThucHien, ...] | None = None
    THANHPHANHOSO: tuple[ThanhPhanHoSo, ...] | None = None
    YEUCAU: Value = None
    DOITUONGTHUCHIEN: tuple[DoiTuong, ...] | None = None
    MOTADOITUONGTHUCHIEN: Value = None
    KETQUATHUCHIEN: tuple[KetQua, ...] | None = None
    CANCUPHAPLY: tuple[CanCu, ...] | None = None
    COQUANTHUCHIEN: tuple[DonVi, ...] | None = None


class DichVuCong(Received):
    """A public service as ``LayDVC`` lists it."""

    MADVC: Value = None
    TENDVC: Value = None
    MATTHC: Value = None
    TENTTHC: Value = None
    TENCOQUANBANHANH: Value = None
    TENLINHVUC: Value = None
    APDUNGDVC: tuple[Any, ...] | None = None


class NganhLinhVuc(MaTen):
    """A field as ``LayDanhMucLinhVuc`` lists it."""
