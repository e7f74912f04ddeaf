"""The simulated database as the sandbox runs it: behind the road its way has, with settings that lead to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from adapters.population_db.settings import IntegrationCodes, PopulationSettings
from adapters.population_db.simulator.app import CONNECTION, SimulatorApp
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.sandbox import FORWARD_PATH, forward_road, plain_road
from contracts.ports import PlayedPartner, SandboxContext

SERVICE_URL = "https://dancuquocgia.example/dancu"
DSTCODE = "VN:GOV:000.00.00.G01:dancu"
ACCOUNT = "canbo-mau"
"""The account that has a key in a sandbox whose configuration names none."""
_PATH = "/dancu"


@asynccontextmanager
async def play(context: SandboxContext) -> AsyncGenerator[PlayedPartner]:
    """Play the database as the connection's settings describe it, on loopback.

    Raises pydantic's ``ValidationError`` for settings that are wrong, ``OSError`` where the port is taken.
    """
    anywhere = _settings(context, "http://127.0.0.1:9")
    app = SimulatorApp(anywhere, seed=context.seed)
    async with _road(app, anywhere, context.port) as proxy:
        settings = _settings(context, proxy.url)
        app.use(settings)
        yield PlayedPartner(address=proxy.url, port=proxy.port, settings=settings, control=app.control)


def _road(app: SimulatorApp, settings: PopulationSettings, port: int) -> AbstractAsyncContextManager[FaultProxy]:
    def operation_of(_method: str, target: str, _headers: Mapping[str, str], body: bytes) -> str | None:
        return app.operation_of(target, body)

    forward = settings.direct.forward if settings.direct is not None else None
    if forward is None:
        return plain_road(app, plan=app.faults, connection=CONNECTION, operation_of=operation_of, port=port)
    return forward_road(
        app,
        plan=app.faults,
        connection=CONNECTION,
        dstcode=forward.dstcode,
        provider_url=forward.provider_url,
        operation_of=operation_of,
        port=port,
    )


def _settings(context: SandboxContext, base: str) -> PopulationSettings:
    configured = dict(context.configured)
    way = configured.get("way", "direct")
    section = _table(configured.get(way))
    made = {"lgsp": _lgsp_way, "facade": _facade}.get(way, _direct)(section, base, context.secret)
    # A permission nobody has been given yet is invented, so that every call can be tried.
    codes = {name: f"9{index:02}" for index, name in enumerate(IntegrationCodes.model_fields)}
    given = IntegrationCodes.model_validate(_table(configured.get("integration_codes"))).model_dump(exclude_none=True)
    return PopulationSettings.model_validate(
        {**configured, "way": way, way: made, "integration_codes": {**codes, **given}}, strict=False
    )


def _direct(section: dict[str, Any], base: str, secret: str) -> dict[str, Any]:
    forward = section.get("forward")
    made = {"username": "H99", **section, "secret": secret}
    if "api_key" in section:
        made["api_key"] = secret
    if forward is None:
        return {**made, "service_url": f"{base}{_PATH}", "http": _on_loopback(section.get("http"))}
    road = {"dstcode": DSTCODE, **_table(forward), "adapter_url": f"{base}{FORWARD_PATH}"}
    return {
        "service_url": SERVICE_URL,
        **made,
        "forward": {**road, "http": _on_loopback(_table(forward).get("http"))},
    }


def _lgsp_way(section: dict[str, Any], base: str, secret: str) -> dict[str, Any]:
    configured = _table(section.get("officer_keys")) or {ACCOUNT: {}}
    keys = {
        account: {"key_name": _table(one).get("key_name", account), "key_pass": secret}
        for account, one in configured.items()
    }
    # The file holds the deployment's own keys, which a sandbox never reads.
    kept = {name: value for name, value in section.items() if name != "officer_keys_file"}
    return {**kept, "lgsp": _lgsp(_table(section.get("lgsp")), base, secret), "officer_keys": keys}


def _facade(section: dict[str, Any], base: str, secret: str) -> dict[str, Any]:
    made = {**section, "base_url": base}
    if "lgsp" in section:
        return {**made, "lgsp": _lgsp(_table(section["lgsp"]), base, secret)}
    return {**made, "bearer_token": secret, "http": _on_loopback(section.get("http"))}


def _lgsp(section: dict[str, Any], base: str, secret: str) -> dict[str, Any]:
    made = {**section, "base_url": base, "token_url": None, "http": _on_loopback(section.get("http"))}
    if "access_keys" in section:
        names = {"app_name": "lienthong", "partner_code": "H99", "partner_code_cus": "DANCU"}
        made["access_keys"] = {**names, **_table(section["access_keys"]), "access_key": secret, "secret_key": secret}
    if "consumer_key" in section or "access_keys" not in section:
        made |= {"consumer_key": secret, "consumer_secret": secret}
    return made


def _on_loopback(http: Any) -> dict[str, Any]:
    # The road is plain http on loopback, whatever the real one is; files of the real one are not read.
    kept = {
        name: value
        for name, value in _table(http).items()
        if name not in {"ca_file", "client_certificate_file", "client_key_file"}
    }
    return {**kept, "allow_plain_http": True}


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
