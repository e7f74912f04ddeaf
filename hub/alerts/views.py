"""What the API says about alerts."""

from __future__ import annotations

from datetime import datetime

from hub.alerts.service import AlertEvent
from hub.alerts.severity import Severity
from hub.exchanges.views import View


class DeliveryView(View):
    """What became of one message on one channel."""

    event: AlertEvent
    channel: str
    attempts: int
    sent_at: datetime | None
    given_up_at: datetime | None
    next_attempt_at: datetime | None
    failure: str
    failure_vi: str


class AlertView(View):
    """Something a person should look at."""

    id: int
    key: str
    severity: Severity
    connection: str | None
    cause: str | None
    """The root cause it shares with others."""
    sentence: str
    sentence_vi: str
    opened_at: datetime
    escalated_at: datetime | None
    cleared_at: datetime | None
    cleared_sentence: str | None
    cleared_sentence_vi: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    deliveries: tuple[DeliveryView, ...]


class ChannelView(View):
    """A channel, and whether it takes messages."""

    name: str
    kind: str
    last_sent_at: datetime | None
    waiting: int
    """Messages that are still to be told."""
    failing: bool
    failure: str
    failure_vi: str


class AlertPage(View):
    """Alerts, newest first; ``next_cursor`` is null on the last page."""

    items: tuple[AlertView, ...]
    next_cursor: str | None
    channels: tuple[ChannelView, ...]
