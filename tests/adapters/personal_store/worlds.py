"""The store, the road to it and our side of it, on loopback; all data is invented."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from adapters.personal_store.settings import DocumentStoreSettings
from adapters.personal_store.simulator import SimulatorApp
from adapters.personal_store.simulator.sandbox import DSTCODE, PROVIDER_URL
from adapters.personal_store.store import DocumentStore
from adapters.transport.simulation.forward import ForwardSimulator
from adapters.transport.simulation.server import AsgiServer
from contracts.document_store import Officer, OwnerKind, PaperQuery, ResultPaperEntry, WantedPaper
from contracts.errors import REACTIONS, LienThongError
from contracts.ports import AdapterContext
from tests.adapters.national_portal.worlds import MemorySessions

CONNECTION = "kho-du-lieu"
PASSWORD = "not-a-real-one"
OWNER = "099199000123"
OFFICER = Officer(name="Phạm Thị Thử", number="099188000456")
QUERY = PaperQuery(owner_number=OWNER, officer=OFFICER, procedure_code="1.000001.H99")
PAPER = ResultPaperEntry(
    officer=OFFICER,
    owner_kind=OwnerKind.PERSONAL_NUMBER,
    owner_number=OWNER,
    agency_code="H99.12",
    procedure_code="1.000002.H99",
    catalogue_code="KQ.G99.000002",
    paper_number="09/2026",
    summary="Giấy khai sinh của Trần Thị Mẫu",
    issued_on=date(2026, 10, 14),
    file_name="giay-khai-sinh.pdf",
    digitised_on=date(2026, 10, 14),
    databases=("7", "8"),
)
PERSONAL = (OWNER, OFFICER.number, OFFICER.name, "Trần Thị Mẫu", "09/2026", "khai-sinh", PASSWORD)


def settings(adapter_url: str = "http://127.0.0.1:9/x", **changes: Any) -> DocumentStoreSettings:
    """Return the settings of a connection; ``changes`` are put above."""
    forward = {
        "adapter_url": adapter_url,
        "dstcode": DSTCODE,
        "dstcode_in": "query",
        "provider_url": PROVIDER_URL,
        "http": {"allow_plain_http": True},
    }
    fields: dict[str, Any] = {"username": "000.00.00.H99", "password": PASSWORD, "forward": forward}
    return DocumentStoreSettings.model_validate(fields | changes)


@dataclass
class World:
    """A store and a connection to it."""

    app: SimulatorApp
    connection: DocumentStore
    drift: list[tuple[str, str]]

    @property
    def store(self) -> Any:
        """The store's own state."""
        return self.app.store


@asynccontextmanager
async def world(**changes: Any) -> AsyncIterator[World]:
    """Open a store behind its forward adapter, and a connection through it."""
    app = SimulatorApp(settings(**changes))
    road = ForwardSimulator({}, providers={(DSTCODE, PROVIDER_URL): app})
    async with AsgiServer(road) as server:
        drift: list[tuple[str, str]] = []
        context = AdapterContext(
            connection_id=CONNECTION,
            sessions=MemorySessions(),
            report_drift=lambda message, name: drift.append((message, name)),
            now=lambda: datetime.now(UTC),
        )
        url = f"http://{server.host}:{server.port}/XrdAdapter/RestService/forward"
        connection = DocumentStore(context, settings(url, **changes))
        try:
            yield World(app, connection, drift)
        finally:
            await connection.aclose()


def wanted(number: str) -> PaperQuery:
    """Return the query for one paper."""
    paper = WantedPaper(catalogue_code="KQ.G99.000002", paper_number=number)
    return QUERY.model_copy(update={"wanted": (paper,)})


def assert_safe(error: LienThongError) -> None:
    """Fail if an error says anything of a citizen or a secret, in whatever way it may come to be printed."""
    assert type(error) in REACTIONS
    said = "".join(traceback.format_exception(error)) + repr(error) + error.sentence.en + error.sentence.vi
    assert [text for text in PERSONAL if text in said] == []
    assert error.connection == CONNECTION
    assert error.operation
