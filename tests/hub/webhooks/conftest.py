"""A receiver on loopback, a dispatcher with a clock of the test's own, and a client whose webhooks they are."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from contracts.inbox import InboxKind
from hub.access import clients
from hub.access.scopes import Scope
from hub.inbox.receiving import Inbound, receive
from hub.outgoing import OutgoingClient
from hub.store.engine import Store
from hub.webhooks.dispatch import Dispatcher
from hub.webhooks.endpoints import Endpoints, webhook_endpoints
from hub.webhooks.settings import WebhookSettings
from hub.webhooks.views import NewEndpoint

SETTINGS = WebhookSettings(
    allow=("127.0.0.0/8",),
    allow_plain_http=True,
    timeout_seconds=30,
    disable_after_failures=3,
    disable_after_hours=1,
)


@dataclass
class Receiver:
    """Takes messages as it is told to."""

    url: str
    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    hangs: bool = False
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one message and answer it."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.messages.append((headers, body))
            if self.hangs:
                await reader.read()  # until the other side gives up
            # Said, so that the next message does not come on a connection that is about to end.
            writer.write(self.answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            await writer.drain()
        writer.close()

    @property
    def ids(self) -> list[str]:
        """Ids of the messages, in the order they came."""
        return [headers["webhook-id"] for headers, _ in self.messages]


@dataclass
class Webhooks:
    """All of it."""

    store: Store
    http: OutgoingClient
    receiver: Receiver
    endpoints: Endpoints
    client_id: str
    settings: WebhookSettings = SETTINGS
    now: datetime = datetime(2026, 10, 8, 3, 0, tzinfo=UTC)

    def dispatcher(self) -> Dispatcher:
        """Return a dispatcher at this test's time."""
        return Dispatcher(
            self.store,
            self.http,
            self.settings,
            now=lambda: self.now,
            chance=random.Random(1),
        )

    async def round(self, after: timedelta = timedelta(0)) -> None:
        """Let some time pass, and do what is due."""
        self.now += after
        await self.dispatcher().round()

    async def add(self, *kinds: InboxKind) -> NewEndpoint:
        """Register the receiver."""
        return await self.endpoints.add(
            client_id=self.client_id, url=self.receiver.url, kinds=kinds, actor="test", now=self.now
        )

    async def event(
        self, number: int, kind: InboxKind = InboxKind.DOSSIER_FILED, code: str = "H99.12-261008-0001"
    ) -> None:
        """Take a message in."""
        inbound = Inbound("portal", f"REF-{number}", kind, code, b'{"n":%d}' % number, self.now)
        async with self.store.transaction() as conn:
            await receive(conn, inbound, sealer=self.store.sealer)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    found = Receiver("")
    server = await asyncio.start_server(found.take, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield found


@pytest.fixture
async def http() -> AsyncIterator[OutgoingClient]:
    """What calls it."""
    async with OutgoingClient(SETTINGS.reach()) as client:
        yield client


@pytest.fixture
async def webhooks(store: Store, receiver: Receiver, http: OutgoingClient) -> Webhooks:
    """The whole, with one client of H99.12."""
    made = await clients.add(store, name="Một cửa", scopes=[Scope.INBOX_READ], agencies=["H99.12"])
    return Webhooks(store, http, receiver, webhook_endpoints(store, SETTINGS), made.client_id)
