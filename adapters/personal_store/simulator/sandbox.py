"""The simulated store as the sandbox runs it: behind the forward adapter, with settings that lead to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from adapters.personal_store.settings import DocumentStoreSettings
from adapters.personal_store.simulator.app import CONNECTION, CONTROL, SimulatorApp
from adapters.transport.simulation.asgi import Receive, Scope, Send
from adapters.transport.simulation.sandbox import FORWARD_PATH, forward_road
from contracts.ports import PlayedPartner, SandboxContext

DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
PROVIDER_URL = "https://apigiaytocanhan.example"


@asynccontextmanager
async def play(context: SandboxContext) -> AsyncGenerator[PlayedPartner]:
    """Play the store as the connection's settings describe it, on loopback.

    Raises pydantic's ``ValidationError`` for settings that are wrong, ``OSError`` where the port is taken.
    """
    anywhere = _settings(context, "http://127.0.0.1")
    app = SimulatorApp(anywhere, seed=context.seed)

    def operation_of(_method: str, target: str, _headers: Mapping[str, str], _body: bytes) -> str | None:
        return app.operation_at(target)

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
        yield PlayedPartner(
            address=proxy.url, port=proxy.port, settings=_settings(context, proxy.url), control=_Control(app)
        )


def _settings(context: SandboxContext, base: str) -> DocumentStoreSettings:
    configured = dict(context.configured)
    forward = _table(configured.get("forward"))
    return DocumentStoreSettings.model_validate(
        {
            "username": "000.00.00.H99",
            **configured,
            "password": context.secret,
            "forward": {
                "dstcode": DSTCODE,
                "dstcode_in": "query",
                "provider_url": PROVIDER_URL,
                **forward,
                "adapter_url": f"{base}{FORWARD_PATH}",
                # The road is plain http on loopback, whatever the real one is.
                "http": {**_table(forward.get("http")), "allow_plain_http": True},
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
