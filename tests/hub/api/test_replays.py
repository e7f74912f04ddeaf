"""The calls of replays, of single replays and dismissals, and of emergency stops."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hub.access.scopes import Scope
from tests.hub.api.world import PORTAL, ApiWorld, assert_problem, fresh_key

REPLAYS = "/v1/replays"
WISH = {"filter": {"states": ["refused"]}, "reason": "Cổng đã sửa lỗi"}


async def refuse(api: ApiWorld, count: int, *, agency: str = "H99.12") -> list[str]:
    """Declare dossiers and have them refused by the partner."""
    keys = []
    for number in range(1, count + 1):
        answer = await api.put(f"{agency}-261008-{number:04d}")
        keys += answer.json()["exchange_ids"]
    async with api.store.transaction() as conn:
        await conn.execute(
            "UPDATE exchanges SET state = 'refused', ended_at = now() WHERE id = ANY(%s::uuid[])", (keys,)
        )
        await conn.execute("UPDATE lanes SET open_count = 0, due_at = NULL")
    return keys


async def post(caller: httpx.AsyncClient, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """Post with a fresh key, unless one is given."""
    return await caller.post(path, json=body, headers=fresh_key() | headers)


async def test_from_preview_to_stop(api: ApiWorld) -> None:
    """Each call answers with the replay as it is; a repeated call gets the same answer and does nothing again."""
    [key] = await refuse(api, 1)
    headers = fresh_key()
    made = await api.caller.post(REPLAYS, json=WISH, headers=headers)
    again = await api.caller.post(REPLAYS, json=WISH, headers=headers)
    assert (made.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["idempotency-replayed"]) == (made.content, "true")
    one = made.json()
    assert (one["state"], one["preview"]["count"], one["reason"]) == ("previewed", 1, "Cổng đã sửa lỗi")
    assert one["filter"]["states"] == ["refused"]
    path = f"{REPLAYS}/{one['id']}"
    items = (await api.caller.get(f"{path}/exchanges")).json()
    assert [(item["exchange_id"], item["state"]) for item in items["items"]] == [(key, "pending")]
    for step, state in (("start", "running"), ("pause", "paused"), ("start", "running"), ("stop", "stopped")):
        answer = await post(api.caller, f"{path}/{step}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
        [moving] = (await api.caller.get(REPLAYS)).json()["items"]
        assert (moving["progress"] is None) is (state == "stopped")
    assert_problem(await post(api.caller, f"{path}/start", {}), 409, "replay_stopped")
    listed = (await api.caller.get(REPLAYS, params={"limit": "1"})).json()
    assert ([item["id"] for item in listed["items"]], listed["next_cursor"]) == ([one["id"]], None)
    assert (await api.caller.get(path)).json()["progress"]["pending"] == 1


@pytest.mark.slow
async def test_the_same_client_cannot_be_the_second_person(api: ApiWorld) -> None:
    """Another client with the scope can; without the scope it cannot."""
    await refuse(api, 101)
    path = f"{REPLAYS}/{(await post(api.caller, REPLAYS, WISH)).json()['id']}"
    assert_problem(await post(api.caller, f"{path}/start"), 409, "approval_required")
    assert_problem(await post(api.caller, f"{path}/approve"), 403, "second_person_required")
    unfit = await api.calling([Scope.REPLAYS_MANAGE])
    assert (await post(unfit, f"{path}/approve")).status_code == 403
    second = await api.calling([Scope.REPLAYS_APPROVE])
    approved = await post(second, f"{path}/approve")
    assert approved.status_code == 200
    assert approved.json()["approved_by"] not in {None, approved.json()["created_by"]}
    assert (await post(api.caller, f"{path}/start")).json()["state"] == "running"


async def test_bad_wishes(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """Each is refused with its field; nothing is stored."""
    for name, body, status, code, field in (
        ("no reason", {"filter": {}}, 422, "field_required", "reason"),
        ("blank reason", {"reason": " "}, 422, "blank", "reason"),
        ("unknown filter", {"reason": "Sửa", "filter": {"agent": "x"}}, 422, "unknown_field", "filter.agent"),
        ("no such state", {"reason": "Sửa", "filter": {"states": ["lost"]}}, 422, "unknown_value", "filter.states[0]"),
        (
            "delivered",
            {"reason": "Sửa", "filter": {"states": ["delivered"]}},
            422,
            "state_not_selectable",
            "filter.states",
        ),
        ("no action", {"reason": "Sửa", "action": "burn"}, 422, "unknown_value", "action"),
        ("no agency", {"reason": "Sửa", "filter": {"agency": "%"}}, 422, None, "filter.agency"),
        ("no dossier", {"reason": "Sửa", "filter": {"subject": "x' OR 1=1"}}, 422, None, "filter.subject"),
    ):
        with subtests.test(name):
            answer = await post(api.caller, REPLAYS, body)
            assert_problem(answer, status, code or answer.json()["code"], field)
    assert_problem(await api.caller.post(REPLAYS, json=WISH), 400, "idempotency_key_required", "Idempotency-Key")
    assert await api.count("replays") == 0
    for path in (f"{REPLAYS}/x", f"{REPLAYS}/00000000-0000-7000-8000-000000000000"):
        assert_problem(await api.caller.get(path), 404, "replay_not_found", "id")
        assert_problem(await post(api.caller, f"{path}/start"), 404, "replay_not_found", "id")
    assert_problem(await api.caller.get(REPLAYS, params={"cursor": "x"}), 400, "bad_cursor", "cursor")


async def test_a_client_of_an_agency_acts_on_its_own(api: ApiWorld) -> None:
    """Its previews hold only its own exchanges; a single one of another agency does not exist for it."""
    [ours] = await refuse(api, 1)
    [theirs] = await refuse(api, 1, agency="H99.13")
    ward = await api.calling(agencies=["H99.13"])
    preview = (await post(ward, REPLAYS, WISH)).json()
    items = (await ward.get(f"{REPLAYS}/{preview['id']}/exchanges")).json()["items"]
    assert [item["exchange_id"] for item in items] == [theirs]
    everything = (await post(api.caller, REPLAYS, WISH)).json()
    assert_problem(await ward.get(f"{REPLAYS}/{everything['id']}"), 404, "replay_not_found")
    for act in ("replay", "dismiss"):
        path = f"/v1/exchanges/{ours}/{act}"
        assert_problem(await post(ward, path, {"reason": "Sửa"}), 404, "exchange_not_found", "id")


async def test_one_exchange_is_replayed_and_one_dismissed(api: ApiWorld) -> None:
    """With a reason, once per key, and by whom is on record."""
    first, second = await refuse(api, 2)
    key = fresh_key()
    path = f"/v1/exchanges/{first}/replay"
    assert_problem(await post(api.caller, path, {}), 422, "field_required", "reason")
    for _ in range(2):
        replayed = await api.caller.post(path, json={"reason": "Đã sửa"}, headers=key)
        assert (replayed.status_code, replayed.json()["state"]) == (200, "accepted")
    assert_problem(await post(api.caller, path, {"reason": "Đã sửa"}), 409, "not_replayable")
    dismissed = await post(api.caller, f"/v1/exchanges/{second}/dismiss", {"reason": "Trùng"})
    assert dismissed.json()["dismissed_reason"] == "Trùng"
    assert dismissed.json()["dismissed_by"].startswith("client-")
    reader = await api.calling([Scope.EXCHANGES_READ])
    assert (await post(reader, f"/v1/exchanges/{second}/replay", {"reason": "x"})).status_code == 403


async def test_everything_is_stopped_and_goes_on(api: ApiWorld) -> None:
    """Shown with the connections; one connection may be stopped alone, or go on by legal deadline."""
    stop = await post(api.caller, "/v1/connections/stop-all", {"reason": "Bão gửi lại"})
    assert stop.status_code == 200
    listed = (await api.caller.get("/v1/connections")).json()
    assert listed["stop"]["reason"] == "Bão gửi lại"
    assert [(one["id"], one["stopped"], one["paused"]) for one in listed["items"]] == [(PORTAL, True, True)]
    resumed = await post(api.caller, "/v1/connections/resume-all", {"by_deadline": True})
    assert resumed.json()["stop"] is None
    assert resumed.json()["items"][0]["paused"] is False
    single = await post(api.caller, f"/v1/connections/{PORTAL}/stop", {"reason": "Bão gửi lại"})
    assert single.json()["stopped"] is True
    again = await post(api.caller, f"/v1/connections/{PORTAL}/resume", {"by_deadline": True})
    assert again.json()["paused"] is False
    assert_problem(await post(api.caller, "/v1/connections/stop-all", {}), 422, "field_required", "reason")
    assert_problem(
        await post(api.caller, "/v1/connections/nothing/stop", {"reason": "x"}), 404, "connection_not_found", "id"
    )
    reader = await api.calling([Scope.CONNECTIONS_READ])
    assert (await post(reader, "/v1/connections/stop-all", {"reason": "x"})).status_code == 403
