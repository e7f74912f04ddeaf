"""Invented procedures and fields of agency H99, as the national database of procedures would list them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FIELDS: tuple[tuple[str, str], ...] = (
    ("G99-LV01", "Hộ tịch (mẫu)"),
    ("G99-LV02", "Đất đai (mẫu)"),
    ("G99-LV03", "Đăng ký kinh doanh (mẫu)"),
    ("G99-LV04", "Xây dựng (mẫu)"),
)

_PROCEDURES: tuple[tuple[str, str, int], ...] = (
    ("1.000001.H99", "Thủ tục mẫu", 0),
    ("1.000002.H99", "Đăng ký khai sinh (mẫu)", 0),
    ("1.000003.H99", "Xác nhận tình trạng hôn nhân (mẫu)", 0),
    ("1.000004.000.00.00.H99", "Đăng ký biến động đất đai (mẫu)", 1),
    ("1.000005.H99", "Cấp giấy chứng nhận quyền sử dụng đất (mẫu)", 1),
    ("2.000001.H99", "Đăng ký thành lập hộ kinh doanh (mẫu)", 2),
    ("2.000002.H99", "Thay đổi nội dung đăng ký hộ kinh doanh (mẫu)", 2),
    ("2.000003", "Cấp giấy phép xây dựng nhà ở riêng lẻ (mẫu)", 3),
)

LOCAL_CODE = "TS_lop1.000.00.00.H99"
"""A local code as they exist in the wild, outside the national form."""


def procedure(code: str, name: str, field: int, *, public: bool = True) -> dict[str, Any]:
    """Return a procedure as ``LayThuTuc`` describes it, with the parts the score depends on."""
    root = code[:8]
    field_code, field_name = FIELDS[field]
    return {
        "MATTHC": code,
        "TENTTHC": name,
        "MACOQUANCONGBO": "000.00.00.H99",
        "TRANGTHAI": 1 if public else 0,
        "TRINHTUTHUCHIEN": [
            {"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": "Nộp hồ sơ"}, {"TENTRINHTU": "Nhận kết quả"}]}
        ],
        "LINHVUCTHUCHIEN": [{"MALINHVUC": field_code, "TENLINHVUC": field_name}],
        "CACHTHUCTHUCHIEN": [
            {
                "KENH": kenh,
                "THOIGIAN": [
                    {
                        "THOIGIANGIAIQUYET": 5,
                        "DONVITINH": "Ngày làm việc",
                        "MOTA": "",
                        "PHILEPHI": [{"MAPHILEPHI": "LP01", "SOTIEN": 50000, "DONVI": "đồng", "MOTA": ""}],
                    }
                ],
            }
            for kenh in (1, 2, 3)
        ],
        "THANHPHANHOSO": [
            {
                "TRUONGHOP": "",
                "GIAYTO": [
                    {"MAGIAYTO": "TP01", "TENGIAYTO": "Tờ khai (mẫu)", "TENMAUDON": "", "URL": ""},
                    {"MAGIAYTO": "TP02", "TENGIAYTO": "Giấy tờ kèm theo (mẫu)", "TENMAUDON": "", "URL": ""},
                ],
            }
        ],
        "YEUCAU": "Không có",
        "DOITUONGTHUCHIEN": [{"TENDOITUONG": "Công dân Việt Nam"}],
        "MOTADOITUONGTHUCHIEN": "",
        "KETQUATHUCHIEN": [{"MAKETQUA": f"KQ.G99.{root[2:]}", "TENKETQUA": "Giấy xác nhận (mẫu)"}],
        "CANCUPHAPLY": [{"SOVANBAN": "01/2026/QĐ-MAU", "TENVANBAN": "Quyết định mẫu"}],
        "COQUANTHUCHIEN": [{"MADONVI": "H99.12", "TENDONVI": "UBND phường Mẫu"}],
    }


def procedures() -> dict[str, dict[str, Any]]:
    """Return the catalogue by code: public ones, one that is not public, one local code."""
    listed = [procedure(*one) for one in _PROCEDURES]
    listed.append(procedure("1.000099.H99", "Thủ tục chưa công khai (mẫu)", 0, public=False))
    listed.append(procedure(LOCAL_CODE, "Tuyển sinh lớp 1 (mẫu)", 0))
    return {one["MATTHC"]: one for one in listed}


def services(procedures_: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the public services as ``LayDVC`` lists them: one for each public procedure."""
    return [
        {
            "MADVC": f"DVC.{one['MATTHC'][:8]}",
            "TENDVC": f"Nộp trực tuyến: {one['TENTTHC']}",
            "MATTHC": one["MATTHC"],
            "TENTTHC": one["TENTTHC"],
            "TENCOQUANBANHANH": "Tỉnh Mẫu",
            "TENLINHVUC": one["LINHVUCTHUCHIEN"][0]["TENLINHVUC"],
            "APDUNGDVC": [{"MADONVI": "H99.12", "TENDONVI": "UBND phường Mẫu"}],
        }
        for one in procedures_
        if one["TRANGTHAI"] == 1
    ]
