"""Tables of the watch: what it thinks of each look-up, what it raised, by which version of its rules."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hub.store.metadata import METADATA

lookup_explanations = sa.Table(
    "lookup_explanations",
    METADATA,
    sa.Column("lookup_id", sa.Uuid, primary_key=True),
    sa.Column("late", sa.Boolean, primary_key=True, comment="decided after the fact; then it counts instead"),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("unit_code", sa.Text, nullable=False),
    sa.Column("grade", sa.Text, nullable=False, comment="the best explanation found"),
    sa.Column("w", sa.Float, nullable=False, comment="how much stays unexplained, 0 to 1"),
    sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("evidence", JSONB, nullable=False, comment="dossier code and such; never a citizen's number"),
    sa.Column("rules_version", sa.Text, nullable=False),
    comment="How each look-up is explained: added to, never changed; a late row counts instead of the first.",
)
sa.Index("ix_lookup_explanations_asked_at", lookup_explanations.c.asked_at)
sa.Index("ix_lookup_explanations_account_id", lookup_explanations.c.account_id, lookup_explanations.c.asked_at)

watch_alerts = sa.Table(
    "watch_alerts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="the same whenever the same is found again"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="of the look-up that completes it"),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("unit_code", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("rule_score", sa.Float, nullable=False),
    sa.Column("score", sa.Float, nullable=False, comment="of the case at that moment"),
    sa.Column("hard", sa.Boolean, nullable=False, comment="of layer 2: it cannot be suppressed"),
    sa.Column("rules_version", sa.Text, nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("engine_case", sa.Text, nullable=False, comment="how the engine calls the case; for its feedback"),
    sa.Column("reason", sa.Text, nullable=False, comment="the sentence a reviewer reads; names no citizen"),
    sa.Column("reason_vi", sa.Text, nullable=False),
    sa.Column("lookup_ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the people it is about"),
    comment="What the watch raised, each once.",
)
sa.Index("ix_watch_alerts_case_id", watch_alerts.c.case_id, watch_alerts.c.at)
sa.Index("ix_watch_alerts_at", watch_alerts.c.at)

watch_progress = sa.Table(
    "watch_progress",
    METADATA,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Text, nullable=False, comment="of the look-up log; see hub.lookups.log.LogPosition"),
    sa.Column("judged_until", sa.DateTime(timezone=True), comment="moment of the newest look-up judged"),
    sa.Column("worked_at", sa.DateTime(timezone=True), nullable=False),
    comment="How far the watch has come.",
)

watch_proposals = sa.Table(
    "watch_proposals",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("kind", sa.Text, nullable=False, comment="rules or protected_people"),
    sa.Column("state", sa.Text, nullable=False, comment="previewing, previewed, approved, refused, withdrawn"),
    sa.Column("base_version", sa.Integer, nullable=False, comment="the version it was made against"),
    sa.Column("summary", JSONB, nullable=False, comment="what differs, without citizens' data"),
    sa.Column("preview", JSONB, comment="what it would have raised; null until it was replayed"),
    sa.Column("preview_from", sa.DateTime(timezone=True), nullable=False),
    sa.Column("preview_until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("proposed_person", sa.Text, nullable=False),
    sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_person", sa.Text),
    sa.Column("decided_at", sa.DateTime(timezone=True)),
    sa.Column("version", sa.Integer, comment="the version it became"),
    sa.Column("active_from", sa.DateTime(timezone=True)),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the content with its salt"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="content, salt, reasons"),
    comment="Changes of the rules and of the list of protected people: proposed, replayed, approved by another.",
)
sa.Index(
    "uq_watch_proposals_version",
    watch_proposals.c.kind,
    watch_proposals.c.version,
    unique=True,
    postgresql_where=sa.text("version IS NOT NULL"),
)

watch_samples = sa.Table(
    "watch_samples",
    METADATA,
    sa.Column("month", sa.Text, primary_key=True, comment="YYYY-MM: the month the sample is of"),
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("unit_code", sa.Text, nullable=False),
    sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("question_id", sa.Uuid, comment="what its supervisor was asked; null where it looked nobody up"),
    comment="The accounts drawn at random each month for their supervisor to justify.",
)

watch_draws = sa.Table(
    "watch_draws",
    METADATA,
    sa.Column("month", sa.Text, primary_key=True, comment="YYYY-MM"),
    sa.Column("seed", sa.Text, nullable=False, comment="published with the draw, so that anyone can repeat it"),
    sa.Column("accounts", sa.Integer, nullable=False, comment="from how many"),
    sa.Column("drawn", sa.Integer, nullable=False),
    sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
    comment="The monthly draws of the random sample.",
)
