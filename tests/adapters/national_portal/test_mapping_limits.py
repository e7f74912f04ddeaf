"""Limits, the samples of the wire facts, and what holds for every dossier: nothing is cut, nothing is lost."""

from __future__ import annotations

import types
import typing
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.national_portal import mapping, wire
from adapters.national_portal.simulator.fields import DOSSIER, STEP, find_fault
from contracts import dossier as d
from contracts.errors import Unsupported
from contracts.states import DossierState
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.test_mapping import CALM, VOCABULARY, facts, to_wire
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
