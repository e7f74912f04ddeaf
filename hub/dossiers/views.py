"""What the API says about dossiers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from contracts.dossier import Dossier
from contracts.states import DossierState


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Advice(View):
    """Something the officer should know now, before it costs the province a point."""

    code: str
    detail: str
    detail_vi: str


class Receipt(View):
    """The answer to everything that changes a dossier: what is now durable, and what will carry it."""

    code: str
    revision: int
    state: DossierState
    created: bool = False
    unchanged: bool = False
    """The same facts were already there; no revision was made and nothing is sent."""
    late_entry: bool = False
    step_sequence: int | None = None
    exchange_ids: tuple[str, ...] = ()
    warnings: tuple[Advice, ...] = ()


class SystemStanding(StrEnum):
    """How a dossier stands at one national system."""

    CURRENT = "current"
    """The partner confirmed the newest revision."""
    PENDING = "pending"
    """Something is on its way or waits for another try."""
    HELD = "held"
    """Nothing is sent until a person, or a corrected revision, acts."""
    BEHIND = "behind"
    """Nothing is on its way, yet the newest revision is not confirmed: it was refused, given up or dismissed."""
    NEVER_SENT = "never_sent"


class DossierAtSystem(View):
    """The dossier's standing at one connection."""

    connection: str
    standing: SystemStanding
    confirmed_revision: int | None
    confirmed_state: DossierState | None
    confirmed_at: datetime | None
    open_exchanges: int
    held_reason: str | None
    next_attempt_at: datetime | None


class DossierView(View):
    """A dossier with its standing at each system."""

    dossier: Dossier
    recorded_at: datetime
    systems: tuple[DossierAtSystem, ...]


class TimelineEntry(View):
    """One line of the timeline, in plain words and without personal data."""

    at: datetime
    recorded_at: datetime
    kind: str
    text: str
    text_vi: str
    late_entry: bool = False
    revision: int | None = None
    connection: str | None = None
    exchange_id: str | None = None


class Timeline(View):
    """All that happened to a dossier and to its exchanges, oldest first."""

    code: str
    entries: tuple[TimelineEntry, ...]
