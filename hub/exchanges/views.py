"""What the API says about exchanges and connections."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from contracts.ports import RepeatClass
from hub.health.blame import Blame


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExchangeState(StrEnum):
    """Where one message stands between acceptance and its end."""

    ACCEPTED = "accepted"
    SENDING = "sending"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    GIVEN_UP = "given_up"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"

    @property
    def is_open(self) -> bool:
        """Whether the hub still owes an attempt."""
        return self in OPEN_STATES


OPEN_STATES = frozenset({ExchangeState.ACCEPTED, ExchangeState.SENDING, ExchangeState.WAITING, ExchangeState.UNKNOWN})

ATTENTION_STATES = frozenset(
    {
        ExchangeState.UNKNOWN,
        ExchangeState.REFUSED,
        ExchangeState.QUARANTINED,
        ExchangeState.GIVEN_UP,
        ExchangeState.DISMISSED,
    }
)
"""States a person looks for; the column ``exchanges.attention`` holds them, so that they are found at once."""


class ExchangeSummary(View):
    """One line of the list of exchanges."""

    id: str
    connection: str
    operation: str
    subject: str
    """What it is about: a dossier code."""
    revision: int | None
    state: ExchangeState
    accepted_at: datetime
    ended_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    upstream_code: str
    reason: str
    reason_vi: str
    repeat_class: RepeatClass


class AttemptView(View):
    """One try of an exchange: times, sizes and codes, never the payload."""

    number: int
    started_at: datetime
    duration_ms: int | None
    outcome: str
    upstream_code: str
    reason: str
    reason_vi: str
    request_bytes: int | None
    answer_bytes: int | None
    worker: str


class ExchangeDetail(ExchangeSummary):
    """One exchange with every attempt."""

    attempt_list: tuple[AttemptView, ...]
    dismissed_by: str | None
    dismissed_reason: str | None


class ExchangePage(View):
    """A page of exchanges, newest first; only a page whose ``next_cursor`` is null is the last.

    Where a filter matches little, a page may be short, even empty, and more may follow: each examines a bounded number
    of rows.
    """

    items: tuple[ExchangeSummary, ...]
    next_cursor: str | None


class ConnectionState(StrEnum):
    """What a connection is now (glossary: Hoạt động, Suy giảm, Mất kết nối, Chưa xác minh, Bảo trì)."""

    WORKING = "working"
    DEGRADED = "degraded"
    DOWN = "down"
    UNVERIFIED = "unverified"
    MAINTENANCE = "maintenance"


class ConnectionView(View):
    """A connection: its state in one sentence, and what waits for it."""

    id: str
    adapter: str
    title: str
    title_vi: str
    state: ConnectionState
    blame: Blame
    """Whose fault it is; empty when nobody's."""
    sentence: str
    sentence_vi: str
    since: datetime | None
    contact: str | None
    """Whom to call about it."""
    maintenance_until: datetime | None
    """End of the announced maintenance that is under way."""
    probed_at: datetime | None
    paused: bool
    paused_reason: str | None
    paused_by: str | None
    stopped: bool
    """Whether the pause is an emergency stop."""
    in_flight: int
    """Dossiers that workers hold at this moment; after a stop they finish and no other begins."""
    breaker: str
    breaker_until: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure_code: str
    open_exchanges: int
    held_lanes: int
    oldest_due_age_seconds: float | None
    drift_fields: int


class StopView(View):
    """An emergency stop of all connections, those registered later included, that is in force."""

    reason: str
    stopped_by: str
    stopped_at: datetime


class ConnectionList(View):
    """Every connection of this deployment, in the order of configuration."""

    items: tuple[ConnectionView, ...]
    stop: StopView | None = None
    """The emergency stop of all connections, while it is in force."""
