"""Probing connections on a schedule and on demand, and keeping what was found."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from contracts.errors import Sentence
from contracts.ports import SessionStore
from hub.errors import Refusal
from hub.exchanges.sessions import StoredSessions
from hub.health import facts, metrics
from hub.health.judgement import Facts, judge, moment
from hub.health.layers import port_of
from hub.health.probing import Notebook, ProbeReport, probe, tell_clocks_apart
from hub.health.sessions import OwnSession
from hub.health.settings import HealthSettings
from hub.health.windows import in_maintenance
from hub.registry import OpenConnection, load_adapters, open_connections
from hub.settings import Settings
from hub.store.engine import Store

CLOCKS_HOLD = timedelta(hours=1)
"""For how long the measured clock of a partner speaks for or against ours."""

MOST_AT_ONCE = 4
"""Probes at the same time."""

_NO_CONNECTION = Sentence("There is no connection with this id in this deployment.", "Không có kết nối nào với mã này.")

Now = Callable[[], datetime]


def clock() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def opened_for_probing(
    settings: Settings, sessions: Callable[[str], SessionStore]
) -> AsyncGenerator[tuple[dict[str, OpenConnection], Notebook]]:
    """Open every enabled connection a second time, so that its logins and its drift are seen while it is probed.

    Raises `hub.settings.SettingsError`.
    """
    notebook = Notebook(sessions)
    opened = open_connections(settings, load_adapters(), notebook.context)
    try:
        yield opened, notebook
    finally:
        for one in opened.values():
            await one.connection.aclose()


async def probe_alone(settings: Settings) -> list[ProbeReport]:
    """Probe every enabled connection at the same time, without a database, with sessions of its own."""
    async with opened_for_probing(settings, lambda _name: OwnSession()) as (opened, notebook):
        reports = await asyncio.gather(
            *(probe(one, notebook.pages[name], settings.health) for name, one in opened.items())
        )
        skews = {_place(opened[one.connection]): one.clock_skew for one in reports if one.clock_skew is not None}
        return [tell_clocks_apart(one, skews, settings.health) for one in reports]


class ProbeService:
    """Probes the connections of one process; uses the sessions the workers use, so a probe costs no login."""

    def __init__(
        self,
        store: Store,
        opened: Mapping[str, OpenConnection],
        notebook: Notebook,
        settings: HealthSettings,
        *,
        now: Now = clock,
        dice: random.Random | None = None,
    ) -> None:
        """``opened`` and ``notebook`` come from `opened_for_probing`."""
        self._store = store
        self._opened = dict(opened)
        self._notebook = notebook
        self._settings = settings
        self._now = now
        self._dice = dice or random.Random()  # noqa: S311 - spreads probes, guards nothing
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._locks = {name: asyncio.Lock() for name in opened}
        self._spread: dict[str, float] = {}

    async def probe(self, connection: str, *, origin: str) -> ProbeReport:
        """Probe a connection now and keep what was found.

        Refuses with 404 what is not there, and with 409 while an announced maintenance runs: nothing leaves then.
        """
        opened = self._opened.get(connection)
        if opened is None:
            raise Refusal(404, "connection_not_found", _NO_CONNECTION, field="id")
        async with self._locks[connection], self._places:
            async with self._store.transaction() as conn:
                until = await in_maintenance(conn, connection, self._now())
                others = await facts.other_clocks(conn, since=self._now() - CLOCKS_HOLD)
            if until is not None:
                raise _in_maintenance(until, self._now())
            found = await probe(opened, self._notebook.pages[connection], self._settings, now=self._now)
            skews = {_place(self._opened[name]): skew for name, skew in others.items() if name in self._opened}
            report = tell_clocks_apart(found, skews, self._settings)
            metrics.probe_ended(connection, "passed" if report.failure is None else report.failure.layer.value)
            async with self._store.transaction() as conn:
                await facts.record_probe(conn, report, origin=origin)
            return report

    async def probe_due(self) -> list[ProbeReport]:
        """Probe what is due: each connection once in its interval, sooner while it is in trouble."""
        now = self._now()
        async with self._store.transaction() as conn:
            known = await facts.read_facts(conn, dict.fromkeys(self._opened, ""), self._settings, now)
        due = [name for name, one in known.items() if self._is_due(name, one.facts)]

        async def one_of(name: str) -> ProbeReport | None:
            try:
                return await self.probe(name, origin="schedule")
            except Refusal:
                return None  # a window began this very moment
            finally:
                self._spread.pop(name, None)

        return [one for one in await asyncio.gather(*map(one_of, due)) if one is not None]

    async def run(self) -> None:
        """Probe on schedule, for ever."""
        while True:
            await self.probe_due()
            await asyncio.sleep(self._settings.watch_seconds)

    def _is_due(self, name: str, known: Facts) -> bool:
        if known.pause is not None or known.window is not None:
            return False
        if known.probe is None:
            return True
        settings = self._settings
        interval = settings.trouble_probe_seconds if judge(known).is_trouble else settings.probe_seconds
        spread = self._spread.setdefault(name, self._dice.uniform(-1, 1))
        wait = timedelta(seconds=interval * (1 + settings.probe_jitter * spread))
        return known.now - known.probe.at >= wait


@contextlib.asynccontextmanager
async def probe_service(settings: Settings, store: Store) -> AsyncGenerator[ProbeService]:
    """Lend the probes of this configuration, on the workers' sessions."""
    async with opened_for_probing(settings, lambda name: StoredSessions(store, name)) as (opened, notebook):
        yield ProbeService(store, opened, notebook, settings.health)


def _place(opened: OpenConnection) -> str:
    """Return where the clock of a connection stands: connections behind one security server share one."""
    addresses = opened.adapter.addresses(opened.settings) if opened.adapter.addresses is not None else ()
    parts = urlsplit(addresses[-1]) if addresses else None
    return f"{parts.hostname}:{port_of(parts)}" if parts is not None else opened.id


def _in_maintenance(until: datetime, now: datetime) -> Refusal:
    at = moment(until, now)
    return Refusal(
        409,
        "in_maintenance",
        Sentence(
            en=f"This connection is in announced maintenance until {at}; nothing leaves before. End the window first.",
            vi=f"Kết nối đang bảo trì theo thông báo đến {at}, chưa gửi gì ra ngoài. Hãy kết thúc khung bảo trì trước.",
        ),
        field="id",
    )
