"""Readiness: the database answers and the tables are ours; each reason is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from hub.health import readiness
from hub.health.backlog import BacklogGauges
from hub.health.metrics import exposition
from hub.health.readiness import Prober
from hub.settings import Settings
from hub.store.engine import Store, open_store
from hub.store.errors import StoreUnavailable


def oks(found: readiness.Readiness) -> dict[str, bool]:
    """Return each check and whether it passed."""
    return {one.name: one.ok for one in found.checks}


async def test_ready(store: Store) -> None:
    """A database that answers, with the tables of this version."""
    found = await Prober(store).check()
    assert found.status == "ready"
    assert oks(found) == {"database": True, "schema": True}
    assert all(one.detail and one.detail_vi for one in found.checks)


async def test_other_tables_are_not_ready(store: Store) -> None:
    """A process of another version than the tables must not serve."""
    async with store.transaction() as conn:
        await conn.execute("UPDATE alembic_version SET version_num = 'another'")
    found = await Prober(store).check()
    assert found.status == "not_ready"
    assert oks(found) == {"database": True, "schema": False}
    assert "lienthong db upgrade" in found.checks[1].detail
    assert "lienthong db upgrade" in found.checks[1].detail_vi


async def test_no_tables_are_not_ready(store: Store) -> None:
    """The same where there are none at all."""
    async with store.transaction() as conn:
        await conn.execute("DROP TABLE alembic_version")
    assert oks(await Prober(store).check()) == {"database": True, "schema": False}


class Broken:
    """A store whose database is gone, or hangs."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.asked = 0

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Fail, at once or late."""
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(60)
        raise StoreUnavailable
        yield


@pytest.mark.parametrize("hangs", [False, True])
async def test_no_database_is_not_ready(monkeypatch: pytest.MonkeyPatch, *, hangs: bool) -> None:
    """Gone or hanging: the answer comes in time and names the reason."""
    monkeypatch.setattr(readiness, "CHECK_TIMEOUT_SECONDS", 0.05)
    broken: Any = Broken(hangs=hangs)
    found = await asyncio.wait_for(Prober(broken).check(), 20)
    assert found.status == "not_ready"
    assert oks(found) == {"database": False, "schema": False}


async def test_many_questions_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is public: however often it is asked, the database is asked once a second."""
    broken: Any = Broken(hangs=False)
    prober = Prober(broken)
    monkeypatch.setattr(readiness, "KEEP_SECONDS", 3600.0)
    await asyncio.gather(*(prober.check() for _ in range(50)))
    assert broken.asked == 1
    monkeypatch.setattr(readiness, "KEEP_SECONDS", -1.0)
    await prober.check()
    assert broken.asked == 2


async def test_a_database_that_goes_away(settings: Settings) -> None:
    """With the real pool: closed connections are noticed, not reported as ready."""
    async with await open_store(settings) as store:
        assert (await Prober(store).check()).status == "ready"
        await store._pool.close()
        assert (await Prober(store).check()).status == "not_ready"


async def test_metrics_without_a_database() -> None:
    """A scrape still works and says what is missing."""

    class Gone:
        async def list(self) -> Any:
            raise StoreUnavailable

    text = exposition(await BacklogGauges(Gone()).read()).decode()
    assert "lienthong_database_up 0.0" in text
    assert "lienthong_connection_open_exchanges" not in text
