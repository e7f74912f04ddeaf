"""Cases with their evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("serial", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="for its number"),
        sa.Column("case_key", sa.Text(), nullable=False, comment="account and first alert"),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="later alerts make another case"),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column(
            "rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="best score by rule, each once"
        ),
        sa.Column("hard", sa.Boolean(), nullable=False, comment="holds a rule that cannot be suppressed"),
        sa.Column("lookups", sa.Integer(), nullable=False, comment="look-ups it is about; see hub.cases.evidence"),
        sa.Column("recurs_after", sa.Uuid(), nullable=True, comment="the case of this account that was decided before"),
        sa.Column("earlier_violations", sa.Integer(), nullable=False, comment="of this account, when it was opened"),
        sa.Column("state", sa.Text(), nullable=False, comment="new, taken, waiting_explanation, suppressed, decided"),
        sa.Column("taken_by", sa.Text(), nullable=True, comment="API client"),
        sa.Column("taken_person", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True, comment="violation, normal, not_enough_evidence"),
        sa.Column("verdict_by", sa.Text(), nullable=True),
        sa.Column("verdict_person", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suppressed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suppressed_score", sa.Float(), nullable=True, comment="its score when it was suppressed"),
        sa.Column("evidence_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the first piece of evidence"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("case_key", name=op.f("uq_cases_case_key")),
        comment="One account over seven days: what a person judges.",
    )
    op.create_index("ix_cases_account_id", "cases", ["account_id", "opened_at"], unique=False)
    op.create_index("ix_cases_decided_at", "cases", ["decided_at"], unique=False)
    op.create_index(
        "ix_cases_open", "cases", ["state", "score"], unique=False, postgresql_where=sa.text("state <> 'decided'")
    )
    op.create_table(
        "case_acts",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="login name; empty: the program"),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="what the person wrote; it may name a citizen"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_acts_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_acts")),
        comment="What was done with a case, in order; each act is in the ledger too.",
    )
    op.create_table(
        "case_evidence",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False, comment="opened, grown, taken or decided"),
        sa.Column(
            "sha256", sa.LargeBinary(), nullable=False, comment="of the content, which holds a salt; in the ledger"
        ),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="canonical JSON"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_evidence_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_evidence")),
        comment="Evidence as it was known at a moment, frozen; never changed, only resealed.",
    )
    op.create_table(
        "case_marks",
        sa.Column("kind", sa.Text(), nullable=False, comment="person or network"),
        sa.Column("mark", sa.Text(), nullable=False, comment="keyed hash of a person in hexadecimal, or a network"),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_marks_case_id_cases")),
        sa.PrimaryKeyConstraint("kind", "mark", "case_id", name=op.f("pk_case_marks")),
        comment="What cases may have in common.",
    )
    op.create_table(
        "case_packages",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_person", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False, comment="SHA-256 of the recipient's certificate"),
        sa.Column("sha256", sa.LargeBinary(), nullable=False, comment="of the file as handed over; in the ledger"),
        sa.Column("zip_sha256", sa.LargeBinary(), nullable=False, comment="of the archive inside; in the ledger"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="CMS, only the recipient can open it"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_packages_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_packages")),
        comment="Packages handed over to the police.",
    )
    op.create_index("ix_case_packages_case_id", "case_packages", ["case_id"], unique=False)
    op.create_table(
        "case_questions",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("case_id", sa.Uuid(), nullable=True, comment="null: asked of a supervisor without a case"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="case, sample or break_glass"),
        sa.Column("account_id", sa.Text(), nullable=False, comment="whose look-ups are to be explained"),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("lookup_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="in working hours of the profile"),
        sa.Column("overdue_told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True, comment="API client"),
        sa.Column("answered_person", sa.Text(), nullable=True),
        sa.Column("justified", sa.Boolean(), nullable=True, comment="what the supervisor says"),
        sa.Column(
            "cancelled_at", sa.DateTime(timezone=True), nullable=True, comment="the case was decided without an answer"
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="question and answer"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_questions_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_questions")),
        comment="Explain this look-up: asked of the officer, or of the supervisor.",
    )
    op.create_index("ix_case_questions_case_id", "case_questions", ["case_id"], unique=False)
    op.create_index(
        "ix_case_questions_open",
        "case_questions",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL AND cancelled_at IS NULL"),
    )
    op.create_table(
        "case_readings",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reveal_id", sa.Uuid(), nullable=True, comment="null: the reading is a hand-over package for the police"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column(
            "subject_hashes",
            postgresql.ARRAY(sa.LargeBinary()),
            nullable=False,
            comment="keyed hashes of whose number was read",
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_readings_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_readings")),
        comment="Each time citizens' numbers left a case.",
    )
    op.create_index("ix_case_readings_case_id", "case_readings", ["case_id"], unique=False)
    op.create_table(
        "case_reveals",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_person", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_person", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the reason"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_reveals_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_reveals")),
        comment="Permissions to read citizens' numbers in a case, each asked for by one and approved by another.",
    )
    op.create_index("ix_case_reveals_case_id", "case_reveals", ["case_id"], unique=False)
    for table in ("case_evidence", "case_acts", "case_readings", "case_packages"):
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION watch_guard()"
        )


def downgrade() -> None:
    """Take this change back."""
    op.drop_index("ix_case_reveals_case_id", table_name="case_reveals")
    op.drop_table("case_reveals")
    op.drop_index("ix_case_readings_case_id", table_name="case_readings")
    op.drop_table("case_readings")
    op.drop_index(
        "ix_case_questions_open",
        table_name="case_questions",
        postgresql_where=sa.text("answered_at IS NULL AND cancelled_at IS NULL"),
    )
    op.drop_index("ix_case_questions_case_id", table_name="case_questions")
    op.drop_table("case_questions")
    op.drop_index("ix_case_packages_case_id", table_name="case_packages")
    op.drop_table("case_packages")
    op.drop_table("case_marks")
    op.drop_table("case_evidence")
    op.drop_table("case_acts")
    op.drop_index("ix_cases_open", table_name="cases", postgresql_where=sa.text("state <> 'decided'"))
    op.drop_index("ix_cases_decided_at", table_name="cases")
    op.drop_index("ix_cases_account_id", table_name="cases")
    op.drop_table("cases")
