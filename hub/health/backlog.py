"""Gauges of what waits for each connection, read from the database when somebody scrapes."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge

from hub.alerts.severity import Severity
from hub.exchanges.views import ConnectionList, ConnectionState
from hub.health.readiness import open_alerts
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

KEEP_SECONDS = 5.0
"""How long a reading is given again: counting a backlog of a million is not free."""


class Connections(Protocol):
    """What shows connections; `hub.exchanges.service.ConnectionService` in production."""

    async def list(self) -> ConnectionList:
        """Return all connections."""
        ...


class BacklogGauges:
    """Makes a registry of gauges from the state of the connections."""

    def __init__(self, connections: Connections, store: Store | None = None) -> None:
        """Nothing is read before the first scrape; alerts are counted where there is a ``store``."""
        self._connections = connections
        self._store = store
        self._lock = asyncio.Lock()
        self._last: tuple[float, CollectorRegistry] | None = None

    async def read(self) -> CollectorRegistry:
        """Return the gauges as of now or a few seconds ago; without a database only ``lienthong_database_up 0``."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > KEEP_SECONDS:
                self._last = (time.monotonic(), await self._read())
            return self._last[1]

    async def _read(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        up = Gauge("lienthong_database_up", "1 when the database answers.", registry=registry)
        try:
            listed = await self._connections.list()
            alerts = await self._alerts()
        except StoreUnavailable:
            up.set(0)
            return registry
        up.set(1)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"lienthong_connection_{name}", what, ("connection", *labels), registry=registry)

        backlog = gauge("open_exchanges", "Exchanges accepted and not ended.")
        age = gauge("oldest_due_seconds", "How long the oldest due exchange has been due; 0 when none is.")
        held = gauge("held_lanes", "Dossiers of which nothing is sent until a person or a newer revision acts.")
        paused = gauge("paused", "1 while the connection is paused.")
        state = gauge("state", "1 for the state the connection is in.", "state")
        for one in listed.items:
            backlog.labels(one.id).set(one.open_exchanges)
            age.labels(one.id).set(one.oldest_due_age_seconds or 0.0)
            held.labels(one.id).set(one.held_lanes)
            paused.labels(one.id).set(one.paused)
            for possible in ConnectionState:
                state.labels(one.id, possible.value).set(possible is one.state)
        told = Gauge("lienthong_alerts_open", "Alerts that are open.", ("severity",), registry=registry)
        for severity in Severity:
            told.labels(severity.value).set(alerts.get(severity.value, 0))
        return registry

    async def _alerts(self) -> dict[str, int]:
        if self._store is None:
            return {}
        async with self._store.transaction() as conn:
            return await open_alerts(conn)
