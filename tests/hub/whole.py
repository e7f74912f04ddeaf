"""The whole hub in one process: services, a worker, and a played partner on loopback; nothing is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString

from contracts.conformance import Stage
from contracts.dossier import DossierFacts
from contracts.events import Event
from contracts.ports import Adapter, PlayedPartner
from hub.app import Services, build_services, build_worker
from hub.dossiers.procedures import save_procedures
from hub.dossiers.views import Receipt
from hub.running import sandbox
from hub.settings import ConnectionSettings, Settings
from hub.web.idempotency import IdempotencyClaim
from tests.hub.exchanges.conftest import CALLER, PROCEDURE, facts

CONNECTION = "doi_tac"

QUICK = {
    "first_delay_seconds": 0.02,
    "max_delay_seconds": 0.05,
    "retry_budget_ratio": 10,
    "retry_budget_floor_per_second": 1000,
    "breaker_failures": 1000,
    "settle_delay_seconds": 0.02,
}
"""Delivery that retries at once."""


@dataclass
class WholeHub:
    """A hub at work and the partner it delivers to."""

    services: Services
    partner: PlayedPartner
    notes: dict[str, Any] = field(default_factory=dict)
    """What a test writes down on its way."""

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the partner's control plane."""
        return await Stage.ask(self.partner.control, method, path, body)

    async def put(self, code: str, **changes: Any) -> Receipt:
        """Hand in a declaration."""
        declared: DossierFacts = facts(**changes)
        return await self.services.intake.put(code=code, facts=declared, caller=CALLER)

    async def record(self, code: str, event: Event) -> Receipt:
        """Hand in a step."""
        claim = IdempotencyClaim(CALLER.client_id, uuid.uuid4().hex, uuid.uuid4().bytes)
        recorded = await self.services.intake.record(code=code, event=event, caller=CALLER, claim=claim)
        return recorded.receipt

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        async with self.services.store.transaction() as conn:
            return await (await conn.execute(query, values or None)).fetchall()

    async def execute(self, statements: LiteralString) -> None:
        """Execute statements that return nothing."""
        async with self.services.store.transaction() as conn:
            await conn.execute(statements)

    async def settled(self) -> bool:
        """Whether no exchange is open."""
        return (await self.rows("SELECT count(*) FROM exchanges WHERE ended_at IS NULL"))[0][0] == 0

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
        """Wait for something the worker will do."""
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def whole_hub(
    make_settings: Callable[..., Settings], adapter: Adapter, *, configured: dict[str, Any] | None = None
) -> AsyncIterator[WholeHub]:
    """Play the partner, open the hub with a connection to it, and run a worker for the length of the block."""
    part = sandbox.Part(CONNECTION, adapter, ConnectionSettings(adapter=adapter.name, settings=configured or {}))
    async with sandbox.play([part], secret="only-in-this-test", ports={}) as played:
        tables = sandbox.connection_tables(played, whole=True)
        tables[CONNECTION]["delivery"] = QUICK
        settings = make_settings(connections=tables)
        async with build_services(settings) as services, build_worker(settings) as working:
            await save_procedures(services.store, CONNECTION, [PROCEDURE])
            run = asyncio.create_task(working.worker.run())
            try:
                yield WholeHub(services, played[0].partner)
            finally:
                working.worker.stop()
                await asyncio.wait_for(run, 60)
