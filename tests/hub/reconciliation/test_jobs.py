"""The clerk: asks once a night, makes up for a missed night, and carries out what others asked for."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, date, datetime, time, timedelta

import pytest

from hub.reconciliation.classify import Outcome
from hub.reconciliation.jobs import ReconciliationJob
from hub.reconciliation.views import RunState
from tests.hub.reconciliation.conftest import DAY, Scene

NIGHT = datetime(2025, 10, 8, 18, 30, tzinfo=UTC)
"""Half past one of 9 October in Vietnam."""


async def test_each_night_is_asked_for_once(scene: Scene) -> None:
    """Before its time nothing, at its time one run over the days before, afterwards nothing until the next night."""
    job = ReconciliationJob(scene.hub.store, scene.service, [scene.reconciler], nightly=time(1, 30))
    assert not await job.ask_if_due(scene.reconciler, NIGHT), "a hub without dossiers has nothing to compare"
    await scene.declare([1])
    async with scene.hub.store.transaction() as conn:
        await conn.execute("UPDATE dossiers SET recorded_at = %s", (NIGHT - timedelta(hours=10),))
    await scene.deliver()
    assert not await job.ask_if_due(scene.reconciler, NIGHT - timedelta(seconds=1))
    assert await job.ask_if_due(scene.reconciler, NIGHT + timedelta(hours=5)), "a missed night is made up for"
    assert not await job.ask_if_due(scene.reconciler, NIGHT + timedelta(hours=6)), "one is open"
    assert await scene.reconciler.work()
    (run,) = (await scene.service.list()).items
    assert (run.origin, run.requested_by) == ("nightly", "clerk")
    assert (run.from_day, run.to_day) == (date(2025, 9, 4), DAY)
    assert run.counts[Outcome.SAME] == 1
    assert not await job.ask_if_due(scene.reconciler, NIGHT + timedelta(hours=7))
    assert await job.ask_if_due(scene.reconciler, NIGHT + timedelta(days=1))


@pytest.mark.slow
async def test_a_request_wakes_the_clerk(scene: Scene) -> None:
    """What the API asks for is begun at once, not at the next look."""
    await scene.declare([1])
    await scene.deliver()
    job = ReconciliationJob(scene.hub.store, scene.service, [scene.reconciler], nightly=time(1, 30))
    working = asyncio.create_task(job.run())
    try:
        run = await scene.service.start(actor="test", from_day=DAY, to_day=DAY)

        async def ended() -> bool:
            return (await scene.service.get(run.id)).state is RunState.COMPLETED

        await scene.hub.until(ended)
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
