"""The courier of ratings: the newest revision of a month and procedure becomes a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.ports import CallReport, RatingPublisher, RatingPush
from contracts.ratings import MonthlyRating, RatingEntry
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.single import SingleCourier
from hub.store.sealing import Sealer

PUSH_RATING = "push_rating"
SUBJECT = "rating"


def subject_of(month: str, root: str) -> str:
    """Return the lane of a rating."""
    return f"{SUBJECT}:{month}:{root}"


def rating_context(month: str, root: str, revision: int) -> str:
    """Name the place of a rating for the sealing."""
    return f"ratings:{month}:{root}:{revision}"


class RatingCourier(SingleCourier):
    """Delivers ``push_rating``: the rating as of the revision the exchange was accepted with."""

    def __init__(self, publisher: RatingPublisher, sealer: Sealer) -> None:
        """The operation's limits are those the connection declares."""
        super().__init__(publisher.operations[PUSH_RATING], replaces=True)
        self._publisher = publisher
        self._sealer = sealer

    async def read(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Any]:
        """Open each rating; the procedure is named by its published code."""
        keys = [_key(one) for one in exchanges]
        cursor = await conn.execute(
            "SELECT r.month, r.procedure_root, r.revision, r.sealed, p.code FROM ratings r"
            " JOIN procedures p ON p.root = r.procedure_root"
            " JOIN unnest(%s::text[], %s::text[], %s::int[]) AS v(month, root, revision)"
            " ON v.month = r.month AND v.root = r.procedure_root AND v.revision = r.revision",
            tuple(list(part) for part in zip(*keys, strict=True)),
        )
        found = {(row[0], row[1], row[2]): (row[3], row[4]) for row in await cursor.fetchall()}
        return {
            one.id: RatingPush(str(one.id), self._open(key, *found[key]))
            for key, one in zip(keys, exchanges, strict=True)
        }

    def _open(self, key: tuple[str, str, int], sealed: bytes, code: str) -> MonthlyRating:
        month, _, revision = key
        entry = RatingEntry.model_validate_json(self._sealer.open(bytes(sealed), rating_context(*key)))
        fields = {name: getattr(entry, name) for name in RatingEntry.model_fields}
        return MonthlyRating(**fields, month=month, procedure_code=code, revision=revision)

    async def push(self, content: RatingPush) -> CallReport:
        """Publish the rating."""
        return await self._publisher.push_rating(content)


def _key(exchange: ClaimedExchange) -> tuple[str, str, int]:
    _, month, root = exchange.subject.split(":")
    return month, root, exchange.revision
