"""The database, a road to it and our side of it, on loopback; all data is invented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.business_registry.register import BusinessRegistry
from adapters.business_registry.settings import RegistrySettings
from adapters.business_registry.simulator.sandbox import play
from contracts.conformance import MemorySessions, Stage
from contracts.conformance.safety import assert_safe as assert_safe_error
from contracts.errors import LienThongError
from contracts.population import Asker
from contracts.ports import AdapterContext, PlayedPartner, SandboxContext

CONNECTION = "dang-ky-doanh-nghiep"
SECRET = "not-a-real-one"
CODE = "9999999997"
WITH_ZERO = "0999999990"
NATIONAL: dict[str, Any] = {}
PROVINCE: dict[str, Any] = {
    "dialect": "province",
    "path": "apiDKKD/DoanhNghiep/chiTietDoanhNghiep",
    "facade": {},
}
DIALECTS = {"national": NATIONAL, "province": PROVINCE}
ASKER = Asker(
    lookup_id="01999999-0000-7000-8000-000000000001",
    account_id="canbo01",
    officer_number="099088000456",
    officer_code="CB0001",
    unit_code="H99.12",
    procedure_code="1.000001.H99",
    dossier_code="H99.12-261008-0001",
)
PERSONAL = ("099199000123", "99088000456", ASKER.officer_number, "Trần Thị Mẫu", "Lê Văn Thử", SECRET)


def settings(**changes: Any) -> RegistrySettings:
    """Return the settings of a connection; ``changes`` are put above."""
    lgsp = {"base_url": "http://127.0.0.1:9", "consumer_key": "ck", "consumer_secret": SECRET}
    road = {} if changes.keys() & {"lgsp", "forward", "facade"} else {"lgsp": lgsp}
    return RegistrySettings.model_validate(road | changes)


@dataclass
class World:
    """A played database and a connection to it."""

    played: PlayedPartner
    connection: BusinessRegistry
    drift: list[tuple[str, str]]

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the control plane."""
        return await Stage.ask(self.played.control, method, path, body)

    async def calls(self) -> dict[str, int]:
        """Return how many calls each service has answered."""
        _, state = await self.control("GET", "/state")
        return {one["service"]: one["calls"] for one in state["counts"]}


@asynccontextmanager
async def world(**configured: Any) -> AsyncIterator[World]:
    """Open a database in the sandbox and a connection made of the settings it hands out."""
    async with play(SandboxContext(connection_id=CONNECTION, configured=configured, secret=SECRET)) as played:
        drift: list[tuple[str, str]] = []
        context = AdapterContext(
            connection_id=CONNECTION,
            sessions=MemorySessions(),
            report_drift=lambda message, name: drift.append((message, name)),
            now=lambda: datetime.now(UTC),
        )
        assert isinstance(played.settings, RegistrySettings)
        connection = BusinessRegistry(context, played.settings)
        try:
            yield World(played, connection, drift)
        finally:
            await connection.aclose()


def assert_safe(error: LienThongError) -> None:
    """Fail if an error says anything of a citizen or a secret, in whatever way it may come to be printed."""
    assert_safe_error(error, connection=CONNECTION, operation="find_enterprise", forbidden=PERSONAL)
