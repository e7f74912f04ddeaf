"""The simulated portal as the sandbox runs it: behind the forward adapter, with settings that lead to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.simulator.app import CONNECTION, CONTROL, SimulatorApp
from adapters.transport.simulation.asgi import Receive, Scope, Send
from adapters.transport.simulation.sandbox import FORWARD_PATH, forward_road
from contracts.ports import PlayedPartner, SandboxContext

DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
FILE_HOST = "tep.h99.example"
"""The file host of the invented province H99, whose dossiers the demonstrations hand in."""

STEPS_FIELD = "DanhSachTienDo"
"""Whether the real portal lists the steps it holds is not public; played, it does, unless configured otherwise.

Without a list a step whose answer was lost can only be settled where it changes the state."""


@asynccontextmanager
async def play(context: SandboxContext) -> AsyncGenerator[PlayedPartner]:
    """Play the portal as the connection's settings describe it, on loopback.

    Raises pydantic's ``ValidationError`` for settings that are wrong, ``OSError`` where the port is taken.
    """
    anywhere = _settings(context, "http://127.0.0.1")
    app = SimulatorApp(anywhere, seed=context.seed)
    road = forward_road(
        app,
        plan=app.faults,
        connection=CONNECTION,
        dstcode=anywhere.forward.dstcode,
        provider_url=anywhere.forward.provider_url,
        operation_of=operation_of,
        port=context.port,
    )
    async with road as proxy:
        try:
            yield PlayedPartner(
                address=proxy.url, port=proxy.port, settings=_settings(context, proxy.url), control=_Control(app)
            )
        finally:
            await app.calling.aclose()


def operation_of(_method: str, _target: str, _headers: Mapping[str, str], body: bytes) -> str | None:
    """Name the service of a call, or ``login``; ``None`` for what is neither."""
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(call, dict):
        return None
    service = call.get("service", "login" if "username" in call else None)
    return service if isinstance(service, str) else None


def _settings(context: SandboxContext, base: str) -> NationalPortalSettings:
    configured = dict(context.configured)
    forward = _table(configured.get("forward"))
    http = _table(forward.get("http"))
    hosts = forward.get("file_hosts")
    file_hosts = dict.fromkeys([*(hosts if isinstance(hosts, list | tuple) else ()), FILE_HOST])
    return NationalPortalSettings.model_validate(
        {
            "username": "000.00.00.H99",
            "madonvi": "000.00.00.H99",
            "lookup_steps_field": STEPS_FIELD,
            **configured,
            "password": context.secret,
            "forward": {
                "dstcode": DSTCODE,
                **forward,
                "adapter_url": f"{base}{FORWARD_PATH}",
                "file_hosts": list(file_hosts),
                # The road is plain http on loopback, whatever the real one is.
                "http": {**http, "allow_plain_http": True},
            },
        },
        strict=False,
    )


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


class _Control:
    """The control plane of the simulator, with its paths counted from its own root."""

    def __init__(self, app: SimulatorApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = f"{CONTROL}{scope['path'].rstrip('/')}"
        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, send)
