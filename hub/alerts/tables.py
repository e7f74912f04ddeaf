"""Tables of alerts: what is open, what was, and what became of each message about it on each channel."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

alerts = sa.Table(
    "alerts",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, comment="what it is about; one open alert for each"),
    sa.Column("severity", sa.Text, nullable=False, comment="info, warning, critical"),
    sa.Column("connection", sa.Text, comment="the connection it is about, if it is about one"),
    sa.Column("cause", sa.Text, comment="the group of alerts with the same root cause"),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("sentence_vi", sa.Text, nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("escalated_at", sa.DateTime(timezone=True), comment="when it became more severe"),
    sa.Column("cleared_at", sa.DateTime(timezone=True)),
    sa.Column("cleared_sentence", sa.Text),
    sa.Column("cleared_sentence_vi", sa.Text),
    sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
    sa.Column("acknowledged_by", sa.Text),
    comment="What a person should look at. Holds no personal data.",
)
sa.Index("uq_alerts_open_key", alerts.c.key, unique=True, postgresql_where=sa.text("cleared_at IS NULL"))
sa.Index("ix_alerts_connection", alerts.c.connection, alerts.c.id)

alert_messages = sa.Table(
    "alert_messages",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="order of sending"),
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    sa.Column("event", sa.Text, nullable=False, comment="opened, escalated, cleared, test"),
    sa.Column("severity", sa.Text, nullable=False, comment="as it was at this event"),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("sentence_vi", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("planned", sa.Boolean, nullable=False, server_default=sa.false(), comment="has its deliveries"),
    comment="One transition of an alert, to be told once through each channel.",
)
sa.Index("ix_alert_messages_unplanned", alert_messages.c.id, postgresql_where=sa.text("NOT planned"))
sa.Index("ix_alert_messages_alert", alert_messages.c.alert_id, alert_messages.c.id)

alert_deliveries = sa.Table(
    "alert_deliveries",
    METADATA,
    sa.Column("message_id", sa.BigInteger, sa.ForeignKey("alert_messages.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True, comment="name of the channel in the configuration"),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="next attempt; null: sent or given up"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
    sa.Column("given_up_at", sa.DateTime(timezone=True)),
    sa.Column("failure", sa.Text, nullable=False, server_default="", comment="why the last attempt failed"),
    sa.Column("failure_vi", sa.Text, nullable=False, server_default=""),
    comment="One message on one channel: sent, to be tried again, or given up.",
)
sa.Index(
    "ix_alert_deliveries_due",
    alert_deliveries.c.channel,
    alert_deliveries.c.message_id,
    postgresql_where=sa.text("due_at IS NOT NULL"),
)
