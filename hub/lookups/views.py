"""What the API says of look-ups."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TechnicalIdAnswer(View):
    """The technical ids of a person or enterprise; none where there is no account."""

    lookup_id: str
    """The record of this look-up, and its subject in the ledger."""
    technical_ids: tuple[str, ...]


class LookupExplanation(View):
    """How the watch explains a look-up."""

    grade: Annotated[str, Field(description="The best explanation found, a stable word.")]
    w: Annotated[float, Field(ge=0, le=1, description="How much stays unexplained.")]
    late: Annotated[bool, Field(description="Whether it was decided after the fact.")]
    decided_at: datetime


class LookupEntry(View):
    """A look-up in the log, its subject masked."""

    id: str
    asked_at: datetime
    ended_at: Annotated[datetime | None, Field(description="Null: under way, or cut off with its process.")]
    kind: Annotated[str, Field(description="`find_citizen`, `confirm:identity`, `find_enterprise`, …")]
    connection: str
    client_id: str
    account_id: str
    role: str
    unit_code: str
    ip: Annotated[str | None, Field(description="Where the officer sat.")]
    dossier_code: str | None
    procedure_root: str | None
    purpose: str
    break_glass: Annotated[bool, Field(description="Without a dossier: to be reviewed.")]
    subject: Annotated[str, Field(description="Whose data: all but the last three digits hidden.")]
    subject_kind: Literal["person", "enterprise"]
    outcome: Annotated[
        Literal["under_way", "found", "not_found", "denied", "failed", "mismatch", "repeated"],
        Field(description="How it ended."),
    ]
    denied_code: Annotated[str | None, Field(description="Why the gate refused.")]
    found: Annotated[int | None, Field(description="How many things were handed out.")]
    other_people: Annotated[
        int, Field(description="Of how many others something was handed out: household, named relatives.")
    ]
    data_groups: Annotated[tuple[str, ...], Field(description="Which groups of data were handed out.")]
    upstream_ms: Annotated[int | None, Field(description="How long the partner took; null: it was not asked.")]
    error: Annotated[str | None, Field(description="Class of the error.")]
    gate: Annotated[dict[str, Any], Field(description="What the gate saw and decided.")]
    explanation: Annotated[LookupExplanation | None, Field(description="Null: not judged (yet).")]


class LookupPage(View):
    """A page of the log, newest first."""

    items: tuple[LookupEntry, ...]
    next_cursor: Annotated[str | None, Field(description="Give it as `cursor` for the page after; null: the last.")]


class LookupProof(View):
    """Whether the rows of a look-up are those that the ledger stands for."""

    asked: Annotated[
        Literal["sealed", "waiting", "altered", "missing"],
        Field(description="`sealed` in the ledger, `waiting` to be, or not what it stands for."),
    ]
    ended: Literal["sealed", "waiting", "altered", "missing", "under_way"]


class LookupDetail(View):
    """One look-up whole."""

    lookup: LookupEntry
    reasons: Annotated[dict[str, str], Field(description="What the officer gave as reasons: `break_glass`, `step_up`.")]
    proof: LookupProof
