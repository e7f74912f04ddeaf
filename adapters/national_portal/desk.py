"""Questions and answers, ratings, technical ids: what the portal is for besides dossiers and procedures."""

from __future__ import annotations

from typing import Any

from adapters.national_portal import answers, mapping_desk
from adapters.national_portal import wire_desk as w
from adapters.national_portal.answers import Verdict
from adapters.national_portal.client import Budget, PortalClient
from adapters.national_portal.refusals import refused
from adapters.national_portal.settings import NationalPortalSettings
from adapters.transport.answers import safe_name
from contracts.errors import Malformed
from contracts.ports import AnswerPush, CallReport, Operation, RatingPush, RepeatClass
from contracts.questions import GivenAnswer, Question, QuestionOrigin

LISTS: dict[QuestionOrigin, str] = {
    QuestionOrigin.PORTAL: "LayDanhSachHoiDapGuiTuDVCQG",
    QuestionOrigin.AGENCY: "LayDanhSachHoiDapBoCoQuan",
}
ANSWERS_TO: dict[QuestionOrigin, str] = {
    QuestionOrigin.PORTAL: "DongBoKetQuaHoiDapGuiTuDVCQG",
    QuestionOrigin.AGENCY: "DongBoHoiDap",
}
"""How an answer goes back, by where its question came from; inferred from the names of the services."""

READ_ANSWERS = "LayNoiDungTraLoiTheoCauHoi"
PUSH_RATINGS = "DongBoDanhGia"
FIND_TECH_ID = "TraCuuTechID"

LIST_QUESTIONS = "list_questions"
LIST_ANSWERS = "list_answers"
PUSH_ANSWER = "push_answer"
PUSH_RATING = "push_rating"
TECHNICAL_IDS = "find_technical_ids"


class PortalDesk:
    """Speaks about all this for the connection."""

    def __init__(self, client: PortalClient, settings: NationalPortalSettings) -> None:
        self._client = client
        self._settings = settings
        self._names: dict[str, str] = settings.question_fields.model_dump()
        self._service_names: dict[str, str] = settings.service_rating_fields.model_dump()

    def operations(self) -> tuple[Operation, ...]:
        """Return what can be done here."""
        settings = self._settings
        return (
            Operation(LIST_QUESTIONS, RepeatClass.SAFE, settings.list_questions_deadline_seconds),
            Operation(LIST_ANSWERS, RepeatClass.SAFE, settings.list_questions_deadline_seconds),
            # Asking for the answers of a question tells whether ours is there; whether a second one is added to the
            # first or replaces it is not public.
            Operation(PUSH_ANSWER, RepeatClass.RECONCILE_FIRST, settings.push_answer_deadline_seconds),
            Operation(PUSH_RATING, RepeatClass(settings.rating_repeat), settings.push_rating_deadline_seconds),
            Operation(TECHNICAL_IDS, RepeatClass.SAFE, settings.find_technical_ids_deadline_seconds),
        )

    # --- questions --------------------------------------------------------------------------------------

    async def questions(self) -> tuple[Question, ...]:
        """Return all questions of both lists, in their order."""
        budget = self._client.budget(LIST_QUESTIONS, self._settings.list_questions_deadline_seconds)
        found: list[Question] = []
        for origin, service in LISTS.items():
            rows = await self._rows(service, {}, budget)
            read = [self._question(row, origin, service, f"result.{index}") for index, row in enumerate(rows)]
            known = [one for one in read if one is not None]
            if rows and not known:
                # Not one of them can be read: the names of the fields are not those of the settings.
                raise answers.malformed(f"result.0.{self._names['id']}")
            found.extend(known)
        return tuple(found)

    async def answers_to(self, question_id: str) -> tuple[GivenAnswer, ...]:
        """Return the answers the portal holds for a question."""
        budget = self._client.budget(LIST_ANSWERS, self._settings.list_questions_deadline_seconds)
        items = [
            answers.read_part(w.TraLoiDaGhi, row, f"result.{index}")
            for index, row in enumerate(await self._rows(READ_ANSWERS, {"cauhoiid": question_id}, budget))
        ]
        for item in items:
            self._client.report_unknown(READ_ANSWERS, item)
        return tuple(mapping_desk.given_answer(item, self._drift(READ_ANSWERS)) for item in items)

    async def push_answer(self, push: AnswerPush) -> CallReport:
        """Hand in one answer."""
        budget = self._client.budget(PUSH_ANSWER, self._settings.push_answer_deadline_seconds)
        service = ANSWERS_TO[push.answer.origin]
        return await self._write(service, {"data": [mapping_desk.answer_to_wire(push.answer)]}, budget)

    # --- ratings ----------------------------------------------------------------------------------------

    async def push_rating(self, push: RatingPush) -> CallReport:
        """Hand in the rating of one month and procedure."""
        budget = self._client.budget(PUSH_RATING, self._settings.push_rating_deadline_seconds)
        fields: dict[str, Any] = mapping_desk.rating_to_wire(push.rating, self._service_names)
        return await self._write(PUSH_RATINGS, {"data": fields} if self._settings.rating_in_data else fields, budget)

    # --- technical ids ----------------------------------------------------------------------------------

    async def technical_ids(self, number: str) -> tuple[str, ...]:
        """Return the technical ids of a person or enterprise."""
        budget = self._client.budget(TECHNICAL_IDS, self._settings.find_technical_ids_deadline_seconds)
        fields = {"provider": self._settings.technical_id_provider, "mstorcmnd": number}
        rows = await self._rows(FIND_TECH_ID, fields, budget)
        items = [answers.read_part(w.TechID, row, f"result.{index}") for index, row in enumerate(rows)]
        for item in items:
            self._client.report_unknown(FIND_TECH_ID, item)
        return tuple(dict.fromkeys(item.TECHNICALID for item in items if item.TECHNICALID))

    # --- one call ---------------------------------------------------------------------------------------

    async def _rows(self, service: str, fields: dict[str, Any], budget: Budget) -> list[Any]:
        """Return the rows of an answer: a list, an object whose ``data`` is one, or none for "not found"."""
        reply = await self._client.call(service, fields, budget, is_write=False)
        if reply.verdict is Verdict.NOT_FOUND:
            return []
        if reply.verdict is not Verdict.DONE:
            raise refused(reply.code)
        return answers.rows_of(reply.result)[1]

    async def _write(self, service: str, fields: dict[str, Any], budget: Budget) -> CallReport:
        reply = await self._client.call(service, fields, budget, is_write=True)
        if reply.verdict is not Verdict.DONE:
            raise refused(reply.code)
        return CallReport(budget.request_bytes, budget.answer_bytes, reply.code)

    def _question(self, row: Any, origin: QuestionOrigin, service: str, place: str) -> Question | None:
        drift = self._drift(service)
        try:
            item = answers.read_part(w.CauHoi, row, place)
        except Malformed:
            drift("(row)")
            return None
        fields = item.model_extra or {}
        for name in fields.keys() - set(self._names.values()):
            drift(safe_name(name))
        return mapping_desk.question(fields, origin, self._names, own_agency=self._settings.madonvi, drift=drift)

    def _drift(self, message: str) -> mapping_desk.Drift:
        return lambda field: self._client.report_drift(message, field)
