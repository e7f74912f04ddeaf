"""The hub's subjects around dossiers, on a real database, against the simulated portal and store."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx

from contracts.ports import Connection
from hub.app import Services, create_app
from hub.catalogue.sync import Source
from hub.exchanges.attempt import RunnerOptions
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.runner import ConnectionRunner
from hub.settings import DeliverySettings
from hub.store.engine import Store
from hub.subjects import Subjects, couriers
from tests.adapters.national_portal import worlds as portals
from tests.adapters.personal_store import worlds as stores
from tests.hub.api.world import ApiWorld, http

PORTAL = "national_portal"
STORE = "personal_store"
FAST = DeliverySettings(first_delay_seconds=0.02, max_delay_seconds=0.05, settle_delay_seconds=0.0)


@dataclass
class SubjectWorld:
    """The application with everything it can ask, and the partners themselves."""

    api: ApiWorld
    portal: portals.World
    there: stores.World

    @property
    def store(self) -> Store:
        """The database."""
        return self.api.store

    @property
    def caller(self) -> httpx.AsyncClient:
        """Acts for all of H99, with every scope."""
        return self.api.caller

    async def rows(self, query: Any, *values: Any) -> list[Any]:
        """Read from the database."""
        async with self.store.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def do(self, query: Any, *values: Any) -> None:
        """Write to the database."""
        async with self.store.transaction() as conn:
            await conn.execute(query, values)

    @contextlib.asynccontextmanager
    async def delivering(self, name: str = PORTAL) -> AsyncIterator[None]:
        """Run a worker for one connection for the length of the block."""
        connection: Connection = self.portal.connection if name == PORTAL else self.there.connection
        runner = ConnectionRunner(
            self.store,
            name,
            couriers(connection, self.store),
            FAST,
            options=RunnerOptions(
                worker="worker-1",
                lease=timedelta(seconds=240),
                claim_batch=64,
                poll_seconds=0.02,
                dice=random.Random(7),
            ),
            facts=ConnectionFacts(name),
        )
        task = asyncio.create_task(runner.run())
        try:
            yield
        finally:
            runner.stop()
            await task

    async def ended(self, exchange_id: str) -> dict[str, Any]:
        """Wait for the end of an exchange and return what the API says of it."""
        async with asyncio.timeout(60):
            while True:
                shown = (await self.caller.get(f"/v1/exchanges/{exchange_id}")).json()
                if shown["ended_at"] is not None:
                    return dict(shown)
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def subject_world(services: Services, **portal_settings: Any) -> AsyncIterator[SubjectWorld]:
    """Open the partners and the application in front of them."""
    async with portals.world(**portal_settings) as portal, stores.world() as there:
        subjects = Subjects(
            sources={PORTAL: Source(portal.connection)},
            desks={PORTAL: portal.connection},
            rating_publishers=[PORTAL],
            technical_ids={PORTAL: portal.connection},
            document_stores={STORE: there.connection},
        )
        app = create_app(replace(services, subjects=subjects))
        api = ApiWorld(app, services, http(app))
        api.caller = await api.calling()
        yield SubjectWorld(api, portal, there)
