"""Result papers on their way to the personal e-document store: taken in, and delivered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.document_store import ResultPaperEntry
from contracts.errors import Sentence
from contracts.ports import CallReport, PersonalDocumentStore, ResultPaperPush
from hub.access.agencies import covers, require_agency
from hub.document_store.views import PaperReceipt
from hub.errors import Refusal
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.outbox import NewExchange, enqueue, new_exchange_id
from hub.exchanges.single import SingleCourier, replace_unsent
from hub.lookups.recording import LookupCaller
from hub.store.engine import Store
from hub.store.sealing import Sealer
from hub.web.partner import no_connection

PUSH_RESULT_PAPER = "push_result_paper"
SUBJECT = "result_paper"

_NOT_ALLOWED = Sentence(
    "This client may not act for the agency that issued this paper; ask the operator of the hub.",
    "Ứng dụng này không được phép thao tác cho cơ quan ban hành giấy tờ này; hãy liên hệ quản trị viên.",
)


def subject_of(dossier_code: str, paper_id: str) -> str:
    """Return the lane of a result paper."""
    return f"{SUBJECT}:{dossier_code}:{paper_id}"


def paper_context(dossier_code: str, paper_id: str, revision: int) -> str:
    """Name the place of a result paper for the sealing."""
    return f"result_papers:{dossier_code}:{paper_id}:{revision}"


class PaperIntake:
    """Takes result papers in."""

    def __init__(
        self, store: Store, systems: Sequence[str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """``systems`` are the connections that take papers; the first gets them."""
        self._store = store
        self._systems = tuple(systems)
        self._now = now

    async def put(
        self, dossier_code: str, paper_id: str, entry: ResultPaperEntry, caller: LookupCaller
    ) -> PaperReceipt:
        """Take in a paper or its correction; the same again changes nothing. Returns after the commit."""
        if not self._systems:
            raise no_connection()
        require_agency(caller.agencies, dossier_code)
        if not covers(caller.agencies, entry.agency_code):
            raise Refusal(403, "agency_not_allowed", _NOT_ALLOWED, field="agency_code")
        subject, now = subject_of(dossier_code, paper_id), self._now()
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (subject,))
            held = await self._newest(conn, dossier_code, paper_id)
            if held is not None and held[1] == entry:
                return PaperReceipt(
                    dossier_code=dossier_code, paper_id=paper_id, revision=held[0], created=False, unchanged=True
                )
            revision = 1 if held is None else held[0] + 1
            new = NewExchange(new_exchange_id(), self._systems[0], subject, PUSH_RESULT_PAPER, revision)
            sealed = self._store.sealer.seal(
                entry.model_dump_json().encode(), paper_context(dossier_code, paper_id, revision)
            )
            await conn.execute(
                "INSERT INTO result_papers (dossier_code, paper_id, revision, agency_code, exchange_id, recorded_at,"
                " client_id, sealed) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (dossier_code, paper_id, revision, entry.agency_code, new.id, now, caller.client_id, sealed),
            )
            await replace_unsent(conn, connection=new.connection, subject=subject, operation=PUSH_RESULT_PAPER, now=now)
            await enqueue(conn, [new], now=now)
        return PaperReceipt(
            dossier_code=dossier_code,
            paper_id=paper_id,
            revision=revision,
            created=held is None,
            exchange_id=new.id,
        )

    async def _newest(
        self, conn: AsyncConnection[Any], dossier_code: str, paper_id: str
    ) -> tuple[int, ResultPaperEntry] | None:
        cursor = await conn.execute(
            "SELECT revision, sealed FROM result_papers WHERE dossier_code = %s AND paper_id = %s"
            " ORDER BY revision DESC LIMIT 1",
            (dossier_code, paper_id),
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        return row[0], open_paper(self._store.sealer, dossier_code, paper_id, row[0], row[1])


class PaperCourier(SingleCourier):
    """Delivers ``push_result_paper``: the paper as of the revision the exchange was accepted with."""

    def __init__(self, system: PersonalDocumentStore, sealer: Sealer) -> None:
        """The operation's limits are those the connection declares."""
        super().__init__(system.operations[PUSH_RESULT_PAPER], replaces=True)
        self._system = system
        self._sealer = sealer

    async def read(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Any]:
        """Open each paper."""
        cursor = await conn.execute(
            "SELECT exchange_id, dossier_code, paper_id, revision, sealed FROM result_papers"
            " WHERE exchange_id = ANY(%s)",
            ([one.id for one in exchanges],),
        )
        return {
            row[0]: ResultPaperPush(str(row[0]), open_paper(self._sealer, row[1], row[2], row[3], row[4]))
            for row in await cursor.fetchall()
        }

    async def push(self, content: ResultPaperPush) -> CallReport:
        """Hand the paper in."""
        return await self._system.push_result_paper(content)

    async def is_there(self, content: ResultPaperPush) -> bool:
        """Ask the store, as the officer who handed it in."""
        return await self._system.has_result_paper(content.paper)


def open_paper(sealer: Sealer, dossier_code: str, paper_id: str, revision: int, sealed: bytes) -> ResultPaperEntry:
    """Return a paper from its row."""
    return ResultPaperEntry.model_validate_json(
        sealer.open(bytes(sealed), paper_context(dossier_code, paper_id, revision))
    )
