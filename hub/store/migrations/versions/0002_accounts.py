"""The register of officers who may look people up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "lookup_account_register",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="grows with every change of any account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookup_account_register")),
        comment="One row, by which a process sees that what it remembers of the accounts is out of date.",
    )
    op.create_table(
        "lookup_accounts",
        sa.Column("id", sa.Text(), nullable=False, comment="login name in the dossier system"),
        sa.Column("state", sa.Text(), nullable=False, comment="requested, active, suspended, locked, revoked, refused"),
        sa.Column(
            "unit_code", sa.Text(), nullable=False, comment="agency the officer belongs to; secondments stand apart"
        ),
        sa.Column("unit_path", sa.Text(), nullable=False, comment="its levels from the top: H99.12."),
        sa.Column("role", sa.Text(), nullable=False, comment="role of the officer; gives the ceiling of the gate"),
        sa.Column("officer_code", sa.Text(), nullable=False, comment="code of the officer (mã cán bộ)"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose of the account, as it was granted"),
        sa.Column(
            "scope",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="units, procedures, operations, data_groups",
        ),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True, comment="last day; null: without end"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="of the first request"),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True, comment="of the newest grant"),
        sa.Column(
            "activated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it last became active; dormancy counts anew",
        ),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "last_used_at", sa.DateTime(timezone=True), nullable=True, comment="last look-up, within ten minutes"
        ),
        sa.Column(
            "dormant_locked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the lock for disuse fell; null: no such",
        ),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="name, number, phone, household and home of the officer"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookup_accounts")),
        comment="Officers allowed to look people up, and those who were.",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_table(
        "lookup_account_acts",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7: sorts by time"),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="official in whose name it was done"),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "consent_document", sa.Text(), server_default="", nullable=False, comment="written consent of the police"
        ),
        sa.Column("from_state", sa.Text(), nullable=True, comment="null: there was no account"),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("request_number", sa.Integer(), nullable=True, comment="request it made or decided"),
        sa.Column("case_id", sa.Uuid(), nullable=True, comment="case it came from"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="reason, as typed: it may name a citizen"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["lookup_accounts.id"], name=op.f("fk_lookup_account_acts_account_id_lookup_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookup_account_acts")),
        comment="Everything done to an account; append-only.",
    )
    op.create_index("ix_lookup_account_acts_account_id", "lookup_account_acts", ["account_id", "id"], unique=False)
    op.create_table(
        "lookup_account_requests",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 of this account"),
        sa.Column("kind", sa.Text(), nullable=False, comment="grant, change, secondment, reinstatement"),
        sa.Column("state", sa.Text(), nullable=False, comment="pending, approved, refused, superseded"),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="official who signed the request"),
        sa.Column("party", sa.Text(), nullable=False, comment="agency, provincial_office, police"),
        sa.Column("document_number", sa.Text(), nullable=False, comment="of the written request"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="what is asked for, whole"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["lookup_accounts.id"], name=op.f("fk_lookup_account_requests_account_id_lookup_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_lookup_account_requests")),
        comment="Requests of the one party, each decided by the other.",
    )
    op.create_index(
        "uq_lookup_account_requests_pending",
        "lookup_account_requests",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "lookup_account_roles",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="of the request that was approved"),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True, comment="last day of a secondment; null: a lasting role"),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["lookup_accounts.id"], name=op.f("fk_lookup_account_roles_account_id_lookup_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_lookup_account_roles")),
        comment="Roles and units of an officer over time; a secondment goes before a lasting role while it lasts.",
    )
    op.create_table(
        "lookup_account_rosters",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="a duty day, and the night that begins on it"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["lookup_accounts.id"], name=op.f("fk_lookup_account_rosters_account_id_lookup_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_lookup_account_rosters")),
        comment="Days on which an officer is on duty outside office hours (lịch trực).",
    )


def downgrade() -> None:
    """Take this change back."""
    op.drop_table("lookup_account_rosters")
    op.drop_table("lookup_account_roles")
    op.drop_index(
        "uq_lookup_account_requests_pending",
        table_name="lookup_account_requests",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_table("lookup_account_requests")
    op.drop_index("ix_lookup_account_acts_account_id", table_name="lookup_account_acts")
    op.drop_table("lookup_account_acts")
    op.drop_table("lookup_accounts")
    op.drop_table("lookup_account_register")
