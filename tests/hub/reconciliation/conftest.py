"""A hub that has delivered to a real simulator, over a wire that can fail, and the comparison of the two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.national_portal.simulator.tampering import TamperRequest, tamper
from contracts.events import StepEntry
from contracts.ports import DossierPublisher
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.reconciliation.running import Reconciler, Waits
from hub.reconciliation.service import Reconcilable, ReconciliationService
from hub.reconciliation.settings import ReconciliationSettings
from hub.reconciliation.views import DifferenceView, RepairView, RunView
from hub.settings import DeliverySettings
from hub.store.engine import Store
from tests.adapters.national_portal import worlds
from tests.hub.exchanges.conftest import OFFICER, PORTAL, PROCEDURE, World, delivery

__all__ = ["delivery"]

RECEIVED = datetime(2025, 10, 8, 2, 0, tzinfo=UTC)
DAY = date(2025, 10, 8)
STEPS_FIELD = "TienDo"


def code(number: int) -> str:
    """A dossier code of the day."""
    return f"H99.12-251008-{number:04d}"


@dataclass
class Scene:
    """Both sides and what compares them."""

    hub: World
    portal: worlds.World
    service: ReconciliationService
    reconciler: Reconciler

    async def declare(self, numbers: Iterable[int], *, steps: int = 0, **changes: Any) -> None:
        """Declare dossiers received on the day, with some steps each."""
        for number in numbers:
            at = RECEIVED + timedelta(seconds=number)
            await self.hub.put(
                code(number),
                **{
                    "submitted_at": RECEIVED - timedelta(hours=1),
                    "received_at": at,
                    "due_at": RECEIVED + timedelta(days=5),
                    **changes,
                },
            )
            for step in range(steps):
                await self.step(number, step)

    async def step(self, number: int, index: int, state: DossierState = DossierState.IN_PROCESS) -> None:
        """Record one step."""
        event = StepEntry(
            state=state,
            handler=OFFICER,
            content=f"Thẩm định, lần {index}",
            occurred_at=RECEIVED + timedelta(hours=1 + index),
        )
        await self.hub.record(code(number), event)

    async def deliver(self) -> None:
        """Let a worker bring everything to its end."""
        async with self.hub.working(lease=60.0):
            await self.hub.until(self.hub.settled)

    def tamper(self, number: int, action: str, **wish: Any) -> None:
        """Change the portal's copy without telling anybody."""
        tamper(self.portal.app.portal, TamperRequest(code=code(number), action=action, **wish))  # type: ignore[arg-type]

    async def compare(self, **wish: Any) -> RunView:
        """Ask for a run and carry it out."""
        scope = {} if "codes" in wish else {"from_day": DAY, "to_day": DAY}
        run = await self.service.start(actor="test", **(scope | wish))
        assert await self.reconciler.work()
        return await self.service.get(run.id)

    async def found(self, run: RunView) -> dict[str, DifferenceView]:
        """Return what a run found, by code."""
        page = await self.service.differences(run.id, limit=500)
        return {one.code: one for one in page.items}

    async def repair(self, run: RunView) -> RepairView:
        """Preview, start and carry out a repair, up to the new exchanges."""
        preview = await self.service.preview(run.id, actor="test")
        started = await self.service.start_repair(run.id, preview.id, actor="test", reason="Cổng mất dữ liệu")
        assert await self.reconciler.work()
        return await self.service.repair(run.id, started.id)

    def questions(self) -> int:
        """How often the portal was asked for a dossier."""
        return sum(n for (service, _), n in self.portal.app.portal.counts.items() if service == "TraCuuHoSo")

    def another(self, **options: Any) -> Reconciler:
        """Another process's reconciler."""
        return reconciler_of(self.hub.store, self.portal.connection, self.hub.delivery, **options)


def reconciler_of(
    store: Store,
    publisher: DossierPublisher,
    delivery: DeliverySettings,
    *,
    chunk: int = 4,
    now: Callable[[], datetime] | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    **settings: Any,
) -> Reconciler:
    """A reconciler with small chunks that does not wait long."""
    options: dict[str, Any] = {"now": now} if now is not None else {}
    if sleep is not None:
        options["sleep"] = sleep
    made = Reconciler(
        store,
        PORTAL,
        publisher,
        ReconciliationSettings(**{"rate_per_second": 2000, **settings}),
        delivery,
        waits=Waits(first=0.01, longest=0.02),
        **options,
    )
    made.chunk_size = chunk
    return made


@pytest.fixture
def lookup() -> dict[str, Any]:
    """How the portal answers a look-up; tests may override it."""
    return {"lookup_steps_field": STEPS_FIELD, "sandbox": {"lookup_extent": "whole"}}


@pytest.fixture
async def scene(store: Store, delivery: DeliverySettings, lookup: dict[str, Any]) -> AsyncIterator[Scene]:
    """Both sides, empty."""
    quick = {
        "call_deadline_seconds": 10,
        "find_dossier_deadline_seconds": 10,
        "push_dossier_deadline_seconds": 10,
        "push_step_deadline_seconds": 10,
    }
    async with worlds.world(**lookup, **quick) as portal:
        await save_procedures(store, "test", [PROCEDURE])
        intake = DossierIntake(store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store))
        hub = World(store, portal.connection, intake=intake, delivery=delivery)  # type: ignore[arg-type]
        await hub.connections.register()
        service = ReconciliationService(store, [Reconcilable(PORTAL, 2.0, 10.0)])
        few_failures = delivery.model_copy(update={"breaker_failures": 5})
        yield Scene(hub, portal, service, reconciler_of(store, portal.connection, few_failures))
        await intake.aclose()
