"""What the portal must hold of the tour's dossier, written down by hand in the portal's own words.

Nothing here is computed by the adapter: these are the values a person who knows the portal's wire would write for
this dossier, so that a mistake of the adapter's mapping is found and not repeated. Only days and times are filled
in, as ``yyyyMMddHHmmss`` in Vietnam time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.demo.sample import Times


def wire_time(moment: datetime) -> str:
    """Write a moment, which is in Vietnam time, as the portal does."""
    return moment.strftime("%Y%m%d%H%M%S")


def accepted(code: str, times: Times) -> dict[str, Any]:
    """Return the dossier as declared."""
    return {
        "MaHoSo": code,
        "MaTTHC": "1.000001.H99",
        "TenTTHC": "Đăng ký khai sinh có yếu tố nước ngoài (thủ tục mẫu)",
        "MaLinhVuc": "G99-LV01",
        "TenLinhVuc": "Hộ tịch",
        "SoBienNhan": "BN-0001",
        "ChuHoSo": "Trần Thị Mẫu",
        "SoGiayToChuHoSo": "099199000123",
        "LoaiDoiTuong": "1",
        "MaDoiTuong": "00000000-0000-4000-8000-000000000001",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "099199000123"}],
        "ThongTinKhac": "",
        "Email": "mau@h99.example",
        "Fax": "",
        "SoDienThoai": "0900000001",
        "TrichYeuHoSo": "Đăng ký khai sinh cho con, nhận kết quả qua bưu chính công ích",
        "NgayNopHoSo": wire_time(times.submitted),
        "NgayTiepNhan": wire_time(times.received),
        "NgayHenTra": wire_time(times.due),
        "NgayTra": "",
        "NgayKetThucXuLy": "",
        "NgayTuChoi": "",
        "TrangThaiHoSo": "2",
        "HinhThuc": "1",
        "KenhThucHien": "2",
        "NoiNopHoSo": "1",
        "HoSoCoThanhPhanSoHoa": "1",
        "TaiKhoanDuocXacThucVoiVNeID": "1",
        "DuocThanhToanTrucTuyen": "1",
        "DSKetNoiCSDL": [{"MaCSDL": "7"}],
        "ThongTinTra": "Gửi về địa chỉ của người nộp hồ sơ",
        "DonViXuLy": "Trung tâm Phục vụ hành chính công phường Mẫu",
        "GhiChu": "Hồ sơ nộp thay theo giấy ủy quyền",
        "TaiLieuNop": [
            {
                "TepDinhKemId": "101",
                "TenTepDinhKem": "to-khai.pdf",
                "IsDeleted": "False",
                "MaThanhPhanHoSo": "TP01",
                "DuongDanTaiTepTin": "https://tep.h99.example/101",
                "DuocSoHoa": "1",
                "DuocTaiSuDung": "1",
                "DuocLayTuKhoDMQG": "0",
                "MaKetQuaThayThe": "",
            },
            {
                "TepDinhKemId": "102",
                "TenTepDinhKem": "to-khai-trang-2.pdf",
                "IsDeleted": "False",
                "MaThanhPhanHoSo": "TP01",
                "DuongDanTaiTepTin": "https://tep.h99.example/102",
                "DuocSoHoa": "1",
                "DuocTaiSuDung": "1",
                "DuocLayTuKhoDMQG": "0",
                "MaKetQuaThayThe": "",
            },
            {
                "TepDinhKemId": "103",
                "TenTepDinhKem": "giấy-chứng-sinh.pdf",
                "IsDeleted": "False",
                "MaThanhPhanHoSo": "TP02",
                "DuongDanTaiTepTin": "https://tep.h99.example/103",
                "DuocSoHoa": "1",
                "DuocTaiSuDung": "0",
                "DuocLayTuKhoDMQG": "1",
                "MaKetQuaThayThe": "",
            },
        ],
        "DanhSachLePhi": [
            {
                "TenPhiLePhi": "Lệ phí đăng ký khai sinh",
                "MaPhiLePhi": "LP01",
                "HinhThucThu": "2",
                "Gia": "75000",
                "LoaiPhiLePhi": "2",
            }
        ],
        "DanhSachTepDinhKemKhac": [{"TenGiayTo": "Bản sao hộ chiếu của cha", "SoLuong": 1, "LoaiGiayTo": "Bản sao"}],
        "DanhSachHoSoBoSung": [],
        "DanhSachGiayToKetQua": [],
    }


def supplement(times: Times, *, asked_minutes_ago: float, came_minutes_ago: float | None) -> dict[str, Any]:
    """Return the round of supplement; ``came_minutes_ago`` is ``None`` while the paper is owed."""
    came = came_minutes_ago is not None
    return {
        "HoSoBoSungId": "BS-0001",
        "NguoiYeuCauBoSung": "Lê Văn Thử",
        "NoiDungBoSung": "Bổ sung bản sao giấy chứng nhận kết hôn",
        "NgayBoSung": wire_time(times.ago(asked_minutes_ago)),
        "NguoiTiepNhanBoSung": "Phạm Thị Thử" if came else "",
        "ThongTinTiepNhan": "Đã nhận đủ giấy tờ" if came else "",
        "NgayTiepNhanBoSung": wire_time(times.ago(came_minutes_ago)) if came_minutes_ago is not None else "",
        "TrangThaiBoSung": "1" if came else "0",
        "DanhSachGiayToBoSung": [{"TenGiayTo": "Giấy chứng nhận kết hôn", "SoLuong": 1, "LoaiGiayTo": "Bản sao"}],
        "DanhSachLePhiBoSung": [],
        "NgayHenTraTruoc": wire_time(times.due),
        "NgayHenTraMoi": wire_time(times.due_again) if came else "",
    }


RESULT: dict[str, Any] = {
    "TenGiayTo": "Giấy khai sinh",
    "MaThanhPhanHoSo": "TP01",
    "GiayToId": "KQ-0001",
    "DuongDanTepTinKetQua": "https://tep.h99.example/201",
    "MaGiayToKetQua": "KQ.G99.000001",
}

_PEOPLE = {
    "Lê Văn Thử": ("Chuyên viên", "Phòng Mẫu"),
    "Phạm Thị Thử": ("Công chức một cửa", "Trung tâm Phục vụ hành chính công Mẫu"),
    "Nguyễn Văn Mẫu": ("Phó Chủ tịch", "Ủy ban nhân dân phường Mẫu"),
}


def step(code: str, state: str, content: str, at: datetime, *, by: str = "Lê Văn Thử", **more: str) -> dict[str, Any]:
    """Return a step; ``state`` is its national number."""
    title, department = _PEOPLE[by]
    return {
        "MaHoSo": code,
        "NguoiXuLy": by,
        "ChucDanh": title,
        "ThoiDiemXuLy": wire_time(at),
        "PhongBanXuLy": department,
        "NoiDungXuLy": content,
        "TrangThai": state,
        "NgayBatDau": "",
        "NgayKetThucTheoQuyDinh": "",
        **more,
    }


PROCEDURE_ROOTS = (
    "1.000001",
    "1.000002",
    "1.000003",
    "1.000004",
    "1.000005",
    "2.000001",
    "2.000002",
    "2.000003",
)
"""The public procedures of the simulated portal whose codes are of the national form."""
