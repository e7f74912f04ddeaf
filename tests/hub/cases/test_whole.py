"""The whole way: a look-up through the gate, the clerk's jobs at work, a case at the API, the account locked."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from hub.accounts.directory import account_context
from hub.clerk import Clerk
from hub.profiles.profile import load_profile
from hub.watch import wiring
from tests.hub.api.world import fresh_key
from tests.hub.lookups.conftest import desk, lookup_settings, redis_server, services
from tests.hub.lookups.world import OFFICER, LookupWorld

__all__ = ["desk", "lookup_settings", "redis_server", "services"]


@pytest.mark.slow
async def test_a_look_up_from_outside_becomes_a_case_and_ends_in_a_lock(desk: LookupWorld) -> None:
    """Nothing is played but the population register: gate, log, watch, case and lock are the hub's own."""
    store, settings, caller = desk.store, desk.api.services.settings, desk.api.caller
    secret = {"full_name": "Phạm Thị Thử", "officer_number": OFFICER, "phone": "", "household_id": ""}
    content = orjson.dumps({**secret, "home_commune": None, "home_hamlet": None})
    sealed = store.sealer.seal(content, account_context("canbo01"))
    await desk.do("UPDATE lookup_accounts SET sealed = %s, approved_at = created_at WHERE id = 'canbo01'", sealed)
    clerk = Clerk(store, wiring.jobs(settings, store, load_profile()))
    working = asyncio.create_task(clerk.run())
    try:
        answered = await desk.ask(actor={"ip": "203.0.113.9"})
        assert answered.status_code == 200, answered.text
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while not found:
                await asyncio.sleep(0.1)
                found = (await caller.get("/v1/cases")).json()["items"]
    finally:
        clerk.stop()
        await working
    [case] = found
    assert case["account_id"] == "canbo01"
    assert "outside_network" in case["rules"]
    person = {"person": "anninh01"}
    for what, body in (
        ("take", person),
        ("lock-account", {**person, "reason": "Truy cập từ bên ngoài", "document_number": "12/CV"}),
    ):
        done = await caller.post(f"/v1/cases/{case['id']}/{what}", json=body, headers=fresh_key())
        assert done.status_code == 200, done.text
    async with asyncio.timeout(60):
        while (refused := await desk.ask()).status_code == 200:
            await asyncio.sleep(0.1)
    assert refused.status_code == 403
