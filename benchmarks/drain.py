"""``drain`` and ``memory``: the workers of one machine empty a backlog of portal exchanges.

The backlog is what an outage leaves behind: dossiers with their first snapshot, three steps and the snapshot
after them, which is five exchanges each. The reference posts the same messages to the same simulator with a
bare aiohttp client, one message a body, 16 in flight: a ``DongBoHoSoMC`` with one dossier for each snapshot, a
``CapNhatTienDoHoSoMC`` with one step for each step. It keeps no record, asks nothing first and retries nothing.

``drain`` is the hub as ``lienthong up`` runs it: a worker process for each core, each carrying several dossiers, or
several steps, in one call. ``drain, one worker`` is the same with a single process, and ``drain, one a call`` has
the sharing of calls switched off too. The rounds of both sides are run in turn.

``memory`` is the resident size of that single worker after all exchanges against that after the first thousand.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from adapters.national_portal import ADAPTER, mapping
from adapters.national_portal.settings import NationalPortalSettings
from benchmarks.deployment import (
    CONNECTION,
    DSTCODE,
    PASSWORD,
    USERNAME,
    Deployment,
    code_prefix,
    deployment,
    sample_body,
)
from benchmarks.processes import Child, run_child
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from contracts.dossier import DossierFacts, Handler
from contracts.events import StepEntry
from contracts.history import accept, declare
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.decisions import Caller
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.exchanges.service import ConnectionInfo, ConnectionService
from hub.running.up import worker_processes
from hub.settings import Settings
from hub.web.idempotency import IdempotencyClaim

STEPS = 3
PER_DOSSIER = STEPS + 2
"""Exchanges a dossier leaves behind: its first snapshot, its steps, and the snapshot after them."""

IN_FLIGHT = 16
_CALLER = Caller("benchmark", ("H99",))
_OFFICER = Handler(name="Lê Văn Thử", title="Chuyên viên", department="Phòng Mẫu")
_PORTAL = {"username": USERNAME, "password": PASSWORD, "madonvi": "000.00.00.H99"}
_SINGLE = {"dossiers_per_call": 1, "steps_per_call": 1}
DRAIN_BAR = 0.5
MEMORY_BAR = 1.2


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure both ways of carrying, and memory on the way."""
    workers = worker_processes(Settings())
    whole, _ = await _measure(sizes, {}, sizes.drain_exchanges, workers)
    alone, (after_all, after_few) = await _measure(sizes, {}, sizes.drain_exchanges, 1)
    single, _ = await _measure(sizes, _SINGLE, sizes.drain_single_exchanges, 1)
    return [
        Measurement.rate("drain", *whole, unit="exchanges/s", bar=DRAIN_BAR),
        Measurement.rate("drain, one worker", *alone, unit="exchanges/s", bar=None),
        Measurement.rate("drain, one a call", *single, unit="exchanges/s", bar=None),
        Measurement.cost("memory", after_all / 2**20, after_few / 2**20, unit="MiB", bar=MEMORY_BAR),
    ]


async def _measure(
    sizes: Sizes, extra: dict[str, Any], exchanges: int, workers: int
) -> tuple[tuple[list[float], list[float]], tuple[int, int]]:
    rounds = sizes.drain_rounds
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(simulator())
        made = await stack.enter_async_context(deployment(portal_url=f"http://127.0.0.1:{port}", portal_settings=extra))
        backlog = await _Backlog.begin(made)
        running = [await stack.enter_async_context(Child("worker_process", {}, made.directory)) for _ in range(workers)]
        await backlog.seed(sizes.memory_few // PER_DOSSIER)
        await backlog.drained()
        few = running[0].resident_bytes()
        ours: list[float] = []
        reference: list[float] = []
        each = exchanges // rounds // PER_DOSSIER
        for number in range(rounds):
            await backlog.seed(each)
            seconds = await backlog.drained()
            ours.append(each * PER_DOSSIER / seconds)
            reference.append(await _bare(made, port, number, each))
        return (ours, reference), (running[0].resident_bytes(), few)


@asynccontextmanager
async def simulator() -> AsyncGenerator[int]:
    """Run the simulated portal and lend its port."""
    with tempfile.TemporaryDirectory(prefix="lienthong-bench-") as name:
        directory = Path(name)
        settings = {**_PORTAL, "forward": {"adapter_url": "http://127.0.0.1:9/x", "dstcode": DSTCODE}}
        async with Child("portal_simulator", {"settings": settings}, directory) as child:
            yield int(child.ready["port"])


@dataclass(slots=True)
class _Backlog:
    """Fills the outbox while the connection is paused, and says how long emptying it takes."""

    made: Deployment
    intake: DossierIntake
    connections: ConnectionService
    facts: DossierFacts
    made_so_far: int = 0

    @classmethod
    async def begin(cls, made: Deployment) -> _Backlog:
        info = ConnectionInfo(CONNECTION, ADAPTER.name, ADAPTER.title, {})
        intake = DossierIntake(
            made.store, publishers=[CONNECTION], rules=DossierRules(), procedures=ProcedureIndex(made.store)
        )
        backlog = cls(
            made,
            intake,
            ConnectionService(made.store, [info]),
            DossierFacts.model_validate_json(sample_body()),
        )
        await backlog.connections.register()
        return backlog

    async def seed(self, dossiers: int) -> None:
        """Accept that many dossiers with their steps, with the connection paused."""
        await self.connections.pause(CONNECTION, actor="benchmark", reason="seeding")
        waiting = iter(range(self.made_so_far, self.made_so_far + dossiers))
        self.made_so_far += dossiers
        await asyncio.gather(*(self._accept(waiting) for _ in range(128)))

    async def _accept(self, waiting: Any) -> None:
        for number in waiting:
            code = f"{code_prefix()}{number:07d}"
            await self.intake.put(code=code, facts=self.facts, caller=_CALLER)
            for step in steps_after(self.facts):
                claim = IdempotencyClaim(_CALLER.client_id, uuid.uuid4().hex, uuid.uuid4().bytes)
                await self.intake.record(code=code, event=step, caller=_CALLER, claim=claim)

    async def drained(self) -> float:
        """Let the worker run and return the seconds until nothing is open."""
        async with self.made.store.transaction() as conn:
            await conn.execute("ANALYZE lanes, exchanges, dossier_events")
        began = time.perf_counter()
        await self.connections.resume(CONNECTION, actor="benchmark")
        while await self._open():
            await asyncio.sleep(0.05)
        seconds = time.perf_counter() - began
        await self._require_delivered()
        return seconds

    async def _require_delivered(self) -> None:
        """Make sure that nothing was refused or held: a lane that rests is not a lane that was emptied."""
        async with self.made.store.transaction() as conn:
            cursor = await conn.execute("SELECT count(*) FROM exchanges WHERE state = 'delivered'")
            row = await cursor.fetchone()
        expected = self.made_so_far * PER_DOSSIER
        if row is None or row[0] != expected:
            raise RuntimeError(f"{row and row[0]} exchanges were delivered instead of {expected}")

    async def _open(self) -> bool:
        async with self.made.store.transaction() as conn:
            cursor = await conn.execute("SELECT EXISTS (SELECT 1 FROM lanes WHERE due_at IS NOT NULL)")
            row = await cursor.fetchone()
        return bool(row and row[0])


def steps_after(facts: DossierFacts) -> Sequence[StepEntry]:
    """Return the steps of a sample dossier: accepted if it is not, then in process."""
    at = (facts.received_at or facts.submitted_at) + timedelta(minutes=1)
    first = DossierState.IN_PROCESS if facts.received_at is not None else DossierState.ACCEPTED
    return [
        StepEntry(
            state=first if number == 0 else DossierState.IN_PROCESS,
            handler=_OFFICER,
            content=f"Thẩm định hồ sơ, lần {number + 1}",
            occurred_at=at + timedelta(minutes=number),
        )
        for number in range(STEPS)
    ]


async def _bare(made: Deployment, port: int, number: int, dossiers: int) -> float:
    """Post the messages of that many dossiers one by one; return messages a second."""
    bodies = made.directory / "bodies.jsonl"
    _write_bodies(bodies, start=5_000_000 + number * dossiers, dossiers=dossiers)
    said = await run_child(
        "bare_client",
        {
            "port": port,
            "dstcode": DSTCODE,
            "login": {"username": USERNAME, "password": PASSWORD},
            "in_flight": IN_FLIGHT,
            "bodies": str(bodies),
        },
        made.directory,
        seconds=600,
    )
    bodies.unlink()
    return float(said["answers"]) / float(said["seconds"])


def _write_bodies(path: Path, *, start: int, dossiers: int) -> None:
    settings = NationalPortalSettings.model_validate(
        {
            **_PORTAL,
            "forward": {"adapter_url": "http://127.0.0.1:9/x", "dstcode": DSTCODE, "file_hosts": ["tep.h99.example"]},
        },
        strict=False,
    )
    vocabulary = settings.vocabulary()
    facts = DossierFacts.model_validate_json(sample_body())
    rules = DossierRules()
    recorded_at = facts.submitted_at + timedelta(hours=20)
    first = declare(f"{code_prefix()}0000000", facts, recorded_at=recorded_at, rules=rules)
    last = first
    for step in steps_after(facts):
        last = accept(last, step, recorded_at=recorded_at, rules=rules)
    with path.open("w", encoding="utf-8") as file:
        # All of one kind are answered before the next begins: no step overtakes its dossier in the calls under way.
        for updating, dossier in (("False", first), ("steps", last), ("True", last)):
            for sequence in range(start, start + dossiers):
                code = f"{code_prefix()}{sequence:07d}"
                if updating == "steps":
                    for one in last.steps:
                        _line(file, "CapNhatTienDoHoSoMC", {"data": [mapping.step_to_wire(code, one)]})
                    continue
                body = mapping.dossier_to_wire(
                    dossier.model_copy(update={"code": code}), vocabulary, lambda url, _path: url
                )
                _line(file, "DongBoHoSoMC", {"isUpdating": updating, "data": [body]})
            file.write("\n")


def _line(file: Any, service: str, fields: dict[str, Any]) -> None:
    envelope = {"session": "@SESSION@", "madonvi": _PORTAL["madonvi"], "service": service, **fields}
    file.write(orjson.dumps(envelope).decode() + "\n")
