"""Workers killed at any instruction, under load: nothing lost, nothing doubled, every lane in order.

Real processes, a real database, the real adapter, and the portal's simulator behind its forward path.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.national_portal import ADAPTER
from adapters.national_portal.simulator import SimulatorApp
from adapters.transport.simulation.faults import FaultKind, FaultPlan
from adapters.transport.simulation.forward import ForwardSimulator
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.server import AsgiServer
from contracts.ports import SimulatorContext
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.settings import DeliverySettings, Settings
from hub.store.engine import Store
from tests.hub.exchanges.conftest import PORTAL, PROCEDURE, World, step
from tests.hub.exchanges.fakes import FakePortal

KILLS = 50
WORKERS = 2
BACKLOG = 300
"""Open exchanges above which nothing new is accepted for a while."""

_OPEN = "SELECT count(*) FROM exchanges WHERE ended_at IS NULL"
DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"


def portal_settings(port: int) -> dict[str, Any]:
    """The connection as configured for this test; deadlines are short so that leases may be."""
    return {
        "forward": {"adapter_url": f"http://127.0.0.1:{port}/XrdAdapter/RestService/forward", "dstcode": DSTCODE},
        "username": "000.00.00.H99",
        "password": "only-in-this-test",
        "madonvi": "000.00.00.H99",
        "lookup_steps_field": "DanhSachTienDo",
        "call_deadline_seconds": 2,
        "push_dossier_deadline_seconds": 4,
        "push_step_deadline_seconds": 4,
        "find_dossier_deadline_seconds": 4,
    }


class Workers:
    """Worker processes of the hub's own command, killed and started anew."""

    def __init__(self, settings: Settings, port: int, config: Path) -> None:
        config.write_text(_toml(port))
        assert settings.database_url is not None
        self._environment = {
            **os.environ,
            "LIENTHONG_CONFIG": str(config),
            "LIENTHONG_DATA_DIR": str(settings.data_dir),
            "LIENTHONG_DATABASE_URL": _plain(settings.database_url),
            "LIENTHONG_KEY_FILE": str(settings.key_file),
        }
        self.running: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        self.running.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hub.cli", "worker", env=self._environment, stdout=asyncio.subprocess.DEVNULL
            )
        )

    async def kill(self, victim: asyncio.subprocess.Process) -> None:
        self.running.remove(victim)
        assert victim.returncode is None, "a worker ended by itself"
        victim.kill()
        assert await victim.wait() == -signal.SIGKILL

    async def stop(self) -> None:
        for one in self.running:
            if one.returncode is None:
                one.terminate()
        for one in self.running:
            assert await asyncio.wait_for(one.wait(), 60) == 0, "a worker must stop cleanly on SIGTERM"


def _plain(secret: Any) -> str:
    return secret.get_secret_value() if hasattr(secret, "get_secret_value") else str(secret)


def _toml(port: int) -> str:
    lines = [
        "[worker]",
        "lease_seconds = 120",
        "poll_seconds = 0.2",
        f"[connections.{PORTAL}]",
        'adapter = "national_portal"',
        f"[connections.{PORTAL}.delivery]",
        "first_delay_seconds = 0.2",
        "max_delay_seconds = 1.0",
        "settle_delay_seconds = 0.3",
        "breaker_failures = 1000",
        "retry_budget_ratio = 10",
        "retry_budget_floor_per_second = 1000",
        "max_in_flight = 4",
        f"[connections.{PORTAL}.settings]",
    ]
    settings = portal_settings(port)
    forward = settings.pop("forward")
    lines += [f"{key} = {orjson.dumps(value).decode()}" for key, value in settings.items()]
    lines.append(f"[connections.{PORTAL}.settings.forward]")
    lines += [f"{key} = {orjson.dumps(value).decode()}" for key, value in forward.items()]
    return "\n".join(lines) + "\n"


class Load:
    """A dossier system that never stops: new dossiers, and steps of the ones before.

    It waits while much is open, or on a slow machine more would be left in the end than can be delivered in time.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.steps: dict[str, list[str]] = {}

    async def without_end(self) -> None:
        while True:
            # What has been begun is finished: the test must know what it asked for.
            self._begun = asyncio.create_task(self._more(5))
            await asyncio.shield(self._begun)
            await asyncio.sleep(0.1)
            while await self._world.scalar(_OPEN) > BACKLOG:
                await asyncio.sleep(0.1)

    async def finished(self) -> None:
        await self._begun

    async def _more(self, dossiers: int) -> None:
        codes = [f"H99.12-261008-{len(self.steps) + number + 1:04d}" for number in range(dossiers)]
        for code in codes:
            self.steps[code] = []
        await asyncio.gather(*(self._world.put(code) for code in codes))
        for number in range(3):
            await asyncio.gather(*(self._step(code, number) for code in codes))

    async def _step(self, code: str, number: int) -> None:
        content = f"Bước {number + 1} của {code}"
        self.steps[code].append(content)
        await self._world.record(code, step(DossierState.IN_PROCESS, minutes=number, content=content))


def _is_at_work(world: World, pid: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await world.scalar("SELECT count(*) FROM workers WHERE pid = %s", pid) == 1

    return check


@pytest.mark.slow
async def test_sigkill_loses_nothing_and_doubles_nothing(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50 kills under load, two workers: 0 lost, 0 doubled at the portal, lane order kept."""
    dice = random.Random(20261121)
    plan = FaultPlan(seed=7)
    await save_procedures(store, "test", [PROCEDURE])
    intake = DossierIntake(store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store))
    world = World(store, FakePortal(), intake=intake, delivery=DeliverySettings())
    await world.connections.register()
    load = Load(world)
    simulator: SimulatorApp = ADAPTER.simulator(SimulatorContext(settings=ADAPTER.settings(**portal_settings(1))))  # type: ignore[misc]
    async with (
        AsgiServer(ForwardSimulator({DSTCODE: simulator})) as server,
        FaultProxy(plan, PORTAL, server.host, server.port) as proxy,
    ):
        # Calls that take a while are what a kill can cut in two.
        plan.add(FaultKind.SLOW, connection=PORTAL, share=0.3, seconds=0.05)
        plan.add(FaultKind.RESET_AFTER, connection=PORTAL, share=0.05)
        plan.add(FaultKind.RESET_BEFORE, connection=PORTAL, share=0.05)
        workers = Workers(settings, proxy.port, tmp_path / "lienthong.toml")
        for _ in range(WORKERS):
            await workers.start()
        feeding = asyncio.create_task(load.without_end())
        for _ in range(KILLS):
            victim = workers.running[dice.randrange(WORKERS)]
            await world.until(_is_at_work(world, victim.pid), 120)
            await asyncio.sleep(dice.uniform(0, 0.3))
            await workers.kill(victim)
            await workers.start()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await load.finished()
        plan.clear()
        await world.until(world.settled, 120)
        for one in workers.running:
            # Before it is at work a process has no handler for the signal yet.
            await world.until(_is_at_work(world, one.pid), 120)
        await workers.stop()
        await intake.aclose()
        held = simulator.portal.dossiers
        lost_workers = await world.scalar("SELECT count(*) FROM attempts WHERE outcome = 'worker_lost'")
    assert lost_workers >= KILLS // 5, "too few kills struck a call: the test proves little"
    assert set(held) == set(load.steps), "a dossier was lost"
    for code, contents in load.steps.items():
        arrived = [orjson.loads(one)["NoiDungXuLy"] for one in held[code].steps]
        assert arrived == contents, "steps lost, doubled or out of order"
        assert held[code].creates == 1
        assert held[code].state == str(DossierState.IN_PROCESS.number)
