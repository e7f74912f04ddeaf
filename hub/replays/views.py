"""What the API says about replays."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from contracts.ports import RepeatClass
from hub.exchanges.views import ExchangeState, View
from hub.replays.filters import ExchangeSelection
from hub.replays.selection import Action, Exclusion


class ReplayState(StrEnum):
    """Where a replay stands between its preview and its end."""

    PREVIEWED = "previewed"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class ExcludedView(View):
    """How many exchanges are left out for one reason."""

    reason: Exclusion
    count: int
    sentence: str
    sentence_vi: str


class Preview(View):
    """What would happen: the selection as it was frozen."""

    count: int
    """Exchanges that would be acted on."""
    by_repeat_class: dict[RepeatClass, int]
    by_connection: dict[str, int]
    by_state: dict[ExchangeState, int]
    excluded: tuple[ExcludedView, ...]
    """What the filter matches and is left out, by reason."""
    snapshots_after: int
    """Dossiers of which at most one more snapshot follows, because a step of theirs would go out of turn."""
    estimated_seconds: float
    """How long it takes within the rates of its connections, if nothing holds it up."""
    oldest_due_at: datetime | None
    """The soonest legal deadline among the dossiers; the replay goes in this order."""
    overdue: int
    """Exchanges of dossiers whose deadline had passed at the preview."""


class Progress(View):
    """What became of the exchanges so far."""

    pending: int
    """Not begun."""
    on_the_way: int
    """Handed to delivery and not ended; a stop lets these finish."""
    ended: dict[ExchangeState, int]
    """Ended since, by the state they ended in."""
    skipped: tuple[ExcludedView, ...]
    """Left out when their turn came, because things had changed since the preview."""


class ReplaySummary(View):
    """A replay: what was asked for, by whom, why, and where it stands."""

    id: str
    action: Action
    state: ReplayState
    filter: ExchangeSelection
    reason: str
    preview: Preview
    needs_approval: bool
    """Whether a second person has to approve it before it may start."""
    created_by: str
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    started_by: str | None
    started_at: datetime | None
    changed_by: str | None
    """Who paused, resumed or stopped it last."""
    changed_at: datetime | None
    ended_at: datetime | None
    progress: Progress | None = None
    """In a list only of those that run or are paused."""


class WaitView(View):
    """Why a running replay hands over nothing for a connection at this moment."""

    connection: str
    sentence: str
    sentence_vi: str


class ReplayDetail(ReplaySummary):
    """A replay with its progress."""

    progress: Progress
    waits: tuple[WaitView, ...]


class ReplayPage(View):
    """A page of replays, newest first; ``next_cursor`` is null on the last page."""

    items: tuple[ReplaySummary, ...]
    next_cursor: str | None


class ItemView(View):
    """One exchange of a replay."""

    position: int
    exchange_id: str
    connection: str
    due_at: datetime | None
    """The legal deadline of its dossier at the preview."""
    state: str
    """pending, handed, ended, skipped or excluded."""
    outcome: str
    """The state it ended in, or why it was left out."""


class ItemPage(View):
    """A page of a replay's exchanges in the order of the run; ``next_after`` is null on the last page."""

    items: tuple[ItemView, ...]
    next_after: int | None
