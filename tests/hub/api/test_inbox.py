"""The inbox and webhooks over HTTP: scopes, agencies, idempotency, secrets shown once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.inbox import InboxKind
from hub.access.scopes import Scope
from hub.inbox.receiving import Inbound, InboundFile, receive
from hub.settings import Settings
from tests.hub.api.world import ApiWorld, assert_problem, fresh_key

NOW = datetime(2026, 10, 8, 3, 0, tzinfo=UTC)


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings with one host that may be called."""
    return make_settings(webhooks={"allow": ["office.h99.example"]})


@pytest.fixture
async def event(api: ApiWorld) -> dict[str, Any]:
    """One event with one file, as the API shows it."""
    inbound = Inbound(
        "portal",
        "REF-1",
        InboxKind.DOSSIER_FILED,
        "H99.12-261008-0001",
        b'{"schema_version":"1","partner_code":"x"}',
        NOW,
        [InboundFile(1, "application/pdf", b"%PDF-1.7")],
    )
    async with api.store.transaction() as conn:
        await receive(conn, inbound, sealer=api.store.sealer)
    (found,) = (await api.caller.get("/v1/inbox")).json()["events"]
    return dict(found)


async def test_the_inbox_is_read_with_its_scope_and_for_its_agencies(api: ApiWorld, event: dict[str, Any]) -> None:
    """No token 401, no scope 403, other agencies nothing; the cursor and the filters are checked."""
    assert event["kind"] == "dossier.filed"
    assert_problem(await api.anonymous().get("/v1/inbox"), 401, "token_required")
    blind = await api.calling([Scope.DOSSIERS_READ])
    assert_problem(await blind.get("/v1/inbox"), 403, "scope_missing")
    stranger = await api.calling([Scope.INBOX_READ], agencies=["H98"])
    assert (await stranger.get("/v1/inbox")).json() == {"events": [], "next_after": 1, "more": False}
    assert_problem(await stranger.get(f"/v1/inbox/{event['id']}/files/1"), 404, "inbox_event_not_found")
    assert_problem(await api.caller.get("/v1/inbox?after=-1"), 422, "too_small", "after")
    assert_problem(await api.caller.get("/v1/inbox?kind=nothing"), 422, "unknown_value", "kind")
    assert (await api.caller.get("/v1/inbox?kind=tax_notice.received")).json()["events"] == []


async def test_files_come_as_they_came(api: ApiWorld, event: dict[str, Any]) -> None:
    """As an attachment of the type found, never shown by a browser; what is not there is 404."""
    answer = await api.caller.get(f"/v1/inbox/{event['id']}/files/1")
    assert (answer.status_code, answer.content) == (200, b"%PDF-1.7")
    assert answer.headers["content-disposition"] == "attachment"
    for number in ("2", "0", "-1", "x", "1" * 20):
        assert_problem(
            await api.caller.get(f"/v1/inbox/{event['id']}/files/{number}"), 404, "inbox_file_not_found", "number"
        )


async def test_acknowledging_repeats_harmlessly(api: ApiWorld, event: dict[str, Any]) -> None:
    """The first time counts, with any key; afterwards the event is only left out where that is asked for."""
    path = f"/v1/inbox/{event['id']}/ack"
    assert_problem(await api.caller.post(path), 400, "idempotency_key_required")
    answers = [await api.caller.post(path, headers=fresh_key()) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (await api.caller.get("/v1/inbox?unacknowledged=true")).json()["events"] == []
    (read,) = (await api.caller.get("/v1/inbox")).json()["events"]
    assert read["acknowledged_at"]
    for wrong in ("00000000-0000-7000-8000-000000000000", "x"):
        answer = await api.caller.post(f"/v1/inbox/{wrong}/ack", headers=fresh_key())
        assert_problem(answer, 404, "inbox_event_not_found", "id")


async def test_a_webhook_s_secret_is_shown_once_and_kept_by_nobody_in_clear(api: ApiWorld) -> None:
    """The repeated call gets the same webhook without its secret; neither table nor stored answer holds it."""
    key, body = fresh_key(), {"url": "https://office.h99.example/hook", "kinds": ["dossier.filed"]}
    made = await api.caller.post("/v1/webhooks", json=body, headers=key)
    assert made.status_code == 201, made.text
    secret, webhook = made.json()["secret"], made.json()["endpoint"]
    again = await api.caller.post("/v1/webhooks", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, {"endpoint": webhook, "secret": None})
    rotated = await api.caller.post(f"/v1/webhooks/{webhook['id']}/rotate", headers=fresh_key())
    assert rotated.json()["secret"] not in {None, secret}
    async with api.store.transaction() as conn:
        for table in ("webhook_secrets", "idempotency_keys", "ledger_queue", "webhook_endpoints"):
            for row in await (await conn.execute(f"SELECT t::text, t FROM {table} t")).fetchall():  # noqa: S608 - ours
                assert secret.removeprefix("whsec_") not in str(row)


async def test_webhooks_belong_to_their_client_and_go_where_the_operator_allows(api: ApiWorld) -> None:
    """Another client sees none of them; addresses that are not listed are refused with the field."""
    body = {"url": "https://office.h99.example/hook"}
    made = (await api.caller.post("/v1/webhooks", json=body, headers=fresh_key())).json()["endpoint"]
    other = await api.calling([Scope.WEBHOOKS_MANAGE])
    assert (await other.get("/v1/webhooks")).json() == {"webhooks": []}
    for path in (f"/v1/webhooks/{made['id']}", f"/v1/webhooks/{made['id']}/deliveries"):
        assert_problem(await other.get(path), 404, "webhook_not_found")
    for what in ("rotate", "disable", "enable"):
        answer = await other.post(f"/v1/webhooks/{made['id']}/{what}", headers=fresh_key())
        assert_problem(answer, 404, "webhook_not_found")
    # It may not read the inbox itself, so nothing may be sent to it.
    answer = await other.post("/v1/webhooks", json=body, headers=fresh_key())
    assert_problem(answer, 422, "webhook_client_invalid", "client_id")
    for url, code in (("https://evil.example/", "url_not_allowed"), ("http://office.h99.example/", "url_not_https")):
        answer = await api.caller.post("/v1/webhooks", json={"url": url}, headers=fresh_key())
        assert_problem(answer, 422, code, "url")
    answer = await api.caller.post("/v1/webhooks", json=body | {"kinds": ["x"]}, headers=fresh_key())
    assert_problem(answer, 422, "unknown_value", "kinds[0]")


async def test_a_webhook_is_disabled_enabled_and_replayed(api: ApiWorld, event: dict[str, Any]) -> None:
    """Each answers with what is so now; every one is an act in the ledger."""
    body = {"url": "https://office.h99.example/hook"}
    made = (await api.caller.post("/v1/webhooks", json=body, headers=fresh_key())).json()["endpoint"]
    path = f"/v1/webhooks/{made['id']}"
    assert (await api.caller.post(f"{path}/disable", headers=fresh_key())).json()["disabled_by"]
    assert (await api.caller.post(f"{path}/enable", headers=fresh_key())).json()["disabled_at"] is None
    wanted = {"since": "2026-10-08T00:00:00+07:00"}
    replayed = await api.caller.post(f"{path}/replay", json=wanted, headers=fresh_key())
    assert replayed.json() == {"events": 1, "complete": True}
    (delivery,) = (await api.caller.get(f"{path}/deliveries")).json()["deliveries"]
    assert (delivery["event_id"], delivery["state"]) == (event["id"], "pending")
    async with api.store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT facts::json->>'act' FROM ledger_queue WHERE subject = %s ORDER BY id", (made["id"],)
        )
        acts = [row[0] for row in await cursor.fetchall()]
    assert acts == ["webhook.added", "webhook.disabled", "webhook.enabled", "webhook.replayed"]


async def test_the_door_is_not_behind_oauth_and_not_described(api: ApiWorld) -> None:
    """Partners have no token; their addresses speak another protocol, so they are in no OpenAPI document."""
    assert (await api.anonymous().post("/inbound/elsewhere/x")).status_code == 404
    paths = (await api.anonymous().get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if path.startswith("/inbound")]
