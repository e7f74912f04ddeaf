"""The citizen's own view, and what is withheld from it, as they are shown."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class UsageEntry(_View):
    """One look-up of this citizen."""

    lookup_id: str
    """To be named in a question or complaint."""
    at: datetime
    agency: str
    """Code of the agency whose officer asked."""
    kind: str
    """What was asked, as a stable word: ``find_citizen``, ``confirm:identity``, ``technical_id``, …"""
    title: str
    title_vi: str
    """The same in words."""
    of_another: bool
    """Somebody else was looked up, and this citizen was in what came back: as a member of the household, or named as a
    relative. Who it was is not told."""
    dossier_code: str | None
    """The dossier it served; of a dossier that is not this citizen's only the agency is shown."""
    own_dossier: bool
    """Whether this citizen is a party of the dossier."""
    procedure: str | None
    """Root of the procedure, ``N.NNNNNN``; not told where it is another's matter."""
    purpose: str
    """Hidden where it is another's matter: the look-up was of another, for a dossier that is not this citizen's."""
    without_dossier: bool
    """Asked in an emergency, with a reason that is always reviewed."""
    outcome: str
    """``found``, ``not_found``, ``denied`` (nobody was asked), ``failed``, ``mismatch``, ``repeated``, ``unended``."""
    data_groups: tuple[str, ...]
    """Which groups of data were handed out."""
    officer: str | None
    """Name of the officer, only where the province's profile says so."""


class Withheld(_View):
    """What is not shown for now."""

    count: Count
    text: str
    text_vi: str


class Readings(_View):
    """How often something about this citizen was read, and when last."""

    count: Count
    last_at: datetime | None


class UsageView(_View):
    """Who looked a citizen up: newest first."""

    items: tuple[UsageEntry, ...]
    next_cursor: str | None
    shown: Count
    """Look-ups that can be shown, on all pages together."""
    withheld: Withheld
    readings: Readings
    """Of this view, before."""
    examinations: Readings
    """Of the citizen's number by security staff, in cases that are decided: examining a look-up is reading too."""
    agencies: tuple[str, ...]
    """The agencies the reader is confined to: others' look-ups are neither shown nor counted; none: all."""


class WithholdingState(StrEnum):
    """Where a withholding stands; only the first three keep the look-up out of view."""

    PROVISIONAL = "provisional"
    """In force, and ends soon unless a second person confirms it."""
    CONFIRMED = "confirmed"
    RELEASE_REQUESTED = "release_requested"
    """In force until a second person approves its release."""
    RELEASED = "released"
    """Ended by two people."""
    ENDED = "ended"
    """Ended by its condition: its case was decided, or its day came."""
    LAPSED = "lapsed"
    """Nobody confirmed it in time."""


class WithholdingView(_View):
    """A look-up kept from the citizen's own view."""

    id: str
    lookup_id: str
    asked_at: datetime
    agency: str
    state: WithholdingState
    case_id: str | None
    ends_at: datetime
    requested_at: datetime
    requested_by: str
    requested_person: str
    lapses_at: datetime
    confirmed_at: datetime | None
    confirmed_by: str | None
    confirmed_person: str | None
    release_requested_at: datetime | None
    release_requested_by: str | None
    release_requested_person: str | None
    released_at: datetime | None
    released_by: str | None
    released_person: str | None


class WithholdingDetail(WithholdingView):
    """The same with what people wrote."""

    reason: str
    document_number: str
    release_reason: str | None


class WithholdingPage(_View):
    """A page of withholdings, newest first."""

    items: tuple[WithholdingView, ...]
    next_cursor: str | None
