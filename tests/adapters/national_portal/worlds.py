"""The portal, the road to it and our side of it, on loopback: what the conversations of the tests take place in."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.national_portal.connection import NationalPortalConnection as NationalPortal
from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.simulator import SimulatorApp
from adapters.transport.simulation.asgi import Receive, Scope, Send
from adapters.transport.simulation.faults import FaultPlan
from adapters.transport.simulation.forward import ForwardSimulator
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import REACTIONS, LienThongError
from contracts.ports import AdapterContext, DossierPush, SharedSession, StepPush
from tests.adapters.national_portal import situations as s

CONNECTION = "cong-dvcqg"


class MemorySessions:
    """A session store as the hub's: one login at a time, who waited gets what the other obtained."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._held: SharedSession | None = None

    async def current(self) -> SharedSession | None:
        """Return the session in use."""
        return self._held

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Return a session newer than ``stale``, logging in at most once at a time."""
        async with self._lock:
            if self._held is None or (stale is not None and self._held.generation <= stale.generation):
                generation = 1 if self._held is None else self._held.generation + 1
                self._held = SharedSession(await login(), generation, datetime.now(UTC))
            return self._held

    def age(self, obtained_at: datetime) -> None:
        """Make the held session older."""
        assert self._held is not None
        self._held = SharedSession(self._held.token, self._held.generation, obtained_at)


class WatchedApp:
    """The simulated portal with an eye on how many calls run at once, and a hook before a service acts."""

    def __init__(self, app: SimulatorApp) -> None:
        self.app = app
        self.meanwhile: dict[str, Callable[[], None]] = {}
        """What happens at the portal just before it gets the next call of this service; once."""
        self.most_at_once: Counter[str] = Counter()
        self._now: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under watch."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        message = await receive()
        body: bytes = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        service = operation_of("", "", {}, body) or "?"
        self._now[service] += 1
        self.most_at_once[service] = max(self.most_at_once[service], self._now[service])
        await asyncio.sleep(0.002)
        if happening := self.meanwhile.pop(service, None):
            happening()

        async def replay() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)
        self._now[service] -= 1


def operation_of(_method: str, _target: str, _headers: Mapping[str, str], body: bytes) -> str | None:
    """Name the service of a call; a login names none."""
    call = orjson.loads(body)
    service: str = call.get("service", "login")
    return service


@dataclass
class World:
    """A portal and a connection to it."""

    settings: NationalPortalSettings
    app: SimulatorApp
    watched: WatchedApp
    road: ForwardSimulator
    proxy: FaultProxy
    sessions: MemorySessions
    connection: NationalPortal
    drift: list[tuple[str, str]] = field(default_factory=list)

    @property
    def faults(self) -> FaultPlan:
        """Faults of the wire and of answers, committed before the portal acts."""
        return self.app.faults

    def calls(self) -> list[tuple[str, str, str]]:
        """Return the conversation so far: service, isUpdating, code."""
        return [(one.service, one.is_updating, one.code) for one in self.app.portal.calls]

    def held(self, code: str = s.CODE) -> Any:
        """Return the portal's own copy of a dossier."""
        return orjson.loads(self.app.portal.dossiers[code].body)

    def held_steps(self, code: str = s.CODE) -> list[Any]:
        """Return the steps the portal has of a dossier, as they arrived."""
        return [orjson.loads(step) for step in self.app.portal.dossiers[code].steps]


def connect(settings: NationalPortalSettings, sessions: MemorySessions, drift: list[tuple[str, str]]) -> NationalPortal:
    """Return a connection as one worker of the hub opens it."""
    context = AdapterContext(
        connection_id=CONNECTION,
        sessions=sessions,
        report_drift=lambda message, name: drift.append((message, name)),
        now=lambda: datetime.now(UTC),
    )
    return NationalPortal(context, settings)


@asynccontextmanager
async def world(**changes: Any) -> AsyncIterator[World]:
    """Open a portal behind its forward adapter behind a fault proxy, and a connection through all of it."""
    app = SimulatorApp(s.settings(**changes))
    watched = WatchedApp(app)
    road = ForwardSimulator({s.DSTCODE: watched})
    async with (
        AsgiServer(road) as server,
        FaultProxy(app.faults, "national_portal", server.host, server.port, operation_of=operation_of) as proxy,
    ):
        settings = s.settings(f"{proxy.url}/XrdAdapter/RestService/forward", **changes)
        sessions, drift = MemorySessions(), list[tuple[str, str]]()
        connection = connect(settings, sessions, drift)
        try:
            yield World(settings, app, watched, road, proxy, sessions, connection, drift)
        finally:
            await connection.aclose()


def push(dossier: Any, *, known_there: bool = False, exchange_id: str = "ex-1") -> DossierPush:
    """Return a push as the hub hands it over."""
    return DossierPush(exchange_id=exchange_id, dossier=dossier, known_there=known_there)


def step_pushes(*steps: Any, code: str = s.CODE) -> list[StepPush]:
    """Return pushes of the steps of one dossier."""
    return [StepPush(exchange_id=f"ex-{step.sequence}", dossier_code=code, step=step) for step in steps]


def assert_safe(error: LienThongError) -> None:
    """Fail if an error says anything of a citizen or a secret, in whatever way it may come to be printed."""
    assert type(error) in REACTIONS
    said = "\n".join(
        (
            "".join(traceback.format_exception(error)),
            repr(error),
            error.sentence.en,
            error.sentence.vi,
            error.field,
            error.upstream_code,
        )
    )
    for text in (*s.PERSONAL, s.PASSWORD):
        assert text not in said
    assert error.sentence.en
    assert error.sentence.vi
    assert error.connection == CONNECTION
    assert error.operation
