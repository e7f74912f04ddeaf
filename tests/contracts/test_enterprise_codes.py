"""Enterprise codes and their check digit, against an arithmetic of our own and the wrong ones in circulation."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from contracts.codes import parse_enterprise_code, parse_tax_code
from tests.contracts.strategies import ENTERPRISE_WEIGHTS, digit_texts, enterprise_check_digit, enterprise_codes

WEIGHTS_OF_ALL_TEN = (*(weight % 11 for weight in ENTERPRISE_WEIGHTS), 1)
"""The rule "tenth = 10 − Σ mod 11" says that the sum with the tenth digit at weight 1 leaves 10 over 11."""

HEADS = digit_texts(9).filter(lambda head: head[2:] != "0000000")


def is_valid(code: str) -> bool:
    """Say whether the parser takes the code."""
    try:
        return parse_enterprise_code(code) == code
    except PydanticCustomError as error:
        assert error.type == "enterprise_code"  # noqa: PT017 - both outcomes are lawful here
        return False


@pytest.mark.parametrize("code", ["9999999997", "9999999997-001", "9999999997-999", "0100233488", "0314409058-002"])
def test_valid_codes_are_taken(code: str) -> None:
    """The invented code of the wire facts, and the published examples of python-stdnum."""
    assert parse_enterprise_code(code) == code
    assert parse_tax_code(code) == code


@pytest.mark.parametrize(
    "code",
    [
        "9999999996",
        "0100233480",
        "9999999997-000",
        "9999999997001",
        "9999999997-01",
        "9999999997-0001",
        "999999999",
        "99999999970",
        "99.99999997",
        " 9999999997",
        "9999999997\n",
        "٩٩٩٩٩٩٩٩٩٧",
        "0000000001",
        "",
    ],
)
def test_invalid_codes_are_refused(code: str) -> None:
    """A wrong digit, branch 000, a branch without its dash, a swallowed leading zero, foreign digits, blanks."""
    assert not is_valid(code)


@given(HEADS)
def test_exactly_the_computed_digit_is_taken(head: str) -> None:
    """Of the ten possible tenth digits one is right, and none where the sum is divisible by 11."""
    digit = enterprise_check_digit(head)
    expected = [] if digit is None else [f"{head}{digit}"]
    assert [code for code in (f"{head}{last}" for last in range(10)) if is_valid(code)] == expected


@pytest.mark.parametrize("head", ["990000007", "990099992"])
def test_nine_digits_whose_sum_is_divisible_by_11_belong_to_no_enterprise(head: str) -> None:
    """The rule gives 10 there, which is no digit."""
    assert sum(weight * int(digit) for weight, digit in zip(ENTERPRISE_WEIGHTS, head, strict=True)) % 11 == 0
    assert not any(is_valid(f"{head}{last}") for last in range(10))


def test_the_wrong_formulas_in_circulation_give_other_digits() -> None:
    """(11 − r) mod 11 is wrong for every remainder; (10 − r) mod 10 for 0, where it makes up an enterprise."""

    def remainder(head: str) -> int:
        return sum(weight * int(digit) for weight, digit in zip(ENTERPRISE_WEIGHTS, head, strict=True)) % 11

    heads = [f"99{number:07d}" for number in range(1, 2000)]
    for head in heads:
        rest = remainder(head)
        right = enterprise_check_digit(head)
        assert (11 - rest) % 11 != right
        assert ((10 - rest) % 10 == right) is (rest != 0)
    without_code = [head for head in heads if remainder(head) == 0]
    assert without_code
    assert not any(is_valid(f"{head}{(10 - 0) % 10}") for head in without_code)


@given(enterprise_codes())
def test_valid_codes_stay_valid_with_and_without_their_branch(code: str) -> None:
    """The check digit is that of the head; a branch shares it."""
    assert is_valid(code)
    assert is_valid(code[:10])
    assert is_valid(code[:10] + "-007")


@given(enterprise_codes(branches=False), st.integers(0, 9), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(code: str, position: int, shift: int) -> None:
    """11 is prime and no weight is a multiple of it, so no change of one digit leaves the sum as it was."""
    assert all(WEIGHTS_OF_ALL_TEN)
    wrong = str((int(code[position]) + shift) % 10)
    assert not is_valid(code[:position] + wrong + code[position + 1 :])


@given(enterprise_codes(branches=False), st.integers(0, 8))
def test_every_swap_of_neighbours_is_found(code: str, position: int) -> None:
    """Neighbouring weights differ modulo 11, the check digit's own weight 1 among them."""
    assert all(left != right for left, right in pairwise(WEIGHTS_OF_ALL_TEN))
    swapped = code[:position] + code[position + 1] + code[position] + code[position + 2 :]
    assert is_valid(swapped) == (swapped == code)


def test_some_swaps_of_digits_further_apart_are_not_found() -> None:
    """The truth about the check digit: the second and the seventh digit have the same weight modulo 11."""
    assert WEIGHTS_OF_ALL_TEN[1] == WEIGHTS_OF_ALL_TEN[6]
    head = "919999099"
    digit = enterprise_check_digit(head)
    assert digit is not None
    code, swapped = f"{head}{digit}", f"909999199{digit}"
    assert is_valid(code)
    assert is_valid(swapped)


@given(enterprise_codes(branches=False), st.integers(1, 999), st.integers(1, 999))
def test_a_wrong_branch_is_never_found(code: str, branch: int, other: int) -> None:
    """The check digit says nothing of the branch: only the registration database can."""
    assert is_valid(f"{code}-{branch:03d}")
    assert is_valid(f"{code}-{other:03d}")
