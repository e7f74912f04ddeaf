"""Accounts that nobody uses for a year are locked, and the agencies are told which (VP 8.4)."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from hub.accounts.directory import note_use
from hub.accounts.dormancy import ALERT_PREFIX, AccountUpkeep
from hub.accounts.exporting import dormant_csv
from hub.accounts.frame import Caller
from hub.accounts.settings import AccountSettings
from hub.accounts.states import AccountState, Party
from hub.inbox.receiving import body_context
from tests.hub.accounts.world import RegisterWorld, measure


@pytest.fixture
def upkeep(world: RegisterWorld) -> AccountUpkeep:
    """The clerk's job."""
    return AccountUpkeep(world.store, world.profile, AccountSettings(), now=world.clock)


async def test_a_year_without_a_look_up_locks(world: RegisterWorld, upkeep: AccountUpkeep) -> None:
    """Counted from the last look-up, or from the grant; each agency gets its own list, operators one alert."""
    for account_id, unit in (("idle-1", "H99.12"), ("idle-2", "H99.12"), ("idle-3", "H99.13"), ("used", "H99.13")):
        await world.granted(account_id, unit_code=unit, scope={"units": [unit]})
    await world.measures.suspend("idle-3", measure(), world.manager)
    world.clock.pass_days(364)
    async with world.store.transaction() as conn:
        await note_use(conn, {"used": world.clock.now})
    assert await upkeep.step() == 0
    soon = await world.reader.dormant(Caller("reader"))
    assert [(one.unit_code, len(one.accounts)) for one in soon.agencies] == [("H99.12", 2), ("H99.13", 1)]
    world.clock.pass_days(1.5)
    assert await upkeep.step() == 3
    assert await upkeep.step() == 0
    states = dict(await world.rows("SELECT id, state FROM lookup_accounts"))
    assert states == dict.fromkeys(("idle-1", "idle-2", "idle-3"), "locked") | {"used": "active"}
    act = (await world.reader.history("idle-1", Caller("reader"))).items[0]
    assert (act.act, act.party, act.document_number) == ("lock", Party.PROGRAM, "VP 8.4")
    told = await world.rows("SELECT agency_code, id, sealed FROM inbox_events WHERE kind = 'accounts.locked'")
    lists = {
        agency: orjson.loads(world.store.sealer.open(sealed, body_context(event)))["account_ids"]
        for agency, event, sealed in told
    }
    assert lists == {"H99.12": ["idle-1", "idle-2"], "H99.13": ["idle-3"]}
    ((key, sentence),) = await world.rows("SELECT key, sentence FROM alerts WHERE cleared_at IS NULL")
    assert key == f"{ALERT_PREFIX}2027-10-08"
    assert sentence.startswith("3 accounts for population data in 2 agencies were locked")

    own = await world.reader.dormant(Caller("reader", ("H99.13",)), ahead_days=0)
    assert [one.unit_code for one in own.agencies] == ["H99.13"]
    text = dormant_csv(own).decode()
    assert text.startswith("\ufeff")
    assert '"H99.13","idle-3","CB-0001","locked"' in text

    # Given back, it has its whole year again; when all are settled the alert is over.
    await world.requests.reinstate("idle-1", measure(), world.manager)
    await world.approve("idle-1")
    for account_id in ("idle-2", "idle-3"):
        await world.measures.revoke(account_id, measure(), world.manager)
    assert await upkeep.step() == 0
    assert (await world.get("idle-1")).state is AccountState.ACTIVE
    assert (await world.get("idle-1")).dormant_locked_at is None
    assert await world.rows("SELECT key FROM alerts WHERE cleared_at IS NULL") == []


async def test_the_number_of_days_is_the_provinces(world: RegisterWorld) -> None:
    """`account_dormant_days` of the profile."""
    await world.granted("idle")
    shorter = world.profile.model_copy(update={"account_dormant_days": 90})
    world.clock.pass_days(91)
    assert await AccountUpkeep(world.store, world.profile, AccountSettings(), now=world.clock).step() == 0
    assert await AccountUpkeep(world.store, shorter, AccountSettings(), now=world.clock).step() == 1


async def test_a_role_change_comes_into_the_register_on_its_day(world: RegisterWorld, upkeep: AccountUpkeep) -> None:
    """So that lists and confinement to agencies follow; a secondment does not."""
    await world.granted()
    day = world.clock.now.date()
    async with world.store.transaction() as conn:
        await conn.execute(
            "INSERT INTO lookup_account_roles (account_id, number, since, until, role, unit_code) VALUES"
            " ('h99-can-bo-01', 7, %s, NULL, 'land', 'H99.13'), ('h99-can-bo-01', 8, %s, %s, 'tax', 'H99.14')",
            (day + timedelta(days=2), day, day + timedelta(days=9)),
        )
    seen = []
    for days in (0, 2):
        world.clock.pass_days(days)
        await upkeep.step()
        seen += await world.rows("SELECT role, unit_code, unit_path FROM lookup_accounts")
    assert seen == [("one_stop", "H99.12", "H99.12."), ("land", "H99.13", "H99.13.")]
