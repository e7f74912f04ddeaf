"""The personal e-document store (Kho quản lý dữ liệu điện tử của tổ chức, cá nhân) of the national portal."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from adapters.personal_store.settings import DocumentStoreSettings
from adapters.personal_store.store import DocumentStore
from contracts.errors import Sentence
from contracts.ports import Adapter, PlayedPartner, SandboxContext, SimulatorContext, TlsFiles


def _simulator(context: SimulatorContext) -> Any:
    # Imported when it is asked for: a worker in production never carries the simulator.
    from adapters.personal_store.simulator import build  # noqa: PLC0415

    return build(context)


def _sandbox(context: SandboxContext) -> AbstractAsyncContextManager[PlayedPartner]:
    from adapters.personal_store.simulator.sandbox import play  # noqa: PLC0415 - as above

    return play(context)


def _addresses(settings: DocumentStoreSettings) -> tuple[str, ...]:
    return (settings.forward.adapter_url,)


def _tls(settings: DocumentStoreSettings) -> TlsFiles:
    http = settings.forward.http
    return TlsFiles(http.ca_file, http.client_certificate_file, http.client_key_file)


ADAPTER = Adapter(
    name="personal_store",
    title=Sentence(
        en="Personal e-document store of the national portal",
        vi="Kho quản lý dữ liệu điện tử của tổ chức, cá nhân",
    ),
    settings=DocumentStoreSettings,
    connect=DocumentStore,
    simulator=_simulator,
    sandbox=_sandbox,
    addresses=_addresses,
    tls=_tls,
)

__all__ = ["ADAPTER"]
