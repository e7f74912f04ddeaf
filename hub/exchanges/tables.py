"""Tables of the outbox: connections, lanes (which hold the lease), exchanges, attempts and workers."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA

connections = sa.Table(
    "connections",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("adapter", sa.Text, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("paused_reason", sa.Text),
    sa.Column("paused_by", sa.Text),
    sa.Column("paused_at", sa.DateTime(timezone=True)),
    sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false(), comment="paused by an emergency stop"),
    sa.Column("breaker", sa.Text, nullable=False, server_default="closed", comment="closed, open, half_open"),
    sa.Column("breaker_until", sa.DateTime(timezone=True)),
    sa.Column("state_since", sa.DateTime(timezone=True), comment="since when successes or failures run"),
    sa.Column("last_success_at", sa.DateTime(timezone=True)),
    sa.Column("last_failure_at", sa.DateTime(timezone=True)),
    sa.Column("last_failure_kind", sa.Text, nullable=False, server_default="", comment="reaction class"),
    sa.Column("last_failure_code", sa.Text, nullable=False, server_default=""),
    sa.Column("last_failure_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("last_failure_reason_vi", sa.Text, nullable=False, server_default=""),
    sa.Column("drift", JSONB, nullable=False, server_default="{}", comment="unknown fields and their counts"),
    comment="What all workers share about a connection; its configuration stays in the configuration.",
)

lanes = sa.Table(
    "lanes",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, comment="what the order is kept for: a dossier code"),
    sa.Column("open_count", sa.Integer, nullable=False, comment="exchanges not ended"),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="next attempt, or end of the lease; null: nothing due"),
    sa.Column(
        "lease_token", sa.BigInteger, comment="changes with every claim; a completion with another token is void"
    ),
    sa.Column("leased_by", sa.Text, comment="worker that holds the lease"),
    sa.Column("claims", sa.BigInteger, nullable=False, server_default="0", comment="times claimed; makes the tokens"),
    sa.Column("held_reason", sa.Text, comment="why nothing is sent until a person or a newer revision acts"),
    sa.Column("known_there", sa.Boolean, nullable=False, server_default=sa.false(), comment="partner holds it"),
    sa.Column("confirmed_revision", sa.Integer),
    sa.Column("confirmed_state", sa.SmallInteger),
    sa.Column("confirmed_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("connection", "subject"),
    comment="One dossier at one connection: the order of its exchanges, the lease, and what is confirmed there.",
    postgresql_with={"fillfactor": "70"},
)
sa.Index(
    "ix_lanes_due",
    lanes.c.connection,
    lanes.c.due_at,
    postgresql_where=sa.text("due_at IS NOT NULL"),
)

exchanges = sa.Table(
    "exchanges",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7: sorts by time of acceptance"),
    # No foreign key: the statement that writes an exchange takes its lane's id from the lane's own row, and the check
    # would cost every intake a lookup and a lock.
    sa.Column("lane_id", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, sa.Identity(always=False), nullable=False, comment="order within the lane"),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, comment="revision of the dossier it carries"),
    sa.Column("step_sequence", sa.Integer, comment="number of the step it carries"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("replayed_at", sa.DateTime(timezone=True), comment="age counts from here after a replay"),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("doubts", sa.Integer, nullable=False, server_default="0", comment="malformed answers in a row"),
    sa.Column("upstream_code", sa.Text, nullable=False, server_default=""),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("reason_vi", sa.Text, nullable=False, server_default=""),
    sa.Column("dismissed_by", sa.Text),
    sa.Column("dismissed_reason", sa.Text),
    sa.Column(
        "attention",
        sa.Text,
        # Indexed in place of the state itself: for a message that simply arrives it never changes, so that the index
        # costs its updates nothing (they stay within the page).
        sa.Computed(
            # Spelt as PostgreSQL gives it back, so that the comparison of tables and migrations finds it unchanged.
            "CASE WHEN state = ANY (ARRAY['unknown'::text, 'refused'::text, 'quarantined'::text, 'given_up'::text,"
            " 'dismissed'::text]) THEN state ELSE NULL::text END",
            persisted=True,
        ),
        comment="the state, where a person looks for it",
    ),
    comment="One message to a connection. The payload is the sealed event it points to, rendered when sent.",
    postgresql_with={"fillfactor": "80"},
)
sa.Index(
    "ix_exchanges_lane_open",
    exchanges.c.lane_id,
    exchanges.c.position,
    postgresql_where=sa.text("ended_at IS NULL"),
)
# Each ends in the id, so that a page of the list is read in its order and no further.
sa.Index("ix_exchanges_subject", exchanges.c.subject, exchanges.c.id)
sa.Index(
    "ix_exchanges_attention",
    exchanges.c.attention,
    exchanges.c.id,
    postgresql_where=sa.text("attention IS NOT NULL"),
)

stops = sa.Table(
    "stops",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("connection", sa.Text, comment="null: all connections, those registered later included"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("stopped_by", sa.Text, nullable=False),
    sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("resumed_by", sa.Text),
    sa.Column("resumed_at", sa.DateTime(timezone=True)),
    comment="Emergency stops: who stopped what, why, and who let it go on.",
)
sa.Index("ix_stops_active", stops.c.connection, postgresql_where=sa.text("resumed_at IS NULL"))

attempts = sa.Table(
    "attempts",
    METADATA,
    # No foreign key: an attempt is written by the statement that updates its exchange; the check would double its cost.
    sa.Column("exchange_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("duration_ms", sa.Integer),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("upstream_code", sa.Text, nullable=False, server_default=""),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("reason_vi", sa.Text, nullable=False, server_default=""),
    sa.Column("request_bytes", sa.Integer),
    sa.Column("answer_bytes", sa.Integer),
    sa.Column("worker", sa.Text, nullable=False),
    comment="Every try of an exchange: times, sizes, codes; never a payload.",
)

workers = sa.Table(
    "workers",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False, comment="machine, boot and process namespace"),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started", sa.Double, nullable=False, comment="tells a reused pid from the worker"),
    sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    comment="Worker processes that hold leases, so that the next one on the machine knows which have died.",
)

partner_sessions = sa.Table(
    "partner_sessions",
    METADATA,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("obtained_at", sa.DateTime(timezone=True), nullable=False),
    comment="The session at a partner that all workers share.",
)
