"""Look-ups, put together: what each process has of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from contracts.errors import Sentence
from contracts.ports import Connection
from contracts.registers import BusinessRegister, PopulationRegister
from hub.access.guard import Guard
from hub.accounts.directory import AccountDirectory
from hub.clerk import Job
from hub.health.readiness import Check
from hub.lookups.flow import Flow, Parts
from hub.lookups.gate import LOST, Gate
from hub.lookups.heads import DossierHeads
from hub.lookups.jobs import LogKeeper
from hub.lookups.log_api import LogApi
from hub.lookups.log_api import resources as log_resources
from hub.lookups.log_service import LogService
from hub.lookups.pauses import Pauses
from hub.lookups.scope import ScopeRules
from hub.lookups.service import LookupService
from hub.lookups.subjects import SubjectHasher
from hub.lookups.telling import MismatchAlarm, UseNotes
from hub.lookups.writer import LogWriter
from hub.profiles.values import ProfileValues
from hub.settings import Settings
from hub.store.engine import Store
from hub.web.resources import Resource

_OVERDUE = Sentence(
    "The ends of some look-ups wait in memory for the database to come back; they are written by themselves.",
    "Kết quả của một số lượt tra cứu đang chờ trong bộ nhớ cho tới khi cơ sở dữ liệu trở lại; sẽ tự động ghi.",
)


@dataclass(frozen=True, slots=True)
class LookupServices:
    """What the api process uses."""

    service: LookupService
    gate: Gate
    writer: LogWriter

    def degraded(self) -> list[Check]:
        """Return what is done less well just now, for ``/readyz``."""
        found: list[Check] = []
        if self.gate.degraded:
            found.append(Check(name="lookup_counters", ok=False, detail=LOST.en, detail_vi=LOST.vi))
        if self.writer.overdue:
            found.append(Check(name="lookup_log", ok=False, detail=_OVERDUE.en, detail_vi=_OVERDUE.vi))
        return found


@contextlib.asynccontextmanager
async def lookup_services(
    settings: Settings, store: Store, connections: Mapping[str, Connection], profile: ProfileValues
) -> AsyncGenerator[LookupServices]:
    """Lend the look-ups over these connections; what was begun is finished on leaving."""
    async with contextlib.AsyncExitStack() as closing:
        directory = AccountDirectory(store)
        closing.push_async_callback(directory.aclose)
        writer = LogWriter(store, own_connections=True)
        closing.push_async_callback(writer.aclose)
        gate = Gate(
            store,
            settings.lookups,
            redis_url=None if settings.redis_url is None else settings.redis_url.get_secret_value(),
        )
        closing.push_async_callback(gate.aclose)
        notes = UseNotes(store)
        closing.push_async_callback(notes.aclose)
        pauses = Pauses(store)
        closing.push_async_callback(pauses.aclose)
        flow = Flow(
            Parts(
                store=store,
                directory=directory,
                heads=DossierHeads(store, seconds=settings.lookups.dossier_seconds),
                rules=ScopeRules(settings.lookups, timedelta(days=profile.account_dormant_days)),
                gate=gate,
                writer=writer,
                pauses=pauses,
                hasher=await SubjectHasher.open(store),
                notes=notes,
                alarm=MismatchAlarm(store),
            )
        )
        people = {name: one for name, one in connections.items() if isinstance(one, PopulationRegister)}
        businesses = {name: one for name, one in connections.items() if isinstance(one, BusinessRegister)}
        yield LookupServices(LookupService(flow, people, businesses), gate, writer)


def resources(store: Store, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the look-up log; those of look-ups are in `hub.lookups.api`."""
    return log_resources(LogApi(LogService(store)), guard)


def jobs(settings: Settings, store: Store, profile: ProfileValues) -> list[Job]:
    """Return what the clerk does for look-ups."""
    keeper = LogKeeper(
        store,
        settings.lookups,
        retention_months=profile.lookup_log_retention_months,
        redis_url=None if settings.redis_url is None else settings.redis_url.get_secret_value(),
    )
    return [Job("lookup_log", keeper.run)]
