"""What the register of accounts adds to each process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence

from hub.access.guard import Guard
from hub.accounts import addresses
from hub.accounts.api import AccountApi
from hub.accounts.directory import AccountDirectory
from hub.accounts.dormancy import AccountUpkeep
from hub.clerk import Job
from hub.profiles.values import ProfileValues
from hub.settings import Settings
from hub.store.engine import Store
from hub.web.resources import Resource


@contextlib.asynccontextmanager
async def directory(store: Store) -> AsyncGenerator[AccountDirectory]:
    """Lend the accounts as the gate sees them; one for each process."""
    accounts = AccountDirectory(store)
    try:
        yield accounts
    finally:
        await accounts.aclose()


def jobs(settings: Settings, store: Store, profile: ProfileValues) -> list[Job]:
    """Return what the clerk does for accounts."""
    return [Job("accounts", AccountUpkeep(store, profile, settings.accounts).run)]


def resources(settings: Settings, store: Store, guard: Guard, profile: ProfileValues) -> Sequence[Resource]:
    """Return the addresses of accounts; which scope an approval needs is the profile's."""
    return addresses.resources(AccountApi(store, profile, settings), guard)
