"""The names of fields that the public sources know in what the portal sends; any other is told as drift."""

from __future__ import annotations

DOSSIER = frozenset(
    {
        "MaHoSoQG",
        "MaHoSo",
        "MaTTHC",
        "TenTTHC",
        "SoVanBan",
        "NgayNopHoSo",
        "TenThuongNhan",
        "DiaChiDoanhNghiep",
        "DienThoai",
        "Fax",
        "Email",
        "MaSoThue",
        "NguoiLienHe",
        "SoDienThoaiNguoiLienHe",
        "ThongTinDaNop",
        "ThongTinSuaDoi",
        "LyDoDieuChinh",
        "NoiDungCamKetKhac",
        "TenTepDangKy",
        "URLTepDangKy",
        "MaLinhVuc",
        "TenLinhVuc",
        "KenhThucHien",
        "ChuHoSo",
        "SoGiayToChuHoSo",
        "LoaiDoiTuong",
        "MaDoiTuong",
        "DinhDanhCHS",
        "ThongTinKhac",
        "SoDienThoai",
        "TrichYeuHoSo",
        "HinhThuc",
        "GhiChu",
        "TaiLieuNop",
        "DonViXuLy",
        "TrangThaiHoSo",
    }
)
"""``nhanhsdvcqg``: wire facts §2.9, one public client's model, and the names of §2.3 (inferred)."""

PROMOTION = frozenset(
    {
        "MaHoSo",
        "MaTTHC",
        "SoVanBan",
        "NgayNopHoSo",
        "TenThuongNhan",
        "DiaChiDoanhNghiep",
        "DienThoai",
        "Fax",
        "Email",
        "MaSoThue",
        "NguoiLienHe",
        "SoDienThoaiNguoiLienHe",
        "TenChuongTrinhKhuyenMai",
        "HinhThucKhuyenMai",
        "ThoiGianKhuyenMaiTu",
        "ThoiGianKhuyenMaiDen",
        "HangHoaDichVuKhuyenMai",
        "SoLuongHangHoaDichVu",
        "KhachHang",
        "CoCauGiaiThuong",
        "TongGiaTriHangHoa",
        "NoiDungChiTiet",
        "TenCacThuongNhanCungThucHien",
        "TenTepDonDangKy",
        "TepDonDangKy",
        "TaiLieuNop",
    }
)
"""``addtthcKhuyenMai``: wire facts §2.9 and one public client's model."""

TAX = frozenset({"SecurityKey", "Ngay", "FileThongBaoThue", "MaHoSo"})
"""``nhantbthuedvcqg``: wire facts §9.1."""

TAX_ROW = frozenset({"MA_SO_THUE", "SO_QUYET_DINH", "NGAY_QUYET_DINH", "SO_TIEN", "TEN_TIEU_MUC", "TEN_TIEUMUC"})
"""``LIST`` in its XML; two real producers spell the last one differently."""

CODES = ("masohoso", "MaHoSo", "mahoso", "MaSoHoSo")
"""How the questions spell the code of the dossier they ask for; the first two are public."""
