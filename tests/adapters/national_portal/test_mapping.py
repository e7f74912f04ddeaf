"""The mapping to the portal's messages: every field of the wire facts, its limits, its awkward values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from adapters.national_portal import mapping, values, wire
from adapters.national_portal.simulator.fields import DOSSIER, STEP
from contracts import dossier as d
from contracts import people as p
from contracts.errors import Unsupported
from contracts.states import DossierState
from tests.adapters.national_portal import situations as s

VOCABULARY = s.settings().vocabulary()

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No deadline: a limit for one example measures the machine, not the code."""


def same_address(url: str, _path: str) -> str:
    return url


def to_wire(dossier: d.Dossier) -> wire.HoSo:
    return mapping.dossier_to_wire(dossier, VOCABULARY, same_address)


def facts(**changes: Any) -> wire.HoSo:
    """Map a plain dossier with these facts changed."""
    return to_wire(s.plain_dossier(facts=s.plain_facts(**changes)))


# --- one test per wire field of §2.3 ------------------------------------------------------------------------

FULL: dict[str, Any] = {
    "MaHoSo": "H99.12-261008-0001",
    "MaTTHC": "1.000001.H99",
    "TenTTHC": "Thủ tục mẫu",
    "MaLinhVuc": "G99-LV01",
    "TenLinhVuc": "Lĩnh vực mẫu",
    "SoBienNhan": "BN-0001",
    "ChuHoSo": "Trần Thị Mẫu",
    "SoGiayToChuHoSo": "099199000123",
    "LoaiDoiTuong": "1",
    "MaDoiTuong": "00000000-0000-4000-8000-000000000001",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "099199000123"}],
    "ThongTinKhac": "Nội dung riêng khác",
    "Email": "mau@h99.example",
    "Fax": "0900000009",
    "SoDienThoai": "0900000001",
    "TrichYeuHoSo": "Trích yếu mẫu",
    "NgayNopHoSo": "20261008081500",
    "NgayTiepNhan": "20261008090000",
    "NgayHenTra": "20261017081500",
    "NgayTra": "20261013081500",
    "NgayKetThucXuLy": "20261012081500",
    "NgayTuChoi": "20261014081500",
    "TrangThaiHoSo": "10",
    "HinhThuc": "1",
    "KenhThucHien": "2",
    "NoiNopHoSo": "1",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "1",
    "DSKetNoiCSDL": [{"MaCSDL": "7"}],
    "ThongTinTra": "Gửi qua bưu chính",
    "DonViXuLy": "UBND phường Mẫu",
    "GhiChu": "Nội dung riêng trong ghi chú",
    "TaiLieuNop": [
        {
            "TepDinhKemId": number,
            "TenTepDinhKem": name,
            "IsDeleted": "False",
            "MaThanhPhanHoSo": "TP01",
            "DuongDanTaiTepTin": f"https://tep.h99.example/{number}",
            "DuocSoHoa": "1",
            "DuocTaiSuDung": "2",
            "DuocLayTuKhoDMQG": "1",
            "MaKetQuaThayThe": "KQ.G99.000009",
        }
        for number, name in (("101", "don.pdf"), ("102", "trang-2.pdf"))
    ],
    "DanhSachLePhi": [
        {"TenPhiLePhi": "Lệ phí mẫu", "MaPhiLePhi": "LP01", "HinhThucThu": "2", "Gia": "50000", "LoaiPhiLePhi": "2"}
    ],
    "DanhSachTepDinhKemKhac": [{"TenGiayTo": "Bản sao hộ chiếu", "SoLuong": 2, "LoaiGiayTo": "Bản sao"}],
    "DanhSachHoSoBoSung": [
        {
            "HoSoBoSungId": "BS01",
            "NguoiYeuCauBoSung": "Lê Văn Thử",
            "NoiDungBoSung": "Nội dung riêng: bổ sung giấy tờ",
            "NgayBoSung": "20261009081500",
            "NguoiTiepNhanBoSung": "Phạm Thị Nhận",
            "ThongTinTiepNhan": "Đã nhận đủ",
            "NgayTiepNhanBoSung": "20261010081500",
            "TrangThaiBoSung": "1",
            "DanhSachGiayToBoSung": [{"TenGiayTo": "Bản sao giấy chứng sinh", "SoLuong": 1, "LoaiGiayTo": "Bản sao"}],
            "DanhSachLePhiBoSung": [
                {
                    "TenPhiLePhi": "Lệ phí mẫu",
                    "MaPhiLePhi": "LP02",
                    "HinhThucThu": "2",
                    "Gia": "50000",
                    "LoaiPhiLePhi": "2",
                }
            ],
            "NgayHenTraTruoc": "20261015081500",
            "NgayHenTraMoi": "20261017081500",
        }
    ],
    "DanhSachGiayToKetQua": [
        {
            "TenGiayTo": "Giấy khai sinh",
            "MaThanhPhanHoSo": "TP01",
            "GiayToId": f"KQ01/{number}",
            "DuongDanTepTinKetQua": f"https://tep.h99.example/{number}",
            "MaGiayToKetQua": "KQ.G99.000001",
        }
        for number in ("901", "902")
    ],
}
"""What the full dossier is on the wire, field by field as §2.3 lists them."""

EMPTY_OF_PLAIN: dict[str, Any] = {
    "SoBienNhan": "",
    "MaDoiTuong": None,
    "ThongTinKhac": "",
    "Email": "",
    "Fax": "",
    "SoDienThoai": "",
    "TrichYeuHoSo": "",
    "NgayTiepNhan": "",
    "NgayHenTra": "",
    "NgayTra": "",
    "NgayKetThucXuLy": "",
    "NgayTuChoi": "",
    "HinhThuc": "0",
    "KenhThucHien": "1",
    "NoiNopHoSo": "2",
    "TrangThaiHoSo": "1",
    "HoSoCoThanhPhanSoHoa": "0",
    "TaiKhoanDuocXacThucVoiVNeID": "0",
    "DuocThanhToanTrucTuyen": "0",
    "DSKetNoiCSDL": [],
    "ThongTinTra": "",
    "GhiChu": "",
    "TaiLieuNop": [],
    "DanhSachLePhi": [],
    "DanhSachTepDinhKemKhac": [],
    "DanhSachHoSoBoSung": [],
    "DanhSachGiayToKetQua": [],
}


@pytest.mark.parametrize("field", list(DOSSIER))
def test_every_field_of_the_facts_is_sent(field: str) -> None:
    """Each field of the wire facts gets the dossier's own value."""
    assert to_wire(s.full_dossier())[field] == FULL[field]  # type: ignore[literal-required]


@pytest.mark.parametrize("field", list(EMPTY_OF_PLAIN))
def test_what_is_not_known_is_empty_and_never_made_up(field: str) -> None:
    """A field without a fact behind it is empty: "" and not null, only MaDoiTuong is null."""
    assert to_wire(s.plain_dossier())[field] == EMPTY_OF_PLAIN[field]  # type: ignore[literal-required]


def test_no_other_field_is_sent() -> None:
    """The message has the fields of the facts, no more."""
    assert to_wire(s.full_dossier()).keys() == DOSSIER.keys()
    assert set(wire.HoSo.__annotations__) == set(DOSSIER)
    assert set(wire.TienDo.__annotations__) == set(STEP)


STEP_WIRE = {
    "MaHoSo": "H99.12-261008-0001",
    "NguoiXuLy": "Lê Văn Thử",
    "ChucDanh": "Chuyên viên",
    "ThoiDiemXuLy": "20261009081600",
    "PhongBanXuLy": "Phòng Mẫu",
    "NoiDungXuLy": "Nội dung riêng: thẩm định hồ sơ",
    "TrangThai": "4",
    "NgayBatDau": "20261009061500",
    "NgayKetThucTheoQuyDinh": "20261013081500",
}


@pytest.mark.parametrize("field", list(STEP))
def test_every_field_of_a_step_is_sent(field: str) -> None:
    """Each field of §2.4 gets the step's own value."""
    assert mapping.step_to_wire(s.CODE, s.step())[field] == STEP_WIRE[field]  # type: ignore[literal-required]


@pytest.mark.parametrize("field", ["NgayBatDau", "NgayKetThucTheoQuyDinh"])
def test_a_step_without_plan_has_empty_dates(field: str) -> None:
    """A date that is not known is "", never null and never made up."""
    bare = mapping.step_to_wire(s.CODE, s.step(started_at=None, planned_end_at=None))
    assert bare[field] == ""  # type: ignore[literal-required]


# --- values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(DossierState))
def test_states_map_totally_both_ways(state: DossierState) -> None:
    """The ten states are the ten numbers, and back; there is no default."""
    assert to_wire(s.plain_dossier(state=state))["TrangThaiHoSo"] == str(state.number)
    assert values.STATES_BY_NUMBER[str(state.number)] is state
    assert set(values.STATES_BY_NUMBER) == {str(number) for number in range(1, 11)}


@pytest.mark.parametrize(
    ("channel", "number"), [(d.Channel.DIRECT, "1"), (d.Channel.ONLINE, "2"), (d.Channel.POSTAL, "3")]
)
def test_the_channel_is_the_one_declared(channel: d.Channel, number: str) -> None:
    """KenhThucHien is scored; it is never left to a default."""
    assert facts(channel=channel)["KenhThucHien"] == number


@pytest.mark.parametrize(
    ("applicant", "kind", "paper"),
    [
        (s.person(), "1", "099199000123"),
        (p.EnterpriseApplicant(name="CÔNG TY TNHH MẪU", enterprise_code="9999999997"), "2", "9999999997"),
        (p.AgencyApplicant(name="Sở Mẫu", agency_code="H99.14"), "3", "H99.14"),
        (p.OtherApplicant(name="Hội Mẫu", registration_number="01/HM"), "4", "01/HM"),
    ],
)
def test_each_kind_of_owner(applicant: p.Applicant, kind: str, paper: str) -> None:
    """The owner's kind and paper number; only persons have entries in DinhDanhCHS."""
    sent = facts(applicant=applicant)
    assert (sent["LoaiDoiTuong"], sent["SoGiayToChuHoSo"]) == (kind, paper)
    assert bool(sent["DinhDanhCHS"]) == (kind == "1")


def test_an_old_card_keeps_its_leading_zeros_and_its_kind() -> None:
    """A 9-digit card is kind 2 and text."""
    sent = facts(applicant=s.person(identifiers=(p.IdentityCard9Identifier(value="001234567"),)))
    assert sent["DinhDanhCHS"] == [{"LoaiDinhDanh": "2", "SoDinhDanh": "001234567"}]
    assert sent["SoGiayToChuHoSo"] == "001234567"


def test_a_passport_goes_to_the_paper_number_beside_a_personal_number() -> None:
    """DinhDanhCHS cannot say passport; the number is not lost but in SoGiayToChuHoSo."""
    both = (p.PersonalNumberIdentifier(value="099199000123"), p.PassportIdentifier(value="B1234567"))
    sent = facts(applicant=s.person(identifiers=both))
    assert sent["DinhDanhCHS"] == [{"LoaiDinhDanh": "1", "SoDinhDanh": "099199000123"}]
    assert sent["SoGiayToChuHoSo"] == "B1234567"


def test_a_second_passport_is_refused_and_not_dropped() -> None:
    """There is one place for a passport number: a second one cannot be said faithfully."""
    two = (p.PassportIdentifier(value="B1234567"), p.PassportIdentifier(value="C7654321"))
    with pytest.raises(Unsupported) as refused:
        facts(applicant=s.person(identifiers=two))
    assert refused.value.field == "facts.applicant.identifiers.1"


_PAID = d.PaymentPlatform


@pytest.mark.parametrize(
    ("paid_by", "owed", "expected"),
    [
        ([], 0, "0"),
        ([], 1, "3"),
        ([_PAID.NATIONAL], 0, "1"),
        ([_PAID.PROVINCIAL], 0, "2"),
        ([_PAID.CASH], 0, "0"),
        ([_PAID.TRANSFER], 0, "0"),
        ([_PAID.PROVINCIAL, _PAID.NATIONAL], 0, "1"),
        ([_PAID.CASH, _PAID.PROVINCIAL], 0, "2"),
        ([_PAID.NATIONAL], 1, "3"),
    ],
)
def test_online_payment_follows_from_recorded_payments(
    paid_by: list[d.PaymentPlatform], owed: int, expected: str
) -> None:
    """Scored, so derived from proofs only: while a fee is owed it is unpaid; cash is no online payment."""
    asked = [s.fee(f"LP{index}", paid=platform) for index, platform in enumerate(paid_by)]
    asked += [s.fee(f"NO{index}") for index in range(owed)]
    assert facts(fees=tuple(asked))["DuocThanhToanTrucTuyen"] == expected


def test_a_fee_of_nothing_is_no_fee_request() -> None:
    """An exempted fee of 0 đồng is not an unpaid one."""
    assert facts(fees=(s.fee(amount=0),))["DuocThanhToanTrucTuyen"] == "0"


def test_a_fee_of_a_supplement_counts_too() -> None:
    """A fee asked for in a supplement and not paid leaves the dossier unpaid."""
    sent = to_wire(s.plain_dossier(supplements=(s.supplement(fees=(s.fee(),)),)))
    assert sent["DuocThanhToanTrucTuyen"] == "3"


def test_a_fee_of_a_supplement_is_paid_once_the_declaration_says_so() -> None:
    """The payment of such a fee has no call of its own; the declaration carries it under the same code."""
    paid = s.plain_facts(fees=(s.fee("LP1", paid=_PAID.NATIONAL),))
    sent = to_wire(s.plain_dossier(facts=paid, supplements=(s.supplement(fees=(s.fee("LP1"),)),)))
    assert sent["DuocThanhToanTrucTuyen"] == "1"


def test_an_open_supplement_is_open() -> None:
    """A supplement not yet answered has the open state and empty fields of reception."""
    asked = s.supplement(received_by=None, received_at=None, received_note="", new_due_at=None)
    (sent,) = to_wire(s.plain_dossier(supplements=(asked,)))["DanhSachHoSoBoSung"]
    assert sent["TrangThaiBoSung"] == "0"
    assert [sent["NguoiTiepNhanBoSung"], sent["NgayTiepNhanBoSung"], sent["NgayHenTraMoi"]] == ["", "", ""]


@pytest.mark.parametrize("reason", list(d.CancellationReason))
def test_a_cancelled_dossier_is_stopped_and_says_why(reason: d.CancellationReason) -> None:
    """State 8 whatever it was, the kind of reason in GhiChu, never the free explanation."""
    sent = to_wire(s.full_dossier(cancellation=s.cancellation(reason=reason)))
    assert sent["TrangThaiHoSo"] == "8"
    assert sent["GhiChu"] == values.CANCELLATION_NOTES[reason]
    assert "Nội dung riêng" not in sent["GhiChu"]


def test_a_component_without_a_file_is_still_listed() -> None:
    """A paper handed in at the counter, or replaced by a result, is a component too; it has no address."""
    paper = d.Component(code="TP01", name="Tờ khai")
    replaced = d.Component(
        code="TP02",
        name="Giấy chứng sinh",
        digitisation=d.Digitisation(from_personal_store=True, replaced_by_result_code="KQ.G99.000002"),
    )
    first, second = facts(components=(paper, replaced))["TaiLieuNop"]
    assert (first["MaThanhPhanHoSo"], first["DuongDanTaiTepTin"], first["DuocSoHoa"]) == ("TP01", "", "0")
    assert (second["MaKetQuaThayThe"], second["DuocLayTuKhoDMQG"]) == ("KQ.G99.000002", "1")


def test_all_files_of_a_component_are_sent() -> None:
    """Deployed systems send the first file only; here every file is an item of its own."""
    component = d.Component(code="TP01", name="Tờ khai", files=tuple(s.file(str(number)) for number in range(5)))
    assert [one["TepDinhKemId"] for one in facts(components=(component,))["TaiLieuNop"]] == list("01234")


def test_a_result_of_one_file_keeps_its_own_id() -> None:
    """Only a paper of several files needs more than its own id."""
    result = s.full_dossier().results[0]
    sent = to_wire(s.plain_dossier(results=(result.model_copy(update={"files": result.files[:1]}),)))
    assert [one["GiayToId"] for one in sent["DanhSachGiayToKetQua"]] == ["KQ01"]


def test_a_database_consulted_twice_is_listed_once() -> None:
    """The list says which databases, not how often."""
    twice = tuple(d.DatabaseConsultation(database_code="7", consulted_at=s.DAY) for _ in range(2))
    assert facts(databases_consulted=twice)["DSKetNoiCSDL"] == [{"MaCSDL": "7"}]


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 12, 31, 17, 0, 0, tzinfo=UTC), "20270101000000"),
        (datetime(2024, 2, 28, 17, 0, 0, tzinfo=UTC), "20240229000000"),
        (datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC), "20260101070000"),
        (datetime(2026, 1, 1, 8, 0, 0, tzinfo=timezone(timedelta(hours=8))), "20260101070000"),
        (None, ""),
    ],
)
def test_times_are_spoken_in_vietnam_to_the_second(moment: datetime | None, written: str) -> None:
    """Written yyyyMMddHHmmss at UTC+7; parts of a second are cut off, never rounded up into the future."""
    assert mapping.wire_time(moment) == written
