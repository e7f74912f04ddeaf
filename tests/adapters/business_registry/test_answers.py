"""What the database may answer instead, on every road: each has its reaction, and none tells of a citizen."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.business_registry import answers, wire
from adapters.business_registry.simulator.register import ENTERPRISES, national
from adapters.transport.http import HttpAnswer
from contracts.errors import LienThongError, Malformed, NeedsPerson, Rejected, TryLater
from tests.adapters.business_registry.worlds import (
    ASKER,
    CODE,
    DIALECTS,
    NATIONAL,
    PROVINCE,
    WITH_ZERO,
    assert_safe,
    world,
)

BY_CATEGORY = {"named_by": "category", "path": ""}
ROADS: dict[str, dict[str, Any]] = {
    "token": NATIONAL,
    "token and keys": {"lgsp": {"access_keys": {}}},
    "token, service in the query": BY_CATEGORY,
    "forward adapter": {"forward": {}},
    "forward adapter, service in the query": {"forward": {"dstcode_in": "query"}, "named_by": "category"},
    "province without a token": PROVINCE,
    "province with a token": {"dialect": "province", "path": PROVINCE["path"]},
    "province, branch as digits": {**PROVINCE, "branch_as": "digits", "code_parameter": "maso"},
}


@pytest.mark.parametrize("road", list(ROADS))
async def test_every_road_leads_there(road: str) -> None:
    """The service by its path or by its category, with and without a token; a branch by its own code."""
    async with world(**ROADS[road]) as there:
        for code in (CODE, f"{CODE}-001", WITH_ZERO):
            found = await there.connection.find_enterprise(code, ASKER)
            assert found is not None
            assert found.code == code
        assert await there.connection.find_enterprise("0999999983", ASKER) is None
        tokens = 1 if there.played.settings.lgsp is not None else None
        assert (await there.calls()).get("token") == tokens
        assert there.drift == []


@pytest.mark.parametrize("dialect", list(DIALECTS))
async def test_an_answer_that_breaks_the_contract_is_refused_and_not_quoted(dialect: str) -> None:
    """Half of the JSON, a page with 200, other types: refused, and nobody reads in the error what stood there."""
    async with world(**DIALECTS[dialect]) as there:
        await there.control("POST", "/answers/half")
        with pytest.raises(Malformed) as failed:
            await there.connection.find_enterprise(CODE, ASKER)
        assert_safe(failed.value)
        await there.control("POST", "/answers/plain")
        for kind in ("html_200", "wrong_type"):
            await there.control("POST", "/faults", {"kind": kind, "count": 1})
            with pytest.raises(Malformed) as failed:
                await there.connection.find_enterprise(CODE, ASKER)
            assert_safe(failed.value)
        assert await there.connection.find_enterprise(CODE, ASKER) is not None


@pytest.mark.parametrize("dialect", list(DIALECTS))
async def test_another_enterprise_is_told_as_that_one(dialect: str) -> None:
    """Never under the code that was asked for: the hub sees the difference and uses nothing of it."""
    async with world(**DIALECTS[dialect]) as there:
        await there.control("POST", "/answers/other")
        found = await there.connection.find_enterprise(CODE, ASKER)
        assert found is not None
        assert found.code != CODE


@pytest.mark.parametrize("dialect", list(DIALECTS))
async def test_what_is_unknown_or_unreadable_is_counted_and_never_guessed(dialect: str) -> None:
    """A new field, JSON within a text: the enterprise is told all the same, and the drift is seen."""
    async with world(**DIALECTS[dialect]) as there:
        plain = await there.connection.find_enterprise(CODE, ASKER)
        await there.control("POST", "/faults", {"kind": "extra_field", "count": 1})
        assert await there.connection.find_enterprise(CODE, ASKER) == plain
        await there.control("POST", "/answers/packed")
        assert await there.connection.find_enterprise(CODE, ASKER) == plain
        assert there.drift == [("find_enterprise", "truongMoi"), ("find_enterprise", "(text)")]


async def test_a_day_a_count_and_a_flag_that_are_none_are_left_out_and_counted() -> None:
    """The rest of the record is used; unknown fields are named only where they have a name."""
    answer = national(ENTERPRISES[0])
    answer["Data"]["MainInformation"] |= {"FOUNDING_DATE": "31/02/2020", "NUMBER_CHANGES": "ba", "Moi": 1}
    answer["Data"]["BusinessActivities"] = [{"CODE": ["x"], "NAME": "Thử", "IS_MAIN": "có", "Trần Thị Mẫu": 1}]
    answer["Data"]["HOAdress"]["<b>"] = 1
    async with world() as there:
        there.played.control._more.__self__._write = lambda _found: answer
        found = await there.connection.find_enterprise(CODE, ASKER)
        assert found is not None
        assert (found.founded_on, found.amendments, found.activities[0].main) == (None, None, None)
        assert {field for _, field in there.drift} == {
            "Data.MainInformation.FOUNDING_DATE",
            "Data.MainInformation.NUMBER_CHANGES",
            "Data.BusinessActivities",
            "Data.BusinessActivities.(unprintable)",
            "Data.MainInformation.Moi",
            "Data.HOAdress.(unprintable)",
        }


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b'"', b'"<html>"', b'"\\"{}\\""', b"{}", b'{"Data": []}', b'{"Data": {"HOAdress": []}}',
     b'{"Data": {"MainInformation": {"NAME": true}}}', b'{"Data": {"Representatives": [[]]}}'],
)  # fmt: skip
def test_a_message_of_another_shape_is_refused(content: bytes) -> None:
    """Nothing, a list, a text within a text, an envelope without its part, a value of another type."""
    with pytest.raises(Malformed):
        answers.read(wire.NationalAnswer, content, [].append)


@pytest.mark.parametrize(
    ("status", "reaction"),
    [
        (301, NeedsPerson),
        (400, Rejected),
        (401, NeedsPerson),
        (403, NeedsPerson),
        (404, NeedsPerson),
        (408, TryLater),
        (429, TryLater),
        (500, TryLater),
        (503, TryLater),
    ],
)
def test_a_status_has_its_reaction(status: int, reaction: type[LienThongError]) -> None:
    """By its number alone; a 404 is a wrong address and never "there is no such enterprise"."""
    with pytest.raises(reaction) as raised:
        answers.check_status(HttpAnswer(status, {}, b'{"message": "khong tim thay"}'))
    assert type(raised.value) is reaction
    assert raised.value.upstream_code == f"HTTP {status}"
