"""The monthly random sample: reproducible, asked of the supervisor, followed up."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from hub.access.scopes import Scope
from hub.watch.sampling import drawn, month_before
from tests.hub.api.world import assert_problem, fresh_key
from tests.hub.cases.world import OFFICER, UNIT, WatchWorld


def test_anybody_can_repeat_a_draw() -> None:
    """One in a hundred, rounded up, by the smallest hashes of month, account and seed; another seed draws others."""
    accounts = [f"canbo{number:04d}" for number in range(450)]
    found = drawn("2026-10", accounts, "seed", 0.01)
    assert len(found) == 5
    assert found == drawn("2026-10", reversed(accounts), "seed", 0.01)
    smallest = sorted(accounts, key=lambda one: hashlib.sha256(f"2026-10\n{one}\nseed".encode()).hexdigest())
    assert found == smallest[:5]
    assert found != drawn("2026-11", accounts, "seed", 0.01) != drawn("2026-10", accounts, "other", 0.01)
    assert drawn("2026-10", [], "seed", 0.01) == []


def test_the_month_is_that_of_vietnam() -> None:
    """Seven hours before it is over in London."""
    begin, end = month_before(datetime(2026, 10, 31, 17, 0, tzinfo=UTC))
    assert begin.astimezone(UTC) == datetime(2026, 9, 30, 17, 0, tzinfo=UTC)
    assert end.astimezone(UTC) == datetime(2026, 10, 31, 17, 0, tzinfo=UTC)


async def test_the_supervisor_justifies_and_what_is_not_justified_becomes_a_case(world: WatchWorld) -> None:
    """Drawn once, with its seed in the ledger; never answered by the officer themselves."""
    await world.look_up()
    await world.watch()
    await world.sampler.step()
    assert await world.rows("SELECT accounts FROM watch_draws") == [(0,)]  # of September: nobody looked anybody up
    world.clock.pass_time(days=30)
    await world.sampler.step()
    await world.sampler.step()
    assert await world.rows("SELECT month, accounts, drawn FROM watch_draws WHERE accounts > 0") == [("2026-10", 1, 1)]
    [[facts]] = await world.rows(
        "SELECT facts FROM ledger_queue WHERE facts LIKE '%%sample_drawn%%' AND subject = 'sample:2026-10'"
    )
    [[seed]] = await world.rows("SELECT seed FROM watch_draws WHERE month = '2026-10'")
    assert seed in facts

    officers = await world.caller("client-c", Scope.EXPLANATIONS_WRITE, agencies=(UNIT,))
    [asked] = (await officers.get("/v1/explanations")).json()["items"]
    assert (asked["purpose"], asked["account_id"], len(asked["lookups"])) == ("sample", OFFICER, 1)
    path = f"/v1/explanations/{asked['id']}/answer"
    body = {
        "actor": {"account_id": OFFICER, "unit_code": UNIT, "ip": "10.0.0.7"},
        "text": "Không có việc nào liên quan",
        "justified": False,
    }
    assert_problem(await officers.post(path, json=body, headers=fresh_key()), 403, "supervisor_required")
    body["actor"] = {"account_id": "canbo02", "unit_code": UNIT, "ip": "10.0.0.7"}
    assert (await officers.post(path, json=body, headers=fresh_key())).is_success
    await world.sampler.step()
    await world.sampler.step()
    assert await world.rows("SELECT rules, hard FROM cases") == [({"random_sample": 4.0}, True)]
    reader = await world.caller("client-a", Scope.WATCH_READ)
    [draw, _] = (await reader.get("/v1/watch/samples")).json()
    assert (draw["not_justified"], draw["open"], draw["items"][0]["justified"]) == (1, 0, False)


async def test_look_ups_without_a_dossier_are_always_reviewed(world: WatchWorld) -> None:
    """Each is put before a supervisor once, unless a dossier registered soon afterwards explains it."""
    ids = [await world.look_up(one, dossier_code=None, break_glass=True) for one in ("099199555661", "099162204817")]
    await world.watch()
    world.clock.pass_time(minutes=10)
    await world.add_dossier("H99.12-261008-0002", person="099199555661")
    await world.watch()
    world.clock.pass_time(minutes=55)
    await world.watch()
    await world.sampler.step()
    await world.sampler.step()
    asked = await world.rows("SELECT lookup_ids FROM case_questions WHERE purpose = 'break_glass'")
    assert asked == [([ids[1]],)]
    await world.do("UPDATE case_questions SET justified = false, answered_at = %s", world.clock.now)
    await world.sampler.step()
    await world.sampler.step()
    assert await world.rows("SELECT rule, lookup_ids FROM watch_alerts WHERE rule = 'break_glass'") == [
        ("break_glass", [ids[1]])
    ]
