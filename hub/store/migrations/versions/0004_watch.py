"""What the watch judges: explanations, alerts, rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


_GUARD = """
CREATE FUNCTION watch_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    -- The rotation of keys seals a value anew and changes nothing else.
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) ? 'sealed' AND to_jsonb(NEW) - 'sealed' = to_jsonb(OLD) - 'sealed' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% only grows: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$guard$
"""


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "lookup_explanations",
        sa.Column("lookup_id", sa.Uuid(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False, comment="decided after the fact; then it counts instead"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False, comment="the best explanation found"),
        sa.Column("w", sa.Float(), nullable=False, comment="how much stays unexplained, 0 to 1"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="dossier code and such; never a citizen's number",
        ),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lookup_id", "late", name=op.f("pk_lookup_explanations")),
        comment="How each look-up is explained: added to, never changed; a late row counts instead of the first.",
    )
    op.create_index(
        "ix_lookup_explanations_account_id", "lookup_explanations", ["account_id", "asked_at"], unique=False
    )
    op.create_index("ix_lookup_explanations_asked_at", "lookup_explanations", ["asked_at"], unique=False)
    op.create_table(
        "watch_alerts",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("key", sa.Text(), nullable=False, comment="the same whenever the same is found again"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="of the look-up that completes it"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_score", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False, comment="of the case at that moment"),
        sa.Column("hard", sa.Boolean(), nullable=False, comment="of layer 2: it cannot be suppressed"),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("engine_case", sa.Text(), nullable=False, comment="how the engine calls the case; for its feedback"),
        sa.Column("reason", sa.Text(), nullable=False, comment="the sentence a reviewer reads; names no citizen"),
        sa.Column("reason_vi", sa.Text(), nullable=False),
        sa.Column("lookup_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the people it is about"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_alerts")),
        sa.UniqueConstraint("key", name=op.f("uq_watch_alerts_key")),
        comment="What the watch raised, each once.",
    )
    op.create_index("ix_watch_alerts_at", "watch_alerts", ["at"], unique=False)
    op.create_index("ix_watch_alerts_case_id", "watch_alerts", ["case_id", "at"], unique=False)
    op.create_table(
        "watch_draws",
        sa.Column("month", sa.Text(), nullable=False, comment="YYYY-MM"),
        sa.Column("seed", sa.Text(), nullable=False, comment="published with the draw, so that anyone can repeat it"),
        sa.Column("accounts", sa.Integer(), nullable=False, comment="from how many"),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_watch_draws")),
        comment="The monthly draws of the random sample.",
    )
    op.create_table(
        "watch_progress",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Text(), nullable=False, comment="of the look-up log; see hub.lookups.log.LogPosition"),
        sa.Column(
            "judged_until", sa.DateTime(timezone=True), nullable=True, comment="moment of the newest look-up judged"
        ),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_progress")),
        comment="How far the watch has come.",
    )
    op.create_table(
        "watch_proposals",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("kind", sa.Text(), nullable=False, comment="rules or protected_people"),
        sa.Column("state", sa.Text(), nullable=False, comment="previewing, previewed, approved, refused, withdrawn"),
        sa.Column("base_version", sa.Integer(), nullable=False, comment="the version it was made against"),
        sa.Column(
            "summary",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what differs, without citizens' data",
        ),
        sa.Column(
            "preview",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what it would have raised; null until it was replayed",
        ),
        sa.Column("preview_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("preview_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_person", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_person", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True, comment="the version it became"),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the content with its salt"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="content, salt, reasons"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_proposals")),
        comment="Changes of the rules and of the list of protected people: proposed, replayed, approved by another.",
    )
    op.create_index(
        "uq_watch_proposals_version",
        "watch_proposals",
        ["kind", "version"],
        unique=True,
        postgresql_where=sa.text("version IS NOT NULL"),
    )
    op.create_table(
        "watch_samples",
        sa.Column("month", sa.Text(), nullable=False, comment="YYYY-MM: the month the sample is of"),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "question_id",
            sa.Uuid(),
            nullable=True,
            comment="what its supervisor was asked; null where it looked nobody up",
        ),
        sa.PrimaryKeyConstraint("month", "account_id", name=op.f("pk_watch_samples")),
        comment="The accounts drawn at random each month for their supervisor to justify.",
    )
    op.execute(_GUARD)
    op.execute(
        "CREATE TRIGGER lookup_explanations_stay BEFORE UPDATE ON lookup_explanations"
        " FOR EACH ROW EXECUTE FUNCTION watch_guard()"
    )
    op.execute(
        "CREATE TRIGGER watch_alerts_stay BEFORE UPDATE OR DELETE ON watch_alerts"
        " FOR EACH ROW EXECUTE FUNCTION watch_guard()"
    )


def downgrade() -> None:
    """Take this change back."""
    op.execute("DROP FUNCTION watch_guard() CASCADE")
    op.drop_table("watch_samples")
    op.drop_index(
        "uq_watch_proposals_version", table_name="watch_proposals", postgresql_where=sa.text("version IS NOT NULL")
    )
    op.drop_table("watch_proposals")
    op.drop_table("watch_progress")
    op.drop_table("watch_draws")
    op.drop_index("ix_watch_alerts_case_id", table_name="watch_alerts")
    op.drop_index("ix_watch_alerts_at", table_name="watch_alerts")
    op.drop_table("watch_alerts")
    op.drop_index("ix_lookup_explanations_asked_at", table_name="lookup_explanations")
    op.drop_index("ix_lookup_explanations_account_id", table_name="lookup_explanations")
    op.drop_table("lookup_explanations")
