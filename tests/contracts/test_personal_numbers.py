"""Personal identification numbers and old identity cards (NĐ 137/2015 art. 13)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from pydantic_core import PydanticCustomError

from contracts import codes
from contracts.codes import Sex
from tests.contracts.strategies import people


def refusal(number: str, sex: Sex | None, birth: date | int | None) -> PydanticCustomError:
    """Return the error with which the check refuses."""
    with pytest.raises(PydanticCustomError) as caught:
        codes.check_person_consistency(number, sex, birth)
    return caught.value


def other(sex: Sex) -> Sex:
    """Return the other sex."""
    return Sex.MALE if sex is Sex.FEMALE else Sex.FEMALE


@given(people())
def test_a_number_agrees_with_the_person_it_was_made_for(person: tuple[str, Sex, date]) -> None:
    """Digit 4 codes sex and century, digits 5 and 6 the year; a year alone is enough to compare."""
    number, sex, birth = person
    assert codes.parse_personal_number(number) == number
    assert codes.parse_tax_code(number) == number
    assert codes.birth_year(number) == birth.year
    assert codes.birth_century(number) == birth.year // 100 * 100
    assert codes.is_male(number) == (sex is Sex.MALE)
    for known in (birth, birth.year, None):
        assert codes.check_person_consistency(number, sex, known) == number
        assert codes.check_person_consistency(number, None, known) == number


@given(people())
def test_a_wrong_sex_or_year_is_found_and_the_number_not_repeated(person: tuple[str, Sex, date]) -> None:
    """The sentence goes to people and logs, so it names what differs and no value."""
    number, sex, birth = person
    wrong_sex = refusal(number, other(sex), birth)
    assert wrong_sex.type == "personal_number_sex"
    assert number not in wrong_sex.message()
    for year in (birth.year + 1, birth.year - 100, birth.year + 100):
        wrong_year = refusal(number, sex, year)
        assert wrong_year.type == "personal_number_birth"
        assert str(year) not in wrong_year.message()


@pytest.mark.parametrize(
    ("digit", "century", "male"),
    [
        ("0", 1900, True),
        ("1", 1900, False),
        ("2", 2000, True),
        ("3", 2000, False),
        ("4", 2100, True),
        ("5", 2100, False),
    ],
)
def test_the_fourth_digit_is_century_and_sex(digit: str, century: int, *, male: bool) -> None:
    """The table of NĐ 137/2015."""
    number = f"099{digit}99000123"
    assert codes.birth_century(number) == century
    assert codes.is_male(number) is male


@pytest.mark.parametrize(
    "value", ["099000123", "0991990001234", "99199000123", "09919900012a", "", "099 199 000 123", "٠" * 12]
)
def test_a_personal_number_is_exactly_twelve_digits(value: str) -> None:
    """A 9-digit card is another thing, and a swallowed leading zero is not put back."""
    with pytest.raises(PydanticCustomError) as caught:
        codes.parse_personal_number(value)
    assert caught.value.type == "personal_number"


@pytest.mark.parametrize("value", ["99000123", "099199000123", "0990001a3", ""])
def test_an_old_card_is_exactly_nine_digits(value: str) -> None:
    """Kept as text: a system that kept it as a number lost the leading zero."""
    assert codes.parse_identity_card_9("099000123") == "099000123"
    with pytest.raises(PydanticCustomError) as caught:
        codes.parse_identity_card_9(value)
    assert caught.value.type == "identity_card_9"
