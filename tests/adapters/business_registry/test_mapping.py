"""Both dialects become the same enterprise; awkward shapes and lost zeros included."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import adapters.business_registry as package
from adapters.business_registry import mapping, wire
from adapters.business_registry.mapping import Vocabulary
from adapters.business_registry.simulator.register import ENTERPRISES, Registered, national, province
from contracts.business import (
    BusinessActivity,
    BusinessAddress,
    Enterprise,
    EnterpriseStatus,
    LegalRepresentative,
    LegalState,
)
from tests.adapters.national_portal.test_quality import imports_of

FOLDER = Path(package.__file__).parent
VOCABULARY = Vocabulary(
    statuses={"1": EnterpriseStatus.ACTIVE, "2": EnterpriseStatus.SUSPENDED, "4": EnterpriseStatus.DISSOLVED},
    date_formats=("dd/MM/yyyy", "yyyy-MM-dd", "yyyyMMdd"),
    activity_code="CODE",
    activity_name="NAME",
    activity_main="IS_MAIN",
)
BY_CODE = {one.code: one for one in ENTERPRISES}


def from_national(answer: dict[str, Any], drift: list[str] | None = None) -> Enterprise | None:
    found = wire.NationalAnswer.model_validate(answer).Data
    return mapping.national_enterprise(found, VOCABULARY, [].append if drift is None else drift.append)


def from_province(
    answer: dict[str, Any], drift: list[str] | None = None, code: str = "9999999997"
) -> Enterprise | None:
    found = wire.ProvinceAnswer.model_validate(answer).GetEntCert
    return mapping.province_enterprise(found, code, VOCABULARY, [].append if drift is None else drift.append)


@pytest.mark.parametrize("registered", ENTERPRISES, ids=lambda one: one.code)
def test_both_dialects_tell_the_same_enterprise(registered: Registered) -> None:
    """As far as both tell it: code, names, dates, states, people, lines of business; without drift."""
    drift: list[str] = []
    one = from_national(national(registered), drift)
    other = from_province(province(registered), drift)
    assert one is not None
    assert other is not None
    assert drift == []
    for name in (
        "code",
        "certificate_number",
        "name",
        "short_name",
        "foreign_name",
        "kind",
        "founded_on",
        "amended_on",
    ):
        assert getattr(one, name) == getattr(other, name), name
    assert one.code == registered.code
    assert [person.name for person in one.representatives] == [person.name for person in other.representatives]
    assert one.activities == other.activities
    assert [(state.status, state.words) for state in one.states] == [
        (state.status, state.words) for state in other.states
    ]


def test_the_whole_of_an_enterprise_of_a_province() -> None:
    """Every value in its place, every code with its zeros, days as days."""
    found = from_province(province(BY_CODE["0999999990"]))
    assert found == Enterprise(
        code="0999999990",
        internal_code="990001",
        certificate_number="0999999990",
        name="CÔNG TY CỔ PHẦN THỬ & NGHIỆM",
        kind_code="3",
        kind="Công ty cổ phần",
        states=(LegalState(status=EnterpriseStatus.ACTIVE, code="1", words="Đang hoạt động"),),
        founded_on=date(2020, 10, 8),
        amendments=0,
        representatives=(
            LegalRepresentative(
                name="Lê Văn Thử",
                paper_kind="Thẻ căn cước công dân",
                paper_number="099088000456",
                issued_on=date(2021, 3, 15),
                issued_by="Cục Cảnh sát quản lý hành chính về trật tự xã hội",
                nationality="Việt Nam",
                nationality_code="VN",
            ),
            LegalRepresentative(
                name="Nguyễn Thị Ví Dụ",
                paper_kind="Hộ chiếu nước ngoài",
                paper_number="X9900001",
                issued_on=date(2021, 3, 15),
                issued_by="Cục Cảnh sát quản lý hành chính về trật tự xã hội",
                nationality="Nhật Bản",
                nationality_code="JP",
            ),
        ),
        seat=BusinessAddress(
            country="Việt Nam",
            province_code="01",
            province="Tỉnh Mẫu",
            district_code="001",
            district="Quận Cũ",
            commune_code="00001",
            commune="Phường Mẫu",
            detail="Đường Thử",
            house_number="Số 1",
        ),
        activities=(BusinessActivity(code="6201", name="Lập trình máy vi tính", main=True),),
    )
    suspended = from_province(province(BY_CODE["9999999972"]))
    assert suspended is not None
    assert suspended.states == (
        LegalState(
            status=EnterpriseStatus.SUSPENDED,
            code="2",
            words="Tạm ngừng kinh doanh",
            suspended_from=date(2026, 1, 1),
            suspended_until=date(2026, 12, 31),
            reason="Sắp xếp lại hoạt động",
        ),
    )


NOTHING = [
    {"Data": None},
    {"Data": ""},
    {"Data": {}},
    {"Data": {"MainInformation": None, "Representatives": []}},
    {"Data": {"MainInformation": ""}},
    {"Data": {"MainInformation": {"NAME": "", "ENTERPRISE_GDT_CODE": None, "NUMBER_CHANGES": 0}}},
    {"GetEntCert": None},
    {"GetEntCert": []},
    {"GetEntCert": ""},
    {"GetEntCert": [{"MaSoDoanhNghiep": "", "TenTiengViet": None}]},
]


@pytest.mark.parametrize("answer", NOTHING, ids=str)
def test_every_way_of_saying_that_there_is_none(answer: dict[str, Any]) -> None:
    """Null, an empty text, an empty list, a record of nothing: an answer, and no failure."""
    assert (from_national(answer) if "Data" in answer else from_province(answer)) is None


def test_a_list_or_its_only_item() -> None:
    """Wherever a list is, its only item may stand alone; a list within a list as well."""
    whole = province(BY_CODE["9999999997"])
    alone = province(BY_CODE["9999999997"])
    (record,) = alone["GetEntCert"]
    for name in ("TinhTrangPhapLy", "DaiDienPhapLuat", "DiaChiTruSo"):
        (record[name],) = record[name]
    (record["DaiDienPhapLuat"]["ThongTinCaNhan"],) = record["DaiDienPhapLuat"]["ThongTinCaNhan"]
    (record["DiaChiTruSo"]["DiaChi"],) = record["DiaChiTruSo"]["DiaChi"]
    alone["GetEntCert"] = record
    assert from_province(alone) == from_province(whole) is not None
    listed = national(BY_CODE["9999999997"])
    listed["Data"]["Representatives"] = [listed["Data"]["Representatives"]]
    assert from_national(listed) == from_national(national(BY_CODE["9999999997"]))


def test_of_several_certificates_the_one_asked_for_is_taken() -> None:
    """By its own code, with its zeros; that there were several is counted."""
    both = {
        "GetEntCert": [*province(BY_CODE["9999999965"])["GetEntCert"], *province(BY_CODE["0999999990"])["GetEntCert"]]
    }
    drift: list[str] = []
    found = from_province(both, drift, code="0999999990")
    assert found is not None
    assert found.code == "0999999990"
    assert drift == ["GetEntCert"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (999999990, "0999999990"),
        ("999999990", "0999999990"),
        (99999998, "0099999998"),
        (9999999997001, "9999999997-001"),
        ("9999999997-001", "9999999997-001"),
        (999999990001, "0999999990-001"),
        (" 9999999997 ", "9999999997"),
    ],
)
def test_a_code_gets_its_zeros_and_its_dash_back(written: str | int, code: str) -> None:
    """Only the check digit makes it a code; see the next test for what it does not make one."""
    answer = national(BY_CODE["9999999997"])
    answer["Data"]["MainInformation"]["ENTERPRISE_GDT_CODE"] = written
    found = from_national(answer)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("written", ["9999999998", 999999999, "00036", "099199000123", "abc", "9999999997-000"])
def test_a_record_without_an_enterprise_code_is_none(written: str | int) -> None:
    """A wrong check digit, a counter, a person's number: the answer breaks the contract."""
    for answer, place in (
        (national(BY_CODE["9999999997"]), "Data.MainInformation.ENTERPRISE_GDT_CODE"),
        (province(BY_CODE["9999999997"]), "GetEntCert.MaSoDoanhNghiep"),
    ):
        record = answer["Data"]["MainInformation"] if "Data" in answer else answer["GetEntCert"][0]
        record[place.rpartition(".")[2]] = written
        with pytest.raises(ValueError, match=place):
            from_national(answer) if "Data" in answer else from_province(answer)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("08/10/2020", date(2020, 10, 8)),
        ("8/1/2020", date(2020, 1, 8)),
        ("2020-10-08T00:00:00", date(2020, 10, 8)),
        ("2020-10-08 17:00:00.0", date(2020, 10, 8)),
        ("20201008", date(2020, 10, 8)),
        (20201008, date(2020, 10, 8)),
        ("29/02/2024", date(2024, 2, 29)),
        ("0001-01-01T00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_day_is_read_in_the_forms_configured(written: str | int | None, day: date | None) -> None:
    """With or without a time behind it; what one server writes for "no day" is no day."""
    drift: list[str] = []
    assert mapping._day(written, "x", VOCABULARY, drift.append) == day
    assert drift == []


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (99088000456, "099088000456"),
        (1199000123, "001199000123"),
        (99000123, "099000123"),
        ("099088000456", "099088000456"),
        ("B1234567", "B1234567"),
        (12345678901234, "12345678901234"),
    ],
)
def test_an_identity_paper_gets_its_zeros_back_where_they_are_certain(written: str | int, number: str) -> None:
    """Nine digits of an old card, twelve of a personal number; anything else is as it came."""
    assert mapping._paper_number(written) == number


@given(st.text(), st.integers(0, 10**13))
def test_any_text_and_number_is_taken_or_refused_whole(said: str, number: int) -> None:
    """A foreign value becomes text in normal form, or pydantic refuses it for its length; nothing else happens."""
    answer = province(BY_CODE["9999999997"])
    record = answer["GetEntCert"][0]
    record |= {"TenVietTat": said, "MaNoiBo": number, "NgayDangKyLanDau": said, "SoLanDangKyThayDoi": number}
    record["DiaChiTruSo"][0]["DiaChi"][0] |= {"MaTinhThanh": said, "MaPhuongXa": number}
    try:
        found = from_province(answer)
    except ValidationError:
        return
    assert found is not None
    assert unicodedata.is_normalized("NFC", found.short_name)
    assert found.internal_code == str(number)


def test_a_code_that_is_too_long_is_none_and_a_long_detail_is_kept() -> None:
    """One strange code costs itself and not the record; a line of business may say a lot."""
    answer = province(BY_CODE["9999999997"])
    record = answer["GetEntCert"][0]
    record["DiaChiTruSo"][0]["DiaChi"][0]["MaTinhThanh"] = "Tỉnh Mẫu ở đâu đó"
    record["DaiDienPhapLuat"][0]["ThongTinCaNhan"][0]["SoGiayChungThuc"] = "9" * 33
    record["NganhNgheKinhDoanh"][0]["TenNganh"] = "Chi tiết: " + "x" * 3000
    drift: list[str] = []
    found = from_province(answer, drift)
    assert found is not None
    assert found.seat is not None
    assert (found.seat.province_code, found.representatives[0].paper_number) == ("", "")
    assert len(found.activities[0].name) == 3010
    assert sorted(drift) == [
        "GetEntCert.DaiDienPhapLuat.ThongTinCaNhan.SoGiayChungThuc",
        "GetEntCert.DiaChiTruSo.DiaChi.MaTinhThanh",
    ]


# --- what quality.toml claims -----------------------------------------------------------------------------


def test_every_canonical_field_is_told_by_a_dialect() -> None:
    """No field of the model is always empty: some invented enterprise fills it in one dialect or the other."""
    told: dict[type[BaseModel], set[str]] = {}
    for registered in ENTERPRISES:
        for found in (from_national(national(registered)), from_province(province(registered))):
            assert found is not None
            for part in (found, found.seat, *found.states, *found.representatives, *found.activities):
                if part is not None:
                    filled = {name for name, value in part if value not in ("", None, ())}
                    told.setdefault(type(part), set()).update(filled)
    for model, fields in told.items():
        assert fields == model.model_fields.keys(), model.__name__
    assert len(told) == 5


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, one in value.items() for leaf in _leaves(one, (*path, name))]
    if isinstance(value, list):
        return [leaf for number, one in enumerate(value) for leaf in _leaves(one, (*path, number))]
    return [path]


@pytest.mark.parametrize("dialect", ["national", "province"])
def test_every_field_of_the_wire_is_read(dialect: str) -> None:
    """A changed value changes what the hub gets: nothing that the facts name is overlooked."""
    write, read = (national, from_national) if dialect == "national" else (province, from_province)
    other: dict[str, Any] = {
        "ENTERPRISE_GDT_CODE": "9999999965", "MaSoDoanhNghiep": "9999999965", "NUMBER_CHANGES": 9,
        "SoLanDangKyThayDoi": 9, "IS_MAIN": None, "LaNganhChinh": None,
    }  # fmt: skip
    for path in _leaves(write(BY_CODE["9999999972"])):
        answer = write(BY_CODE["9999999972"])
        part = answer
        for step in path[:-1]:
            part = part[step]
        is_day = "DATE" in str(path[-1]) or str(path[-1]).startswith("Ngay")
        part[path[-1]] = "24/12/2019" if is_day else other.get(path[-1], "khác")
        assert read(answer) != read(write(BY_CODE["9999999972"])), path


@pytest.mark.parametrize("module", ["mapping.py", "wire.py"])
def test_the_mapping_imports_nothing_that_talks(module: str) -> None:
    """Translation is pure: no network, no clock, no file."""
    ours = imports_of(FOLDER / module)
    assert {name.split(".")[0] for name in ours} <= {
        "__future__", "adapters", "collections", "contracts", "dataclasses", "datetime", "pydantic", "pydantic_core",
        "re", "typing", "unicodedata",
    }  # fmt: skip
    assert not any(part in name for name in ours for part in (".client", ".register", ".settings", "transport"))
