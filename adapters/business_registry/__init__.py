"""The national business registration database (CSDLQG về đăng ký doanh nghiệp)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from adapters.business_registry.register import BusinessRegistry
from adapters.business_registry.settings import RegistrySettings
from contracts.errors import Sentence
from contracts.ports import Adapter, PlayedPartner, SandboxContext, SimulatorContext, TlsFiles


def _simulator(context: SimulatorContext) -> Any:
    # Imported when it is asked for: a worker in production never carries the simulator.
    from adapters.business_registry.simulator import build  # noqa: PLC0415

    return build(context)


def _sandbox(context: SandboxContext) -> AbstractAsyncContextManager[PlayedPartner]:
    from adapters.business_registry.simulator.sandbox import play  # noqa: PLC0415 - as above

    return play(context)


def _addresses(settings: RegistrySettings) -> tuple[str, ...]:
    if settings.forward is not None:
        return (settings.forward.adapter_url,)
    if settings.facade is not None:
        return (settings.facade.base_url,)
    lgsp = settings.lgsp
    assert lgsp is not None  # noqa: S101 - the settings have exactly one road
    return (lgsp.base_url, *((lgsp.token_url,) if lgsp.token_url is not None else ()))


def _tls(settings: RegistrySettings) -> TlsFiles:
    http = settings.http
    return TlsFiles(http.ca_file, http.client_certificate_file, http.client_key_file)


ADAPTER = Adapter(
    name="business_registry",
    title=Sentence(
        en="National business registration database",
        vi="Cơ sở dữ liệu quốc gia về đăng ký doanh nghiệp",
    ),
    settings=RegistrySettings,
    connect=BusinessRegistry,
    simulator=_simulator,
    sandbox=_sandbox,
    addresses=_addresses,
    tls=_tls,
)

__all__ = ["ADAPTER"]
