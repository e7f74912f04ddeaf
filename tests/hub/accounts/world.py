"""A register with the people around it: the dossier system, the police, the office, and officers who are invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from contracts.accounts import AccountDeclaration, Decision, Measure
from hub.access import clients
from hub.access.scopes import Scope
from hub.accounts.decisions import AccountDecisions
from hub.accounts.frame import Caller
from hub.accounts.measures import AccountMeasures
from hub.accounts.reading import AccountReader
from hub.accounts.requests import AccountRequests, Outcome
from hub.accounts.settings import AccountSettings
from hub.accounts.views import AccountDetail
from hub.profiles.profile import Profile, load_profile
from hub.store.engine import Store

NOW = datetime(2026, 10, 8, 3, 0, tzinfo=UTC)
"""Thursday, 10 o'clock in Vietnam."""
TODAY = date(2026, 10, 8)
ACCOUNT = "h99-can-bo-01"
NUMBER = "099199000123"
NAME = "Nguyễn Văn Thử"


def declaration(**changes: Any) -> dict[str, Any]:
    """An account as a dossier system declares it; ``officer``, ``scope`` and ``request`` are changed within."""
    body: dict[str, Any] = {
        "officer": {"full_name": NAME, "number": NUMBER, "code": "CB-0001", "phone": "0912 345 678"},
        "unit_code": "H99.12",
        "role": "one_stop",
        "purpose": "Tiếp nhận hồ sơ tại bộ phận một cửa",
        "scope": {
            "units": ["H99.12"],
            "operations": ["find_citizen", "confirm"],
            "data_groups": ["identity", "residence"],
        },
        "valid_from": "2026-01-01",
        "request": {"person": "Trần Thị Đề Nghị", "reason": "Cán bộ mới", "document_number": "12/CV-UBND"},
    }
    for name in ("officer", "scope", "request"):
        body[name] |= changes.pop(name, {})
    return body | changes


def declared(**changes: Any) -> AccountDeclaration:
    """The same as a model."""
    return AccountDeclaration.model_validate_json(orjson.dumps(declaration(**changes)))


def decision(number: int = 1, **changes: Any) -> Decision:
    """The answer of the other party."""
    said = {"person": "Lê Văn Duyệt", "reason": "Đúng quy định", "document_number": "34/PC06"} | changes
    return Decision.model_validate({"request_number": number, **said})


def measure(**changes: Any) -> Measure:
    """What takes an account out of use."""
    return Measure.model_validate(
        {"person": "Phạm Văn Quản", "reason": "Nghỉ thai sản", "document_number": "56/QĐ"} | changes
    )


@dataclass
class Clock:
    """Time that only a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the moment it is."""
        return self.now

    def pass_days(self, days: float) -> None:
        """Let days pass."""
        self.now += timedelta(days=days)


@dataclass
class RegisterWorld:
    """The register under a profile, and who acts on it."""

    store: Store
    profile: Profile
    dossier_system: Caller
    police: Caller
    office: Caller
    manager: Caller
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        settings = AccountSettings()
        self.requests = AccountRequests(self.store, self.profile, settings, now=self.clock)
        self.decisions = AccountDecisions(self.store, self.profile, settings, now=self.clock)
        self.measures = AccountMeasures(self.store, self.profile, settings, now=self.clock)
        self.reader = AccountReader(self.store, self.profile, now=self.clock)

    @property
    def approver(self) -> Caller:
        """The party that approves under this profile."""
        return self.police if self.profile.account_approved_by == "police" else self.office

    async def declare(self, account_id: str = ACCOUNT, **changes: Any) -> Outcome:
        """Declare an account as the dossier system does."""
        return await self.requests.declare(account_id, declared(**changes), self.dossier_system)

    async def approve(self, account_id: str = ACCOUNT, **changes: Any) -> None:
        """Approve what waits, as the other party."""
        waiting = (await self.get(account_id)).pending
        number = 1 if waiting is None else waiting.number
        await self.decisions.approve(account_id, decision(number, **changes), self.approver)

    async def granted(self, account_id: str = ACCOUNT, **changes: Any) -> None:
        """Declare and approve an account."""
        await self.declare(account_id, **changes)
        await self.approve(account_id)

    async def get(self, account_id: str = ACCOUNT) -> AccountDetail:
        """Read an account."""
        return await self.reader.get(account_id, Caller("reader"))

    async def rows(self, query: Any, *values: Any) -> list[Any]:
        """Read from the database."""
        async with self.store.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()


async def register_world(store: Store, profile: str = "default", **values: Any) -> RegisterWorld:
    """Make the clients and the register of a province."""

    async def caller(name: str, *scopes: Scope, agencies: tuple[str, ...] = ()) -> Caller:
        made = await clients.add(store, name=name, scopes=scopes, agencies=agencies)
        return Caller(made.client_id, agencies)

    return RegisterWorld(
        store=store,
        profile=load_profile(profile).model_copy(update=values),
        dossier_system=await caller("Một cửa", Scope.ACCOUNTS_REQUEST, Scope.ACCOUNTS_READ, agencies=("H99",)),
        police=await caller("Công an tỉnh", Scope.ACCOUNTS_APPROVE_POLICE, Scope.ACCOUNTS_MANAGE),
        office=await caller("Văn phòng UBND", Scope.ACCOUNTS_APPROVE_OFFICE),
        manager=await caller("Quản lý tài khoản", Scope.ACCOUNTS_MANAGE),
    )
