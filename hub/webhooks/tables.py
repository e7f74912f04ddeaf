"""Tables of the webhooks: endpoints, their secrets (sealed), what is to be delivered to each, and every attempt."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.metadata import METADATA

webhook_endpoints = sa.Table(
    "webhook_endpoints",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("client_id", sa.Text, sa.ForeignKey("clients.id"), nullable=False, comment="whose agencies it may see"),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("kinds", ARRAY(sa.Text), nullable=False, comment="kinds of events; empty: all"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False, comment="events up to here have been considered"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="failures in a row"),
    sa.Column("failing_since", sa.DateTime(timezone=True)),
    sa.Column("rests_until", sa.DateTime(timezone=True), comment="not called before"),
    sa.Column("disabled_at", sa.DateTime(timezone=True)),
    sa.Column("disabled_by", sa.Text, comment="client, person, or hub after a run of failures"),
    comment="Where events are sent to, one row per address and client.",
)
sa.Index("ix_webhook_endpoints_client", webhook_endpoints.c.client_id)

webhook_secrets = sa.Table(
    "webhook_secrets",
    METADATA,
    sa.Column("endpoint_id", sa.Text, sa.ForeignKey("webhook_endpoints.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), comment="end of the overlap of a rotation"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the signing secret, AES-256-GCM"),
    comment="Signing secrets; during a rotation two are in force and each message carries two signatures.",
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    METADATA,
    sa.Column("endpoint_id", sa.Text, sa.ForeignKey("webhook_endpoints.id"), primary_key=True),
    sa.Column("event_id", sa.Uuid, sa.ForeignKey("inbox_events.id"), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False, comment="of the event; the order within the endpoint"),
    sa.Column("state", sa.Text, nullable=False, comment="pending, delivered, failed"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="all of them, replays included"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="since the last replay: the schedule"),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="next attempt; null when it has ended"),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    comment="One event on its way to one endpoint.",
    postgresql_with={"fillfactor": "80"},
)
sa.Index("ix_webhook_deliveries_event_id", webhook_deliveries.c.event_id)
sa.Index(
    "ix_webhook_deliveries_due",
    webhook_deliveries.c.endpoint_id,
    webhook_deliveries.c.due_at,
    postgresql_where=sa.text("due_at IS NOT NULL"),
)

webhook_attempts = sa.Table(
    "webhook_attempts",
    METADATA,
    sa.Column("endpoint_id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="delivered, or why not"),
    sa.Column("status", sa.SmallInteger, comment="HTTP status, where there was an answer"),
    comment="Every try: when, how long, how it ended; never a payload and never the receiver's answer.",
)
