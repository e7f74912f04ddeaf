"""What the engine needs to know to deliver one operation; subject folders supply one courier each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from contracts.ports import CallReport, Operation
from hub.exchanges.claims import ClaimedExchange


class Settlement(StrEnum):
    """What asking the partner told about a write whose outcome was unknown."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed exchange with its opened content, ready for the adapter."""

    exchange: ClaimedExchange
    content: Any
    """What the adapter's port takes; held in memory only, never logged."""
    confirms_revision: int | None
    """The dossier revision the partner holds once this is delivered, if it carries a whole one."""
    confirms_state: int
    """The national state the partner shows once this is delivered."""


class Courier(Protocol):
    """Turns claimed exchanges of one operation into calls of an adapter."""

    operation: Operation

    async def prepare(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Parcel]:
        """Open the content of these exchanges, inside the claiming transaction."""
        ...

    async def send(self, parcels: Sequence[Parcel]) -> CallReport:
        """Deliver all of these in one call, or raise one of `contracts.errors` for all."""
        ...

    async def settle(self, parcels: Sequence[Parcel]) -> Sequence[Settlement]:
        """Ask the partner which of these happened; parcels are of one lane and in order."""
        ...

    def is_overtaken(self, exchange: ClaimedExchange) -> bool:
        """Say whether the partner already confirmed something newer, so that sending this would set it back."""
        ...

    def hold_reason(self, exchange: ClaimedExchange) -> str | None:
        """Return why the lane must wait when this exchange ends without delivery; ``None`` lets it go on."""
        ...
