"""The processes of the hub, put together: the one place where their parts are made and wired.

``build_services`` opens what the configuration names for the api process and ``create_app`` turns it into an
application; ``build_worker`` does the same for a worker, ``build_operations`` for a person at the command line.
Tests hand ``create_app`` parts of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
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
import hub.health.api
from contracts.errors import Sentence
from contracts.ports import AdapterContext, DossierPublisher, ProcedureCatalogue, RepeatClass
from contracts.rules import DossierRules
from hub.access.guard import Guard
from hub.access.jobs import Housekeeping
from hub.access.signing import KeyRing
from hub.access.tokens import Tokens
from hub.dossiers.delivery import SnapshotCourier, StepCourier
from hub.dossiers.intake import DossierIntake
from hub.dossiers.jobs import ProcedureSync
from hub.dossiers.procedures import ProcedureIndex
from hub.dossiers.service import DossierService
from hub.exchanges.courier import Courier
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.service import ConnectionInfo, ConnectionService, ExchangeService
from hub.exchanges.sessions import StoredSessions
from hub.exchanges.worker import Delivery, Worker
from hub.health import metrics
from hub.health.backlog import BacklogGauges
from hub.health.readiness import Prober
from hub.registry import OpenConnection, load_adapters, open_connections
from hub.settings import RuleSettings, Settings, SettingsError
from hub.store.engine import Store, open_store
from hub.web import openapi
from hub.web.access_log import AccessLog
from hub.web.answers import Answer
from hub.web.application import Application
from hub.web.resources import PUBLIC, Call, Operation, Resource, Success


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the api process uses, open and ready."""

    settings: Settings
    store: Store
    intake: hub.dossiers.api.Intake
    dossiers: hub.dossiers.api.Reader
    exchanges: hub.exchanges.api.Exchanges
    connections: hub.exchanges.api.Connections


@contextlib.asynccontextmanager
async def build_services(settings: Settings, *, upgrade: bool = False) -> AsyncGenerator[Services]:
    """Open the store and the connections of this configuration, and lend the services made of them.

    On leaving, what was accepted for writing is finished and everything is closed. ``upgrade`` brings the tables
    up to date first. Raises `hub.settings.SettingsError`, `hub.store.errors.StoreStartError` or
    `hub.store.errors.StoreUnavailable`, each with a sentence that says what to do.
    """
    async with _open(settings, upgrade=upgrade) as (store, opened), contextlib.AsyncExitStack() as closing:
        infos = connection_infos(opened)
        intake = DossierIntake(
            store,
            publishers=[name for name, one in opened.items() if isinstance(one.connection, DossierPublisher)],
            rules=dossier_rules(settings.rules),
            procedures=ProcedureIndex(store),
        )
        closing.push_async_callback(intake.aclose)
        yield Services(
            settings=settings,
            store=store,
            intake=intake,
            dossiers=DossierService(store, infos),
            exchanges=ExchangeService(store, infos),
            connections=ConnectionService(store, infos),
        )


def create_app(services: Services) -> FastAPI:
    """Return the application that serves these services.

    The resources read their bodies and write their answers themselves, which is what makes an intake cheap.
    """
    settings, store = services.settings, services.store
    tokens = Tokens(KeyRing(store), lifetime_seconds=settings.api.token_lifetime_seconds)
    guard = Guard(store, tokens)
    token_endpoint = hub.access.api.TokenEndpoint(store, tokens, timeout_seconds=settings.api.read_timeout_seconds)
    dossier_api = hub.dossiers.api.DossierApi(services.intake, services.dossiers, settings.api)
    operator_api = hub.exchanges.api.OperatorApi(services.exchanges, services.connections, store, settings.api)
    health_api = hub.health.api.HealthApi(
        Prober(store), BacklogGauges(services.connections), settings.api.metrics_allow
    )
    resources = [
        *hub.dossiers.api.resources(dossier_api, guard),
        *hub.exchanges.api.resources(operator_api, guard),
        *hub.access.api.resources(token_endpoint, guard),
        *hub.health.api.resources(health_api, guard),
    ]
    resources.append(_description(resources, guard))
    housekeeping = Housekeeping(store, token_lifetime_seconds=settings.api.token_lifetime_seconds)
    return Application(resources, guard, AccessLog(settings.log), jobs=[housekeeping.run])


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """What a worker process runs until it is stopped."""

    worker: Worker
    procedures: ProcedureSync


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
                couriers=_couriers(one.connection, store),
                settings=one.configured.delivery,
                facts=facts[name],
            )
            for name, one in opened.items()
            if isinstance(one.connection, DossierPublisher)
        ]
        yield WorkerServices(_worker(store, deliveries, settings), _procedure_sync(store, opened))


def _couriers(publisher: DossierPublisher, store: Store) -> dict[str, Courier]:
    couriers: list[Courier] = [SnapshotCourier(publisher, store.sealer), StepCourier(publisher, store.sealer)]
    return {one.operation.name: one for one in couriers}


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


def _procedure_sync(store: Store, opened: Mapping[str, OpenConnection]) -> ProcedureSync:
    return ProcedureSync(
        store,
        {name: one.connection for name, one in opened.items() if isinstance(one.connection, ProcedureCatalogue)},
    )


@dataclass(frozen=True, slots=True)
class Operations:
    """What a person at the command line sees and does."""

    store: Store
    connections: ConnectionService
    exchanges: ExchangeService
    procedures: ProcedureSync


@contextlib.asynccontextmanager
async def build_operations(settings: Settings) -> AsyncGenerator[Operations]:
    """Open the store and the connections for one command. Raises as `build_services` does."""
    async with _open(settings) as (store, opened):
        infos = connection_infos(opened)
        yield Operations(
            store=store,
            connections=ConnectionService(store, infos),
            exchanges=ExchangeService(store, infos),
            procedures=_procedure_sync(store, opened),
        )


def connection_infos(opened: Mapping[str, OpenConnection]) -> list[ConnectionInfo]:
    """Return what the readers of exchanges need to know of each open connection, in its order."""
    return [
        ConnectionInfo(id=name, adapter=one.adapter.name, title=one.title, repeat_classes=_repeat_classes(one))
        for name, one in opened.items()
    ]


def dossier_rules(settings: RuleSettings) -> DossierRules:
    """Return the rules of dossiers that this province has configured."""
    return DossierRules(
        max_supplements=settings.max_supplements,
        max_extensions=settings.max_extensions,
        late_entry_after=timedelta(hours=settings.late_entry_after_hours),
        clock_skew=timedelta(minutes=settings.clock_skew_minutes),
        fees_before_result=settings.fees_before_result,
    )


def _repeat_classes(opened: OpenConnection) -> dict[str, RepeatClass]:
    if isinstance(opened.connection, DossierPublisher):
        return {name: operation.repeat for name, operation in opened.connection.operations.items()}
    return {}


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
