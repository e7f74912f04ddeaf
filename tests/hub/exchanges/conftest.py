"""Fixtures: an intake and a runner on one database, against a partner in memory."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.dossier import Agency, Channel, DossierFacts, Handler, Procedure
from contracts.errors import Sentence
from contracts.events import Event, StepEntry
from contracts.people import PersonalNumberIdentifier, PersonApplicant
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.decisions import Caller
from hub.dossiers.delivery import DossierReader, SnapshotCourier, StepCourier
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.dossiers.views import Receipt
from hub.exchanges.attempt import RunnerOptions
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.runner import ConnectionRunner
from hub.exchanges.service import ConnectionInfo, ConnectionService, ExchangeService
from hub.settings import DeliverySettings
from hub.store.engine import Store
from hub.web.idempotency import IdempotencyClaim
from tests.hub.exchanges.fakes import FakePortal

PORTAL = "national_portal"
CALLER = Caller("test-client", ("H99",))
OFFICER = Handler(name="Lê Văn Thử", title="Chuyên viên", department="Phòng Mẫu")
PROCEDURE = Procedure(code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Lĩnh vực mẫu")


def facts(**changes: Any) -> DossierFacts:
    """A plain valid declaration, accepted yesterday."""
    base = {
        "procedure": PROCEDURE,
        "agency": Agency(code="H99.12", name="UBND phường Mẫu"),
        "processing_unit": "UBND phường Mẫu",
        "applicant": PersonApplicant(
            name="Trần Thị Mẫu", identifiers=(PersonalNumberIdentifier(value="099199000123"),)
        ),
        "channel": Channel.ONLINE,
        "submitted_at": yesterday(),
        "received_at": yesterday(1),
        "due_at": yesterday() + timedelta(days=7),
    }
    return DossierFacts(**(base | changes))


_YESTERDAY = (datetime.now(UTC) - timedelta(hours=20)).replace(microsecond=0)
"""Read once: a declaration made twice must be the same, also when a second passes between."""


def yesterday(hours: float = 0) -> datetime:
    """A moment some hours into yesterday, so that a test day never lies in the future."""
    return _YESTERDAY + timedelta(hours=hours)


def step(
    state: DossierState = DossierState.IN_PROCESS, minutes: int = 0, content: str = "Thẩm định hồ sơ"
) -> StepEntry:
    """A step some minutes after acceptance."""
    return StepEntry(
        state=state, handler=OFFICER, content=content, occurred_at=yesterday(1) + timedelta(minutes=minutes + 1)
    )


class World:
    """The hub's delivery side on one database: intake, services, a partner, and as many workers as wanted."""

    def __init__(self, store: Store, portal: FakePortal, *, intake: DossierIntake, delivery: DeliverySettings) -> None:
        self.store = store
        self.portal = portal
        self.intake = intake
        self.delivery = delivery
        info = ConnectionInfo(
            PORTAL, "fake", Sentence("Portal", "Cổng"), {o.name: o.repeat for o in portal.operations.values()}
        )
        self.exchanges = ExchangeService(store, [info])
        self.connections = ConnectionService(store, [info])

    async def put(self, code: str, **changes: Any) -> Receipt:
        return await self.intake.put(code=code, facts=facts(**changes), caller=CALLER)

    async def record(self, code: str, event: Event) -> Receipt:
        claim = IdempotencyClaim(CALLER.client_id, uuid.uuid4().hex, uuid.uuid4().bytes)
        return (await self.intake.record(code=code, event=event, caller=CALLER, claim=claim)).receipt

    def runner(self, *, name: str = "worker-1", lease: float = 30.0) -> ConnectionRunner:
        reader = DossierReader(self.store.sealer)
        return ConnectionRunner(
            self.store,
            PORTAL,
            {
                "push_dossier": SnapshotCourier(self.portal, reader),
                "push_step": StepCourier(self.portal, reader),
            },
            self.delivery,
            options=RunnerOptions(
                worker=name, lease=timedelta(seconds=lease), claim_batch=64, poll_seconds=0.05, dice=random.Random(7)
            ),
            facts=ConnectionFacts(PORTAL),
        )

    @contextlib.asynccontextmanager
    async def working(self, **options: Any) -> AsyncIterator[ConnectionRunner]:
        """Run a worker for the length of the block; it stops cleanly at its end."""
        runner = self.runner(**options)
        task = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            runner.stop()
            await asyncio.wait_for(task, 60)

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
        """Wait for something the worker will do."""
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.02)

    async def settled(self) -> bool:
        """Whether no exchange is open."""
        return await self.scalar("SELECT count(*) FROM exchanges WHERE ended_at IS NULL") == 0

    async def scalar(self, query: str, *values: Any) -> Any:
        async with self.store.transaction() as conn:
            row = await (await conn.execute(query, values or None)).fetchone()
        assert row is not None
        return row[0]

    async def states(self) -> dict[str, int]:
        """How many exchanges stand in which state."""
        async with self.store.transaction() as conn:
            rows = await (await conn.execute("SELECT state, count(*) FROM exchanges GROUP BY state")).fetchall()
        return dict(rows)


@pytest.fixture
def delivery() -> DeliverySettings:
    """Delivery that retries at once, so that tests do not wait."""
    return DeliverySettings(
        first_delay_seconds=0.02,
        max_delay_seconds=0.05,
        retry_budget_ratio=10,
        retry_budget_floor_per_second=1000,
        breaker_failures=1000,
        settle_delay_seconds=0.02,
    )


@pytest.fixture
def portal() -> FakePortal:
    """A partner that takes everything."""
    return FakePortal()


@pytest.fixture
async def world(store: Store, portal: FakePortal, delivery: DeliverySettings) -> AsyncIterator[World]:
    """Everything together, with one known procedure."""
    await save_procedures(store, "test", [PROCEDURE])
    intake = DossierIntake(store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store))
    world = World(store, portal, intake=intake, delivery=delivery)
    await world.connections.register()
    yield world
    await intake.aclose()
