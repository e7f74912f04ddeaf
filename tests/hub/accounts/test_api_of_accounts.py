"""The register through the whole api process: kept in step by PUT, decided by POST, read, imported, exported."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx
import pytest

from hub.access.scopes import Scope
from hub.app import Services
from hub.sheets import read_workbook
from tests.hub.accounts.test_tables_of_accounts import HEAD, ROW
from tests.hub.accounts.world import ACCOUNT, NAME, NUMBER, declaration
from tests.hub.api.conftest import api, services
from tests.hub.api.world import ApiWorld, assert_problem, fresh_key

__all__ = ["api", "services"]

ONE = f"/v1/accounts/{ACCOUNT}"
SAID = {"person": "Lê Văn Duyệt", "reason": f"Cấp cho {NAME}", "document_number": "34/PC06"}


@pytest.fixture
async def dossier_system(api: ApiWorld) -> httpx.AsyncClient:
    """Requests for all of H99, and reads."""
    return await api.calling(scopes={Scope.ACCOUNTS_REQUEST, Scope.ACCOUNTS_READ})


@pytest.fixture
async def police(api: ApiWorld) -> httpx.AsyncClient:
    """Approves, and takes accounts out of use."""
    scopes = {Scope.ACCOUNTS_APPROVE_POLICE, Scope.ACCOUNTS_MANAGE, Scope.ACCOUNTS_READ}
    return await api.calling(scopes=scopes, agencies=())


async def post(caller: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    """Call with a fresh key."""
    return await caller.post(path, json={**SAID, **body}, headers=fresh_key())


async def test_an_account_through_the_api(
    api: ApiWorld, dossier_system: httpx.AsyncClient, police: httpx.AsyncClient
) -> None:
    """From the first PUT to the lock; answers of acts hold nothing of the officer, for they are kept in clear."""
    made = await dossier_system.put(ONE, json=declaration())
    assert (made.status_code, made.json()["outcome"]) == (201, "requested"), made.text
    again = await dossier_system.put(ONE, json=declaration())
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
    waiting = (await police.get(ONE)).json()
    assert waiting["pending"]["wanted"]["officer"]["number"] == NUMBER
    key = fresh_key()
    decision = {**SAID, "request_number": waiting["pending"]["number"]}
    for replayed in (None, "true"):
        approved = await police.post(f"{ONE}/approve", json=decision, headers=key)
        assert (approved.status_code, approved.json()["state"]) == (200, "active"), approved.text
        assert approved.headers.get("idempotency-replayed") == replayed
    asked = await post(police, f"{ONE}/reinstate")
    assert_problem(asked, 403, "other_party_required")
    assert (await post(police, f"{ONE}/lock")).json()["state"] == "locked"
    listed = (await dossier_system.get("/v1/accounts", params={"state": "locked", "unit": "H99"})).json()
    assert [one["id"] for one in listed["items"]] == [ACCOUNT]
    assert NUMBER not in str(listed)
    acts = (await dossier_system.get(f"{ONE}/history")).json()["items"]
    assert [one["act"] for one in acts] == ["lock", "approve_grant", "request_grant"]
    assert acts[0]["reason"] == SAID["reason"]
    async with api.store.transaction() as conn:
        stored = await (await conn.execute("SELECT convert_from(body, 'UTF8') FROM idempotency_keys")).fetchall()
    assert len(stored) == 2
    assert all(NUMBER not in body and NAME not in body for (body,) in stored)


async def test_pages_follow_the_cursor(dossier_system: httpx.AsyncClient) -> None:
    """Each account once, in the order of ids; other clients' agencies are not there."""
    for number in range(5):
        assert (await dossier_system.put(f"/v1/accounts/a{number}", json=declaration())).status_code == 201
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = (await dossier_system.get("/v1/accounts", params={"limit": 2, **more})).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["a0", "a1", "a2", "a3", "a4"]
    assert_problem(await dossier_system.get("/v1/accounts?cursor=%00"), 400, "bad_cursor")
    assert_problem(await dossier_system.get("/v1/accounts/a0/history?cursor=x"), 400, "bad_cursor")


async def test_what_is_wrong_is_said_by_field(dossier_system: httpx.AsyncClient) -> None:
    """With a code and a sentence in both languages; nothing is stored."""
    cases: list[tuple[dict[str, Any], str, str]] = [
        (declaration(officer={"number": "99199000123"}), "personal_number", "officer.number"),
        (declaration(scope={"operations": []}), "too_few", "scope.operations"),
        (declaration(valid_until="2025-12-31"), "validity_reversed", ""),
        (declaration(unit_code="H98"), "agency_not_allowed", "unit_code"),
        (declaration(role="Một cửa"), "wrong_form", "role"),
        (declaration(request={"document_number": " "}), "blank", "request.document_number"),
    ]
    for body, code, field in cases:
        refused = await dossier_system.put(ONE, json=body)
        assert_problem(refused, 403 if code == "agency_not_allowed" else 422, code, field)
    assert_problem(await dossier_system.put("/v1/accounts/a%20b", json=declaration()), 422, "account_id", "id")
    assert_problem(await dossier_system.get(ONE), 404, "account_not_found")
    outside = {"since": "2026-11-01", "until": "2026-11-30", "days": ["2026-12-01"]}
    assert_problem(await dossier_system.put(f"{ONE}/roster", json=outside), 422, "roster_day_outside")


async def test_tables_go_in_and_out(dossier_system: httpx.AsyncClient, police: httpx.AsyncClient) -> None:
    """Faults by row and column; files with their type and name; the list of unused accounts."""

    def table(*rows: str) -> str:
        return b64encode("\n".join((HEAD, *rows)).encode()).decode()

    faulty = await post(dossier_system, "/v1/account-imports", content=table(ROW, ROW.replace(NUMBER, "1")))
    problem = assert_problem(faulty, 422, "table_faulty", "content")
    assert [one["field"] for one in problem["errors"]] == ["rows[3].Số CCCD", "rows[3].Tên đăng nhập"]
    assert_problem(await post(dossier_system, "/v1/account-imports", content="?"), 422, "not_base64", "content")
    done = await post(dossier_system, "/v1/account-imports", content=table(ROW))
    assert done.json() == {"rows": 1, "requested": 1, "amended": 0, "unchanged": 0, "applied": True}
    csv = await dossier_system.get("/v1/accounts.csv?state=requested")
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.headers["content-disposition"] == 'attachment; filename="tai-khoan-khai-thac.csv"'
    assert f'"{NUMBER}"' in csv.content.decode("utf-8-sig")
    rows = read_workbook((await police.get("/v1/accounts.xlsx")).content, most_rows=9)
    assert (rows[0][2], rows[1][2], rows[1][3]) == ("Số CCCD", NUMBER, "007")
    assert (await police.get("/v1/dormant-accounts")).json()["agencies"] == []
    assert (await police.get("/v1/dormant-accounts.csv")).content.startswith(b"\xef\xbb\xbf")


async def test_the_scope_of_an_approval_is_the_profiles(services: Services) -> None:
    """Where the provincial office approves, the police's scope opens nothing."""
    from hub.app import create_app  # noqa: PLC0415 - for this test alone
    from tests.hub.api.world import http  # noqa: PLC0415

    object.__setattr__(services, "settings", services.settings.model_copy(update={"profile": "vinh_phuc"}))
    app = create_app(services)
    world = ApiWorld(app, services, http(app))
    for scope, status in ((Scope.ACCOUNTS_APPROVE_POLICE, 403), (Scope.ACCOUNTS_APPROVE_OFFICE, 404)):
        caller = await world.calling(scopes={scope})
        answer = await post(caller, f"{ONE}/approve", request_number=1)
        assert answer.status_code == status, answer.text
