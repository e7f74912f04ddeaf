"""Tables of replays: what was asked for and previewed, and every exchange it was frozen to."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hub.store.metadata import METADATA

replays = sa.Table(
    "replays",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7: sorts by time of the preview"),
    sa.Column("action", sa.Text, nullable=False, comment="replay or dismiss"),
    sa.Column("state", sa.Text, nullable=False, comment="previewed, running, paused, stopped, finished"),
    sa.Column("filter", JSONB, nullable=False, comment="as it was asked for"),
    sa.Column("reason", sa.Text, nullable=False, comment="for the other operators"),
    sa.Column("agencies", ARRAY(sa.Text), nullable=False, comment="to which it was narrowed; none: all"),
    sa.Column("preview", JSONB, nullable=False, comment="counts, exclusions, duration; as it was shown"),
    sa.Column("total", sa.Integer, nullable=False, comment="exchanges included at the preview"),
    sa.Column("needs_approval", sa.Boolean, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_at", sa.DateTime(timezone=True)),
    sa.Column("started_by", sa.Text),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("changed_by", sa.Text, comment="who paused, resumed or stopped it last"),
    sa.Column("changed_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    comment="Replays and dismissals by filter. The selection is frozen at the preview and checked again when run.",
)
sa.Index("ix_replays_active", replays.c.id, postgresql_where=sa.text("state = 'running'"))

replay_items = sa.Table(
    "replay_items",
    METADATA,
    sa.Column("replay_id", sa.Uuid, sa.ForeignKey("replays.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, comment="order of the run: soonest legal deadline first"),
    sa.Column("exchange_id", sa.Uuid, nullable=False),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="legal deadline of the dossier at the preview"),
    sa.Column("state", sa.Text, nullable=False, comment="pending, handed, ended, skipped, excluded"),
    sa.Column("outcome", sa.Text, nullable=False, server_default="", comment="its end, or why it was left out"),
    comment="The exchanges of a replay, one row each, whatever became of them.",
    postgresql_with={"fillfactor": "80"},
)
sa.Index(
    "ix_replay_items_pending",
    replay_items.c.replay_id,
    replay_items.c.connection,
    replay_items.c.position,
    postgresql_where=sa.text("state = 'pending'"),
)
sa.Index(
    "ix_replay_items_handed",
    replay_items.c.replay_id,
    replay_items.c.connection,
    postgresql_where=sa.text("state = 'handed'"),
)
