"""What the API says of the inbox, and what a webhook carries: the same event in both."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Union
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict

from contracts.inbox import BODIES, InboxKind
from contracts.text import Model

if TYPE_CHECKING:
    Body = Model
else:
    # Every kind's body, so that the API's description names each.
    Body = Union[tuple(BODIES.values())]  # noqa: UP007 - made of a table


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InboxEvent(View):
    """One event, with the body that belongs to its kind; may hold citizens' data."""

    id: UUID
    position: int
    """Cursor: ask for what comes ``after`` it. Grows in the order in which events became readable."""
    kind: InboxKind
    system: str
    """Connection it came through; ``hub`` for the hub's own."""
    subject: str | None
    """Code of the dossier it is about."""
    occurred_at: datetime
    recorded_at: datetime
    acknowledged_at: datetime | None
    """When this client acknowledged it."""
    body: Body


class InboxPage(View):
    """Events after a cursor, oldest first."""

    events: tuple[InboxEvent, ...]
    next_after: int
    """``after`` of the next call, also where this page is empty."""
    more: bool
    """Whether there is more to be had at once."""


class Acknowledgement(View):
    """That this client has taken over an event."""

    id: UUID
    acknowledged_at: datetime


def event_json(
    row: dict[str, Any], body: bytes, *, acknowledged_at: datetime | None = None, of_webhook: bool = False
) -> dict[str, Any]:
    """Return an event as it is written, its body spliced in as it was stored."""
    event = {
        "id": str(row["id"]),
        "position": row["position"],
        "kind": row["kind"],
        "system": row["system"],
        "subject": row["subject"],
        "occurred_at": row["occurred_at"],
        "recorded_at": row["recorded_at"],
    }
    if not of_webhook:
        event["acknowledged_at"] = acknowledged_at
    return {**event, "body": orjson.Fragment(body)}
