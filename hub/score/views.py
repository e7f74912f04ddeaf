"""What the API says about scores and early warnings; nothing of it is a citizen's data."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from contracts.states import DossierState
from hub.score.causes import Cause, WarningCause
from hub.score.lines import Line


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RateView(View):
    """A line of the score on one side."""

    counted: int
    """How many dossiers count for the line."""
    of: int
    """Of how many."""
    rate: float | None
    """Between 0 and 1; null where there is nothing to count."""


class LineView(View):
    """A line of the score, by our data and by what the portal holds."""

    line: Line
    title: str
    title_vi: str
    ours: RateView
    portal: RateView
    full_mark_at: float | None
    """From which rate on the line has its full mark, where that is public."""


class AgencyScore(View):
    """The lines of one agency in one month."""

    agency: str | None
    """Its code; null in the total of all agencies shown."""
    received: int
    """Dossiers received in the month, by our data, without cancelled ones."""
    received_there: int
    """Dossiers received in the month, by what the portal holds."""
    reported: int | None
    """Dossiers in the national report system, where the settings tell it; else our own count stands in."""
    lines: tuple[LineView, ...]


class ScorePage(View):
    """The score of a month: the total of all agencies shown, then each agency."""

    month: str
    as_of: datetime
    """Dossiers without an end are counted as of this moment: the end of the month, or now while it runs."""
    worked_at: datetime | None
    """When the facts were last brought up to date; null before the first time."""
    connection: str | None
    """The connection whose copy is the portal's side."""
    total: AgencyScore
    items: tuple[AgencyScore, ...]


class CauseView(View):
    """Why a dossier costs points."""

    cause: Cause
    line: Line | None
    text: str
    text_vi: str


class CostlyDossier(View):
    """A dossier that costs points."""

    code: str
    agency: str
    state: DossierState
    portal_state: DossierState | None
    """Its state at the portal, as far as known; null where the portal does not hold it."""
    received_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    revision: int
    confirmed_revision: int | None
    causes: tuple[CauseView, ...]


class CostlyPage(View):
    """A page of dossiers that cost points, in the order of reception; ``next_cursor`` is null on the last page.

    A page may hold fewer than the limit and still not be the last.
    """

    items: tuple[CostlyDossier, ...]
    next_cursor: str | None


class WarningView(View):
    """An early warning."""

    id: int
    dossier_code: str
    agency: str
    cause: WarningCause
    due_at: datetime | None
    """When it will be too late, or was."""
    raised_at: datetime
    cleared_at: datetime | None
    text: str
    text_vi: str


class WarningPage(View):
    """A page of early warnings, newest first; ``next_cursor`` is null on the last page."""

    items: tuple[WarningView, ...]
    next_cursor: str | None
