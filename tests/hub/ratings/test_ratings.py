"""Ratings: three grades that add up, one per month and procedure, the newest of which is delivered."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.transport.simulation.faults import FaultKind
from hub.ratings.api import EXAMPLE
from tests.hub.api.world import assert_problem
from tests.hub.subjects_world import PORTAL, SubjectWorld

PATH = "/v1/ratings/2026-09/1.000001.H99"
GRADES = {"very_satisfied": "62.50", "satisfied": "30.00", "not_satisfied": "7.50"}


def rating(**changes: Any) -> dict[str, Any]:
    return EXAMPLE | changes


async def test_a_rating_is_delivered_once_and_its_correction_replaces_it(world: SubjectWorld) -> None:
    """Idempotent by month and procedure: the same again sends nothing, what has not left is replaced."""
    first = await world.caller.put(PATH, json=rating())
    assert (first.status_code, first.json()["revision"], first.json()["created"]) == (201, 1, True)
    again = await world.caller.put("/v1/ratings/2026-09/1.000001", json=rating())
    assert (again.status_code, again.json()["unchanged"], again.json()["exchange_ids"]) == (200, True, [])
    corrected = await world.caller.put(PATH, json=rating(raters=41))
    assert (corrected.status_code, corrected.json()["revision"]) == (200, 2)
    async with world.delivering():
        done = await world.ended(corrected.json()["exchange_ids"][0])
    assert (done["state"], done["subject"], done["repeat_class"]) == ("delivered", "rating:2026-09:1.000001", "never")
    listed = (await world.caller.get("/v1/exchanges", params={"subject": done["subject"]})).json()["items"]
    assert [one["id"] for one in listed] == [done["id"], first.json()["exchange_ids"][0]]
    old = (await world.caller.get(f"/v1/exchanges/{first.json()['exchange_ids'][0]}")).json()
    assert (old["state"], old["attempts"]) == ("superseded", 0)
    (held,) = world.portal.app.portal.desk.ratings["9-2026", "1.000001"]
    assert held["TongSoNguoiDanhGia"] == "41"
    recorded = await world.rows("SELECT facts FROM ledger_queue WHERE subject = %s", old["id"])
    assert [orjson.loads(one[0])["state"] for one in recorded] == ["superseded"], "its end is evidence too"
    sealed = await world.rows("SELECT sealed FROM ratings")
    assert not any(EXAMPLE["opinions"][0].encode() in bytes(one[0]) for one in sealed), "opinions may name somebody"
    read = (await world.caller.get(PATH)).json()
    assert (read["revision"], read["rating"]["raters"]) == (2, 41)


async def test_a_lost_answer_is_repeated_and_leaves_one_rating(world: SubjectWorld) -> None:
    """The portal keeps one rating per month and procedure, so a doubtful one is simply sent again."""
    world.portal.app.late_faults.add(FaultKind.HTML_200, connection=PORTAL, operation="DongBoDanhGia", count=1)
    answer = await world.caller.put(PATH, json=rating())
    async with world.delivering():
        done = await world.ended(answer.json()["exchange_ids"][0])
    assert (done["state"], done["attempts"]) == ("delivered", 2)
    assert len(world.portal.app.portal.desk.ratings["9-2026", "1.000001"]) == 1


async def test_a_late_rating_never_sets_the_portal_back(world: SubjectWorld) -> None:
    """An older revision that turns up after a newer one was confirmed is not sent."""
    first = (await world.caller.put(PATH, json=rating())).json()["exchange_ids"][0]
    second = (await world.caller.put(PATH, json=rating(raters=41))).json()["exchange_ids"][0]
    async with world.delivering():
        await world.ended(second)
        await world.do("UPDATE exchanges SET state = 'accepted', ended_at = NULL WHERE id = %s", first)
        await world.do("UPDATE lanes SET open_count = open_count + 1, due_at = now()")
        assert (await world.ended(first))["state"] == "superseded"
    (held,) = world.portal.app.portal.desk.ratings["9-2026", "1.000001"]
    assert held["TongSoNguoiDanhGia"] == "41"


WRONG: tuple[tuple[dict[str, Any], str | None, str], ...] = (
    ({"officers": GRADES | {"satisfied": "29.00"}}, "grades_do_not_add_up", "officers"),
    ({"service": GRADES | {"satisfied": "-1"}}, None, "service.satisfied"),
    ({"officers": GRADES | {"satisfied": "30.005"}}, None, "officers.satisfied"),
    ({"officers": dict.fromkeys(GRADES, "0")}, "grades_missing", ""),
    ({"raters": 0}, "grades_without_raters", ""),
    ({"grade_four": 1}, "unknown_field", "grade_four"),
    ({"opinions": ["  "]}, "blank", "opinions[0]"),
)


async def test_what_does_not_add_up_is_refused(world: SubjectWorld) -> None:
    """Three grades of 100 percent, to two places; the answer names the field."""
    for changes, code, field in WRONG:
        answer = await world.caller.put(PATH, json=rating(**changes))
        assert answer.status_code == 422, answer.text
        problem = answer.json()
        assert (problem["field"], problem["code"]) == (field, code or problem["code"]), changes
    assert await world.rows("SELECT * FROM ratings") == []


async def test_the_place_is_checked(world: SubjectWorld) -> None:
    """Month, procedure, agency: each has its refusal."""
    put = world.caller.put
    assert_problem(await put("/v1/ratings/2026-13/1.000001.H99", json=rating()), 422, "bad_month", "month")
    assert_problem(await put("/v1/ratings/2099-01/1.000001.H99", json=rating()), 422, "month_not_begun", "month")
    assert_problem(await put("/v1/ratings/2026-09/tuy-y", json=rating()), 422, "procedure_code", "procedure")
    assert_problem(await put("/v1/ratings/2026-09/9.999999", json=rating()), 422, "unknown_procedure")
    elsewhere = rating(agency={"code": "H56.12", "name": "Nơi khác"})
    assert_problem(await put(PATH, json=elsewhere), 403, "agency_not_allowed", "agency.code")
    assert_problem(await world.caller.get(PATH), 404, "rating_not_found")
