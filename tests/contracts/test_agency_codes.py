"""Agency, dossier and procedure codes (QĐ 20/2020/QĐ-TTg, QĐ 09/2025/QĐ-TTg, the portal's wire facts)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from contracts import codes
from contracts.lookups import parse_address
from tests.contracts.strategies import (
    agency_codes,
    dossier_codes,
    level_one_codes,
    new_agency_codes,
    old_agency_codes,
    procedure_codes,
)

PARSERS: tuple[Callable[[str], str], ...] = (
    codes.parse_agency_code,
    codes.parse_dossier_code,
    codes.parse_procedure_code,
    codes.parse_province_unit,
    codes.parse_commune_unit,
    codes.parse_personal_number,
    codes.parse_identity_card_9,
    codes.parse_enterprise_code,
    codes.parse_tax_code,
    codes.to_new_agency_code,
    codes.to_old_agency_code,
)


def refusal(parse: Callable[..., object], *values: object) -> str:
    """Return the error type with which ``parse`` refuses."""
    with pytest.raises(PydanticCustomError) as caught:
        parse(*values)
    return caught.value.type


@pytest.mark.parametrize("parse", PARSERS)
@given(st.one_of(st.text(), st.text("0123456789.-HG ٣３", max_size=40), agency_codes(), dossier_codes()))
@example("")
@example("\ud800")
@example("٠٩٩١٩٩٠٠٠١٢٣")
def test_a_parser_returns_its_value_unchanged_or_refuses_it_with_an_error_of_pydantic(
    parse: Callable[[str], str], value: str
) -> None:
    """A code is never repaired, and no text whatsoever makes a parser fail in another way."""
    try:
        parsed = parse(value)
    except PydanticCustomError as error:
        # The sentence is a constant: a refused value is never quoted.
        assert error.message() == error.message_template  # noqa: PT017 - both outcomes are lawful
    else:
        assert parsed == value or parse in (codes.to_new_agency_code, codes.to_old_agency_code)


@given(agency_codes())
def test_agency_codes_of_both_generations_are_taken(code: str) -> None:
    """Both generations are alive on the national wires."""
    assert codes.parse_agency_code(code) == code
    assert len(codes.level_one(code)) == 3


@pytest.mark.parametrize("code", ["H56", "H56.14", "H15.50.05.13", "000.00.14.H56", "K57", "G22"])
def test_agency_codes_seen_in_the_field_are_taken(code: str) -> None:
    """The examples of the wire facts."""
    assert codes.parse_agency_code(code) == code


@pytest.mark.parametrize(
    "code",
    [
        "",
        "56",
        "h56.14",
        "H56.",
        "H56..14",
        ".H56",
        "H5",
        "H56.14 ",
        "H56,14",
        "H56.Đ1",
        "00.00.14.H56",
        "000.00.14.H5",
        "000.00.14.H56.1",
        "H56." + "1" * 32,
        "H٥٦",
        "H56\n",
    ],
)
def test_text_that_is_no_agency_code_is_refused(code: str) -> None:
    """Groups of 0-9 and A-Z joined by dots, at most 35 characters, a level-1 code in its place."""
    assert refusal(codes.parse_agency_code, code) == "agency_code"


def test_an_agency_code_has_at_most_35_characters() -> None:
    """The limit of QĐ 20/2020 holds on both of its sides."""
    longest = "H56." + "1" * 31
    assert codes.parse_agency_code(longest) == longest
    assert refusal(codes.parse_agency_code, longest + "1") == "agency_code"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("000.00.00.H56", "H56"),
        ("000.00.14.H56", "H56.14"),
        ("000.12.14.H56", "H56.14.12"),
        ("000.00.22.G10", "G10.22"),
    ],
)
def test_codes_of_the_two_generations_turn_into_each_other(old: str, new: str) -> None:
    """The old form is the new one from right to left, filled with zeros."""
    assert codes.to_new_agency_code(old) == new
    assert codes.to_old_agency_code(new) == old
    assert codes.level_one(old) == codes.level_one(new)


@pytest.mark.parametrize("code", ["000.00.01.H56", "000.05.14.H56", "012.05.14.H56", "000.12.00.H56"])
def test_an_old_code_without_a_certain_twin_is_not_converted(code: str) -> None:
    """H56.1 and H56.01 both exist in the wild: a guess would name another agency."""
    assert refusal(codes.to_new_agency_code, code) == "agency_code_ambiguous"


@pytest.mark.parametrize("code", ["H56.1", "H56.01", "H56.A4", "H15.50.05.13", "H56.14.12.10", "H56.140"])
def test_a_new_code_without_a_certain_twin_is_not_converted(code: str) -> None:
    """The old form has room for three levels of two digits, no more."""
    assert refusal(codes.to_old_agency_code, code) == "agency_code_ambiguous"


def test_the_list_of_pairs_decides_before_the_position_does() -> None:
    """An agency that was renumbered has its pair in the list of the document exchange (code102 → code)."""
    assert codes.to_new_agency_code("000.00.01.H56", {"000.00.01.H56": "H56.1"}) == "H56.1"
    assert codes.to_new_agency_code("000.00.14.H56", {"000.00.14.H56": "H56.41"}) == "H56.41"
    assert codes.to_old_agency_code("H56.1", {"H56.1": "000.00.01.H56"}) == "000.00.01.H56"


@given(old_agency_codes())
def test_an_old_code_that_converts_comes_back(old: str) -> None:
    """Conversion loses nothing."""
    try:
        new = codes.to_new_agency_code(old)
    except PydanticCustomError:
        return
    assert not codes.is_old_agency_code(new)
    assert codes.to_old_agency_code(new) == old


@given(new_agency_codes())
def test_a_new_code_that_converts_comes_back(new: str) -> None:
    """Conversion loses nothing, and converting twice changes nothing."""
    assert codes.to_new_agency_code(new) == new
    try:
        old = codes.to_old_agency_code(new)
    except PydanticCustomError:
        return
    assert codes.is_old_agency_code(old)
    assert codes.to_new_agency_code(old) == new
    assert codes.to_old_agency_code(old) == old


def test_a_closed_province_is_refused_and_its_successor_named() -> None:
    """QĐ 09/2025: of merged provinces only the one whose name lives on keeps its code; the list is configuration."""
    closed = {"H98": "H99"}
    for code in ("H98", "H98.12", "000.00.12.H98"):
        with pytest.raises(PydanticCustomError) as caught:
            codes.check_open(code, closed)
        assert caught.value.type == "agency_code_closed"
        assert "H99" in caught.value.message()
    for code in ("H99", "H99.98", "000.98.00.H99"):
        assert codes.check_open(code, closed) == code
    assert codes.check_open("H98", {}) == "H98"


def test_an_agency_is_within_itself_and_its_ancestors_only() -> None:
    """H56.140 does not lie below H56.14 because its text begins so."""
    assert codes.is_within("H56.14", "H56")
    assert codes.is_within("H56.14", "H56.14")
    assert not codes.is_within("H56.140", "H56.14")
    assert not codes.is_within("H56", "H56.14")


@given(dossier_codes())
def test_dossier_codes_of_both_generations_are_taken(code: str) -> None:
    """The agency part may be old; the day in the code exists."""
    assert codes.parse_dossier_code(code) == code
    agency, day = codes.agency_of_dossier(code), codes.day_of_dossier(code)
    assert codes.parse_agency_code(agency) == agency
    assert code.startswith(f"{agency}-{day:%y%m%d}-")


@pytest.mark.parametrize(
    "code",
    [
        "H99.12-261008-0001",
        "H15.50.05.13-261008-0975",
        "000.00.14.H56-261008-0001",
        "G09-261008-0912345",
        "H99-240229-0000",
    ],
)
def test_dossier_codes_seen_in_the_field_are_taken(code: str) -> None:
    """Four digits a day in provinces, six or seven at ministries, a leap day, leading zeros."""
    assert codes.parse_dossier_code(code) == code
    assert codes.day_of_dossier("H99-240229-0000") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "code",
    [
        "H99.12-260230-0001",
        "H99.12-250229-0001",
        "H99.12-261308-0001",
        "H99.12-261008-001",
        "H99.12-261008-00000001",
        "H99.12-20261008-0001",
        "H99.12_261008_0001",
        "-261008-0001",
        "12-261008-0001",
        "99.12-261008-0001",
        "H99..12-261008-0001",
        "H99.12-261008-0001\n",
        "H99.12-261008-٠٠٠١",
    ],
)
def test_text_that_is_no_dossier_code_is_refused(code: str) -> None:
    """A day that does not exist, a short or long number, another shape."""
    assert refusal(codes.parse_dossier_code, code) == "dossier_code"


@given(procedure_codes())
def test_procedure_codes_keep_their_root_and_their_agency(code: str) -> None:
    """Matching across systems is by root alone: the suffix differs from agency to agency."""
    assert codes.parse_procedure_code(code) == code
    root, agency = codes.procedure_root(code), codes.procedure_agency(code)
    assert code == (root if agency is None else f"{root}.{agency}")
    assert codes.parse_procedure_code(root) == root


@pytest.mark.parametrize("code", ["2.000986", "2.002621.H56", "1.003560.000.00.00.H56"])
def test_procedure_codes_seen_in_the_field_are_taken(code: str) -> None:
    """The three forms that coexist."""
    assert codes.parse_procedure_code(code) == code


@pytest.mark.parametrize(
    "code", ["TS_lop1.000.00.00.H99", "2.00986", "20.000986", "2.000986.", "2.000986.56", "2000986"]
)
def test_local_procedure_codes_are_refused(code: str) -> None:
    """The national portal does not know them."""
    assert refusal(codes.parse_procedure_code, code) == "procedure_code"


@given(level_one_codes())
def test_a_level_one_code_is_its_own_level_one(code: str) -> None:
    """Provinces, ministries and people's councils alike."""
    assert codes.level_one(code) == code
    assert codes.to_old_agency_code(code) == f"000.00.00.{code}"


@pytest.mark.parametrize(
    ("parse", "good"),
    [
        (codes.parse_agency_code, "H99.4711"),
        (codes.parse_dossier_code, "H99.4711-261008-0001"),
        (parse_address, "2001:db8::4711"),
    ],
)
def test_only_good_codes_are_remembered(parse: Any, good: str) -> None:
    """They come again and again; what is refused may be of any length and anybody's, and is refused each time."""
    parse.cache_clear()
    for _ in range(2):
        for bad in ("Trần Thị Mẫu 099199000123", "x" * 100_000):
            with pytest.raises(PydanticCustomError):
                parse(bad)
    assert parse.cache_info().currsize == 0
    assert parse(good) == parse(good) == good
    assert parse.cache_info().currsize == 1
