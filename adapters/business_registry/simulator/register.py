"""The invented enterprises, and how each of the two dialects writes them. Knows nothing of HTTP.

What is known to be awkward is awkward here too: one representative comes as an object and several as an array, codes
of administrative units come as numbers without their zeros, a newer address has no district.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Answer = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A representative."""

    name: str
    paper_kind: str
    paper_number: str | int
    nationality: str = "Việt Nam"


@dataclass(frozen=True)
class Registered:
    """An enterprise as the register has it."""

    code: str
    name: str
    kind: tuple[int, str] = (2, "Công ty trách nhiệm hữu hạn một thành viên")
    short_name: str | None = None
    foreign_name: str | None = None
    state: tuple[int, str] = (1, "Đang hoạt động")
    suspended: tuple[str, str, str] | None = None
    """From, until, why; days as dd/MM/yyyy."""
    founded: str = "08/10/2020"
    amended: str | None = None
    amendments: int = 0
    people: tuple[Person, ...] = (Person("Trần Thị Mẫu", "Thẻ căn cước công dân", "099199000123"),)
    commune: tuple[int, str] = (1, "Phường Mẫu")
    district: tuple[int, str] | None = None
    activities: tuple[tuple[int | str, str, int], ...] = (("6201", "Lập trình máy vi tính", 1),)
    code_as_number: bool = field(default=False)
    """Whether the province writes its code as a number, so that a zero in front is lost."""


ENTERPRISES = (
    Registered(
        "9999999997",
        "CÔNG TY TNHH MỘT THÀNH VIÊN MẪU",
        short_name="MAU CO., LTD",
        foreign_name="SAMPLE COMPANY LIMITED",
        amended="12/06/2024",
        amendments=3,
        activities=(
            ("6201", "Lập trình máy vi tính", 1),
            (111, "Trồng lúa", 0),
        ),
    ),
    Registered(
        "0999999990",
        "CÔNG TY CỔ PHẦN THỬ & NGHIỆM",
        kind=(3, "Công ty cổ phần"),
        people=(
            Person("Lê Văn Thử", "Thẻ căn cước công dân", 99088000456),
            Person("Nguyễn Thị Ví Dụ", "Hộ chiếu nước ngoài", "X9900001", nationality="Nhật Bản"),
        ),
        district=(1, "Quận Cũ"),
        code_as_number=True,
    ),
    Registered("9999999997-001", "CHI NHÁNH CÔNG TY TNHH MỘT THÀNH VIÊN MẪU", kind=(9, "Chi nhánh")),
    Registered(
        "9999999972",
        "DOANH NGHIỆP TƯ NHÂN TẠM NGHỈ",
        kind=(1, "Doanh nghiệp tư nhân"),
        state=(2, "Tạm ngừng kinh doanh"),
        suspended=("01/01/2026", "31/12/2026", "Sắp xếp lại hoạt động"),
    ),
    Registered("9999999965", "HỢP TÁC XÃ ĐÃ GIẢI THỂ", kind=(5, "Hợp tác xã"), state=(4, "Đã giải thể")),
    Registered("0099999998", "CÔNG TY KHÔNG CÓ GÌ THÊM", people=(), activities=(), code_as_number=True),
)
"""All there are. 0999999912 and 0999999983 are valid codes that nobody has."""


def national(found: Registered | None) -> Answer:
    """Return the answer of the national service; without a registration it says that there is none."""
    if found is None:
        return {"Data": {"MainInformation": None}}
    people = [{"FULL_NAME": one.name} for one in found.people]
    return {
        "Data": {
            "MainInformation": {
                "NAME": found.name,
                "SHORT_NAME": found.short_name,
                "NAME_F": found.foreign_name,
                "ENTERPRISE_GDT_CODE": found.code,
                "IMP_BUSINESS_CODE": found.code,
                "ENTERPRISE_STATUS_ID": found.state[0],
                "ENTERPRISE_STATUS_NAME": found.state[1],
                "ENTERPRISE_TYPE_NAME": found.kind[1],
                "FOUNDING_DATE": found.founded,
                "LAST_AMEND_DATE": found.amended,
                "NUMBER_CHANGES": found.amendments,
            },
            "HOAdress": {"AddressFullText": f"Số 1 đường Thử, {found.commune[1]}, Tỉnh Mẫu, Việt Nam"},
            "Representatives": people[0] if len(people) == 1 else people,
            "BusinessActivities": [
                {"CODE": code, "NAME": name, "IS_MAIN": main} for code, name, main in found.activities
            ],
        }
    }


def province(found: Registered | None) -> Answer:
    """Return the answer of a province's service."""
    if found is None:
        return {"GetEntCert": None}
    since, until, why = found.suspended or (None, None, None)
    return {
        "GetEntCert": [
            {
                "MaNoiBo": 990001,
                "MaSoDoanhNghiep": int(found.code) if found.code_as_number else found.code,
                "SoGCNDKKD": found.code,
                "MaLoaiHinhDN": found.kind[0],
                "LoaiHinhDN": found.kind[1],
                "TenTiengViet": found.name,
                "TenNuocNgoai": found.foreign_name,
                "TenVietTat": found.short_name,
                "NgayDangKyLanDau": found.founded,
                "NgayDangKyThayDoi": found.amended,
                "SoLanDangKyThayDoi": found.amendments,
                "TinhTrangPhapLy": [
                    {
                        "TinhTrangPhapLy": found.state[1],
                        "MaTinhTrangPhapLy": found.state[0],
                        "NgayBatDauTamNgung": since,
                        "NgayKetThucTamNgung": until,
                        "LyDoTamNgung": why,
                    }
                ],
                "DaiDienPhapLuat": [{"ThongTinCaNhan": [_person(one) for one in found.people]}],
                "DiaChiTruSo": [{"DiaChi": [_address(found)]}],
                "NganhNgheKinhDoanh": [
                    {"MaNganh": code, "TenNganh": name, "LaNganhChinh": main} for code, name, main in found.activities
                ],
            }
        ]
    }


def _person(one: Person) -> Answer:
    return {
        "HoVaTen": one.name,
        "LoaiGiayToChungThuc": one.paper_kind,
        "SoGiayChungThuc": one.paper_number,
        "NgayCap": "15/03/2021",
        "NoiCap": "Cục Cảnh sát quản lý hành chính về trật tự xã hội",
        "QuocTich": one.nationality,
        "MaQuocTich": "VN" if one.nationality == "Việt Nam" else "JP",
    }


def _address(found: Registered) -> Answer:
    district = found.district or (None, None)
    return {
        "QuocGia": "Việt Nam",
        "TenTinhThanh": "Tỉnh Mẫu",
        "MaTinhThanh": 1,
        "TenQuanHuyen": district[1],
        "MaQuanHuyen": district[0],
        "TenPhuongXa": found.commune[1],
        "MaPhuongXa": found.commune[0],
        "DiaChi": "Đường Thử",
        "SoNha": "Số 1",
    }
