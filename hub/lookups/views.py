"""What the API says of look-ups."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class TechnicalIdAnswer(BaseModel):
    """The technical ids of a person or enterprise; none where there is no account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookup_id: str
    """The record of this look-up, and its subject in the ledger."""
    technical_ids: tuple[str, ...]
