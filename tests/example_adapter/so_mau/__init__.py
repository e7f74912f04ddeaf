"""The Model Register (Sổ Mẫu): an invented system that follows dossiers, and an adapter to imitate."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from contracts.errors import Sentence
from contracts.ports import Adapter, PlayedPartner, SandboxContext, SimulatorContext
from so_mau.client import Register
from so_mau.settings import RegisterSettings


def _simulator(context: SimulatorContext) -> Any:
    # Imported when it is asked for: a worker in production never carries the simulator.
    from so_mau.simulator import build  # noqa: PLC0415

    return build(context)


def _sandbox(context: SandboxContext) -> AbstractAsyncContextManager[PlayedPartner]:
    from so_mau.simulator import play  # noqa: PLC0415 - as above

    return play(context)


def _addresses(settings: RegisterSettings) -> tuple[str, ...]:
    return (settings.address,)


ADAPTER = Adapter(
    name="so_mau",
    title=Sentence(en="Model Register", vi="Sổ Mẫu"),
    settings=RegisterSettings,
    connect=Register,
    simulator=_simulator,
    sandbox=_sandbox,
    addresses=_addresses,
)

__all__ = ["ADAPTER"]
