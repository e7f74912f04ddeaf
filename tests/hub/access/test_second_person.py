"""Where one person must not decide alone."""

from __future__ import annotations

import pytest

from contracts.errors import Sentence
from hub.access.second_person import (
    approval_required,
    approved_already,
    decides_alone,
    is_same_person,
    second_person_required,
)
from hub.accounts import refusals as of_accounts
from hub.cases import refusals as of_cases
from hub.replays import refusals as of_replays
from hub.usage import refusals as of_usage
from hub.watch import refusals as of_watch


@pytest.mark.parametrize(
    ("client_id", "person", "alone"),
    [
        ("cong-an", "Nguyễn Thị Thử", True),
        ("cong-an", "Trần Văn Mẫu", True),
        ("van-phong", "NGUYỄN THỊ THỬ", True),
        ("van-phong", " Nguyễn  Thị\u00a0Thử", True),
        ("van-phong", "Trần Văn Mẫu", False),
    ],
)
def test_another_client_and_another_person(client_id: str, person: str, *, alone: bool) -> None:
    """One match is enough; how a name is written makes nobody a second person."""
    assert decides_alone(client_id, person, asked_by="cong-an", asked_person="Nguyễn Thị Thử") is alone


def test_accents_tell_people_apart() -> None:
    """Width, case and spaces mean nothing; another letter is another name."""
    assert is_same_person("thu.nt", "ＴＨＵ.nt")
    assert not is_same_person("Thử", "Thứ")


def test_each_subject_refuses_alike_and_says_it_in_its_own_words() -> None:
    """One status and one code, in every subject that needs two people."""
    sentence = Sentence("Why.", "Vì sao.")
    own = {
        second_person_required(sentence).code: [
            of_accounts.second_person("person"),
            of_cases.second_person(),
            of_replays.second_person(),
            of_usage.second_person(),
            of_watch.second_person(),
        ],
        approval_required(sentence).code: [of_cases.reading_not_approved(), of_replays.approval_required(100)],
        approved_already(sentence).code: [of_cases.approved_already(), of_replays.approved_already()],
    }
    for code, refusals in own.items():
        assert {(one.code, one.status) for one in refusals} == {(code, 403 if code.startswith("second") else 409)}
        assert len({one.sentence for one in refusals}) == len(refusals)
    assert [one.field for one in own["second_person_required"]] == ["person", "", "", "", ""]
