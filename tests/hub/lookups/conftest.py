"""The worlds of look-ups: the subjects' one, and one with accounts, dossiers, a real Redis and a played register."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.app import Services, create_app
from hub.lookups.wiring import lookup_services
from hub.profiles.profile import load_profile
from hub.settings import Settings
from tests.hub.api.conftest import services
from tests.hub.api.world import ApiWorld, http
from tests.hub.lookups.redis_server import RedisServer
from tests.hub.lookups.world import CONNECTION, Businesses, LookupWorld, People
from tests.hub.subjects_world import SubjectWorld, subject_world

__all__ = ["services", "world"]


@pytest.fixture
async def world(services: Services) -> AsyncIterator[SubjectWorld]:
    """The application in front of the simulated partners."""
    async with subject_world(services) as opened:
        yield opened


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for this test process."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lookup_settings() -> dict[str, Any]:
    """Settings of the section ``lookups``; a test gives its own by parametrizing."""
    return {}


@pytest.fixture
async def desk(
    services: Services, redis_server: RedisServer, lookup_settings: dict[str, Any]
) -> AsyncIterator[LookupWorld]:
    """The application with its gate on a real Redis, an account, a dossier, and registers that a test fills."""
    redis_server.empty()
    settings = Settings(
        **{
            **{name: getattr(services.settings, name) for name in type(services.settings).model_fields},
            "redis_url": redis_server.url,
            # Patient with Redis, and for long with a repetition: what a busy machine takes is no part of any test.
            "lookups": {"dossier_seconds": 0, "redis_timeout_seconds": 10, "repeat_seconds": 120, **lookup_settings},
        }
    )
    people, businesses = People(), Businesses()
    async with lookup_services(
        settings, services.store, {CONNECTION: people, "dkkd": businesses}, load_profile()
    ) as lookups:
        app = create_app(replace(services, settings=settings, lookups=lookups))
        api = ApiWorld(app, services, http(app))
        api.caller = await api.calling()
        opened = LookupWorld(api, lookups, people, businesses, redis_server)
        await opened.add_account()
        await opened.add_dossier()
        yield opened
