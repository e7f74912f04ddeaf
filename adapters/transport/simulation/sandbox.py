"""The road to a simulator in the sandbox: a security server in front of it or nothing, and faults on the wire."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from adapters.transport.simulation.asgi import App
from adapters.transport.simulation.faults import FaultPlan
from adapters.transport.simulation.forward import ForwardSimulator
from adapters.transport.simulation.proxy import FaultProxy, OperationOf
from adapters.transport.simulation.server import AsgiServer

FORWARD_PATH = "/XrdAdapter/RestService/forward"


@asynccontextmanager
async def forward_road(
    app: App,
    *,
    plan: FaultPlan,
    connection: str,
    dstcode: str,
    provider_url: str | None,
    operation_of: OperationOf,
    port: int,
) -> AsyncGenerator[FaultProxy]:
    """Serve ``app`` behind the forward adapter on loopback, with the faults of the wire that ``plan`` asks for.

    They are those for ``connection``. Port 0 takes a free one. Raises ``OSError`` where another program listens on
    the port.
    """
    providers = {(dstcode, provider_url): app} if provider_url is not None else None
    forward = ForwardSimulator({dstcode: app}, providers=providers)
    async with straight_road(forward, plan=plan, connection=connection, operation_of=operation_of, port=port) as proxy:
        yield proxy


@asynccontextmanager
async def straight_road(
    app: App, *, plan: FaultPlan, connection: str, operation_of: OperationOf, port: int
) -> AsyncGenerator[FaultProxy]:
    """Serve ``app`` on loopback with nothing before it but the faults of the wire; as `forward_road`."""
    if port:
        _require_free(port)
    async with (
        AsgiServer(app) as server,
        FaultProxy(plan, connection, server.host, server.port, operation_of=operation_of, port=port) as proxy,
    ):
        yield proxy


@asynccontextmanager
async def plain_road(
    app: App, *, plan: FaultPlan, connection: str, operation_of: OperationOf, port: int
) -> AsyncGenerator[FaultProxy]:
    """Serve ``app`` on loopback without a forward adapter before it; else as `forward_road`."""
    if port:
        _require_free(port)
    async with (
        AsgiServer(app) as server,
        FaultProxy(plan, connection, server.host, server.port, operation_of=operation_of, port=port) as proxy,
    ):
        yield proxy


def _require_free(port: int) -> None:
    # The proxy shares its port with itself while a fault closes it, so it would not notice a stranger there.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        probe.listen()
