"""Taking in the monthly satisfaction, once per month and procedure; a correction replaces what has not left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection

from contracts.calendar import VIETNAM
from contracts.codes import procedure_root
from contracts.errors import Sentence
from contracts.ratings import RatingEntry
from hub.access.agencies import covers
from hub.dossiers.procedures import ProcedureIndex
from hub.errors import Refusal
from hub.exchanges.outbox import NewExchange, enqueue, new_exchange_id
from hub.exchanges.single import replace_unsent
from hub.ratings.delivery import PUSH_RATING, rating_context, subject_of
from hub.ratings.views import RatingReceipt, RatingView
from hub.store.engine import Store
from hub.web.partner import no_connection

_NOT_YET = Sentence(
    "This month has not begun yet, so nobody can have rated in it.",
    "Tháng này chưa bắt đầu nên chưa thể có đánh giá.",
)
_NOT_ALLOWED = Sentence(
    "This client may not act for the agency of this rating; ask the operator of the hub.",
    "Ứng dụng này không được phép thao tác cho cơ quan của đánh giá này; hãy liên hệ quản trị viên.",
)
_NOT_FOUND = Sentence(
    "No rating of this month and procedure has been handed in here.", "Chưa có đánh giá của tháng và thủ tục này."
)


@dataclass(frozen=True, slots=True)
class Rater:
    """Who calls, and for which agencies."""

    client_id: str
    agencies: Sequence[str]


class RatingService:
    """Ratings for the API."""

    def __init__(
        self,
        store: Store,
        publishers: Sequence[str],
        procedures: ProcedureIndex,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``publishers`` are the connections that take ratings."""
        self._store = store
        self._publishers = tuple(publishers)
        self._procedures = procedures
        self._now = now

    async def put(self, month: str, procedure: str, entry: RatingEntry, caller: Rater) -> RatingReceipt:
        """Take in a rating or its correction; the same again changes nothing. Returns after the commit."""
        if not self._publishers:
            raise no_connection()
        now = self._now()
        if month > now.astimezone(VIETNAM).strftime("%Y-%m"):
            raise Refusal(422, "month_not_begun", _NOT_YET, field="month")
        self._require(entry, caller)
        await self._procedures.refresh_if_old()
        self._procedures.require(procedure)
        root = procedure_root(procedure)
        async with self._store.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (subject_of(month, root),))
            held = await self._newest(conn, month, root)
            if held is not None:
                self._require(held[2], caller)
                if held[2] == entry:
                    return RatingReceipt(
                        month=month, procedure_root=root, revision=held[0], created=False, unchanged=True
                    )
            revision = 1 if held is None else held[0] + 1
            exchanges = await self._write(conn, month, root, revision, entry, caller, now)
        return RatingReceipt(
            month=month, procedure_root=root, revision=revision, created=held is None, exchange_ids=exchanges
        )

    async def get(self, month: str, procedure: str, caller: Rater) -> RatingView:
        """Return the newest rating, or refuse with 404."""
        root = procedure_root(procedure)
        async with self._store.transaction() as conn:
            held = await self._newest(conn, month, root)
        if held is None or not covers(caller.agencies, held[2].agency.code):
            raise Refusal(404, "rating_not_found", _NOT_FOUND)
        return RatingView(month=month, procedure_root=root, revision=held[0], recorded_at=held[1], rating=held[2])

    def _require(self, entry: RatingEntry, caller: Rater) -> None:
        if not covers(caller.agencies, entry.agency.code):
            raise Refusal(403, "agency_not_allowed", _NOT_ALLOWED, field="agency.code")

    async def _newest(
        self, conn: AsyncConnection[Any], month: str, root: str
    ) -> tuple[int, datetime, RatingEntry] | None:
        cursor = await conn.execute(
            "SELECT revision, recorded_at, sealed FROM ratings WHERE month = %s AND procedure_root = %s"
            " ORDER BY revision DESC LIMIT 1",
            (month, root),
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        opened = self._store.sealer.open(bytes(row[2]), rating_context(month, root, row[0]))
        return row[0], row[1], RatingEntry.model_validate_json(opened)

    async def _write(  # noqa: PLR0917 - one row
        self,
        conn: AsyncConnection[Any],
        month: str,
        root: str,
        revision: int,
        entry: RatingEntry,
        caller: Rater,
        now: datetime,
    ) -> tuple[str, ...]:
        sealed = self._store.sealer.seal(entry.model_dump_json().encode(), rating_context(month, root, revision))
        await conn.execute(
            "INSERT INTO ratings (month, procedure_root, revision, agency_code, recorded_at, client_id, sealed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (month, root, revision, entry.agency.code, now, caller.client_id, sealed),
        )
        subject = subject_of(month, root)
        new = [
            NewExchange(new_exchange_id(), connection, subject, PUSH_RATING, revision)
            for connection in self._publishers
        ]
        for one in new:
            await replace_unsent(conn, connection=one.connection, subject=subject, operation=PUSH_RATING, now=now)
        await enqueue(conn, new, now=now)
        return tuple(str(one.id) for one in new)
