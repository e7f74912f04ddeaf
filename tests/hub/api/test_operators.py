"""The calls of operators: exchanges, connections, and the addresses for machines."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network

import httpx
import pytest

from hub.access.scopes import Scope
from hub.app import Services, create_app
from hub.settings import Settings
from tests.hub.api.world import CODE, PORTAL, ApiWorld, assert_problem, fresh_key, http, step

PAUSE = f"/v1/connections/{PORTAL}/pause"
RESUME = f"/v1/connections/{PORTAL}/resume"


async def test_exchanges_are_listed_newest_first_in_pages(api: ApiWorld) -> None:
    """A page ends with a cursor while there is more; together the pages hold each exchange once."""
    for n in range(1, 6):
        await api.put(f"H99.12-261008-000{n}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await api.caller.get("/v1/exchanges", params={"limit": "2"} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [one["subject"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"H99.12-261008-000{n}" for n in range(5, 0, -1)]


async def test_exchanges_are_filtered(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """All filters that are given must hold."""
    await api.put()
    await api.post("steps", step())
    for query, count in (
        ({}, 3),
        ({"subject": CODE}, 3),
        ({"subject": "H99.12-261008-0002"}, 0),
        ({"operation": "push_step"}, 1),
        ({"operation": "push_dossier", "state": "delivered"}, 0),
        ({"connection": PORTAL, "state": "accepted"}, 3),
        ({"connection": "other"}, 0),
        ({"since": "2099-01-01T00:00:00Z"}, 0),
        ({"until": "1991-01-01T00:00:00+07:00"}, 0),
    ):
        with subtests.test(str(query)):
            page = (await api.caller.get("/v1/exchanges", params=query)).json()
            assert len(page["items"]) == count


async def test_one_exchange(api: ApiWorld) -> None:
    """An exchange is found by the id in the receipt; without any of the dossier's content."""
    [exchange_id] = (await api.put()).json()["exchange_ids"]
    answer = await api.caller.get(f"/v1/exchanges/{exchange_id}")
    assert answer.status_code == 200
    detail = answer.json()
    assert (detail["id"], detail["subject"], detail["state"]) == (exchange_id, CODE, "accepted")
    assert detail["repeat_class"] == "idempotent"
    assert detail["attempt_list"] == []
    assert "Trần Thị Mẫu" not in answer.text


async def test_a_client_of_an_agency_sees_its_own(api: ApiWorld) -> None:
    """Listed and read: only of its agencies; of the others not even that they exist. An operator sees them all."""
    [ours] = (await api.put("H99.12-261008-0001")).json()["exchange_ids"]
    [theirs] = (await api.put("H99.13-261008-0001")).json()["exchange_ids"]
    ward = await api.calling([Scope.EXCHANGES_READ], agencies=["H99.13"])
    operator = await api.calling([Scope.EXCHANGES_READ], agencies=[])
    for caller, seen in ((ward, [theirs]), (operator, [theirs, ours])):
        assert [one["id"] for one in (await caller.get("/v1/exchanges")).json()["items"]] == seen
        assert (await caller.get(f"/v1/exchanges/{theirs}")).status_code == 200
    for query in ({"subject": "H99.12-261008-0001"}, {"state": "accepted", "subject": "H99.12-261008-0001"}):
        assert (await ward.get("/v1/exchanges", params=query)).json() == {"items": [], "next_cursor": None}
    assert_problem(await ward.get(f"/v1/exchanges/{ours}"), 404, "exchange_not_found", "id")
    assert (await operator.get(f"/v1/exchanges/{ours}")).json()["id"] == ours


@pytest.mark.parametrize("exchange_id", ["00000000-0000-7000-8000-000000000000", "x", "%00", "1' OR '1'='1"])
async def test_an_unknown_exchange(api: ApiWorld, exchange_id: str) -> None:
    """Whatever is asked for that is none: 404."""
    assert_problem(await api.caller.get(f"/v1/exchanges/{exchange_id}"), 404, "exchange_not_found", "id")


async def test_connections(api: ApiWorld) -> None:
    """Each connection is told with its state in a sentence of both languages, and what waits."""
    await api.put()
    [listed] = (await api.caller.get("/v1/connections")).json()["items"]
    single = (await api.caller.get(f"/v1/connections/{PORTAL}")).json()
    for one in (listed, single):
        assert one["id"] == PORTAL
        assert one["state"] == "unverified"
        assert one["sentence"]
        assert one["sentence_vi"]
        assert one["open_exchanges"] == 1
    assert_problem(await api.caller.get("/v1/connections/nothing"), 404, "connection_not_found", "id")


async def test_pause_and_resume(api: ApiWorld) -> None:
    """A pause names who and why; resuming takes it away."""
    paused = await api.caller.post(PAUSE, json={"reason": "Bảo trì"}, headers=fresh_key())
    assert paused.status_code == 200
    view = paused.json()
    assert (view["paused"], view["paused_reason"], view["state"]) == (True, "Bảo trì", "maintenance")
    assert view["paused_by"].startswith("client-")
    for body in ({"content": b""}, {"json": {}}):
        resumed = await api.caller.post(RESUME, headers=fresh_key(), **body)  # type: ignore[arg-type]
        assert resumed.status_code == 200
        assert resumed.json()["paused"] is False


async def test_a_late_repetition_does_not_pause_again(api: ApiWorld) -> None:
    """A pause that is retried after somebody resumed is answered from memory."""
    key = fresh_key()
    first = await api.caller.post(PAUSE, json={"reason": "Bảo trì"}, headers=key)
    await api.caller.post(RESUME, headers=fresh_key())
    again = await api.caller.post(PAUSE, json={"reason": "Bảo trì"}, headers=key)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert (await api.caller.get(f"/v1/connections/{PORTAL}")).json()["paused"] is False
    other = await api.caller.post(PAUSE, json={"reason": "Khác"}, headers=key)
    assert_problem(other, 409, "idempotency_conflict")


async def test_a_pause_that_makes_no_sense(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """Without a reason nobody can judge whether it may be ended; an unknown connection is told."""
    for name, body, status, code, field in (
        ("no reason", {}, 422, "field_required", "reason"),
        ("blank", {"reason": " "}, 422, "blank", "reason"),
        ("long", {"reason": "x" * 501}, 422, "too_long", "reason"),
        ("more", {"reason": "Bảo trì", "until": "x"}, 422, "unknown_field", "until"),
    ):
        with subtests.test(name):
            assert_problem(await api.caller.post(PAUSE, json=body, headers=fresh_key()), status, code, field)
    with subtests.test("unknown connection"):
        for what in ("pause", "resume"):
            answer = await api.caller.post(
                f"/v1/connections/nothing/{what}", json={"reason": "x"} if what == "pause" else {}, headers=fresh_key()
            )
            assert_problem(answer, 404, "connection_not_found", "id")
    with subtests.test("resume with content"):
        answer = await api.caller.post(RESUME, json={"reason": "x"}, headers=fresh_key())
        assert_problem(answer, 422, "unknown_field", "reason")
    assert (await api.caller.get(f"/v1/connections/{PORTAL}")).json()["paused"] is False


# --- machines ---------------------------------------------------------------------------------------------


async def test_livez_and_readyz_need_no_token(api: ApiWorld) -> None:
    """A load balancer has no secret."""
    stranger = api.anonymous(address="203.0.113.7")
    assert (await stranger.get("/livez")).json() == {"status": "alive"}
    ready = await stranger.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"


async def test_readyz_tells_how_long_work_has_waited(api: ApiWorld) -> None:
    """Old work that nobody does shows even while every process answers."""
    await api.put()
    async with api.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET due_at = now() - interval '90 seconds'")
    ready = (await api.anonymous().get("/readyz")).json()
    assert 90 <= ready["oldest_due_seconds"][PORTAL] < 120
    assert ready["status"] == "ready", "taking dossiers in goes on while a partner is down"


async def test_metrics_are_for_the_allowed_networks(services: Services, settings: Settings) -> None:
    """Neither a token nor a header opens the metrics, only the network one calls from."""
    allowed = settings.model_copy(
        update={
            "api": settings.api.model_copy(
                update={"metrics_allow": (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))}
            )
        }
    )
    app = create_app(dataclasses.replace(services, settings=allowed))
    for address, status in (
        ("10.1.2.3", 200),
        ("fd00::1", 200),
        ("::ffff:10.1.2.3", 200),
        ("10.2.0.1", 403),
        ("127.0.0.1", 403),
        ("::1", 403),
        ("", 403),
    ):
        answer = await http(app, address=address).get("/metrics", headers={"x-forwarded-for": "10.1.2.3"})
        assert answer.status_code == status, address
    assert_problem(await http(app, address="127.0.0.1").get("/metrics"), 403, "network_not_allowed")


def samples(answer: httpx.Response) -> dict[str, float]:
    """Return the samples of an exposition."""
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_metrics_count_requests_by_template(api: ApiWorld) -> None:
    """Counted by the template of the address: no code, and so no dossier, becomes a label."""
    name = 'lienthong_http_requests_total{method="PUT",route="/v1/dossiers/{code}",status="201"}'
    before = samples(await api.anonymous().get("/metrics")).get(name, 0)
    await api.put()
    answer = await api.anonymous().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert samples(answer)[name] == before + 1
    assert CODE not in answer.text


async def test_metrics_show_the_backlog(api: ApiWorld) -> None:
    """What waits for each connection is read from the database when somebody asks."""
    await api.put()
    found = samples(await api.anonymous().get("/metrics"))
    assert found[f'lienthong_connection_open_exchanges{{connection="{PORTAL}"}}'] == 1
    assert found[f'lienthong_connection_state{{connection="{PORTAL}",state="unverified"}}'] == 1
    assert found[f'lienthong_connection_state{{connection="{PORTAL}",state="working"}}'] == 0
    assert found["lienthong_database_up"] == 1
