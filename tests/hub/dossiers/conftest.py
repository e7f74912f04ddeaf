"""Fixtures of the dossiers' tests: the world of the exchanges' tests, and ways to disturb its database."""

from __future__ import annotations

from tests.hub.disturbances import count_transactions, stop_database
from tests.hub.exchanges.conftest import delivery, portal, world

__all__ = ["count_transactions", "delivery", "portal", "stop_database", "world"]
