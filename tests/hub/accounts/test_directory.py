"""The directory gives accounts from memory, and a change made anywhere is in force at the next look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from contracts.accounts import Roster, Secondment, SecondmentRequest
from contracts.population import DataGroup
from hub.accounts import directory
from hub.accounts.directory import Account, AccountDirectory, RoleRow, note_use, role_on
from hub.accounts.measures import lock_account
from hub.accounts.states import AccountState, Party
from hub.accounts.watch_feed import officers_for_watch
from hub.errors import Refusal
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from tests.hub.accounts.world import ACCOUNT, NOW, NUMBER, RegisterWorld, declared, measure


class Seconds:
    """A clock that stands still."""

    at = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.at


@pytest.fixture
def seconds() -> Seconds:
    """The clock of the directory."""
    return Seconds()


@pytest.fixture
async def accounts(world: RegisterWorld, seconds: Seconds) -> AsyncIterator[AccountDirectory]:
    """The directory of another process than the one that changes accounts."""
    opened = AccountDirectory(world.store, now=world.clock, clock=seconds)
    yield opened
    await opened.aclose()


async def until_state(accounts: AccountDirectory, state: AccountState) -> None:
    """Wait until the directory sees an account in this state; its clock stands still, so it must have been told."""
    async with asyncio.timeout(30):
        while (found := await accounts.get(ACCOUNT)) is None or found.state is not state:
            await asyncio.sleep(0.01)


async def listening(accounts: AccountDirectory) -> None:
    """Wait until the directory looked once and its listener is there: that alone makes it forget, twice."""
    await accounts.get("nobody")
    async with asyncio.timeout(30):
        while accounts._generation < 2:
            await asyncio.sleep(0.01)


async def test_an_account_as_the_gate_sees_it(world: RegisterWorld, accounts: AccountDirectory) -> None:
    """With its scope, its officer, and nothing secret where it might be printed."""
    assert await accounts.get("nobody") is None
    await world.granted()
    await until_state(accounts, AccountState.ACTIVE)
    one = await accounts.get(ACCOUNT)
    assert one is not None
    assert (one.officer_number, one.unit_code, one.role) == (NUMBER, "H99.12", "one_stop")
    assert one.scope.data_groups == {DataGroup.IDENTITY, DataGroup.RESIDENCE}
    assert one.scope.operations == {"find_citizen", "confirm"}
    assert NUMBER not in repr(one)
    assert "Nguyễn" not in repr(one)
    for unit, within in (("H99.12", True), ("H99.12.3", True), ("000.00.12.H99", True), ("H99.1", False)):
        assert one.scope.covers_unit(unit) is within, unit
    assert one.scope.covers_procedure("1.000001")
    assert one.is_valid_on(date(2026, 1, 1))
    assert not one.is_valid_on(date(2025, 12, 31))
    assert one.idle_since == NOW


async def test_a_lock_is_seen_by_notification(world: RegisterWorld, accounts: AccountDirectory) -> None:
    """The clock of the directory stands still: nothing but the notification can tell it."""
    await world.granted()
    await until_state(accounts, AccountState.ACTIVE)
    await world.measures.lock(ACCOUNT, measure(), world.manager)
    await until_state(accounts, AccountState.LOCKED)


async def test_a_lost_notification_costs_a_second(
    world: RegisterWorld, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered is believed for a second; then the version of the register is looked at."""
    monkeypatch.setattr(directory, "CHANNEL", "nobody_notifies_this")
    deaf = AccountDirectory(world.store, now=world.clock, clock=seconds)
    await world.granted()
    await listening(deaf)
    assert (await _get(deaf)).state is AccountState.ACTIVE
    monkeypatch.undo()
    await world.measures.lock(ACCOUNT, measure(), world.manager)
    assert (await _get(deaf)).state is AccountState.ACTIVE, "it is deaf"
    seconds.at += directory.CHECK_SECONDS + 0.1
    assert (await _get(deaf)).state is AccountState.LOCKED
    await deaf.aclose()


async def test_an_answer_older_than_a_change_is_not_remembered(
    world: RegisterWorld, accounts: AccountDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that was under way when the change was announced answers once and is forgotten."""
    await world.granted()
    await listening(accounts)
    read = directory.read_accounts

    async def slow(*arguments: object, **more: object) -> dict[str, Account]:
        found = await read(*arguments, **more)  # type: ignore[arg-type]
        accounts._forget(ACCOUNT)
        return found

    monkeypatch.setattr(directory, "read_accounts", slow)
    assert (await _get(accounts)).state is AccountState.ACTIVE
    monkeypatch.undo()
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lookup_accounts SET state = 'locked'")
    assert (await _get(accounts)).state is AccountState.LOCKED


async def test_without_the_database_nobody_is_believed(
    world: RegisterWorld, accounts: AccountDirectory, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deny unless allowed: an account that may have been locked since is not taken from memory."""
    await world.granted()
    await _get(accounts)

    def gone(_: Store) -> None:
        raise StoreUnavailable(committed=False)

    monkeypatch.setattr(Store, "transaction", gone)
    seconds.at += directory.CHECK_SECONDS + 0.1
    with pytest.raises(StoreUnavailable):
        await accounts.get(ACCOUNT)


async def test_a_case_locks_in_its_own_transaction(world: RegisterWorld, accounts: AccountDirectory) -> None:
    """What is rolled back was never locked."""
    await world.granted()
    said = {"client": world.police.client_id, "person": "Điều tra viên", "party": Party.POLICE}
    more = {"reason": "Vụ việc", "document_number": "1/BB", "now": NOW, "sealer": world.store.sealer}
    async with world.store.transaction() as conn:
        await lock_account(conn, ACCOUNT, **said, **more)  # type: ignore[arg-type]
        await conn.rollback()
    assert (await world.get()).state is AccountState.ACTIVE
    async with world.store.transaction() as conn:
        await lock_account(conn, ACCOUNT, **said, **more)  # type: ignore[arg-type]
    await until_state(accounts, AccountState.LOCKED)
    for account_id, code in ((ACCOUNT, "account_state"), ("nobody", "account_not_found")):
        async with world.store.transaction() as conn:
            with pytest.raises(Refusal) as caught:
                await lock_account(conn, account_id, **said, **more)  # type: ignore[arg-type]
        assert caught.value.code == code


async def test_uses_are_noted_without_waiting(world: RegisterWorld) -> None:
    """To within ten minutes; an account that somebody changes at this moment is left for the next time."""
    for account_id in ("a", "b"):
        await world.granted(account_id)
    async with world.store.transaction() as changing:
        await changing.execute("SELECT 1 FROM lookup_accounts WHERE id = 'b' FOR UPDATE")
        async with asyncio.timeout(30), world.store.transaction() as conn:
            await note_use(conn, {"a": NOW, "b": NOW, "nobody": NOW})
    seen = await world.rows("SELECT id, last_used_at FROM lookup_accounts ORDER BY id")
    assert seen == [("a", NOW), ("b", None)]
    for minutes, kept in ((5, 0), (11, 11), (3, 11)):
        async with world.store.transaction() as conn:
            await note_use(conn, {"a": NOW + timedelta(minutes=minutes)})
        assert (await world.get("a")).last_used_at == NOW + timedelta(minutes=kept)


def test_the_role_of_a_day() -> None:
    """A secondment goes before a lasting role while it lasts; of two lasting ones the later counts."""
    base = RoleRow(date(2026, 1, 1), None, "a", "H99.1")
    rows = [
        RoleRow(date(2026, 1, 1), None, "b", "H99.1"),
        RoleRow(date(2026, 3, 1), date(2026, 3, 31), "c", "H99.2"),
        RoleRow(date(2026, 3, 15), None, "d", "H99.3"),
    ]
    found = {day: role_on(day, rows, base).role for day in (date(2026, 2, 1), date(2026, 3, 20), date(2026, 4, 1))}
    assert list(found.values()) == ["b", "c", "d"]


async def test_officers_for_the_watch(world: RegisterWorld, accounts: AccountDirectory) -> None:
    """Who, where at home, on duty when; the scope of a seconded officer has the other unit for as long."""
    await world.declare("waiting")
    await world.granted(officer={"household_id": "HK-1", "home_commune": "00070", "home_hamlet": 3})
    await world.requests.set_roster(
        ACCOUNT, Roster(since=NOW.date(), until=NOW.date(), days=(NOW.date(),)), world.dossier_system
    )
    (one,) = await officers_for_watch(world.store, now=NOW)
    assert (one.account_id, one.own_subject_id, one.household_id) == (ACCOUNT, NUMBER, "HK-1")
    assert (one.home_commune, one.home_hamlet, one.duty_dates) == ("00070", 3, {NOW.date()})
    assert (one.officer_role, one.role_change, one.account_created) == ("one_stop", None, NOW.date())
    world.clock.pass_days(1)
    await world.declare(role="land", request={"document_number": "13/CV"})
    await world.approve()
    (one,) = await officers_for_watch(world.store, [ACCOUNT], now=world.clock.now)
    assert (one.officer_role, one.role_change) == ("one_stop", (date(2026, 10, 9), "land"))
    away = Secondment(since=date(2026, 10, 10), until=date(2026, 10, 11), role="land", unit_code="H99.13")
    asked = SecondmentRequest.model_validate({**away.model_dump(), "request": declared().request})
    await world.requests.second(ACCOUNT, asked, world.dossier_system)
    await world.approve()
    for days, units in ((0, ("H99.12",)), (1, ("H99.12", "H99.13")), (2, ("H99.12",))):
        world.clock.pass_days(days)
        assert (await _get(accounts)).scope.units == units
    (one,) = await officers_for_watch(world.store, now=world.clock.now - timedelta(days=2))
    assert (one.unit_code, one.officer_role, one.role_change) == ("H99.13", "land", None)


async def _get(accounts: AccountDirectory) -> Account:
    found = await accounts.get(ACCOUNT)
    assert found is not None
    return found
