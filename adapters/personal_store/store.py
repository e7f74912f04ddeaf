"""The personal e-document store as the hub sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import ValidationError

from adapters.personal_store import answers, mapping, wire
from adapters.personal_store.client import StoreClient
from adapters.personal_store.mapping import Vocabulary
from adapters.personal_store.settings import DocumentStoreSettings
from contracts.document_store import (
    FoundPapers,
    OwnerKind,
    PaperQuery,
    ResultPaperEntry,
    StoredPaper,
    ValidityScope,
    WantedPaper,
)
from contracts.errors import LienThongError
from contracts.ports import AdapterContext, CallReport, Operation, RepeatClass, ResultPaperPush

FIND_PAPERS = "find_papers"
FETCH_FILE = "fetch_file"
PUSH_RESULT_PAPER = "push_result_paper"


class DocumentStore:
    """One connection to the store: `PersonalDocumentStore`. No side effects when built."""

    def __init__(self, context: AdapterContext, settings: DocumentStoreSettings) -> None:
        self._name = context.connection_id
        self._settings = settings
        self._client = StoreClient(settings, context)
        self._signatures = answers.Signatures(settings.signature_key_file, required=settings.require_signature)
        self._vocabulary = Vocabulary(
            owner_kinds={one: getattr(settings.owner_kind_values, one.value) for one in OwnerKind},
            scopes={one: getattr(settings.scope_values, one.value) for one in ValidityScope},
            date_format=settings.date_format,
            databases_as=settings.databases_as,
        )
        self._operations = {
            one.name: one
            for one in (
                Operation(FIND_PAPERS, RepeatClass.SAFE, settings.find_papers_deadline_seconds),
                Operation(FETCH_FILE, RepeatClass.SAFE, settings.fetch_file_deadline_seconds),
                # Whether the same paper twice becomes one paper is not public; a query tells whether it is there.
                Operation(PUSH_RESULT_PAPER, RepeatClass.RECONCILE_FIRST, settings.push_result_paper_deadline_seconds),
            )
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What the hub may do here."""
        return self._operations

    async def aclose(self) -> None:
        """Release everything."""
        await self._client.aclose()

    async def find_papers(self, query: PaperQuery) -> FoundPapers:
        """Return the papers the store gives to this officer, with what is known of the answer's signature."""
        with self._signing(FIND_PAPERS):
            return await self._find(query, FIND_PAPERS, self._settings.find_papers_deadline_seconds)

    async def fetch_file(self, owner_agency: str, location: str) -> bytes:
        """Return the bytes of a file; raises `Malformed` for what is no base64 or larger than ``max_file_bytes``."""
        with self._signing(FETCH_FILE):
            budget = self._client.budget(FETCH_FILE, self._settings.fetch_file_deadline_seconds)
            fields: wire.TaiTep = {"CoQuanChuQuan": owner_agency, "DuongDan": location}
            return await self._client.file(self._settings.file_path, {**fields}, budget)

    async def push_result_paper(self, push: ResultPaperPush) -> CallReport:
        """Hand in one result paper."""
        with self._signing(PUSH_RESULT_PAPER, push.exchange_id):
            body = mapping.paper_to_wire(push.paper, self._vocabulary)
            budget = self._client.budget(PUSH_RESULT_PAPER, self._settings.push_result_paper_deadline_seconds)
            code, _ = await self._client.call(self._settings.paper_path, {**body}, budget, is_write=True)
            if code != answers.DONE_CODE:
                raise answers.refused(code)
            return CallReport(budget.request_bytes, budget.answer_bytes, code)

    async def has_result_paper(self, paper: ResultPaperEntry) -> bool:
        """Ask, as the officer who handed it in, whether the store lists a paper of this code and number."""
        query = PaperQuery(
            owner_number=paper.owner_number,
            officer=paper.officer,
            procedure_code=paper.procedure_code,
            wanted=(WantedPaper(catalogue_code=paper.catalogue_code, paper_number=paper.paper_number),),
        )
        with self._signing(PUSH_RESULT_PAPER):
            seconds = self._settings.push_result_paper_deadline_seconds
            found = await self._find(query, PUSH_RESULT_PAPER, seconds)
        wanted = (paper.catalogue_code, paper.paper_number)
        return any((one.catalogue_code, one.paper_number) == wanted for one in found.papers)

    async def _find(self, query: PaperQuery, operation: str, seconds: float) -> FoundPapers:
        body = mapping.query_to_wire(query)
        budget = self._client.budget(operation, seconds)
        code, answer = await self._client.call(self._settings.query_path, {**body}, budget, is_write=False)
        signature = self._signatures.check(answer)
        if code in self._settings.not_found_codes:
            return FoundPapers(papers=(), signature=signature)
        if code != answers.DONE_CODE:
            raise answers.refused(code)
        result = answers.read_part(wire.KetQuaTraCuu, answer.result, "result")
        self._client.report_unknown(FIND_PAPERS, result)
        return FoundPapers(
            papers=tuple(self._paper(one, index) for index, one in enumerate(result.DanhSachGiayToKetQua or ())),
            signature=signature,
        )

    def _paper(self, item: wire.GiayTo, index: int) -> StoredPaper:
        try:
            return mapping.found_paper(item, lambda field: self._client.report_drift(FIND_PAPERS, field))
        except ValidationError:
            raise answers.malformed(f"result.DanhSachGiayToKetQua.{index}") from None

    @contextmanager
    def _signing(self, operation: str, exchange_id: str = "") -> Iterator[None]:
        try:
            yield
        except LienThongError as error:
            error.connection = self._name
            error.operation = operation
            error.exchange_id = error.exchange_id or exchange_id
            raise
