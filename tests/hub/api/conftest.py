"""The application with the real intake, one partner that follows dossiers, and one known procedure."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contracts.errors import Sentence
from contracts.ports import RepeatClass
from hub.app import Services, create_app, dossier_rules
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.dossiers.service import DossierService
from hub.exchanges.service import ConnectionInfo, ConnectionService, ExchangeService
from hub.profiles.profile import load_profile
from hub.reconciliation.service import Reconcilable, ReconciliationService
from hub.replays.service import ReplayService
from hub.score.service import ScoreService
from hub.settings import Settings
from hub.store.engine import Store
from tests.hub.api.world import PORTAL, PROCEDURE, ApiWorld, http

CONNECTION = ConnectionInfo(
    PORTAL,
    "national_portal",
    Sentence("National portal", "Cổng Dịch vụ công quốc gia"),
    {"push_dossier": RepeatClass.IDEMPOTENT, "push_step": RepeatClass.RECONCILE_FIRST},
)


@pytest.fixture
async def services(store: Store, settings: Settings) -> AsyncIterator[Services]:
    """Services as `hub.app.build_services` makes them, with a partner that nobody calls."""
    await save_procedures(store, PORTAL, [PROCEDURE])
    intake = DossierIntake(
        store,
        publishers=[PORTAL],
        rules=dossier_rules(settings.rules, load_profile()),
        procedures=ProcedureIndex(store),
    )
    connections = ConnectionService(store, [CONNECTION])
    await connections.register()
    yield Services(
        settings=settings,
        store=store,
        intake=intake,
        dossiers=DossierService(store, [CONNECTION]),
        exchanges=ExchangeService(store, [CONNECTION]),
        connections=connections,
        replays=ReplayService(store, [CONNECTION], settings.replays),
        reconciliations=ReconciliationService(store, [Reconcilable(PORTAL, 5.0, None)]),
        scores=ScoreService(store, settings.scores, PORTAL),
    )
    await intake.aclose()


@pytest.fixture
async def api(services: Services) -> ApiWorld:
    """The application, called in process."""
    app = create_app(services)
    world = ApiWorld(app, services, http(app))
    world.caller = await world.calling()
    return world
