"""Tables of health: what probes found, the states of connections, maintenance windows, samples for forecasts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA

probes = sa.Table(
    "probes",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("origin", sa.Text, nullable=False, comment="schedule, or the client or command that asked for it"),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False, comment="every layer there is was passed"),
    sa.Column("proven", sa.Boolean, nullable=False, comment="a real call was answered"),
    sa.Column("failed_layer", sa.Text, comment="the first layer that failed"),
    sa.Column("blame", sa.Text, comment="whose fault, where a layer failed"),
    sa.Column("sentence", sa.Text, nullable=False, server_default=""),
    sa.Column("sentence_vi", sa.Text, nullable=False, server_default=""),
    sa.Column("place", sa.Text, comment="host and port at fault: what connections with one cause share"),
    sa.Column("clock_skew_seconds", sa.Double, comment="their clock minus ours"),
    sa.Column("layers", JSONB, nullable=False, comment="each layer: verdict, duration, sentence"),
    comment="What a layered probe found; never what a partner answered.",
)
sa.Index("ix_probes_connection", probes.c.connection, probes.c.id.desc())
sa.Index("ix_probes_at", probes.c.at)

certificates = sa.Table(
    "certificates",
    METADATA,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True, comment="server: theirs; client: ours"),
    sa.Column("place", sa.Text, primary_key=True, comment="host and port, or the name of the file"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="SHA-256 of the certificate"),
    sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
    sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    comment="The certificate last seen at each place, for the forecast of its end.",
)

connection_health = sa.Table(
    "connection_health",
    METADATA,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("blame", sa.Text, nullable=False, server_default=""),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("candidate", sa.Text, comment="a state that has not lasted long enough to be believed"),
    sa.Column("candidate_since", sa.DateTime(timezone=True)),
    sa.Column("unwell_since", sa.DateTime(timezone=True), comment="begin of the present trouble, flapping included"),
    sa.Column("flaps", JSONB, nullable=False, server_default="[]", comment="moments of the last changes"),
    sa.Column("cause", sa.Text, comment="root cause shared with others"),
    sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
    comment="The state of each connection, damped: what alerts and pages go by.",
)

connection_transitions = sa.Table(
    "connection_transitions",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state_before", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("blame", sa.Text, nullable=False, server_default=""),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("sentence_vi", sa.Text, nullable=False),
    comment="Every change of state of a connection.",
)
sa.Index("ix_connection_transitions_connection", connection_transitions.c.connection, connection_transitions.c.id)

maintenance_windows = sa.Table(
    "maintenance_windows",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("announced_by", sa.Text, nullable=False),
    sa.Column("notice_days", sa.Integer, nullable=False, comment="working days of notice the profile demands"),
    sa.Column("notice_basis", sa.Text, nullable=False, comment="the article that demands them"),
    sa.Column("notice_until", sa.DateTime(timezone=True), nullable=False, comment="latest lawful announcement"),
    sa.Column("urgent_reason", sa.Text, comment="why it was announced too late; null: in time"),
    sa.Column("cancelled_at", sa.DateTime(timezone=True)),
    sa.Column("cancelled_by", sa.Text),
    sa.CheckConstraint("ends_at > starts_at", name="in_order"),
    comment="Announced times in which nothing leaves for a connection.",
)
sa.Index(
    "ix_maintenance_windows_ahead",
    maintenance_windows.c.connection,
    maintenance_windows.c.ends_at,
    postgresql_where=sa.text("cancelled_at IS NULL"),
)

space_samples = sa.Table(
    "space_samples",
    METADATA,
    sa.Column("what", sa.Text, primary_key=True, comment="disk: free bytes of the data directory; database: its size"),
    sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    comment="How the space develops, for the forecast of a full disk.",
)
