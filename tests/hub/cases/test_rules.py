"""Rules and the list of protected people: proposed, replayed over history, approved by another person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import orjson

from hub.access.scopes import Scope
from hub.watch.rules import DEFAULT, Rule
from tests.hub.api.world import assert_problem, fresh_key
from tests.hub.cases.world import OFFICER, OWN, PERSON, WatchWorld

WATCHERS = (Scope.WATCH_READ, Scope.WATCH_PROPOSE, Scope.WATCH_APPROVE)
FIRST = {"person": "anninh01", "reason": "Nâng điểm theo kết luận quý III"}
SECOND = {"person": "anninh02", "reason": "Đồng ý"}
PROPOSALS = "/v1/watch/proposals"


async def _post(caller: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    return await caller.post(path, json=body, headers=fresh_key())


async def test_a_rule_changes_by_two_people_after_a_replay_over_history(world: WatchWorld) -> None:
    """Nothing is in force before its preview, its second person and its moment; what was judged stays as it was."""
    one, other = await world.caller("client-a", *WATCHERS), await world.caller("client-b", *WATCHERS)
    await world.look_up()
    await world.snoop()
    await world.do("UPDATE cases SET verdict = 'violation', state = 'decided', decided_at = %s", world.clock.now)
    world.clock.pass_time(minutes=5)
    rules = DEFAULT.model_dump(mode="json")
    rules["people"]["own_record"] = 3.0
    assert_problem(
        await _post(one, PROPOSALS, {**FIRST, "rules": DEFAULT.model_dump(mode="json")}), 422, "nothing_changed"
    )
    broken = {**FIRST, "rules": {"disabled": ["own_record"]}}
    assert (await _post(one, PROPOSALS, broken)).status_code == 422
    made = (await _post(one, PROPOSALS, {**FIRST, "rules": rules})).json()
    assert made["summary"] == [{"path": "people.own_record", "from": 5.0, "to": 3.0}]
    path = f"{PROPOSALS}/{made['id']}"
    assert_problem(await _post(other, f"{path}/approve", SECOND), 409, "proposal_previewing")

    assert await world.previewer.step()
    assert not await world.previewer.step()
    shown = (await one.get(path)).json()
    preview = shown["preview"]
    assert shown["reason"] == FIRST["reason"]
    assert (preview["now"]["lookups"], preview["violations"]) == (2, 1)
    assert preview["now"]["violations_found"] == 1
    assert preview["now"]["alerts_by_rule"]["own_record"] == 1
    assert preview["proposed"]["lookups"] == 2

    assert_problem(await _post(one, f"{path}/approve", SECOND), 403, "second_person_required")
    assert_problem(await _post(other, f"{path}/approve", FIRST), 403, "second_person_required")
    past = (world.clock.now - timedelta(hours=1)).isoformat()
    assert_problem(await _post(other, f"{path}/approve", {**SECOND, "active_from": past}), 422, "active_from")
    later = (world.clock.now + timedelta(hours=1)).isoformat()
    approved = (await _post(other, f"{path}/approve", {**SECOND, "active_from": later})).json()
    assert (approved["state"], approved["version"]) == ("approved", 2)
    assert_problem(await _post(one, f"{path}/withdraw", FIRST), 409, "proposal_approved")

    await world.snoop(account_id="canbo02")
    world.clock.pass_time(hours=2)
    await world.snoop(account_id="anninh01")
    scores = dict(await world.rows("SELECT account_id, rule_score FROM watch_alerts WHERE rule = %s", Rule.OWN_RECORD))
    assert scores == {OFFICER: 5.0, "canbo02": 5.0, "anninh01": 3.0}
    versions = await world.rows("SELECT DISTINCT rules_version FROM lookup_explanations ORDER BY 1")
    assert versions == [("1",), ("2",)]
    in_force = (await one.get("/v1/watch/rules")).json()
    assert (in_force["version"], in_force["rules"]["people"]["own_record"]) == (2, 3.0)
    [record] = [one for one in in_force["track_records"] if one["rule"] == "own_record"]
    assert (record["cases"], record["violations"], record["hard"]) == (3, 1, True)
    assert {"watch.proposed", "watch.previewed", "watch.approved"} <= set(await world.acts())
    ledger = await world.rows("SELECT facts FROM ledger_queue")
    assert not [row for row in ledger if FIRST["reason"] in row[0]]


async def test_a_proposal_against_what_is_not_the_newest_is_refused(world: WatchWorld) -> None:
    """Two changes at once: the second is looked at again before it can replace the first."""
    one, other = await world.caller("client-a", *WATCHERS), await world.caller("client-b", *WATCHERS)
    made = [
        (await _post(one, PROPOSALS, {**FIRST, "rules": {"people": {"own_record": score}}})).json()["id"]
        for score in (5.5, 6.0)
    ]
    assert await world.previewer.step()
    assert await world.previewer.step()
    assert (await _post(other, f"{PROPOSALS}/{made[0]}/approve", SECOND)).is_success
    assert_problem(await _post(other, f"{PROPOSALS}/{made[1]}/approve", SECOND), 409, "proposal_outdated")
    assert (await _post(other, f"{PROPOSALS}/{made[1]}/refuse", SECOND)).json()["state"] == "refused"
    listed = (await one.get(f"{PROPOSALS}?kind=rules")).json()["items"]
    assert [one["state"] for one in listed] == ["refused", "approved"]
    assert_problem(await one.get(f"{PROPOSALS}/x"), 404, "proposal_not_found")


async def test_the_police_keep_the_list_of_protected_people(world: WatchWorld) -> None:
    """Nobody else proposes or approves; the numbers are never shown, and the watch judges by them once approved."""
    police = (*WATCHERS, Scope.ACCOUNTS_APPROVE_POLICE)
    office = await world.caller("client-a", *WATCHERS)
    one, other = await world.caller("client-b", *police), await world.caller("client-c", *police)
    protected = "099199777888"
    body = {**FIRST, "add": [protected]}
    assert_problem(await _post(office, "/v1/watch/protected-people", body), 403, "police_only")
    made = (await _post(one, "/v1/watch/protected-people", body)).json()
    assert made["summary"] == [{"added": 1, "removed": 0}]
    assert await world.previewer.step()
    path = f"{PROPOSALS}/{made['id']}/approve"
    assert_problem(await _post(office, path, SECOND), 403, "police_only")
    assert (await _post(other, path, SECOND)).is_success
    await world.watch()
    assert world.live._version is not None
    assert world.live._version.protected == {protected}
    shown = (await one.get("/v1/watch/rules")).json()
    assert (shown["protected_people"], shown["protected_people_version"]) == (1, 1)
    everything = orjson.dumps(shown) + (await one.get(f"{PROPOSALS}/{made['id']}")).content
    assert protected.encode() not in everything
    stored = await world.rows("SELECT summary::text || coalesce(preview::text, '') FROM watch_proposals")
    assert not [row for row in stored if protected in row[0]]
    again = await _post(one, "/v1/watch/protected-people", {**body, "remove": [PERSON, OWN[OFFICER]]})
    assert_problem(again, 422, "nothing_changed", "add")
