"""What the API says about the watch. Nothing here is a citizen's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from hub.cases.views import TrackRecord
from hub.watch.shares import ExplainedShare
from hub.watch.versions import ProposalKind


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ProposalState(StrEnum):
    """Where a proposal stands."""

    PREVIEWING = "previewing"
    """It is being replayed over history."""
    PREVIEWED = "previewed"
    """It waits for a second person."""
    APPROVED = "approved"
    """It is a version, in force from its moment."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PreviewOutcome(View):
    """What one set of rules makes of a stretch of history."""

    lookups: int
    alerts: int
    cases: int
    cases_per_day_per_1000_officers: float
    alerts_by_rule: Mapping[str, int]
    violations_found: int
    """Of the cases decided as violation in that time, how many it finds again."""
    normal_raised: int
    """Of the cases decided as normal in that time, how many it raises again."""


class ProposalPreview(View):
    """What a proposal would have done, beside what is in force now, over the same history."""

    now: PreviewOutcome
    proposed: PreviewOutcome
    accounts_new: int
    """Accounts with a case under the proposal alone."""
    accounts_gone: int
    """Accounts with a case under the present rules alone."""
    violations: int
    """Cases decided as violation in that time."""
    normal: int
    """Cases decided as normal in that time."""


class ProposalView(View):
    """A change of the watch; holds nothing that people typed."""

    id: str
    kind: ProposalKind
    state: ProposalState
    base_version: int
    summary: Sequence[Mapping[str, Any]]
    """What differs: for rules path, from and to; for people how many are added and removed."""
    preview_from: datetime
    preview_until: datetime
    preview: ProposalPreview | None
    proposed_by: str
    proposed_person: str
    proposed_at: datetime
    decided_by: str | None
    decided_person: str | None
    decided_at: datetime | None
    version: int | None
    active_from: datetime | None
    content_sha256: str


class ProposalDetail(ProposalView):
    """A proposal with the words of people."""

    reason: str
    decision: str | None
    """What whoever decided gave as the reason."""


class ProposalPage(View):
    """A page of proposals: the history of the rules, newest first."""

    items: tuple[ProposalView, ...]
    next_cursor: str | None


class RulesView(View):
    """The rules in force, with the track record of each."""

    version: int
    protected_people_version: int
    protected_people: int
    """How many stand on the list."""
    rules: Mapping[str, Any]
    track_records: tuple[TrackRecord, ...]
    """Over the last 365 days."""
    judged_until: datetime | None
    worked_at: datetime | None
    """When the watch last stored anything."""


class SharesView(View):
    """The explained share of each unit."""

    since: datetime
    until: datetime
    least: float
    """Below it the link between look-ups and dossiers counts as broken."""
    units: tuple[ExplainedShare, ...]


class SampleView(View):
    """An account drawn at random."""

    account_id: str
    unit_code: str
    explanation_id: str | None
    """What its supervisor was asked; null where it has looked nobody up that is still in the log."""
    answered_at: datetime | None
    justified: bool | None


class DrawView(View):
    """The draw of one month, with what anybody needs to repeat it."""

    month: str
    seed: str
    """The draw is the accounts with the smallest SHA-256 of "month LF account LF seed"."""
    accounts: int
    drawn: int
    drawn_at: datetime
    justified: int
    not_justified: int
    open: int
    items: tuple[SampleView, ...]
