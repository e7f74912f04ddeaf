"""What the couriers of single messages share: one exchange is one call, and the newest revision replaces older ones.

Answers to questions, ratings and result papers travel as exchanges like dossiers do. Their lane is named by their
subject (``question:<id>``), and an exchange points to the sealed revision that is rendered when it is sent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.errors import Sentence
from contracts.ports import CallReport, Operation
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.courier import Parcel, Settlement

NO_STATE = 0
"""Only a dossier has a national state; a lane of anything else confirms none."""

REPLACED = Sentence(
    "A newer content was accepted before this one left; the newer one is sent instead.",
    "Đã có nội dung mới hơn trước khi gửi; hệ thống gửi nội dung mới thay thế.",
)

_REPLACE = """
WITH lane AS (
    SELECT id FROM lanes WHERE connection = %(connection)s AND subject = %(subject)s FOR UPDATE
), old AS (
    UPDATE exchanges e SET state = 'superseded', ended_at = %(now)s, reason = %(en)s, reason_vi = %(vi)s
    FROM lane
    WHERE e.lane_id = lane.id AND e.operation = %(operation)s AND e.ended_at IS NULL AND e.state <> 'sending'
    RETURNING e.lane_id, e.id, e.attempts
), recorded AS (
    INSERT INTO ledger_queue (kind, subject, at, facts)
    SELECT 'exchange', id::text, %(now)s,
           '{"attempts":"' || attempts || '","outcome":"superseded","state":"superseded"}'
    FROM old
)
UPDATE lanes l
SET open_count = l.open_count - n.n,
    -- What was in doubt is replaced, so there is nothing left to be found out.
    held_reason = NULL
FROM (SELECT lane_id, count(*) AS n FROM old GROUP BY lane_id) n WHERE n.lane_id = l.id
"""


async def replace_unsent(
    conn: AsyncConnection[Any], *, connection: str, subject: str, operation: str, now: datetime
) -> None:
    """End what has not left of this subject: only the newest revision goes. For messages that replace each other."""
    await conn.execute(
        _REPLACE,
        {
            "connection": connection,
            "subject": subject,
            "operation": operation,
            "now": now,
            "en": REPLACED.en,
            "vi": REPLACED.vi,
        },
    )


class SingleCourier(ABC):
    """A courier whose calls carry one exchange each."""

    def __init__(self, operation: Operation, *, replaces: bool) -> None:
        """``replaces``: a newer revision stands for all older ones at the partner."""
        self.operation = operation
        self._replaces = replaces

    async def prepare(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Parcel]:
        """Open the content of each exchange; a record that is not there is a `LookupError`."""
        contents = await self.read(conn, exchanges)
        return {
            one.id: Parcel(
                exchange=one, content=contents[one.id], confirms_revision=one.revision, confirms_state=NO_STATE
            )
            for one in exchanges
        }

    @abstractmethod
    async def read(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Any]:
        """Return what the partner's port takes, for each exchange."""

    @abstractmethod
    async def push(self, content: Any) -> CallReport:
        """Hand one content to the partner."""

    async def is_there(self, content: Any) -> bool | None:  # noqa: ARG002 - part of the form
        """Ask the partner whether it holds this content; ``None`` where it cannot tell."""
        return None

    async def send(self, parcels: Sequence[Parcel]) -> CallReport:
        """Deliver; a call carries one parcel."""
        (parcel,) = parcels
        return await self.push(parcel.content)

    async def settle(self, parcels: Sequence[Parcel]) -> Sequence[Settlement]:
        """Ask about each."""
        return [_SETTLEMENTS[await self.is_there(one.content)] for one in parcels]

    def is_overtaken(self, exchange: ClaimedExchange) -> bool:
        """Say whether the partner already confirmed a later revision."""
        confirmed = exchange.confirmed_revision
        return self._replaces and confirmed is not None and exchange.revision < confirmed

    def hold_reason(self, exchange: ClaimedExchange) -> str | None:  # noqa: ARG002 - part of the protocol
        """Let the lane go on: a refused message does not spoil a later one."""
        return None


_SETTLEMENTS: Mapping[bool | None, Settlement] = {
    True: Settlement.APPLIED,
    False: Settlement.NOT_APPLIED,
    None: Settlement.CANNOT_TELL,
}
