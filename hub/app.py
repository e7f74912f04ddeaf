"""The processes of the hub, put together: the one place where their parts are made and wired.

``build_services`` opens what the configuration names for the api process and ``create_app`` turns it into an
application; ``build_worker`` does the same for a worker, ``build_clerk`` for a clerk, ``build_operations`` for a
person at the command line.
Tests hand ``create_app`` parts of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import TypeAdapter
from starlette.types import ASGIApp

import hub.access.api
import hub.dossiers.api
import hub.exchanges.api
import hub.exchanges.steering
import hub.health.api
import hub.inbox.api
import hub.ledger.api
import hub.lookups.wiring
import hub.population_reports.wiring
import hub.reconciliation.api
import hub.replays.api
import hub.score.api
import hub.usage.wiring
import hub.webhooks.api
from contracts.errors import Sentence
from contracts.ports import AdapterContext, DossierPublisher
from contracts.rules import DossierRules
from hub.access.guard import Guard
from hub.access.jobs import Housekeeping
from hub.access.signing import KeyRing
from hub.access.tokens import Tokens
from hub.catalogue.sync import CatalogueSync
from hub.clerk import Clerk, Job
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.dossiers.service import DossierService
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.service import ConnectionInfo, ConnectionService, ExchangeService
from hub.exchanges.sessions import StoredSessions
from hub.exchanges.worker import Delivery, Worker
from hub.health import metrics
from hub.health.assembly import health_jobs, operator_resources
from hub.health.backlog import BacklogGauges
from hub.health.probe_service import ProbeService, probe_service
from hub.health.readiness import Prober
from hub.inbox.handing_out import publisher_of
from hub.inbox.reading import InboxService
from hub.inbox.wiring import build_door, event_jobs, file_client, webhook_client
from hub.ledger.sealer import LedgerSealer
from hub.ledger.service import LedgerService
from hub.lookups.wiring import LookupServices, lookup_services
from hub.profiles.profile import Profile, load_profile
from hub.reconciliation.jobs import ReconciliationJob
from hub.reconciliation.running import Reconciler
from hub.reconciliation.service import ReconciliationService
from hub.registry import OpenConnection, load_adapters, open_connections
from hub.replays.jobs import ReplayRunner
from hub.replays.service import ReplayService
from hub.score.jobs import ScoreKeeper
from hub.score.service import ScoreService, scored_connection
from hub.settings import RuleSettings, Settings, SettingsError
from hub.store.engine import Store, open_store
from hub.subjects import Subjects, couriers, repeat_classes
from hub.web import openapi
from hub.web.access_log import AccessLog
from hub.web.answers import Answer
from hub.web.application import Application
from hub.web.resources import PUBLIC, Call, Operation, Resource, Success
from hub.webhooks.endpoints import webhook_endpoints


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the api process uses, open and ready."""

    settings: Settings
    store: Store
    intake: hub.dossiers.api.Intake
    dossiers: hub.dossiers.api.Reader
    exchanges: hub.exchanges.api.Exchanges
    connections: hub.exchanges.api.Connections
    replays: ReplayService
    reconciliations: ReconciliationService
    scores: ScoreService
    subjects: Subjects = field(default_factory=Subjects)
    probes: ProbeService | None = None
    door: ASGIApp | None = None
    """Serves the calls of partners."""
    lookups: LookupServices | None = None
    """Looks people and enterprises up."""


@contextlib.asynccontextmanager
async def build_services(settings: Settings, *, upgrade: bool = False) -> AsyncGenerator[Services]:
    """Open the store and the connections of this configuration, and lend the services made of them.

    On leaving, what was accepted for writing is finished and everything is closed. ``upgrade`` brings the tables
    up to date first. Raises `hub.settings.SettingsError`, `hub.store.errors.StoreStartError` or
    `hub.store.errors.StoreUnavailable`, each with a sentence that says what to do.
    """
    async with _open(settings, upgrade=upgrade) as (store, opened), contextlib.AsyncExitStack() as closing:
        infos = connection_infos(opened)
        profile = load_profile(settings.profile)
        intake = DossierIntake(
            store,
            publishers=[name for name, one in opened.items() if isinstance(one.connection, DossierPublisher)],
            rules=dossier_rules(settings.rules, profile),
            procedures=ProcedureIndex(store),
            profile=profile,
            own_connections=True,
        )
        closing.push_async_callback(intake.aclose)
        yield Services(
            settings=settings,
            store=store,
            intake=intake,
            dossiers=DossierService(store, infos),
            exchanges=ExchangeService(store, infos),
            connections=ConnectionService(store, infos, settings.health),
            replays=ReplayService(store, infos, settings.replays),
            reconciliations=_reconciliations(store, _reconcilers(store, opened)),
            scores=_scores(settings, store, opened),
            subjects=Subjects.of(opened),
            probes=await closing.enter_async_context(probe_service(settings, store)),
            door=build_door(settings, store, opened, await closing.enter_async_context(file_client(settings))),
            lookups=await closing.enter_async_context(
                lookup_services(settings, store, {name: one.connection for name, one in opened.items()}, profile)
            ),
        )


def create_app(services: Services) -> FastAPI:
    """Return the application that serves these services.

    The resources read their bodies and write their answers themselves, which is what makes an intake cheap.
    """
    settings, store = services.settings, services.store
    profile = load_profile(settings.profile)
    tokens = Tokens(KeyRing(store), lifetime_seconds=settings.api.token_lifetime_seconds)
    guard = Guard(store, tokens)
    token_endpoint = hub.access.api.TokenEndpoint(store, tokens, timeout_seconds=settings.api.read_timeout_seconds)
    dossier_api = hub.dossiers.api.DossierApi(services.intake, services.dossiers, settings.api)
    operator_api = hub.exchanges.api.OperatorApi(services.exchanges, services.connections, store, settings.api)
    health_api = hub.health.api.HealthApi(
        Prober(store, degraded=services.lookups.degraded) if services.lookups is not None else Prober(store),
        BacklogGauges(services.connections, store),
        settings.api.metrics_allow,
    )
    steering = hub.exchanges.steering.SteeringApi(services.exchanges, services.connections, store, settings.api)
    replay_api = hub.replays.api.ReplayApi(services.replays, store, settings.api)
    resources = [
        *hub.dossiers.api.resources(dossier_api, guard),
        *hub.exchanges.steering.resources(steering, guard),
        *hub.exchanges.api.resources(operator_api, guard),
        *hub.replays.api.resources(replay_api, guard),
        *hub.score.api.resources(hub.score.api.ScoreApi(services.scores), guard),
        *hub.ledger.api.resources(hub.ledger.api.LedgerApi(LedgerService(store)), guard),
        *hub.inbox.api.resources(hub.inbox.api.InboxApi(InboxService(store), store, settings.api), guard),
        *hub.webhooks.api.resources(
            hub.webhooks.api.WebhookApi(webhook_endpoints(store, settings.webhooks), store, settings.api), guard
        ),
        *hub.reconciliation.api.resources(
            hub.reconciliation.api.ReconciliationApi(services.reconciliations, store, settings.api), guard
        ),
        *services.subjects.resources(settings, store, guard, lookups=services.lookups),
        *hub.population_reports.wiring.resources(store, guard, profile),
        *hub.usage.wiring.resources(
            settings, store, guard, profile, writer=services.lookups.writer if services.lookups is not None else None
        ),
        *hub.access.api.resources(token_endpoint, guard),
        *hub.health.api.resources(health_api, guard),
        *operator_resources(settings, store, services.probes, guard),
    ]
    resources.append(_description(resources, guard))
    housekeeping = Housekeeping(store, token_lifetime_seconds=settings.api.token_lifetime_seconds)
    return Application(resources, guard, AccessLog(settings.log), jobs=[housekeeping.run], door=services.door)


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """What a worker process runs until it is stopped."""

    worker: Worker


@contextlib.asynccontextmanager
async def build_worker(settings: Settings) -> AsyncGenerator[WorkerServices]:
    """Open the store and the connections, and lend the worker that delivers for them.

    Raises as `build_services` does.
    """
    facts = {name: ConnectionFacts(name) for name in settings.connections}
    async with _open(settings, drift_of=lambda name: facts[name].drift) as (store, opened):
        deliveries = [
            Delivery(
                connection=name,
                couriers=found,
                settings=one.configured.delivery,
                facts=facts[name],
            )
            for name, one in opened.items()
            if (found := couriers(one.connection, store, publisher=publisher_of(one, store, settings)))
        ]
        yield WorkerServices(_worker(store, deliveries, settings))


@contextlib.asynccontextmanager
async def build_clerk(settings: Settings) -> AsyncGenerator[Clerk]:
    """Open the store and the connections, and lend the clerk with all its jobs. Raises as `build_services` does."""
    async with (
        _open(settings) as (store, opened),
        webhook_client(settings) as webhook_http,
        health_jobs(settings, store, opened) as of_health,
    ):
        jobs = [
            *of_health,
            *Subjects.of(opened).jobs(settings, store),
            Job("reconciliation", _reconciliation_job(settings, store, opened).run),
            Job("scores", _score_keeper(settings, store, opened).run),
            *event_jobs(settings, store, webhook_http),
            Job("replays", ReplayRunner(store, connection_infos(opened), settings.replays).run),
            Job("ledger", _ledger_sealer(store, settings).run),
            *hub.lookups.wiring.jobs(settings, store, load_profile(settings.profile)),
        ]
        yield Clerk(store, jobs)


def _ledger_sealer(store: Store, settings: Settings) -> LedgerSealer:
    return LedgerSealer(store, origin=settings.ledger.origin, every_seconds=settings.ledger.seal_every_seconds)


def _worker(store: Store, deliveries: list[Delivery], settings: Settings) -> Worker:
    try:
        return Worker(store, deliveries, settings.worker)
    except ValueError as error:
        raise SettingsError(
            Sentence(
                en=f"The setting worker.lease_seconds is too small: {error}.",
                vi="Khóa cấu hình worker.lease_seconds quá nhỏ so với thời hạn gọi của các kết nối.",
            ),
            key="worker.lease_seconds",
        ) from error


def _reconcilers(store: Store, opened: Mapping[str, OpenConnection]) -> list[Reconciler]:
    return [
        Reconciler(store, name, one.connection, one.configured.reconciliation, one.configured.delivery)
        for name, one in opened.items()
        if isinstance(one.connection, DossierPublisher)
    ]


def _reconciliation_job(settings: Settings, store: Store, opened: Mapping[str, OpenConnection]) -> ReconciliationJob:
    reconcilers = _reconcilers(store, opened)
    nightly = load_profile(settings.profile).reconciliation_at
    return ReconciliationJob(store, _reconciliations(store, reconcilers), reconcilers, nightly=nightly)


def _reconciliations(store: Store, reconcilers: Sequence[Reconciler]) -> ReconciliationService:
    return ReconciliationService(store, [one.reconcilable for one in reconcilers])


def _publishers(opened: Mapping[str, OpenConnection]) -> list[str]:
    return [name for name, one in opened.items() if isinstance(one.connection, DossierPublisher)]


def _scores(settings: Settings, store: Store, opened: Mapping[str, OpenConnection]) -> ScoreService:
    return ScoreService(store, settings.scores, scored_connection(settings.scores, _publishers(opened)))


def _score_keeper(settings: Settings, store: Store, opened: Mapping[str, OpenConnection]) -> ScoreKeeper:
    scored = scored_connection(settings.scores, _publishers(opened))
    return ScoreKeeper(store, load_profile(settings.profile), settings.scores, scored)


@dataclass(frozen=True, slots=True)
class Operations:
    """What a person at the command line sees and does."""

    store: Store
    connections: ConnectionService
    exchanges: ExchangeService
    replays: ReplayService
    catalogue: CatalogueSync
    reconciliations: ReconciliationService
    reconcilers: Sequence[Reconciler]
    scores: ScoreService
    score_keeper: Callable[[], ScoreKeeper]


@contextlib.asynccontextmanager
async def build_operations(settings: Settings) -> AsyncGenerator[Operations]:
    """Open the store and the connections for one command. Raises as `build_services` does."""
    async with _open(settings) as (store, opened):
        infos = connection_infos(opened)
        reconcilers = _reconcilers(store, opened)
        yield Operations(
            reconciliations=_reconciliations(store, reconcilers),
            reconcilers=reconcilers,
            store=store,
            connections=ConnectionService(store, infos, settings.health),
            exchanges=ExchangeService(store, infos),
            replays=ReplayService(store, infos, settings.replays),
            catalogue=Subjects.of(opened).sync(settings, store),
            scores=_scores(settings, store, opened),
            score_keeper=partial(_score_keeper, settings, store, opened),
        )


def connection_infos(opened: Mapping[str, OpenConnection]) -> list[ConnectionInfo]:
    """Return what the readers of exchanges need to know of each open connection, in its order."""
    return [
        ConnectionInfo(
            id=name,
            adapter=one.adapter.name,
            title=one.title,
            repeat_classes=repeat_classes(one.connection),
            rate_per_second=one.configured.delivery.rate_per_second,
            contact=one.configured.contact.words if one.configured.contact is not None else "",
        )
        for name, one in opened.items()
    ]


def dossier_rules(settings: RuleSettings, profile: Profile) -> DossierRules:
    """Return the rules of dossiers: those of the province's profile, and what this deployment sets in their place."""

    def ruled(name: str) -> Any:
        own = getattr(settings, name)
        return getattr(profile, name) if own is None else own

    return DossierRules(
        max_supplements=ruled("max_supplements"),
        max_extensions=ruled("max_extensions"),
        late_entry_after=timedelta(hours=ruled("late_entry_after_hours")),
        clock_skew=timedelta(minutes=settings.clock_skew_minutes),
        fees_before_result=ruled("fees_before_result"),
    )


@contextlib.asynccontextmanager
async def _open(
    settings: Settings, *, upgrade: bool = False, drift_of: Callable[[str], Callable[[str, str], None]] | None = None
) -> AsyncGenerator[tuple[Store, dict[str, OpenConnection]]]:
    """Lend the store and every enabled connection; ``drift_of`` gives what is told of a connection's drift."""
    adapters = load_adapters()
    async with await open_store(settings, upgrade=upgrade) as store, contextlib.AsyncExitStack() as closing:

        def context(name: str) -> AdapterContext:
            return AdapterContext(
                connection_id=name,
                sessions=StoredSessions(store, name),
                report_drift=drift_of(name) if drift_of is not None else partial(metrics.drift, name),
                now=lambda: datetime.now(UTC),
            )

        opened = open_connections(settings, adapters, context)
        for one in opened.values():
            closing.push_async_callback(one.connection.aclose)
        # Its row is where a connection's pause and its facts are written; without it they would be lost.
        await ConnectionService(store, connection_infos(opened)).register()
        yield store, opened


def _description(resources: Sequence[Resource], guard: Guard) -> Resource:
    """Return ``/openapi.json``, which describes the others and itself; made when it is first asked for."""
    described: list[Resource] = []

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi.build([*resources, *described]))

    async def give(call: Call) -> ASGIApp:  # noqa: ARG001 - the form of every handler
        return Answer(200, await asyncio.to_thread(document))

    operation = Operation(
        method="GET",
        handler=give,
        access=PUBLIC,
        name="openapi",
        summary="This document",
        description="OpenAPI 3.1.",
        tag="machines",
        successes=(Success(200, "The document.", TypeAdapter(dict[str, Any])),),
    )
    described.append(Resource("/openapi.json", (operation,), guard))
    return described[0]
