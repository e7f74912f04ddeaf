"""``reconcile``: a clerk compares thousands of delivered dossiers with the simulator, at its rate and in flat memory.

``reconcile, rate`` is the questions a second of the whole run against the configured rate: never more.
``reconcile, memory`` is the resident size of the clerk at the end against that after the first tenth.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from adapters.national_portal import ADAPTER
from benchmarks.deployment import CONNECTION, Deployment, code_prefix, deployment, sample_body
from benchmarks.drain import simulator
from benchmarks.processes import Child
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from contracts.calendar import VIETNAM
from contracts.dossier import DossierFacts
from contracts.rules import DossierRules
from hub.dossiers.decisions import Caller
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.exchanges.service import ConnectionInfo, ConnectionService
from hub.reconciliation.classify import Outcome
from hub.reconciliation.service import Reconcilable, ReconciliationService
from hub.reconciliation.views import RunView

RATE_BAR = 1.0
MEMORY_BAR = 1.2
_CALLER = Caller("benchmark", ("H99",))
_LOOK_SECONDS = 0.02


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure."""
    reconciliation = {"rate_per_second": sizes.reconcile_rate, "in_flight": 16, "enabled": False}
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(simulator())
        made = await stack.enter_async_context(
            deployment(portal_url=f"http://127.0.0.1:{port}", reconciliation=reconciliation)
        )
        facts = DossierFacts.model_validate_json(sample_body())
        await _deliver(made, facts, sizes.reconcile_dossiers)
        clerk = await stack.enter_async_context(Child("clerk_process", {}, made.directory))
        service = ReconciliationService(made.store, [Reconcilable(CONNECTION, sizes.reconcile_rate, None)])
        received = facts.received_at or facts.submitted_at
        day = received.astimezone(VIETNAM).date()
        began = time.perf_counter()
        run = await service.start(actor="benchmark", from_day=day, to_day=day + timedelta(days=1))
        await _until(service, run, lambda view: view.examined >= sizes.reconcile_dossiers // 10)
        few = clerk.resident_bytes()
        ended = await _until(service, run, lambda view: view.ended_at is not None)
        seconds = time.perf_counter() - began
        after = clerk.resident_bytes()
    if ended.counts[Outcome.SAME] != sizes.reconcile_dossiers:
        raise RuntimeError(f"{ended.counts} instead of {sizes.reconcile_dossiers} the same")
    rate = (ended.asked - 1) / seconds
    return [
        Measurement.cost("reconcile, rate", rate, sizes.reconcile_rate, unit="questions/s", bar=RATE_BAR),
        Measurement.cost("reconcile, memory", after / 2**20, few / 2**20, unit="MiB", bar=MEMORY_BAR),
    ]


async def _deliver(made: Deployment, facts: DossierFacts, dossiers: int) -> None:
    """Declare that many dossiers, and let a worker bring them to the portal."""
    info = ConnectionInfo(CONNECTION, ADAPTER.name, ADAPTER.title, {})
    await ConnectionService(made.store, [info]).register()
    intake = DossierIntake(
        made.store, publishers=[CONNECTION], rules=DossierRules(), procedures=ProcedureIndex(made.store)
    )
    waiting = iter(range(dossiers))

    async def declare() -> None:
        for number in waiting:
            await intake.put(code=f"{code_prefix()}{number:07d}", facts=facts, caller=_CALLER)

    await asyncio.gather(*(declare() for _ in range(128)))
    await intake.aclose()
    async with Child("worker_process", {}, made.directory):
        while await _open(made):
            await asyncio.sleep(0.05)


async def _open(made: Deployment) -> bool:
    async with made.store.transaction() as conn:
        cursor = await conn.execute("SELECT EXISTS (SELECT FROM lanes WHERE open_count > 0)")
        row = await cursor.fetchone()
    return bool(row and row[0])


async def _until(service: ReconciliationService, run: RunView, condition: Any) -> RunView:
    while not condition(run):
        await asyncio.sleep(_LOOK_SECONDS)
        run = await service.get(run.id)
    return run
