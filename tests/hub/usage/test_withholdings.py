"""What is kept from a citizen's view: for a time, by two people, counted, and shown when its condition is met."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import uuid_utils.compat

from hub.errors import Refusal
from hub.usage.service import UsageReader
from hub.usage.views import WithholdingState
from hub.usage.withholdings import Actor, Wish
from tests.hub.usage.conftest import CITIZEN, NOW, OFFICE, OTHER, POLICE, UsageWorld

REASON = "Đang xác minh theo kế hoạch"
HOURS = timedelta(hours=1)


def wish(lookup_id: UUID, **values: Any) -> Wish:
    """A look-up to be withheld for ten days, unless said otherwise."""
    return Wish(lookup_id, REASON, "12/QĐ-CAT", **(values or {"until": NOW + timedelta(days=10)}))


async def seen(world: UsageWorld) -> tuple[int, int]:
    """How many look-ups the citizen sees, and how many are withheld."""
    view = await world.usage.read(CITIZEN, UsageReader("cong-dan"))
    assert view.shown == len(view.items)
    return view.shown, view.withheld.count


async def code_of(work: Any) -> str:
    """The code of the refusal."""
    with pytest.raises(Refusal) as refused:
        await work
    return refused.value.code


async def test_an_open_case_withholds_until_it_is_decided(world: UsageWorld) -> None:
    """By itself: nobody has to think of it; what the case is not about is shown."""
    suspicious, other = await world.look(minutes=9), await world.look(minutes=8)
    await world.look(minutes=7, number=OTHER)
    case_id = await world.case_about(suspicious, days_ago=2)
    view = await world.usage.read(CITIZEN, UsageReader("cong-dan"))
    assert ([one.lookup_id for one in view.items], view.withheld.count) == ([str(other)], 1)
    assert "xác minh" in view.withheld.text_vi
    await world.do(
        "UPDATE cases SET state = 'decided', verdict = 'violation', decided_at = now() WHERE id = %s", case_id
    )
    assert await seen(world) == (2, 0)
    await world.do("UPDATE cases SET state = 'new', decided_at = NULL WHERE id = %s", case_id)
    assert await seen(world) == (1, 1)
    world.now += timedelta(days=59)
    assert await seen(world) == (2, 0), "a case that nobody decides does not withhold for ever"


async def test_examining_is_reading_too_and_told_once_the_case_is_decided(world: UsageWorld) -> None:
    """Not before: that somebody examines would warn whoever is examined."""
    case_id = await world.case_about(await world.look(minutes=9))
    await world.do(
        "INSERT INTO case_readings (id, case_id, at, client_id, person, subject_hashes)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        uuid4(),
        case_id,
        NOW,
        "cong-an",
        "Trần Thị Thử",
        [world.hasher.hash(OTHER), world.hasher.hash(CITIZEN)],
    )
    reader = UsageReader("cong-dan")
    assert (await world.usage.read(CITIZEN, reader)).examinations.count == 0
    await world.do("UPDATE cases SET state = 'decided', decided_at = now() WHERE id = %s", case_id)
    told = (await world.usage.read(CITIZEN, reader)).examinations
    assert (told.count, told.last_at) == (1, NOW)
    assert (await world.usage.read("099199000789", reader)).examinations.count == 0


async def test_one_person_withholds_for_a_while_and_two_until_the_day(world: UsageWorld) -> None:
    """At once, and only for long when a second person, at a client of their own, has confirmed it."""
    lookup_id = await world.look()
    lapsing = await world.withholdings.withhold(wish(lookup_id), POLICE)
    assert lapsing.state is WithholdingState.PROVISIONAL
    assert await seen(world) == (0, 1)
    world.now = NOW + 48 * HOURS
    assert await seen(world) == (1, 0)
    assert (await world.withholdings.get(lapsing.id)).state is WithholdingState.LAPSED
    assert await code_of(world.withholdings.confirm(lapsing.id, OFFICE)) == "withholding_lapsed"

    again = await world.withholdings.withhold(wish(lookup_id), POLICE)
    for actor in (POLICE, Actor(POLICE.client_id, OFFICE.person), Actor(OFFICE.client_id, POLICE.person.upper())):
        assert await code_of(world.withholdings.confirm(again.id, actor)) == "second_person_required"
    confirmed = await world.withholdings.confirm(again.id, OFFICE)
    assert (confirmed.state, confirmed.confirmed_person) == (WithholdingState.CONFIRMED, OFFICE.person)
    assert await code_of(world.withholdings.confirm(again.id, OFFICE)) == "withholding_confirmed"
    assert await code_of(world.withholdings.withhold(wish(lookup_id), OFFICE)) == "withheld_already"
    world.now = NOW + timedelta(days=10) - HOURS
    assert await seen(world) == (0, 1)
    world.now = NOW + timedelta(days=10)
    assert await seen(world) == (1, 0)
    assert (await world.withholdings.get(again.id)).state is WithholdingState.ENDED


async def test_a_case_as_condition(world: UsageWorld) -> None:
    """Of a case that is not about this look-up; its verdict ends it, and a decided one is no condition."""
    lookup_id = await world.look()
    case_id = await world.case_about(await world.look(number=OTHER))
    made = await world.withholdings.withhold(wish(lookup_id, case_id=case_id), POLICE)
    await world.withholdings.confirm(made.id, OFFICE)
    assert await seen(world) == (0, 1)
    assert made.ends_at == NOW + timedelta(days=100)
    await world.do("UPDATE cases SET state = 'decided' WHERE id = %s", case_id)
    assert await seen(world) == (1, 0)
    assert (await world.withholdings.get(made.id)).state is WithholdingState.ENDED
    assert await code_of(world.withholdings.withhold(wish(lookup_id, case_id=case_id), POLICE)) == "case_decided"


async def test_two_people_release_it_early(world: UsageWorld) -> None:
    """It stays withheld until the second has approved; everything said is kept sealed, every act is in the ledger."""
    lookup_id = await world.look()
    made = await world.withholdings.withhold(wish(lookup_id), POLICE)
    await world.withholdings.confirm(made.id, OFFICE)
    assert await code_of(world.withholdings.approve_release(made.id, POLICE)) == "withholding_confirmed"
    await world.withholdings.request_release(made.id, "Không còn căn cứ tạm giữ", OFFICE)
    assert await seen(world) == (0, 1)
    assert await code_of(world.withholdings.approve_release(made.id, OFFICE)) == "second_person_required"
    released = await world.withholdings.approve_release(made.id, POLICE)
    assert released.state is WithholdingState.RELEASED
    assert await seen(world) == (1, 0)
    detail = await world.withholdings.get(made.id)
    assert (detail.reason, detail.release_reason, detail.document_number) == (
        REASON,
        "Không còn căn cứ tạm giữ",
        "12/QĐ-CAT",
    )
    rows = await world.rows("SELECT subject, facts FROM ledger_queue WHERE kind = 'act' ORDER BY id")
    acts = [orjson.loads(facts) for subject, facts in rows if subject == made.id]
    assert [(one["act"], one["actor"]) for one in acts] == [
        ("usage.withheld", "cong-an"),
        ("usage.withholding_confirmed", "van-phong"),
        ("usage.release_requested", "van-phong"),
        ("usage.released", "cong-an"),
    ]
    assert REASON not in str(acts)


async def test_what_makes_no_sense_is_refused(world: UsageWorld) -> None:
    """Without an end, without a look-up, beyond one's agencies: nothing is withheld."""
    lookup_id = await world.look()
    service = world.withholdings
    far = {"until": NOW + timedelta(days=101)}
    for values, code in (
        ({"until": None}, "condition_required"),
        ({"until": NOW}, "until_out_of_bounds"),
        (far, "until_out_of_bounds"),
        ({"case_id": uuid_utils.compat.uuid7()}, "case_not_found"),
    ):
        assert await code_of(service.withhold(wish(lookup_id, **values), POLICE)) == code
    for unknown in (uuid_utils.compat.uuid7(), UUID(int=0), UUID(int=2**128 - 1)):
        assert await code_of(service.withhold(wish(unknown), POLICE)) == "lookup_not_found"
    elsewhere = Actor("so-tu-phap", "Vũ Thị Thử", ("H99.13",))
    assert await code_of(service.withhold(wish(lookup_id), elsewhere)) == "lookup_not_found"
    await world.usage.read(CITIZEN, UsageReader("cong-dan"))
    (reading,) = (await world.rows("SELECT id FROM lookups WHERE kind = 'usage'"))[0]
    assert await code_of(service.withhold(wish(reading), POLICE)) == "lookup_not_found"
    assert await seen(world) == (1, 0)

    made = await service.withhold(wish(lookup_id), POLICE)
    assert await code_of(service.get(made.id, ("H99.13",))) == "withholding_not_found"
    assert await code_of(service.get("x")) == "withholding_not_found"
    assert (await service.page(agencies=("H99.13",))).items == ()
    assert [one.id for one in (await service.page(in_force=True)).items] == [made.id]
    world.now = NOW + 48 * HOURS
    assert (await world.withholdings.page(in_force=True)).items == ()
    assert await code_of(service.page(cursor="x")) == "bad_cursor"
