"""Questions, answers, ratings and technical ids at the portal."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.national_portal import mapping_desk
from adapters.national_portal.settings import QuestionFieldNames, ServiceRatingNames
from adapters.transport.simulation.faults import FaultKind
from contracts.dossier import Agency
from contracts.errors import Malformed, OutcomeUnknown, Rejected
from contracts.ports import AnswerPush, QuestionDesk, RatingPublisher, RatingPush, RepeatClass, TechnicalIds
from contracts.questions import Answer, Question, QuestionOrigin
from contracts.ratings import Grades, MonthlyRating
from tests.adapters.national_portal.test_catalogue import answering
from tests.adapters.national_portal.worlds import World, assert_safe, world

NAMES: dict[str, str] = QuestionFieldNames().model_dump()
SERVICE: dict[str, str] = ServiceRatingNames().model_dump()
NUMBER = "099199000123"
GIVE = "DongBoKetQuaHoiDapGuiTuDVCQG"
GRADES = Grades(very_satisfied=Decimal("62.5"), satisfied=Decimal(30), not_satisfied=Decimal("7.5"))

ANSWER = Answer(
    question_id="CH-1",
    origin=QuestionOrigin.PORTAL,
    agency_code="H99.12",
    content="Nội dung riêng của câu trả lời",
    officer_name="Lê Văn Thử",
    officer_title="Chuyên viên",
    answered_at=datetime(2026, 10, 8, 1, 15, tzinfo=UTC),
)
RATING = MonthlyRating(
    month="2026-09",
    procedure_code="1.000001.H99",
    revision=1,
    agency=Agency(code="H99.12", name="UBND phường Mẫu"),
    raters=40,
    officers=GRADES,
    service=Grades(very_satisfied=Decimal(50), satisfied=Decimal(45), not_satisfied=Decimal(5)),
    opinions=("Nhanh gọn",),
    content="Mức độ hài lòng",
)


def ask(portal: World, number: str = "CH-1", origin: str = "portal", **fields: str) -> None:
    told = {"title": "Tiêu đề", "content": "Nội dung riêng", "asker_name": "Trần Thị Mẫu"}
    portal.app.portal.desk.ask(origin, number, **(told | fields))


# --- questions --------------------------------------------------------------------------------------------


def read(row: dict[str, Any]) -> tuple[Question | None, list[str]]:
    drift: list[str] = []
    found = mapping_desk.question(row, QuestionOrigin.PORTAL, NAMES, own_agency="000.00.00.H99", drift=drift.append)
    return found, drift


def test_every_field_of_a_question_has_its_place() -> None:
    """By the names of the settings, since none is public."""
    row = {field: f"giá trị {name}" for name, field in NAMES.items()}
    row |= {NAMES["id"]: 17, NAMES["agency_code"]: "H99.12", NAMES["asked_at"]: "20261008081500"}
    found, drift = read(row)
    assert drift == []
    assert found is not None
    assert (found.id, found.agency_code) == ("17", "H99.12")
    assert found.asked_at == datetime(2026, 10, 8, 1, 15, tzinfo=UTC)
    for name in ("title", "content", "asker_name", "asker_email", "asker_phone", "procedure_code"):
        assert getattr(found, name) == f"giá trị {name}"


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("20261008", 8),
        ("08/10/2026", 8),
        ("08/10/2026 08:15", 8),
        ("08/10/2026 08:15:00", 8),
        ("2026-10-08T08:15:00", 8),
        ("2026-10-08 08:15:00", 8),
    ],
)
def test_a_moment_is_read_in_every_form_seen(written: str, day: int) -> None:
    """Which form questions use is not public."""
    found = mapping_desk.read_moment(written)
    assert found is not None
    assert (found.year, found.month, found.day) == (2026, 10, day)


def test_what_cannot_be_read_is_drift() -> None:
    """No id, no question; an agency or a moment that cannot be read costs that field only."""
    assert read({NAMES["content"]: "x"}) == (None, [NAMES["id"]])
    found, drift = read({NAMES["id"]: "1", NAMES["agency_code"]: "?", NAMES["asked_at"]: "20261399"})
    assert found is not None
    assert (found.agency_code, found.asked_at) == ("000.00.00.H99", None)
    assert drift == [NAMES["asked_at"], NAMES["agency_code"]]
    assert read({NAMES["id"]: "1", NAMES["content"]: "x" * 50_001}) == (None, [NAMES["content"]])


@given(
    st.dictionaries(
        st.sampled_from(sorted(NAMES.values())), st.text() | st.integers() | st.none() | st.lists(st.text())
    )
)
def test_reading_a_question_is_total(row: dict[str, Any]) -> None:
    """Whatever a row holds, it becomes a valid question or is left out and counted."""
    found, drift = read(row)
    if found is None:
        assert drift
    else:
        assert unicodedata.is_normalized("NFC", found.content)
        assert Question.model_validate_json(found.model_dump_json()) == found


async def test_both_lists_are_read_and_answers_go_back_where_they_came_from() -> None:
    """A question of the portal is answered by one service, one of our own list by the other."""
    async with world() as portal:
        assert isinstance(portal.connection, QuestionDesk)
        ask(portal)
        ask(portal, "CH-2", "agency")
        listed = await portal.connection.list_questions()
        assert [(one.id, one.origin.value) for one in listed] == [("CH-1", "portal"), ("CH-2", "agency")]
        report = await portal.connection.push_answer(AnswerPush("ex-1", ANSWER))
        assert report.upstream_code == "0"
        other = ANSWER.model_copy(update={"question_id": "CH-2", "origin": QuestionOrigin.AGENCY})
        await portal.connection.push_answer(AnswerPush("ex-2", other))
        assert [one.service for one in portal.app.portal.calls][-2:] == [
            GIVE,
            "DongBoHoiDap",
        ]
        assert portal.app.portal.desk.answers["CH-1"] == [
            {
                "HOIDAPID": "CH-1",
                "MADONVI": "H99.12",
                "NGUOITRALOI": "Lê Văn Thử",
                "CHUCVUNGUOITRALOI": "Chuyên viên",
                "NGAYTRALOI": "20261008081500",
                "NOIDUNGTRALOI": ANSWER.content,
            }
        ]
        held = await portal.connection.list_answers("CH-1")
        assert [(one.content, one.officer_name, one.answered_at) for one in held] == [
            (ANSWER.content, ANSWER.officer_name, ANSWER.answered_at)
        ]
        assert await portal.connection.list_answers("CH-404") == ()
        assert portal.drift == []


async def test_a_list_whose_fields_have_other_names_is_refused_and_one_bad_row_is_not() -> None:
    """Where no row at all has an id, the names in the settings are wrong, and nothing is taken for a question."""
    async with world() as portal:
        good = {NAMES["id"]: "1", "LA": "x"}
        answering(portal, "LayDanhSachHoiDapGuiTuDVCQG", [good, "không phải", {NAMES["content"]: "y"}])
        assert [one.id for one in await portal.connection.list_questions()] == ["1"]
        fields = {field for _, field in portal.drift}
        assert {"LA", "(row)", NAMES["id"]} <= fields
        answering(portal, "LayDanhSachHoiDapGuiTuDVCQG", [{"ID": "1"}])
        with pytest.raises(Malformed) as failed:
            await portal.connection.list_questions()
        assert failed.value.sentence.en.endswith(f"result.0.{NAMES['id']}.")


async def test_a_lost_answer_and_an_expired_session() -> None:
    """A write without an answer is unknown; an expired session costs one login and nothing else."""
    async with world() as portal:
        ask(portal)
        portal.app.late_faults.add(
            FaultKind.HTML_200, connection="national_portal", operation="DongBoKetQuaHoiDapGuiTuDVCQG"
        )
        with pytest.raises(Malformed) as failed:
            await portal.connection.push_answer(AnswerPush("ex-1", ANSWER))
        assert failed.value.exchange_id == "ex-1"
        assert_safe(failed.value)
        portal.app.late_faults.clear()
        portal.faults.add(FaultKind.SERVER_500, connection="national_portal", operation=GIVE)
        with pytest.raises(OutcomeUnknown):
            await portal.connection.push_answer(AnswerPush("ex-1", ANSWER))
        portal.faults.clear()
        portal.app.portal.expire_sessions()
        assert len(await portal.connection.list_answers("CH-1")) == 1, "the first had arrived"
        assert portal.app.portal.logins == 2
        with pytest.raises(Rejected) as refused:
            await portal.connection.push_answer(AnswerPush("ex-2", ANSWER.model_copy(update={"question_id": "?"})))
        assert_safe(refused.value)


# --- ratings ----------------------------------------------------------------------------------------------


def test_a_rating_is_spelt_as_the_facts_say() -> None:
    """M-yyyy without a leading zero, shares as texts with two places, every field of the table."""
    assert mapping_desk.rating_to_wire(RATING, SERVICE) == {
        "NgayTongHop": "9-2026",
        "TongSoNguoiDanhGia": "40",
        "PhanTramDanhGiaRatHaiLong": "62.50",
        "PhanTramDanhGiaHaiLong": "30.00",
        "PhanTramDanhGiaChuaHaiLong": "7.50",
        "PhanTramDanhGiaDichVuRatHaiLong": "50.00",
        "PhanTramDanhGiaDichVuHaiLong": "45.00",
        "PhanTramDanhGiaDichVuChuaHaiLong": "5.00",
        "DanhSachNoiDungYKien": ["Nhanh gọn"],
        "MaThuTuc": "1.000001.H99",
        "NoiDung": "Mức độ hài lòng",
        "Madonvi": "H99.12",
        "TenDonVi": "UBND phường Mẫu",
    }


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_shares_keep_their_value(first: int, second: int) -> None:
    """What the portal reads adds up to what was said."""
    parts = sorted((0, min(first, 10_000), min(second, 10_000), 10_000))
    shares = [Decimal(high - low) / 100 for low, high in pairwise(parts)]
    grades = Grades(very_satisfied=shares[0], satisfied=shares[1], not_satisfied=shares[2])
    sent = mapping_desk.rating_to_wire(RATING.model_copy(update={"officers": grades}), SERVICE)
    names = ("PhanTramDanhGiaRatHaiLong", "PhanTramDanhGiaHaiLong", "PhanTramDanhGiaChuaHaiLong")
    assert sum(Decimal(sent[name]) for name in names) == 100


@pytest.mark.parametrize("in_data", [False, True])
async def test_a_rating_replaces_the_one_before(in_data: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Beside the service or inside data, as the setting says; one per month and procedure."""
    async with world(rating_in_data=in_data) as portal:
        assert isinstance(portal.connection, RatingPublisher)
        assert portal.connection.operations["push_rating"].repeat is RepeatClass.IDEMPOTENT
        for revision in (1, 2):
            await portal.connection.push_rating(RatingPush("ex", RATING.model_copy(update={"revision": revision})))
        held = portal.app.portal.desk.ratings["9-2026", "1.000001"]
        assert len(held) == 1
        assert held[0]["TongSoNguoiDanhGia"] == "40"
        unknown = RATING.model_copy(update={"procedure_code": "9.999999"})
        answering(portal, "DongBoDanhGia", [], error_code=-17)
        with pytest.raises(Rejected):
            await portal.connection.push_rating(RatingPush("ex", unknown))


async def test_a_portal_that_adds_ratings_makes_them_unrepeatable() -> None:
    """Then a lost answer is for a person."""
    async with world(rating_repeat="never") as portal:
        assert portal.connection.operations["push_rating"].repeat is RepeatClass.NEVER


# --- technical ids ----------------------------------------------------------------------------------------


async def test_a_technical_id_is_found_or_not() -> None:
    """By personal number or tax code; nobody is a plain empty answer."""
    async with world() as portal:
        assert isinstance(portal.connection, TechnicalIds)
        assert await portal.connection.find_technical_ids(NUMBER) == ("00000000-0000-4000-8000-000000000001",)
        assert await portal.connection.find_technical_ids("099199000999") == ()
        answering(portal, "TraCuuTechID", [], error_code=-17)
        with pytest.raises(Rejected) as refused:
            await portal.connection.find_technical_ids(NUMBER)
        assert (refused.value.operation, refused.value.upstream_code) == ("find_technical_ids", "-17")
        answering(portal, "TraCuuTechID", [{"TECHNICALID": 5}])
        with pytest.raises(Malformed) as failed:
            await portal.connection.find_technical_ids(NUMBER)
        assert_safe(failed.value)
