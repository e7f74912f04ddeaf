"""What every look-up takes a shortcut for is what the long way gives."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date
from typing import Any, cast

import orjson
import pytest

from contracts.lookups import Actor, PeopleLookup
from contracts.population import BirthDate, CitizenQuestion, Extent
from hub.lookups.flow import Flow
from hub.lookups.plans import Plan
from hub.lookups.recording import LookupCaller
from hub.lookups.service import LookupService
from hub.lookups.subjects import SubjectHasher
from tests.hub.lookups.world import ACTOR, CONNECTION, NUMBER, OTHER, People

KEY = bytes(range(32))


def test_hashes_are_hmac_sha256() -> None:
    """Under the key as it lies in the database, whatever was hashed before: the log of years is searched by them."""
    hasher = SubjectHasher(KEY)
    for number in (NUMBER, OTHER, "099000123", "9999999997", NUMBER):
        assert hasher.hash(number) == hmac.digest(KEY, number.encode(), hashlib.sha256)
    assert hasher.derive(b"requests") == hmac.digest(KEY, b"lienthong lookup key: requests", hashlib.sha256)


class Told:
    """A flow that only keeps what it is told to do."""

    plan: Plan

    async def run(self, plan: Plan, _caller: LookupCaller) -> bytes:
        """Keep it."""
        self.plan = plan
        return b"{}"


@pytest.mark.parametrize("extent", list(Extent))
@pytest.mark.parametrize(
    "question",
    [
        CitizenQuestion(
            number=NUMBER, name='Trần "Thị"\tMẫu\\ \u2028/', birth=BirthDate(year=1999, day=date(1999, 1, 2))
        ),
        CitizenQuestion(identity_card_9="099000123", name="A", birth=BirthDate(year=1950)),
    ],
)
async def test_the_question_in_the_log_is_the_contracts(question: CitizenQuestion, extent: Extent) -> None:
    """Every field of the question, in the contract's JSON: it is sealed into the log and compared with the next one."""
    told = Told()
    service = LookupService(cast("Flow", told), {CONNECTION: People()}, {})
    lookup = PeopleLookup(actor=Actor.model_validate(ACTOR), question=question, extent=extent)
    await service.citizen(lookup, LookupCaller("ung-dung", ("H99",)))
    members: dict[str, Any] = orjson.loads(told.plan.question)
    assert members.pop("extent") == extent.value
    assert orjson.dumps(members) == question.model_dump_json().encode()
