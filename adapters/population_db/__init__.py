"""The national population database (Cơ sở dữ liệu quốc gia về dân cư) of the Ministry of Public Security."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from adapters.population_db.register import PopulationDatabase
from adapters.population_db.settings import PopulationSettings
from contracts.errors import Sentence
from contracts.ports import Adapter, PlayedPartner, SandboxContext, SimulatorContext, TlsFiles


def _simulator(context: SimulatorContext) -> Any:
    # Imported when it is asked for: a worker in production never carries the simulator.
    from adapters.population_db.simulator import build  # noqa: PLC0415

    return build(context)


def _sandbox(context: SandboxContext) -> AbstractAsyncContextManager[PlayedPartner]:
    from adapters.population_db.simulator.sandbox import play  # noqa: PLC0415 - as above

    return play(context)


def _addresses(settings: PopulationSettings) -> tuple[str, ...]:
    return settings.addresses()


def _tls(settings: PopulationSettings) -> TlsFiles:
    http = settings.http()
    return TlsFiles(http.ca_file, http.client_certificate_file, http.client_key_file)


ADAPTER = Adapter(
    name="population_db",
    title=Sentence(
        en="National population database",
        vi="Cơ sở dữ liệu quốc gia về dân cư",
    ),
    settings=PopulationSettings,
    connect=PopulationDatabase,
    simulator=_simulator,
    sandbox=_sandbox,
    addresses=_addresses,
    tls=_tls,
)

__all__ = ["ADAPTER"]
