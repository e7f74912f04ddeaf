"""What the API says of webhooks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.inbox import InboxKind


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoint(View):
    """An address to which events are sent, without its secret."""

    id: str
    client_id: str
    url: str
    kinds: tuple[InboxKind, ...]
    """Events wanted; empty: all."""
    created_at: datetime
    failures: int
    """Failures in a row."""
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_by: str | None
    """Who disabled it; ``hub`` after a run of failures."""
    waiting: int
    """Events on their way to it."""


class EndpointList(View):
    """All endpoints of a client."""

    webhooks: tuple[Endpoint, ...]


class NewEndpoint(View):
    """An endpoint with the secret it has just got."""

    endpoint: Endpoint
    secret: str | None
    """Shown once, as ``whsec_…``; null in the answer to a repetition of the same call."""

    def __repr__(self) -> str:
        return f"NewEndpoint(endpoint={self.endpoint.id!r})"


class Replayed(View):
    """How many events are sent again."""

    events: int
    complete: bool
    """False where there were more than can be replayed at once; replay again from later on."""


class DeliveryState(StrEnum):
    """Where one event stands on its way to one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Not taken within the whole schedule; it can be replayed."""


class Attempt(View):
    """One try."""

    number: int
    started_at: datetime
    duration_ms: int
    outcome: str
    status: int | None
    """HTTP status of the answer, where there was one."""


class Delivery(View):
    """One event on its way to one endpoint."""

    event_id: UUID
    kind: InboxKind
    state: DeliveryState
    next_attempt_at: datetime | None
    ended_at: datetime | None
    attempts: tuple[Attempt, ...]


class Deliveries(View):
    """The newest deliveries of an endpoint, newest first."""

    deliveries: tuple[Delivery, ...]
