"""What the API says about ratings."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from contracts.ratings import RatingEntry


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RatingReceipt(View):
    """The answer to a rating: it is durable, and this carries it."""

    month: str
    procedure_root: str
    revision: int
    created: bool
    unchanged: bool = False
    """The same rating was already there; nothing is sent."""
    exchange_ids: tuple[str, ...] = ()


class RatingView(View):
    """A rating as it was last handed in."""

    month: str
    procedure_root: str
    revision: int
    recorded_at: datetime
    rating: RatingEntry
