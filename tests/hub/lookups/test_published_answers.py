"""What look-ups answer is as it was published."""

from __future__ import annotations

from datetime import date

import pytest
from jsonschema import Draft202012Validator, ValidationError

from contracts.business import (
    BusinessActivity,
    BusinessAddress,
    Enterprise,
    EnterpriseStatus,
    LegalRepresentative,
    LegalState,
)
from contracts.schemas import PUBLISHED
from tests.hub.lookups.world import ENTERPRISE, QUESTION, LookupWorld

WHOLE = Enterprise(
    code=ENTERPRISE,
    internal_code="0099",
    certificate_number=ENTERPRISE,
    name="Công ty Mẫu",
    states=(
        LegalState(
            status=EnterpriseStatus.SUSPENDED,
            code="03",
            words="Tạm ngừng kinh doanh",
            suspended_from=date(2026, 1, 1),
            suspended_until=date(2026, 12, 31),
        ),
    ),
    founded_on=date(2020, 1, 2),
    amendments=3,
    representatives=(LegalRepresentative(name="Trần Thị Mẫu", issued_on=date(2021, 5, 6)),),
    seat=BusinessAddress(province_code="01", commune_code="00070", detail="Số 1, phố Mẫu"),
    activities=(BusinessActivity(code="0111", name="Trồng lúa", main=True), BusinessActivity(code="6201")),
)


async def test_every_answer_of_a_look_up_is_as_published(desk: LookupWorld) -> None:
    """A reader who checks an answer of the API against its schema finds it valid, found or not."""
    desk.businesses.answer = lambda code: WHOLE if code == ENTERPRISE else None
    schemas = {one.name: Draft202012Validator(one.schema()) for one in PUBLISHED}
    identity = {"kind": "identity", "citizen": QUESTION}
    answers = [
        ("people-answer", await desk.ask()),
        ("verification-answer", await desk.ask("/v1/verifications/people", confirmation=identity)),
        ("business-answer", await desk.ask("/v1/lookups/businesses", code=ENTERPRISE)),
        ("business-answer", await desk.ask("/v1/lookups/businesses", code="0100109106")),
    ]
    for name, answer in answers:
        assert answer.status_code == 200, name
        schemas[name].validate(answer.json())
    shop = answers[2][1].json()
    assert shop["enterprise"] == WHOLE.model_dump(mode="json")
    shop["enterprise"]["states"][0]["status"] = "on_holiday"
    with pytest.raises(ValidationError):
        schemas["business-answer"].validate(shop)
