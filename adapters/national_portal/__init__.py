"""The National Public Service Portal (Cổng Dịch vụ công quốc gia)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from adapters.national_portal.connection import NationalPortalConnection
from adapters.national_portal.settings import NationalPortalSettings
from contracts.errors import Sentence
from contracts.ports import Adapter, PlayedPartner, SandboxContext, SimulatorContext, TlsFiles


def _simulator(context: SimulatorContext) -> Any:
    # Imported when it is asked for: a worker in production never carries the simulator.
    from adapters.national_portal.simulator import build  # noqa: PLC0415

    return build(context)


def _sandbox(context: SandboxContext) -> AbstractAsyncContextManager[PlayedPartner]:
    from adapters.national_portal.simulator.sandbox import play  # noqa: PLC0415 - as above

    return play(context)


def _addresses(settings: NationalPortalSettings) -> tuple[str, ...]:
    return (settings.forward.adapter_url,)


def _tls(settings: NationalPortalSettings) -> TlsFiles:
    http = settings.forward.http
    return TlsFiles(http.ca_file, http.client_certificate_file, http.client_key_file)


ADAPTER = Adapter(
    name="national_portal",
    title=Sentence(en="National Public Service Portal", vi="Cổng Dịch vụ công quốc gia"),
    settings=NationalPortalSettings,
    connect=NationalPortalConnection,
    simulator=_simulator,
    sandbox=_sandbox,
    addresses=_addresses,
    tls=_tls,
)

__all__ = ["ADAPTER"]
