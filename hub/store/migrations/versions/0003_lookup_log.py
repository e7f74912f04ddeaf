"""The look-up log, by month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from hub.lookups.tables import TransactionId

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_NOW = sa.text("pg_current_xact_id()")

_GUARD = """
CREATE FUNCTION lookup_log_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- The rotation of keys seals a value anew, under another key, and changes nothing else.
        IF to_jsonb(NEW) - ARRAY['sealed', 'reason_sealed'] = to_jsonb(OLD) - ARRAY['sealed', 'reason_sealed']
            AND (NEW.sealed IS NOT DISTINCT FROM OLD.sealed
                OR substring(NEW.sealed FROM 1 FOR 5) <> substring(OLD.sealed FROM 1 FOR 5))
            AND (TG_ARGV[0] <> 'reasons'
                OR to_jsonb(NEW) -> 'reason_sealed' = to_jsonb(OLD) -> 'reason_sealed'
                OR left(to_jsonb(NEW) ->> 'reason_sealed', 12) <> left(to_jsonb(OLD) ->> 'reason_sealed', 12))
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the look-up log only grows: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$guard$
"""

_OLD = """
INSERT INTO lookups (asked_at, id, kind, connection, client_id, account_id, role, unit_code, dossier_code, purpose,
    break_glass, subject_kind, sealed, gate)
SELECT asked_at, id, kind, connection, client_id, account_id, '', agency_code, dossier_code, '', false, 'person',
    sealed, '{"from_before": true}'
FROM lookup_records
"""

_OLD_ENDS = """
INSERT INTO lookup_ends (asked_at, lookup_id, ended_at, outcome, found, data_groups, error)
SELECT asked_at, id, coalesce(ended_at, asked_at),
    CASE outcome WHEN 'found' THEN 'found' WHEN 'nothing' THEN 'not_found' ELSE 'failed' END, found, '{}',
    CASE WHEN outcome IN ('found', 'nothing') THEN NULL ELSE outcome END
FROM lookup_records WHERE outcome <> 'asked'
"""

_BACK = """
INSERT INTO lookup_records (id, kind, connection, client_id, account_id, agency_code, dossier_code, asked_at,
    ended_at, outcome, found, sealed)
SELECT a.id, a.kind, a.connection, a.client_id, a.account_id, a.unit_code, a.dossier_code, a.asked_at, e.ended_at,
    CASE e.outcome WHEN 'found' THEN 'found' WHEN 'not_found' THEN 'nothing' ELSE coalesce(e.error, 'asked') END,
    e.found, a.sealed
FROM lookups a LEFT JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
WHERE a.kind IN ('technical_id', 'stored_papers', 'stored_file') AND a.dossier_code IS NOT NULL
    AND e.outcome IS DISTINCT FROM 'denied'
"""


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "lookups",
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("txid", TransactionId(), server_default=_NOW, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="find_citizen, confirm:identity, find_enterprise, …"),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False, comment="the officer's account in the dossier system"),
        sa.Column("role", sa.Text(), nullable=False, comment="of the account then; empty: not registered"),
        sa.Column("unit_code", sa.Text(), nullable=False, comment="the officer's unit"),
        sa.Column(
            "ip",
            postgresql.INET(),
            nullable=True,
            comment="where the officer sat; null: from before it was kept in clear",
        ),
        sa.Column(
            "dossier_code",
            sa.Text(),
            nullable=True,
            comment="what the look-up serves; null: break-glass, or refused for it",
        ),
        sa.Column("procedure_root", sa.Text(), nullable=True, comment="N.NNNNNN"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("break_glass", sa.Boolean(), nullable=False, comment="without a dossier, to be reviewed"),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True, comment="reasons the officer gave, AES-256-GCM"),
        sa.Column(
            "subject_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="keyed hash of the number; null: from before the log had it",
        ),
        sa.Column("subject_kind", sa.Text(), nullable=False, comment="person or enterprise"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the question with a salt, AES-256-GCM"),
        sa.Column("gate", postgresql.JSONB(), nullable=False, comment="what the gate saw and decided"),
        sa.PrimaryKeyConstraint("asked_at", "id", name=op.f("pk_lookups")),
        comment="Every look-up, written before the partner is asked; only grows.",
        postgresql_partition_by="RANGE (asked_at)",
    )
    op.create_index("ix_lookups_account_id", "lookups", ["account_id", "asked_at"], unique=False)
    op.create_index("ix_lookups_subject_hash", "lookups", ["subject_hash", "asked_at"], unique=False)
    op.create_table(
        "lookup_ends",
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, comment="of the look-up: the same month"),
        sa.Column("lookup_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("txid", TransactionId(), server_default=_NOW, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="found, not_found, denied, failed, mismatch, repeated"),
        sa.Column("denied_code", sa.Text(), nullable=True, comment="why the gate refused"),
        sa.Column("found", sa.Integer(), nullable=True, comment="how many things were handed out"),
        sa.Column("data_groups", postgresql.ARRAY(sa.Text()), nullable=False, comment="what was handed out"),
        sa.Column("upstream_ms", sa.Integer(), nullable=True, comment="how long the partner took; null: not asked"),
        sa.Column("error", sa.Text(), nullable=True, comment="class of the error"),
        sa.Column(
            "subject_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="of the person found, where asked for by an old card",
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="what the watch needs of the person, AES-256-GCM"),
        sa.PrimaryKeyConstraint("asked_at", "lookup_id", name=op.f("pk_lookup_ends")),
        comment="How each look-up ended, written before the answer is given; only grows.",
        postgresql_partition_by="RANGE (asked_at)",
    )
    op.create_index("ix_lookup_ends_txid", "lookup_ends", ["txid", "lookup_id"], unique=False)
    op.create_index(
        "ix_lookup_ends_subject_hash",
        "lookup_ends",
        ["subject_hash"],
        unique=False,
        postgresql_where=sa.text("subject_hash IS NOT NULL"),
    )
    op.create_table(
        "lookup_keys",
        sa.Column("id", sa.Text(), nullable=False, comment="subject: hashes the numbers of people and enterprises"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the key, AES-256-GCM"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookup_keys")),
        comment="The key under which subjects are hashed; one for the life of the log.",
    )
    op.create_table(
        "lookup_ceilings",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("p99", sa.Integer(), nullable=False, comment="99th percentile of distinct people an account-hour"),
        sa.Column("account_hours", sa.Integer(), nullable=False, comment="hours of work it was measured on"),
        sa.Column("per_hour", sa.Integer(), nullable=False, comment="people an hour past which a reason is asked for"),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_lookup_ceilings")),
        comment="The brake of each role, measured from the log.",
    )
    op.execute(_GUARD)
    for table, argument in (("lookups", "reasons"), ("lookup_ends", "no_reasons")):
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        op.execute(
            f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION lookup_log_guard('{argument}')"
        )
        for name in (table, f"{table}_default"):
            op.execute(
                f"CREATE TRIGGER {name}_is_not_emptied BEFORE TRUNCATE ON {name}"
                " FOR EACH STATEMENT EXECUTE FUNCTION lookup_log_guard()"
            )
    op.execute(_OLD)
    op.execute(_OLD_ENDS)
    op.drop_table("lookup_records")


def downgrade() -> None:
    """Take this change back. What the older table cannot hold, refusals and look-ups of people, is lost."""
    op.create_table(
        "lookup_records",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("kind", sa.Text(), nullable=False, comment="technical_id, stored_papers or stored_file"),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False, comment="the officer's account in the dossier system"),
        sa.Column("agency_code", sa.Text(), nullable=False, comment="the officer's unit"),
        sa.Column("dossier_code", sa.Text(), nullable=False, comment="what the look-up serves"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False, comment="asked, found, nothing, or the class of the error"),
        sa.Column("found", sa.Integer(), nullable=True, comment="how many things came back"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the question with its salt, AES-256-GCM"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookup_records")),
        comment="Every look-up of a person, written before the partner is asked.",
    )
    op.create_index("ix_lookup_records_asked_at", "lookup_records", ["asked_at"], unique=False)
    op.execute(_BACK)
    op.drop_table("lookup_ceilings")
    op.drop_table("lookup_keys")
    op.drop_index(
        "ix_lookup_ends_subject_hash",
        table_name="lookup_ends",
        postgresql_where=sa.text("subject_hash IS NOT NULL"),
    )
    op.drop_index("ix_lookup_ends_txid", table_name="lookup_ends")
    op.drop_table("lookup_ends")
    op.drop_index("ix_lookups_subject_hash", table_name="lookups")
    op.drop_index("ix_lookups_account_id", table_name="lookups")
    op.drop_table("lookups")
    op.execute("DROP FUNCTION lookup_log_guard")
