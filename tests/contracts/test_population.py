"""People as the population database knows them: what a question must say, and what may be absent."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from contracts.conformance import personal_texts
from contracts.population import (
    Asker,
    BirthDate,
    CitizenQuestion,
    CitizenRecord,
    Confirmation,
    ConfirmationKind,
    Relative,
)

BIRTH = BirthDate(year=1999, day=date(1999, 1, 2))
QUESTION = CitizenQuestion(number="099199000123", name="Trần Thị Mẫu", birth=BIRTH)


@pytest.mark.parametrize(
    ("model", "values", "error"),
    [
        (BirthDate, {"year": 1998, "day": date(1999, 1, 2)}, "birth_year_differs"),
        (BirthDate, {"year": 1849}, "greater_than_equal"),
        (CitizenQuestion, {"name": "A", "birth": BIRTH}, "one_number"),
        (CitizenQuestion, {"number": "099199000123", "identity_card_9": "099000123", "name": "A", "birth": BIRTH},
         "one_number"),
        (CitizenQuestion, {"number": "99199000123", "name": "A", "birth": BIRTH}, "personal_number"),
        (CitizenQuestion, {"number": "099199000123", "name": " ", "birth": BIRTH}, "blank"),
        (Confirmation, {"kind": "relative", "citizen": QUESTION}, "relative_missing"),
        (Confirmation, {"kind": "guardian", "citizen": QUESTION}, "relative_missing"),
        (Confirmation, {"kind": "household_head", "citizen": QUESTION}, "relative_missing"),
        (Confirmation, {"kind": "present_residence", "citizen": QUESTION}, "address_missing"),
        (Confirmation, {"kind": "khac", "citizen": QUESTION}, "enum"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_refused(model: type[BaseModel], values: dict[str, Any], error: str) -> None:
    """With a stable type, before anybody is asked."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(values)
    assert [one["type"] for one in refused.value.errors()] == [error]


def test_what_needs_nobody_else_needs_nothing_more() -> None:
    """Identity, marital status and death are about the citizen alone; nothing a record lacks is filled in."""
    for kind in (ConfirmationKind.IDENTITY, ConfirmationKind.MARITAL_STATUS, ConfirmationKind.DEATH):
        assert Confirmation(kind=kind, citizen=QUESTION).relative is None
    assert set(CitizenRecord().model_dump().values()) == {None, ""}


def test_everything_that_tells_of_a_person_is_marked() -> None:
    """Masking and log filters find the citizen, the relative and the officer by the marks."""
    asker = Asker(
        lookup_id="0199b3c4-0000-7000-8000-0000000000aa",
        account_id="canbo-1",
        officer_number="099188000456",
        officer_code="CB-0001",
        unit_code="H99.1",
        phone="0900000000",
        procedure_code="1.000001.H99",
        dossier_code=None,
    )
    relative = Relative(number="099069000121", name="Trần Văn Thử", relation="Cha đẻ")
    found = personal_texts(QUESTION, asker, relative)
    assert {"099199000123", "Trần Thị Mẫu", "1999-01-02", "099188000456", "0900000000"} <= found
    assert {"099069000121", "Trần Văn Thử", "Cha đẻ"} <= found
    assert not {"canbo-1", "CB-0001"} & found
