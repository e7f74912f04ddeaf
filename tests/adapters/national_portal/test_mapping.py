"""The mapping to the portal's messages: every field of the wire facts, its limits, its awkward values."""

from __future__ import annotations

import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.national_portal import mapping, values, wire
from adapters.national_portal.simulator.fields import DOSSIER, STEP, find_fault
from contracts import dossier as d
from contracts import people as p
from contracts.errors import Unsupported
from contracts.states import DossierState
from tests.adapters.national_portal import situations as s
from tests.contracts.strategies import (
    HOSTILE_TEXTS,
    applicants,
    dossier_codes,
    dossier_facts,
    fees,
    handlers,
    moments,
    other_papers,
    result_entries,
    texts,
)

VOCABULARY = s.settings().vocabulary()

CALM = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
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


# --- limits --------------------------------------------------------------------------------------------------


def long_name(field: str, length: int) -> d.Dossier:
    """Return a dossier with one text of this length, past what our own models allow where they are stricter."""
    text = "ă" * length
    papers = (d.OtherPaper.model_construct(name=text, quantity=1, kind=""),)
    attached = d.FileRef.model_construct(id="1", name=text, url=f"https://{s.FILE_HOST}/1")
    result = s.full_dossier().results[0].model_copy(update={"name": text})
    dossiers = {
        "facts.note": lambda: s.plain_dossier(facts=s.plain_facts().model_copy(update={"note": text})),
        "facts.summary": lambda: s.plain_dossier(facts=s.plain_facts().model_copy(update={"summary": text})),
        "facts.other_papers.0.name": lambda: s.plain_dossier(
            facts=s.plain_facts().model_copy(update={"other_papers": papers})
        ),
        "facts.components.0.files.0.name": lambda: s.plain_dossier(
            facts=s.plain_facts(components=(d.Component(code="TP01", name="Tờ khai", files=(attached,)),))
        ),
        "supplements.0.papers.0.name": lambda: s.plain_dossier(
            supplements=(s.supplement().model_copy(update={"papers": papers}),)
        ),
        "results.0.name": lambda: s.plain_dossier().model_copy(update={"results": (result,)}),
    }
    return dossiers[field]()


LIMITS = {
    "facts.note": 2000,
    "facts.summary": 1000,
    "facts.other_papers.0.name": 2000,
    "facts.components.0.files.0.name": 4000,
    "supplements.0.papers.0.name": 2000,
    "results.0.name": 2000,
}


@pytest.mark.parametrize(("field", "limit"), LIMITS.items())
def test_a_text_of_exactly_the_limit_passes_and_one_more_is_refused(field: str, limit: int) -> None:
    """Long texts are refused with their field before sending; they are never cut."""
    to_wire(long_name(field, limit))
    with pytest.raises(Unsupported) as refused:
        to_wire(long_name(field, limit + 1))
    assert refused.value.field == field
    assert str(limit) in refused.value.sentence.vi
    assert "ă" * 20 not in refused.value.sentence.en


def test_an_officers_name_is_limited_to_50() -> None:
    """NguoiXuLy takes 50 characters."""
    officer = s.handler().model_copy(update={"name": "ă" * 51})
    with pytest.raises(Unsupported) as refused:
        mapping.step_to_wire(s.CODE, s.step().model_copy(update={"handler": officer}))
    assert refused.value.field == "handler.name"


def test_file_addresses_go_through_the_adapter_with_their_path() -> None:
    """Every address is handed to the rewriting, with the canonical path for a possible refusal."""
    seen: list[tuple[str, str]] = []

    def note(url: str, path: str) -> str:
        seen.append((url, path))
        return "https://cong.example/tep"

    sent = mapping.dossier_to_wire(s.full_dossier(), VOCABULARY, note)
    assert {one["DuongDanTaiTepTin"] for one in sent["TaiLieuNop"]} == {"https://cong.example/tep"}
    assert {one["DuongDanTepTinKetQua"] for one in sent["DanhSachGiayToKetQua"]} == {"https://cong.example/tep"}
    assert seen == [
        ("https://tep.h99.example/101", "facts.components.0.files.0.url"),
        ("https://tep.h99.example/102", "facts.components.0.files.1.url"),
        ("https://tep.h99.example/901", "results.0.files.0.url"),
        ("https://tep.h99.example/902", "results.0.files.1.url"),
    ]


# --- the sample of the wire facts -----------------------------------------------------------------------------

SAMPLE = {
    "MaHoSo": "H99.12-261008-0001",
    "MaTTHC": "1.000001.H99",
    "TenTTHC": "Thủ tục mẫu",
    "MaLinhVuc": "G99-LV01",
    "TenLinhVuc": "Lĩnh vực mẫu",
    "KenhThucHien": "2",
    "ChuHoSo": "Trần Thị Mẫu",
    "LoaiDoiTuong": "1",
    "MaDoiTuong": "00000000-0000-4000-8000-000000000001",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "099199000123"}],
    "NgayNopHoSo": "20261008081500",
    "NgayTiepNhan": "20261008090000",
    "NgayHenTra": "20261015170000",
    "TrangThaiHoSo": "2",
    "HinhThuc": "1",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "1",
    "DSKetNoiCSDL": [{"MaCSDL": "7"}],
    "DonViXuLy": "UBND phường Mẫu",
    "TaiLieuNop": [
        {
            "TepDinhKemId": "101",
            "TenTepDinhKem": "don.pdf",
            "IsDeleted": "False",
            "MaThanhPhanHoSo": "TP01",
            "DuongDanTaiTepTin": "https://tep.h99.example/101",
            "DuocSoHoa": "1",
            "DuocTaiSuDung": "0",
            "DuocLayTuKhoDMQG": "0",
        }
    ],
    "DanhSachLePhi": [],
    "DanhSachTepDinhKemKhac": [],
    "DanhSachHoSoBoSung": [],
    "DanhSachGiayToKetQua": [],
}
"""The re-made sample of §2.3, typed again. Its payment is of a fee that the sample does not list."""


def test_the_sample_of_the_facts_is_what_we_send() -> None:
    """The dossier of the sample, declared to the hub, becomes the sample on the wire."""
    component = d.Component(
        code="TP01", name="Đơn", files=(s.file("101"),), digitisation=d.Digitisation(digitised=True)
    )
    declared = s.full_facts(components=(component,), other_papers=(), due_at=datetime(2026, 10, 15, 10, 0, tzinfo=UTC))
    dossier = s.plain_dossier(
        state=DossierState.ACCEPTED, facts=declared, received_at=declared.received_at, due_at=declared.due_at
    )
    sent = dict(to_wire(dossier)) | {"DanhSachLePhi": []}
    for item in sent["TaiLieuNop"]:
        assert item.pop("MaKetQuaThayThe") == ""
    assert {name: sent[name] for name in SAMPLE} == SAMPLE


def test_the_sample_of_a_step_is_what_we_send() -> None:
    """The re-made sample of §2.4."""
    step = d.Step(
        sequence=1,
        state=DossierState.IN_PROCESS,
        handler=d.Handler(name="Lê Văn Thử", title="Chuyên viên", department="Phòng Mẫu"),
        content="Thẩm định hồ sơ",
        occurred_at=datetime(2026, 10, 9, 3, 15, tzinfo=UTC),
        started_at=datetime(2026, 10, 9, 1, 0, tzinfo=UTC),
        planned_end_at=datetime(2026, 10, 13, 10, 0, tzinfo=UTC),
        recorded_at=datetime(2026, 10, 9, 3, 16, tzinfo=UTC),
    )
    assert mapping.step_to_wire("H99.12-261008-0001", step) == {
        "MaHoSo": "H99.12-261008-0001",
        "NguoiXuLy": "Lê Văn Thử",
        "ChucDanh": "Chuyên viên",
        "ThoiDiemXuLy": "20261009101500",
        "PhongBanXuLy": "Phòng Mẫu",
        "NoiDungXuLy": "Thẩm định hồ sơ",
        "TrangThai": "4",
        "NgayBatDau": "20261009080000",
        "NgayKetThucTheoQuyDinh": "20261013170000",
    }


# --- properties ------------------------------------------------------------------------------------------------


def conforms(value: Any, annotation: Any) -> bool:
    """Say whether a value is exactly of the declared wire type: no missing field, no other field, no subclass."""
    if typing.is_typeddict(annotation):
        hints = typing.get_type_hints(annotation)
        return (
            type(value) is dict
            and value.keys() == hints.keys()
            and all(conforms(value[name], hint) for name, hint in hints.items())
        )
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return type(value) is list and all(conforms(one, inner[0]) for one in value)
    if origin is typing.Literal:
        return type(value) is str and value in inner
    if origin in {typing.Union, types.UnionType}:
        return any(conforms(value, one) for one in inner)
    return type(value) is annotation


@st.composite
def dossiers(draw: st.DrawFn) -> d.Dossier:
    """Draw dossiers the portal can be told of: at most one passport, everything else free."""
    declared = draw(dossier_facts())
    papers = draw(st.lists(other_papers(), max_size=2))
    supplements = tuple(
        d.Supplement(
            id=f"BS{index}",
            requested_by=draw(handlers()),
            content=draw(texts()),
            requested_at=draw(moments()),
            papers=tuple(papers),
            fees=tuple(draw(st.lists(fees(), max_size=1))),
            received_at=draw(st.none() | moments()),
        )
        for index in range(draw(st.integers(0, 1)))
    )
    results = tuple(
        d.Result(
            id=one.id,
            name=one.name,
            catalogue_code=one.catalogue_code,
            component_code=one.component_code,
            issued_at=one.occurred_at,
            files=one.files,
        )
        for one in draw(st.lists(result_entries(), max_size=2))
    )
    return d.Dossier(
        code=draw(dossier_codes()),
        revision=draw(st.integers(1, 99)),
        state=draw(st.sampled_from(DossierState)),
        facts=declared,
        received_at=declared.received_at,
        supplements=supplements,
        results=results,
    )


def has_two_passports(dossier: d.Dossier) -> bool:
    identifiers = getattr(dossier.facts.applicant, "identifiers", ())
    return sum(one.kind == "passport" for one in identifiers) > 1


@CALM
@given(dossier=dossiers())
def test_every_dossier_is_said_whole_or_refused(dossier: d.Dossier) -> None:
    """Whatever our models allow becomes a message of the wire's own types and rules, or is refused by name."""
    if has_two_passports(dossier):
        with pytest.raises(Unsupported) as refused:
            to_wire(dossier)
        assert refused.value.field.startswith("facts.applicant.identifiers.")
        return
    sent = to_wire(dossier)
    assert conforms(sent, wire.HoSo)
    assert orjson.loads(orjson.dumps(sent)) == sent
    assert find_fault(sent, DOSSIER) is None
    assert len(sent["TaiLieuNop"]) == sum(max(1, len(one.files)) for one in dossier.facts.components)
    assert len(sent["DanhSachGiayToKetQua"]) == sum(len(one.files) for one in dossier.results)


@CALM
@given(applicant=applicants())
def test_no_owner_is_lost(applicant: Any) -> None:
    """Every identifier of the owner is somewhere in the message."""
    dossier = s.plain_dossier(facts=s.plain_facts(applicant=applicant))
    if has_two_passports(dossier):
        return
    sent = to_wire(dossier)
    told = {sent["SoGiayToChuHoSo"], *(one["SoDinhDanh"] for one in sent["DinhDanhCHS"])}
    assert {one.value for one in getattr(applicant, "identifiers", ())} <= told


@CALM
@given(
    content=texts(),
    officer=handlers(),
    state=st.sampled_from(DossierState),
    moment=moments(),
    started=st.none() | moments(),
)
def test_every_step_is_said_and_recognised(
    content: str, officer: d.Handler, state: DossierState, moment: datetime, started: datetime | None
) -> None:
    """A step passes the portal's own rules, and its fingerprint is the one of the step the portal lists."""
    step = s.step(content=content, handler=officer, state=state, occurred_at=moment, started_at=started)
    sent = mapping.step_to_wire(s.CODE, step)
    assert conforms(sent, wire.TienDo)
    assert find_fault(sent, STEP) is None
    listed = wire.TienDoDaGhi.model_validate_json(orjson.dumps(sent))
    assert mapping.listed_fingerprint(s.CODE, listed) == mapping.fingerprint(sent)


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_hostile_texts_pass_unchanged(text: str) -> None:
    """Texts that have broken systems arrive as they were."""
    sent = facts(applicant=s.person(name=text), processing_unit=text)
    assert orjson.loads(orjson.dumps(sent))["ChuHoSo"] == text


# --- fingerprints ----------------------------------------------------------------------------------------------


def test_a_fingerprint_does_not_care_how_the_portal_writes() -> None:
    """Numbers for texts, null for empty, blanks around, decomposed letters, no code inside: the same step."""
    sent = mapping.step_to_wire(s.CODE, s.step(started_at=None))
    listed = wire.TienDoDaGhi.model_validate(
        dict(sent) | {"TrangThai": 4, "NgayBatDau": None, "MaHoSo": None, "NguoiXuLy": " Lê Văn Thử ", "ThuTu": 1}
    )
    assert mapping.listed_fingerprint(s.CODE, listed) == mapping.fingerprint(sent)


@pytest.mark.parametrize("field", list(STEP))
def test_a_fingerprint_tells_steps_apart_by_every_field(field: str) -> None:
    """Two steps that differ in one field of the wire are two steps."""
    sent = dict(mapping.step_to_wire(s.CODE, s.step()))
    assert mapping.fingerprint(sent | {field: "khác"}) != mapping.fingerprint(sent)
