"""What the subjects around dossiers add to each process: couriers, jobs, addresses. Part of the composition root.

A connection says by the ports it keeps what can be done with it; nothing here knows an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import hub.accounts.wiring
import hub.cases.wiring
import hub.catalogue.api
import hub.document_store.api
import hub.lookups.api
import hub.lookups.wiring
import hub.questions.api
import hub.ratings.api
import hub.watch.wiring
from contracts.ports import (
    CatalogueSource,
    Connection,
    DossierPublisher,
    PersonalDocumentStore,
    ProcedureCatalogue,
    QuestionDesk,
    RatingPublisher,
    RepeatClass,
    TechnicalIds,
)
from contracts.registers import BusinessRegister, PopulationRegister
from hub.access.guard import Guard
from hub.catalogue.service import CatalogueReader
from hub.catalogue.sync import CatalogueSync, Source
from hub.clerk import Job
from hub.document_store.papers import PaperCourier, PaperIntake
from hub.document_store.service import DocumentStoreService
from hub.dossiers.delivery import DossierReader, SnapshotCourier, StepCourier
from hub.dossiers.procedures import ProcedureIndex
from hub.exchanges.courier import Courier
from hub.lookups.service import TechnicalIdService
from hub.lookups.wiring import LookupServices
from hub.profiles.profile import load_profile
from hub.questions.delivery import AnswerCourier
from hub.questions.service import QuestionService
from hub.questions.watching import QuestionWatch
from hub.ratings.delivery import RatingCourier
from hub.ratings.service import RatingService
from hub.registry import OpenConnection
from hub.settings import Settings
from hub.store.engine import Store
from hub.web.resources import Resource


def couriers(connection: Connection, store: Store, *, publisher: DossierPublisher | None = None) -> dict[str, Courier]:
    """Return what delivers to this connection, by operation; nothing where it only answers questions.

    ``publisher`` takes the connection's place where dossiers are published.
    """
    found: list[Courier] = []
    if isinstance(connection, DossierPublisher):
        reader = DossierReader(store.sealer)
        publishing = publisher if publisher is not None else connection
        found += [SnapshotCourier(publishing, reader), StepCourier(publishing, reader)]
    if isinstance(connection, QuestionDesk):
        found.append(AnswerCourier(connection, store.sealer))
    if isinstance(connection, RatingPublisher):
        found.append(RatingCourier(connection, store.sealer))
    if isinstance(connection, PersonalDocumentStore):
        found.append(PaperCourier(connection, store.sealer))
    return {one.operation.name: one for one in found}


_PORTS = (
    DossierPublisher,
    CatalogueSource,
    QuestionDesk,
    RatingPublisher,
    TechnicalIds,
    PersonalDocumentStore,
    PopulationRegister,
    BusinessRegister,
)


def repeat_classes(connection: Connection) -> dict[str, RepeatClass]:
    """Return how each operation of this connection may be repeated."""
    if isinstance(connection, _PORTS):
        return {name: operation.repeat for name, operation in connection.operations.items()}
    return {}


@dataclass(frozen=True, slots=True)
class Subjects:
    """Who can be asked, by connection, in the order of configuration."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    desks: Mapping[str, QuestionDesk] = field(default_factory=dict)
    rating_publishers: Sequence[str] = ()
    technical_ids: Mapping[str, TechnicalIds] = field(default_factory=dict)
    document_stores: Mapping[str, PersonalDocumentStore] = field(default_factory=dict)

    @staticmethod
    def of(opened: Mapping[str, OpenConnection]) -> Subjects:
        """Return what these connections can do."""
        connections = {name: one.connection for name, one in opened.items()}
        return Subjects(
            sources={
                name: Source(one.connection, one.configured.delivery.rate_per_second)
                for name, one in opened.items()
                if isinstance(one.connection, CatalogueSource | ProcedureCatalogue)
            },
            desks={name: one for name, one in connections.items() if isinstance(one, QuestionDesk)},
            rating_publishers=[name for name, one in connections.items() if isinstance(one, RatingPublisher)],
            technical_ids={name: one for name, one in connections.items() if isinstance(one, TechnicalIds)},
            document_stores={name: one for name, one in connections.items() if isinstance(one, PersonalDocumentStore)},
        )

    def sync(self, settings: Settings, store: Store) -> CatalogueSync:
        """Return what keeps the copies of the catalogues."""
        return CatalogueSync(store, self.sources, settings.catalogue)

    def jobs(self, settings: Settings, store: Store) -> list[Job]:
        """Return what the clerk does for these subjects."""
        watch = QuestionWatch(store, self.desks, settings.questions, load_profile(settings.profile))
        return [
            Job("catalogue", self.sync(settings, store).run),
            Job("questions", watch.run),
            *hub.accounts.wiring.jobs(settings, store, load_profile(settings.profile)),
            *hub.cases.wiring.jobs(settings, store),
            *hub.watch.wiring.jobs(settings, store, load_profile(settings.profile)),
        ]

    def resources(
        self, settings: Settings, store: Store, guard: Guard, *, lookups: LookupServices | None = None
    ) -> list[Resource]:
        """Return the addresses of these subjects."""
        limits = settings.api
        documents = DocumentStoreService(store, self.document_stores, settings.document_store)
        papers = PaperIntake(store, list(self.document_stores))
        ratings = RatingService(store, self.rating_publishers, ProcedureIndex(store))
        return [
            *hub.accounts.wiring.resources(settings, store, guard, load_profile(settings.profile)),
            *hub.cases.wiring.resources(settings, store, guard, load_profile(settings.profile)),
            *hub.watch.wiring.resources(settings, store, guard),
            *hub.catalogue.api.resources(hub.catalogue.api.CatalogueApi(CatalogueReader(store)), guard),
            *hub.questions.api.resources(
                hub.questions.api.QuestionApi(QuestionService(store, self.desks), limits), guard
            ),
            *hub.ratings.api.resources(hub.ratings.api.RatingApi(ratings, limits), guard),
            *hub.lookups.api.resources(
                hub.lookups.api.LookupApi(
                    TechnicalIdService(store, self.technical_ids), limits, None if lookups is None else lookups.service
                ),
                guard,
            ),
            *hub.lookups.wiring.resources(store, guard),
            *hub.document_store.api.resources(
                hub.document_store.api.DocumentStoreApi(documents, papers, limits), guard
            ),
        ]
