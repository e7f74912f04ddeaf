"""The API of the personal e-document store. What is asked stands in bodies, never in addresses."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp

from contracts.codes import parse_dossier_code
from contracts.document_store import ResultPaperEntry
from contracts.errors import Sentence
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.document_store.papers import PaperIntake
from hub.document_store.service import DocumentStoreService
from hub.document_store.views import FileQuestion, PaperReceipt, StoreAnswer, StoreQuestion
from hub.errors import Refusal
from hub.lookups.api import ACTOR, NO_STORE, PARTNER_REFUSALS, caller_of
from hub.settings import ApiSettings
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.faults import FAULTS
from hub.web.parameters import IDEMPOTENCY_KEY
from hub.web.resources import Call, Operation, Parameter, Resource, Success
from hub.web.validation import JsonReader, T_co, read_json

TAG = "document store"

QUERY: TypeAdapter[StoreQuestion] = TypeAdapter(StoreQuestion)
FILE: TypeAdapter[FileQuestion] = TypeAdapter(FileQuestion)
PAPER: TypeAdapter[ResultPaperEntry] = TypeAdapter(ResultPaperEntry)

_DOSSIER = "H99.12-261008-0001"
_OFFICER = {"name": "Phạm Thị Thử", "number": "099188000456"}
QUERY_EXAMPLE: Any = {
    "actor": ACTOR,
    "dossier_code": _DOSSIER,
    "query": {"owner_number": "099199000123", "officer": _OFFICER, "procedure_code": "1.000001.H99"},
}
FILE_EXAMPLE: Any = {
    "actor": ACTOR,
    "dossier_code": _DOSSIER,
    "lookup_id": "0199c000-0000-7000-8000-000000000001",
    "file": 1,
}
PAPER_EXAMPLE: Any = {
    "officer": _OFFICER,
    "owner_kind": "personal_number",
    "owner_number": "099199000123",
    "agency_code": "H99.12",
    "procedure_code": "1.000002.H99",
    "catalogue_code": "KQ.G99.000002",
    "paper_number": "01/2026",
    "summary": "Giấy khai sinh",
    "issued_on": "2026-10-14",
    "file_name": "giay-khai-sinh.pdf",
    "digitised_on": "2026-10-14",
}

_PAPER_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_BAD_PAPER_ID = Sentence(
    "The id of a paper has 1 to 64 letters, digits, full stops, dashes or underscores.",
    "Mã giấy tờ gồm 1 đến 64 chữ cái, chữ số, dấu chấm, gạch ngang hoặc gạch dưới.",
)


class DocumentStoreApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, service: DocumentStoreService, papers: PaperIntake, settings: ApiSettings) -> None:
        self._service = service
        self._papers = papers
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def query(self, call: Call) -> ASGIApp:
        """``POST /v1/document-store/queries``."""
        # A look-up is a question: repeated, it is asked and recorded again, so no answer is kept under the key.
        idempotency_key(call.headers)
        question = await self._read(call, QUERY)
        answer = await self._service.query(question, caller_of(call))
        return Answer(200, answer.model_dump_json().encode(), NO_STORE)

    async def file(self, call: Call) -> ASGIApp:
        """``POST /v1/document-store/files``."""
        idempotency_key(call.headers)
        content = await self._service.file(await self._read(call, FILE), caller_of(call))
        headers = (
            *NO_STORE,
            (b"x-content-type-options", b"nosniff"),
            (b"content-disposition", b"attachment"),
            # RFC 9530: what the dossier system can check and keep.
            (b"repr-digest", b"sha-256=:" + base64.b64encode(hashlib.sha256(content).digest()) + b":"),
        )
        return Answer(200, content, headers, media_type=b"application/octet-stream")

    async def put_paper(self, call: Call) -> ASGIApp:
        """``PUT /v1/document-store/papers/{dossier}/{id}``."""
        dossier, paper = _dossier(call.path["dossier"]), call.path["id"]
        if not _PAPER_ID.fullmatch(paper):
            raise Refusal(422, "bad_paper_id", _BAD_PAPER_ID, field="id")
        receipt = await self._papers.put(dossier, paper, await self._read(call, PAPER), caller_of(call))
        return Answer(201 if receipt.created else 200, receipt.model_dump_json().encode())

    async def _read(self, call: Call, reader: JsonReader[T_co]) -> T_co:
        require_json(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        value = read_json(reader, body)
        call.begin_work()
        return value


def _dossier(value: str) -> str:
    try:
        return parse_dossier_code(value)
    except PydanticCustomError:
        fault = FAULTS["dossier_code"]
        raise Refusal(422, fault.code, Sentence(fault.en, fault.vi), field="dossier") from None


def resources(api: DocumentStoreApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the store."""
    query = Operation(
        method="POST",
        handler=api.query,
        access=Scope.DOCUMENT_STORE_READ,
        name="query_document_store",
        summary="Ask the personal e-document store for the papers of the owner of a dossier",
        description=(
            "In the name of the officer, whose own number is required and is never the owner's. Recorded, also in the"
            " ledger, before the store is asked. `signature` says whether the store's signature was checked."
        ),
        tag=TAG,
        body=QUERY,
        body_example=QUERY_EXAMPLE,
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(200, "What the store gives to this officer.", TypeAdapter(StoreAnswer)),),
        refusals=PARTNER_REFUSALS,
    )
    file = Operation(
        method="POST",
        handler=api.file,
        access=Scope.DOCUMENT_STORE_READ,
        name="fetch_stored_file",
        summary="Fetch a file that a query found",
        description="For the same client, officer and dossier, and for a while. Recorded like the query.",
        tag=TAG,
        body=FILE,
        body_example=FILE_EXAMPLE,
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(200, "The bytes of the file.", None, media_type="application/octet-stream"),),
        refusals={**PARTNER_REFUSALS, 404: "file_not_found"},
    )
    receipt = TypeAdapter(PaperReceipt)
    paper = Operation(
        method="PUT",
        handler=api.put_paper,
        access=Scope.DOCUMENT_STORE_WRITE,
        name="put_result_paper",
        summary="Hand a result paper in to the personal e-document store",
        description="The same again changes nothing; a correction replaces what has not left yet.",
        tag=TAG,
        body=PAPER,
        body_example=PAPER_EXAMPLE,
        parameters=(
            Parameter(
                "dossier",
                "path",
                "The dossier code.",
                {"type": "string", "pattern": r"^[0-9A-Z.]{3,35}-[0-9]{6}-[0-9]{4,7}$"},
                required=True,
                example=_DOSSIER,
            ),
            Parameter(
                "id",
                "path",
                "The paper's id in the dossier system.",
                {"type": "string", "pattern": "^[0-9A-Za-z._-]{1,64}$"},
                required=True,
                example="KQ-0001",
            ),
        ),
        successes=(Success(200, "Corrected, or unchanged.", receipt), Success(201, "Handed in.", receipt)),
        refusals={422: "bad_paper_id, a bad dossier code", 503: "not_configured"},
    )
    return (
        Resource("/v1/document-store/queries", (query,), guard),
        Resource("/v1/document-store/files", (file,), guard),
        Resource("/v1/document-store/papers/{dossier}/{id}", (paper,), guard),
    )
