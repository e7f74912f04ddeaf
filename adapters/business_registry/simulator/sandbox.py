"""The simulated database as the sandbox runs it: at the end of the road a connection takes, with settings for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from adapters.business_registry.settings import RegistrySettings
from adapters.business_registry.simulator.app import CONNECTION, SimulatorApp
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.sandbox import FORWARD_PATH, forward_road, straight_road
from contracts.ports import PlayedPartner, SandboxContext

DSTCODE = "VN:GOV:000.00.00.G05:csdldkdn"
"""Invented: the subsystem is not public."""
CONSUMER_KEY = "ung-dung-mau"
STATUS_VALUES = {"active": ["1"], "suspended": ["2"], "dissolved": ["4"]}
"""What the invented codes of states mean, for a connection that has not been told."""


@asynccontextmanager
async def play(context: SandboxContext) -> AsyncGenerator[PlayedPartner]:
    """Play the database as the connection's settings describe it, on loopback; by default behind an LGSP.

    Raises pydantic's ``ValidationError`` for settings that are wrong, ``OSError`` where the port is taken.
    """
    anywhere = _settings(context, "http://127.0.0.1")
    app = SimulatorApp(anywhere, seed=context.seed)
    async with _road(app, anywhere, context.port) as proxy:
        yield PlayedPartner(
            address=proxy.url, port=proxy.port, settings=_settings(context, proxy.url), control=app.control
        )


def _road(app: SimulatorApp, settings: RegistrySettings, port: int) -> AbstractAsyncContextManager[FaultProxy]:
    def operation_of(_method: str, target: str, _headers: Mapping[str, str], _body: bytes) -> str | None:
        return app.operation_at(target)

    if settings.forward is None:
        return straight_road(app, plan=app.faults, connection=CONNECTION, operation_of=operation_of, port=port)
    return forward_road(
        app,
        plan=app.faults,
        connection=CONNECTION,
        dstcode=settings.forward.dstcode,
        provider_url=settings.forward.provider_url,
        operation_of=operation_of,
        port=port,
    )


def _settings(context: SandboxContext, base: str) -> RegistrySettings:
    configured = dict(context.configured)
    roads = {name: configured.pop(name) for name in ("lgsp", "forward", "facade") if configured.get(name) is not None}
    if not roads:
        roads = {"lgsp": {}}
    return RegistrySettings.model_validate(
        {
            "status_values": STATUS_VALUES,
            **configured,
            **{name: _road_settings(name, _table(road), context, base) for name, road in roads.items()},
        },
        strict=False,
    )


def _road_settings(name: str, road: dict[str, Any], context: SandboxContext, base: str) -> dict[str, Any]:
    # The road is plain http on loopback, whatever the real one is, and the keys are never the deployment's own.
    road = {**road, "http": {**_table(road.get("http")), "allow_plain_http": True}}
    if name == "forward":
        return {"dstcode": DSTCODE, **road, "adapter_url": f"{base}{FORWARD_PATH}"}
    road["base_url"] = base
    if name == "facade":
        return road
    road |= {"token_url": None, "consumer_key": CONSUMER_KEY, "consumer_secret": context.secret}
    if road.get("access_keys") is not None:
        keys = {"app_name": "lienthong", "partner_code": "H99", "partner_code_cus": "G05"}
        road["access_keys"] = {
            **keys,
            **_table(road["access_keys"]),
            "access_key": CONSUMER_KEY,
            "secret_key": context.secret,
        }
    return road


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
