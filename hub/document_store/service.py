"""Asking the personal e-document store for an officer, and fetching what it found; each time is recorded.

Where a file lies is the store's own word for it and never leaves the hub: a caller names the query and the number of
the file, so it can fetch what was found for it and nothing else, and only for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from contracts.document_store import FoundPapers
from contracts.errors import Sentence
from contracts.ports import PersonalDocumentStore
from hub.document_store.settings import DocumentStoreHubSettings
from hub.document_store.views import FileQuestion, FoundFile, FoundPaper, StoreAnswer, StoreQuestion
from hub.errors import Refusal
from hub.lookups.recording import LookupCaller, LookupRecorder, asked
from hub.lookups.rows import asked_about
from hub.store.engine import Store
from hub.web.ids import id_or
from hub.web.partner import no_connection

_NO_FILE = Sentence(
    "There is no such file among what this client found, or it is too late to fetch it; ask the store again.",
    "Không có tệp này trong kết quả của ứng dụng, hoặc đã quá thời gian tải; hãy tra cứu lại.",
)


def found_context(lookup_id: UUID | str) -> str:
    """Name the place of what a query found for the sealing."""
    return f"found_papers:{lookup_id}"


class DocumentStoreService:
    """Queries and files for the API."""

    def __init__(
        self,
        store: Store,
        systems: Mapping[str, PersonalDocumentStore],
        settings: DocumentStoreHubSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``systems`` by connection; the first is asked."""
        self._store = store
        self._recorder = LookupRecorder(store)
        self._systems = dict(systems)
        self._lifetime = timedelta(minutes=settings.file_minutes)
        self._now = now

    async def query(self, question: StoreQuestion, caller: LookupCaller) -> StoreAnswer:
        """Return what the store gives to the officer; refuses with 503 where nobody can be asked."""
        connection, system = self._system()
        record = await self._recorder.begin(
            "stored_papers",
            connection=connection,
            caller=caller,
            actor=question.actor,
            dossier_code=question.dossier_code,
            question=question,
            subject=question.query.owner_number,
            now=self._now(),
        )
        lookup_id = record.id

        async def ask() -> FoundPapers:
            return await system.find_papers(question.query)

        found = await asked(self._recorder, record, ask, count=lambda one: len(one.papers), now=self._now)
        until = self._now() + self._lifetime
        await self._remember(lookup_id, connection, caller, found, until)
        papers: list[FoundPaper] = []
        number = 0
        for one in found.papers:
            files = tuple(FoundFile(file=number + at, name=file.name) for at, file in enumerate(one.files, start=1))
            number += len(files)
            papers.append(
                FoundPaper(
                    catalogue_code=one.catalogue_code,
                    name=one.name,
                    paper_number=one.paper_number,
                    owner_agency=one.owner_agency,
                    files=files,
                )
            )
        return StoreAnswer(lookup_id=lookup_id, papers=tuple(papers), signature=found.signature, files_until=until)

    async def file(self, question: FileQuestion, caller: LookupCaller) -> bytes:
        """Return the bytes of a file that a query of this client found not long ago; else refuses with 404."""
        connection, agency, location = await self._recall(question, caller)
        system = self._systems.get(connection)
        if system is None:
            raise no_connection()
        record = await self._recorder.begin(
            "stored_file",
            connection=connection,
            caller=caller,
            actor=question.actor,
            dossier_code=question.dossier_code,
            question=question,
            subject=await self._recorder.subject_of(UUID(question.lookup_id)),
            now=self._now(),
        )

        async def ask() -> bytes:
            return await system.fetch_file(agency, location)

        return await asked(self._recorder, record, ask, count=lambda _content: 1, now=self._now)

    def _system(self) -> tuple[str, PersonalDocumentStore]:
        if not self._systems:
            raise no_connection()
        return next(iter(self._systems.items()))

    async def _remember(
        self, lookup_id: str, connection: str, caller: LookupCaller, found: FoundPapers, until: datetime
    ) -> None:
        locations = [(one.owner_agency, file.location) for one in found.papers for file in one.files]
        content = orjson.dumps({"connection": connection, "files": locations})
        async with self._store.transaction() as conn:
            await conn.execute(
                "INSERT INTO found_papers (lookup_id, client_id, expires_at, sealed) VALUES (%s, %s, %s, %s)",
                (lookup_id, caller.client_id, until, self._store.sealer.seal(content, found_context(lookup_id))),
            )
            await forget_expired(conn, self._now())

    async def _recall(self, question: FileQuestion, caller: LookupCaller) -> tuple[str, str, str]:
        key = id_or(question.lookup_id, _no_file)
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT f.sealed FROM found_papers f JOIN lookups r ON r.id = f.lookup_id"
                " WHERE f.lookup_id = %s AND f.client_id = %s AND f.expires_at > %s"
                " AND r.dossier_code = %s AND r.account_id = %s AND r.asked_at BETWEEN %s AND %s",
                (
                    key,
                    caller.client_id,
                    self._now(),
                    question.dossier_code,
                    question.actor.account_id,
                    *asked_about(key),
                ),
            )
            row = await cursor.fetchone()
        if row is None:
            raise _no_file()
        held: dict[str, Any] = orjson.loads(self._store.sealer.open(bytes(row[0]), found_context(key)))
        if not 1 <= question.file <= len(held["files"]):
            raise _no_file()
        agency, location = held["files"][question.file - 1]
        return held["connection"], agency, location


async def forget_expired(conn: AsyncConnection[Any], now: datetime) -> int:
    """Delete where files lie that may not be fetched any more; return how many queries that were."""
    cursor = await conn.execute("DELETE FROM found_papers WHERE expires_at <= %s", (now,))
    return cursor.rowcount


def _no_file() -> Refusal:
    return Refusal(404, "file_not_found", _NO_FILE, field="file")
