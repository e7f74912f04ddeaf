"""``lookup`` and ``lookup-latency``: a whole look-up against a bare forwarder; and ``gate``, what the gate adds.

A look-up is what production does: token, account, dossier, gate with its counters on a real Redis, the row that says
what is asked durable in PostgreSQL, the call in SOAP, the comparison, the row that says how it ended durable, both
rows on their way into the ledger, the answer minimised. The forwarder is FastAPI with httpx as they come. Both ask the
same simulated population database, which runs in a process of its own and answers at once, and take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import redis.asyncio
from redis.exceptions import RedisError

from adapters.population_db import mapping, templates
from adapters.population_db.register import vocabulary
from adapters.population_db.settings import PopulationSettings
from benchmarks.deployment import AGENCY, Deployment, deployment
from benchmarks.processes import Child, run_child
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from contracts.population import Asker, BirthDate, CitizenQuestion, DataGroup, Extent
from hub.accounts.directory import account_context
from hub.accounts.records import unit_path
from hub.lookups.gate import Gate, GateRequest
from hub.lookups.settings import LookupSettings
from hub.store.engine import Store

THROUGHPUT_BAR = 2.0
LATENCY_BAR = 2.5
GATE_MS = 1.0
CONNECTIONS = 16

_UNIT = f"{AGENCY}.12"
_DOSSIER = f"{_UNIT}-261008-0001"
_ACCOUNT = "canbo-do"
_OFFICER = "099188000456"
_NUMBER = "099199000123"
_PREFIX = _NUMBER[:5]
_CITIZEN = CitizenQuestion(number=_NUMBER, name="Trần Thị Mẫu", birth=BirthDate(year=1999))
_WAIT_SECONDS = 30.0
_PORTS_TRIED = 3


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure throughput and latency."""
    async with stage() as made:
        rates: list[float] = []
        reference: list[float] = []
        own: list[float] = []
        bare: list[float] = []
        for _ in range(sizes.lookup_rounds):
            reference.append((await made.load(made.forwarder, CONNECTIONS, sizes))["rate"])
            rates.append((await made.load(made.hub, CONNECTIONS, sizes))["rate"])
            bare.append((await made.load(made.forwarder, 1, sizes))["p50_ms"])
            own.append((await made.load(made.hub, 1, sizes))["p50_ms"])
    return [
        Measurement.rate("lookup", rates, reference, unit="look-ups/s", bar=THROUGHPUT_BAR),
        Measurement.cost_of("lookup-latency", own, bare, unit="ms p50", bar=LATENCY_BAR),
    ]


async def run_gate(sizes: Sizes) -> list[Measurement]:
    """Measure what the gate adds to a look-up: the 99th percentile of its decision, one after the other."""
    async with _redis() as (url, _directory), deployment() as made:
        await _prepare(made.store)
        settings = LookupSettings(ceilings={"one_stop": 10_000_000}, most_per_minute=10_000_000)
        gate = Gate(made.store, settings, redis_url=url)
        try:
            taken = [await _admit(gate, number) for number in range(sizes.gate_decisions)]
        finally:
            await gate.aclose()
    ordered = sorted(taken[len(taken) // 10 :])
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return [
        Measurement.cost("gate, p99", p99, GATE_MS, unit="ms", bar=1.0),
        Measurement.cost("gate, p50", p50, GATE_MS, unit="ms", bar=None),
    ]


async def _admit(gate: Gate, number: int) -> float:
    subject = number.to_bytes(32, "big")
    began = time.perf_counter()
    await gate.admit(GateRequest(_ACCOUNT, "one_stop", f"lookup-{number}", subject, subject, subject))
    return (time.perf_counter() - began) * 1000


# --- the stage ----------------------------------------------------------------------------------------------


@dataclass
class Side:
    """One of the two that are measured."""

    port: int
    head: str
    tail: str


@dataclass
class Stage:
    """Everything that runs, and the load that is put on it."""

    deployment: Deployment
    hub: Side
    forwarder: Side
    first: int = 0

    async def load(self, side: Side, connections: int, sizes: Sizes) -> dict[str, float]:
        """Run one round; every look-up is of another person."""
        wish = {
            "port": side.port,
            "head": side.head,
            "tail": side.tail,
            "code_prefix": _PREFIX,
            "first": self.first,
            "connections": connections,
            "warm_up_seconds": sizes.lookup_warm_up_seconds,
            "seconds": sizes.lookup_seconds,
            "expected_status": 200,
        }
        figures = await run_child("http_load", wish, self.deployment.directory, seconds=60 + 2 * sizes.lookup_seconds)
        self.first = int(figures["next"])
        return {**figures, "rate": float(figures["answers"]) / float(figures["seconds"])}


@contextlib.asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Start Redis, PostgreSQL, the simulator, the hub and the forwarder; all end with the block."""
    async with _redis() as (redis_url, directory), contextlib.AsyncExitStack() as children:
        direct = {"username": "H99", "secret": "benchmark"}
        simulator = await children.enter_async_context(
            Child(
                "population_simulator",
                {"settings": {"direct": {**direct, "service_url": "http://127.0.0.1:9/dancu"}}},
                directory,
            )
        )
        url = f"http://127.0.0.1:{simulator.ready['port']}/dancu"
        made = await children.enter_async_context(
            deployment(
                top=f'redis_url = "{redis_url}"',
                further=_connection(direct, url) + _limits(),
            )
        )
        await _prepare(made.store)
        hub = await children.enter_async_context(Child("api_server", {"storeless": False}, made.directory))
        forwarder = await children.enter_async_context(Child("forwarder", {"url": url}, directory))
        settings = PopulationSettings.model_validate({"direct": {**direct, "service_url": url}})
        yield Stage(
            made,
            Side(int(hub.ready["port"]), *_split(_lookup(), "/v1/lookups/people", "application/json", made.token)),
            Side(int(forwarder.ready["port"]), *_split(_message(settings), "/forward", "application/xml", None)),
        )


@contextlib.asynccontextmanager
async def _redis() -> AsyncGenerator[tuple[str, Path]]:
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("install the Debian package redis-server: look-ups are measured with a real one")
    # /var/tmp, as the deployments: what is in it is removed at the end.
    with tempfile.TemporaryDirectory(prefix="lienthong-bench-redis-", dir="/var/tmp") as name:
        directory = Path(name)
        process, port = await _started(program, directory)
        try:
            yield f"redis://127.0.0.1:{port}/0", directory
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _started(program: str, directory: Path) -> tuple[asyncio.subprocess.Process, int]:
    """Start a server and return it with its port, once it answers there; a port taken meanwhile is not the last."""
    for left in reversed(range(_PORTS_TRIED)):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            program,
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(directory)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            await _answers(port, process)
        except RedisError:
            ended = process.returncode is not None
            if not ended:
                process.kill()
                await process.wait()
            if not ended or not left:
                raise
        else:
            return process, port
    raise RuntimeError("no port was tried")


async def _answers(port: int, process: asyncio.subprocess.Process) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        async with redis.asyncio.Redis(port=port) as client:
            try:
                await client.ping()
            except RedisError:
                if time.monotonic() > until or process.returncode is not None:
                    raise
                await asyncio.sleep(0.02)
            else:
                return


async def _prepare(store: Store) -> None:
    """Register the officer and the dossier."""
    sealed = store.sealer.seal(
        orjson.dumps({"full_name": "Phạm Thị Thử", "officer_number": _OFFICER, "phone": ""}), account_context(_ACCOUNT)
    )
    scope = {
        "units": [_UNIT],
        "procedures": [],
        "operations": ["find_citizen"],
        "data_groups": [one.value for one in DataGroup],
    }
    now = datetime.now(UTC)
    async with store.transaction() as conn:
        await conn.execute(
            "INSERT INTO lookup_accounts (id, state, unit_code, unit_path, role, officer_code, purpose, scope,"
            " valid_from, created_at, state_since, changed_at, sealed)"
            " VALUES (%s, 'active', %s, %s, 'one_stop', 'CB01', 'Đo', %s::jsonb, %s, %s, %s, %s, %s)",
            (_ACCOUNT, _UNIT, unit_path(_UNIT), json.dumps(scope), now.date(), now, now, now, sealed),
        )
        await conn.execute(
            "INSERT INTO dossiers (code, agency_code, procedure_root, state, revision, declared_hash, submitted_at,"
            " recorded_at) VALUES (%s, %s, '1.000001', 4, 1, '', %s, %s)",
            (_DOSSIER, _UNIT, now, now),
        )


def _connection(direct: dict[str, str], url: str) -> str:
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in {**direct, "service_url": url}.items())
    return f"""
[connections.population_db]
adapter = "population_db"

[connections.population_db.settings.direct]
{lines}
"""


def _limits() -> str:
    return """
[lookups]
most_per_minute = 10000000

[lookups.ceilings]
one_stop = 10000000
"""


def _lookup() -> str:
    question: dict[str, Any] = _CITIZEN.model_dump(mode="json", exclude_none=True)
    return json.dumps(
        {
            "actor": {"account_id": _ACCOUNT, "unit_code": _UNIT, "ip": "10.0.0.7"},
            "dossier_code": _DOSSIER,
            "purpose": "Xác minh người nộp hồ sơ",
            "question": question,
        },
        ensure_ascii=False,
    )


def _message(settings: PopulationSettings) -> str:
    """Return the SOAP message our adapter would send: the forwarder is spared the making of it."""
    asker = Asker(
        lookup_id="0199c000-0000-7000-8000-000000000001",
        account_id=_ACCOUNT,
        officer_number=_OFFICER,
        officer_code="CB01",
        unit_code=_UNIT,
        procedure_code="1.000001",
        dossier_code=_DOSSIER,
    )
    call = mapping.CALL_OF_EXTENT[Extent.USUAL]
    request = mapping.citizen_request(_CITIZEN, asker, call, "do-000001", vocabulary(settings))
    return templates.render(request).decode()


def _split(body: str, path: str, media_type: str, token: str | None) -> tuple[str, str]:
    """Return the request before and after the last digits of the number, which the load counts up."""
    before, _, after = body.partition(_NUMBER)
    authorization = "" if token is None else f"Authorization: Bearer {token}\r\nIdempotency-Key: do-1\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Content-Type: {media_type}\r\n"
        f"Content-Length: {len(body.encode())}\r\n\r\n{before}"
    )
    return head, after
