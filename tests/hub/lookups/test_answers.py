"""What the watch is told of where somebody lives, and who else is in what is handed out."""

from __future__ import annotations

import unicodedata
from typing import get_args

import pytest

from contracts.population import CitizenRecord, DataGroup, Household, HouseholdMember, Relative
from hub.lookups.answers import GROUP_FIELDS, NAMING_FIELDS, hamlet_of, named_in, people_of
from tests.hub.lookups.world import NUMBER, OTHER, citizen


@pytest.mark.parametrize(
    ("detail", "hamlet"),
    [
        ("Thôn 5, xã Mẫu", 5),
        ("Số 12, ngõ 3, tổ dân phố số 7, phường Thử", 7),
        ("TDP 14", 14),
        ("ẤP 2", 2),
        ("xóm 09", 9),
        ("Khu phố 11, đường 3/2", 11),
        ("Bản 1", 1),
        ("Thôn Đông, xã Mẫu", None),
        ("Số 8 đường Thử", None),
        ("Nhà trọ thôn", None),
        ("", None),
    ],
)
def test_a_numbered_hamlet_is_found_in_an_address(detail: str, hamlet: int | None) -> None:
    """With marks, without them, in capitals, and however the marks are written."""
    plain = "".join(one for one in unicodedata.normalize("NFD", detail) if not unicodedata.combining(one))
    for written in (detail, detail.upper(), unicodedata.normalize("NFD", detail), plain.replace("Đ", "D")):
        assert hamlet_of(written) == hamlet


def test_every_relative_of_a_record_is_in_the_group_that_hands_it_out() -> None:
    """A field that names somebody cannot be added without being counted for them."""
    naming = {name for name, one in CitizenRecord.model_fields.items() if Relative in get_args(one.annotation)}
    assert {group: set(fields) & naming for group, fields in GROUP_FIELDS.items() if set(fields) & naming} == {
        group: set(fields) for group, fields in NAMING_FIELDS.items()
    }


def test_others_are_those_of_whom_something_is_handed_out() -> None:
    """By the groups that are given; never the person itself, and nobody without a personal number."""
    record = citizen(spouse=Relative(number=OTHER), mother=Relative(name="Lê Thị Mẫu"), father=Relative(number=NUMBER))
    head = "099175000111"
    assert named_in(record, list(DataGroup)) == {OTHER, head}
    assert named_in(record, [DataGroup.FAMILY]) == {OTHER}
    assert named_in(record, [DataGroup.IDENTITY, DataGroup.RESIDENCE]) == set()
    members = tuple(HouseholdMember(person=citizen(number)) for number in (NUMBER, OTHER, None))
    household = Household(head=Relative(number=head), members=members)
    assert people_of(household, [DataGroup.IDENTITY]) == {NUMBER, OTHER}
    assert people_of(household, [DataGroup.HOUSEHOLD]) == {NUMBER, OTHER, head}
