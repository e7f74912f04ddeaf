"""The whole portal as one connection: dossiers from `publisher`, the rest from the modules of its subjects."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.national_portal import catalogue, desk
from adapters.national_portal.catalogue import PortalCatalogue
from adapters.national_portal.desk import PortalDesk
from adapters.national_portal.inbound import PortalInbound
from adapters.national_portal.publisher import NationalPortal
from adapters.national_portal.refusals import signed
from adapters.national_portal.settings import NationalPortalSettings
from contracts.catalogue import CatalogueLists, CatalogueProcedure
from contracts.inbound import InboundDesk
from contracts.ports import AdapterContext, AnswerPush, CallReport, RatingPush
from contracts.questions import GivenAnswer, Question


class NationalPortalConnection(NationalPortal):
    """Every port the portal keeps. No side effects when built.

    `DossierPublisher`, `ProcedureCatalogue`, `CatalogueSource`, `QuestionDesk`, `RatingPublisher`, `TechnicalIds`,
    `ServesInbound`, `GivesFileAddresses`.
    """

    def __init__(self, context: AdapterContext, settings: NationalPortalSettings) -> None:
        super().__init__(context, settings)
        self._name = context.connection_id
        self._catalogue = PortalCatalogue(self._client, settings)
        self._desk = PortalDesk(self._client, settings)
        self._operations.update({one.name: one for one in (*self._catalogue.operations(), *self._desk.operations())})

    @property
    def file_path(self) -> str:
        """Where the portal opens one-time addresses of files."""
        return self._settings.inbound.paths.file

    def inbound(self, desk: InboundDesk) -> PortalInbound:
        """Return what answers the portal's calls to us."""
        return PortalInbound(
            desk,
            self._settings.inbound,
            agency=self._settings.madonvi,
            report_drift=self._context.report_drift,
        )

    async def list_catalogue(self) -> CatalogueLists:
        """Return the lists of the catalogue; see `PortalCatalogue.lists`."""
        with signed(self._name, catalogue.LIST_CATALOGUE):
            return await self._catalogue.lists()

    async def read_procedure(self, code: str) -> CatalogueProcedure | None:
        """Return a procedure with its details."""
        with signed(self._name, catalogue.PROCEDURE):
            return await self._catalogue.procedure(code)

    async def list_questions(self) -> Sequence[Question]:
        """Return the questions of both lists."""
        with signed(self._name, desk.LIST_QUESTIONS):
            return await self._desk.questions()

    async def list_answers(self, question_id: str) -> Sequence[GivenAnswer]:
        """Return the answers the portal holds for a question."""
        with signed(self._name, desk.LIST_ANSWERS):
            return await self._desk.answers_to(question_id)

    async def push_answer(self, push: AnswerPush) -> CallReport:
        """Hand in an answer."""
        with signed(self._name, desk.PUSH_ANSWER, push.exchange_id):
            return await self._desk.push_answer(push)

    async def push_rating(self, push: RatingPush) -> CallReport:
        """Hand in a rating."""
        with signed(self._name, desk.PUSH_RATING, push.exchange_id):
            return await self._desk.push_rating(push)

    async def find_technical_ids(self, number: str) -> Sequence[str]:
        """Return the technical ids of a personal number or tax code."""
        with signed(self._name, desk.TECHNICAL_IDS):
            return await self._desk.technical_ids(number)
