"""What the API says about reconciliation. Codes, days, states, names of fields; nothing of a citizen."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hub.exchanges.views import View
from hub.reconciliation.classify import Exclusion, Outcome, RepairKind


class RunState(StrEnum):
    """Where a run, or a repair, stands."""

    REQUESTED = "requested"
    PREVIEWED = "previewed"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"


Counts = dict[Outcome, Annotated[int, Field(ge=0)]]
"""Dossiers by outcome; an outcome that none came to is 0."""


class RunView(View):
    """One comparison with one partner."""

    id: str
    connection: str
    origin: str
    """``nightly`` or ``on_demand``."""
    requested_by: str
    requested_at: datetime
    from_day: date | None
    """First day of reception (Vietnam); null where a list of codes was handed in."""
    to_day: date | None
    agency: str | None
    state: RunState
    reason: str
    """Why it waits or was interrupted."""
    reason_vi: str
    started_at: datetime | None
    progressed_at: datetime | None
    ended_at: datetime | None
    phase: str
    expected: int
    """Dossiers of ours to be compared, counted when it was requested."""
    examined: int
    """Dossiers that came to an outcome so far."""
    asked: int
    """Questions put to the partner so far."""
    differences: int
    """Dossiers whose two sides are not the same."""
    counts: Counts


class RunPage(View):
    """Runs, newest first: the trend of the last ones; ``next_cursor`` is absent on the last page."""

    items: tuple[RunView, ...]
    next_cursor: str | None


class ValuePair(View):
    """The two values of a field that may be shown: a code, a date, a word of a list."""

    ours: str
    theirs: str


class DifferenceView(View):
    """What a run found about one dossier."""

    code: str
    agency: str
    day: date
    """Of reception (Vietnam); the day in the code where we do not hold the dossier."""
    outcome: Outcome
    fields: tuple[str, ...]
    """Names of what differs. Values of personal fields are neither stored nor shown."""
    shown: dict[str, ValuePair]
    our_state: int | None
    their_state: int | None
    our_revision: int | None
    confirmed_revision: int | None
    missing_steps: tuple[int, ...]
    """Numbers of our steps that the partner proves not to have."""
    why: str
    """What proves the class, or why there was no answer."""
    found_at: datetime
    repair_id: str | None
    repair_outcome: str | None
    """What was sent, or why it was left alone; null when no repair has come to it."""


class DifferencePage(View):
    """Differences of a run in the order of their codes; ``next_cursor`` is absent on the last page."""

    items: tuple[DifferenceView, ...]
    next_cursor: str | None


class ReportLine(View):
    """One day of reception and one agency of a run."""

    day: date
    agency: str
    counts: Counts
    open: int
    """Differences not settled yet, of this and earlier runs."""
    repaired: int
    """Differences that were sent again and found to be the same since."""
    oldest_open_at: datetime | None
    """Since when the oldest open difference has been known."""


class Report(View):
    """The report (báo cáo đối soát) of a run, by day and agency."""

    run: RunView
    lines: tuple[ReportLine, ...]
    open: int
    """All differences with this partner that are not settled, whatever their day."""
    repaired: int
    oldest_open_at: datetime | None


class RepairPreview(View):
    """What a repair would do, told before anything is sent."""

    sends: dict[RepairKind, int]
    """Dossiers by what would be sent for them."""
    exchanges: int
    """New exchanges in all: a dossier, each of its missing steps."""
    excluded: dict[Exclusion, int]
    """Dossiers left alone, by reason."""
    by_outcome: Counts
    """The same dossiers by class."""
    seconds: float
    """How long asking again takes within the rate; the exchanges then go at the pace of delivery."""
    delivery_seconds: float | None
    """How long the exchanges take at the connection's rate; null where it has none."""


class RepairView(View):
    """A repair of what a run found."""

    id: str
    run_id: str
    connection: str
    state: RunState
    why: str
    """Why it waits or was interrupted."""
    why_vi: str
    previewed_by: str
    previewed_at: datetime
    preview: RepairPreview
    reason: str
    """Why it was started."""
    started_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    done: dict[str, int]
    """Dossiers it came to: by what was sent, or by why they were left alone."""
