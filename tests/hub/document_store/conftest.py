"""The world of the subjects, and the services it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hub.app import Services
from tests.hub.api.conftest import services
from tests.hub.subjects_world import SubjectWorld, subject_world

__all__ = ["services", "world"]


@pytest.fixture
async def world(services: Services) -> AsyncIterator[SubjectWorld]:
    """The application in front of the simulated partners."""
    async with subject_world(services) as opened:
        yield opened
