"""Ratings, papers, questions and look-ups: what adds up, who may ask, and which fields are a citizen's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts import codes
from contracts.catalogue import CatalogueProcedure
from contracts.codes import is_procedure_code, parse_procedure_code
from contracts.document_store import FoundPapers, PaperQuery, ResultPaperEntry
from contracts.lookups import TechnicalIdQuestion
from contracts.personal_data import mask, personal_paths
from contracts.questions import Answer, Question, QuestionOrigin
from contracts.ratings import Grades, RatingEntry


def grades(*shares: str) -> Grades:
    names = ("very_satisfied", "satisfied", "not_satisfied")
    return Grades(**dict(zip(names, map(Decimal, shares), strict=True)))


@pytest.mark.parametrize(
    "shares", [("33.33", "33.33", "33.33"), ("100", "0", "0"), ("0", "0", "0"), ("50", "25", "25")]
)
def test_three_grades_add_up(shares: tuple[str, str, str]) -> None:
    """To 100, but for what rounding three shares to two places may cost; or nobody answered."""
    assert grades(*shares).total in {Decimal(100), Decimal("99.99"), Decimal(0)}


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=3))
def test_nothing_else_adds_up(cents: list[int]) -> None:
    """Every other sum is refused, with a type of its own."""
    shares = [f"{one / 100:.2f}" for one in cents]
    total = sum(cents)
    if total == 0 or abs(total - 10_000) <= 1:
        assert grades(*shares)
    else:
        with pytest.raises(ValidationError) as refused:
            grades(*shares)
        assert refused.value.errors()[0]["type"] == "grades_do_not_add_up"


@pytest.mark.parametrize("share", ["-0.01", "100.01", "33.333", "NaN", "Infinity"])
def test_a_share_is_a_plain_percentage(share: str) -> None:
    """Between 0 and 100 with at most two places."""
    with pytest.raises(ValidationError):
        grades(share, "0", "0")


@pytest.mark.parametrize(
    ("model", "paths"),
    [
        (TechnicalIdQuestion, {"$.number"}),
        (RatingEntry, {"$.opinions"}),
        (Answer, {"$.content"}),
        (Question, {"$.title", "$.content", "$.asker_name", "$.asker_email", "$.asker_phone"}),
        (
            PaperQuery,
            {"$.owner_number", "$.officer.name", "$.officer.number", "$.wanted[*].paper_number"},
        ),
        (
            ResultPaperEntry,
            {
                "$.officer.name",
                "$.officer.number",
                "$.owner_number",
                "$.paper_number",
                "$.summary",
                "$.file_name",
            },
        ),
        (
            FoundPapers,
            {
                "$.papers[*].name",
                "$.papers[*].paper_number",
                "$.papers[*].files[*].name",
                "$.papers[*].files[*].location",
            },
        ),
        (CatalogueProcedure, set()),
    ],
)
def test_what_is_a_citizens_is_marked(model: type[BaseModel], paths: set[str]) -> None:
    """Masking, sealing and log filters read the marks; a public catalogue has none."""
    assert personal_paths(model) == paths


def test_a_masked_question_says_nothing() -> None:
    """What a page or a log may show of it."""
    fields: dict[str, Any] = {"id": "1", "origin": QuestionOrigin.PORTAL, "agency_code": "H99.12", "content": "Riêng"}
    shown = mask(Question(**fields, asker_name="Trần Thị Mẫu"))
    assert "Riêng" not in str(shown)
    assert "Mẫu" not in str(shown)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]\.[0-9]{6}(\.[0-9A-Z.]{3,8})?", fullmatch=True))
def test_a_procedure_code_is_one_or_is_not(code: str) -> None:
    """The question and the check agree."""
    if is_procedure_code(code):
        assert parse_procedure_code(code) == code
        assert CatalogueProcedure(code=code, name="x").key == code[:8]
    else:
        with pytest.raises(ValueError, match="procedure"):
            parse_procedure_code(code)


def test_the_longest_procedure_code_is_read_and_nothing_longer_is_remembered() -> None:
    """What a client sends as a code may be as long as its body."""
    longest = "1.003560." + "000.00.00.00.00.00.00.00.00.00.00.H"
    assert len(longest) == codes._LONGEST_PROCEDURE
    known = codes._is_procedure_code.cache_info().currsize
    assert not is_procedure_code("1.000001.H99" * 100_000)
    assert codes._is_procedure_code.cache_info().currsize == known
    is_procedure_code(longest)
    assert codes._is_procedure_code.cache_info().currsize == known + 1
