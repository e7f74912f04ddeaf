"""What is withheld from citizens' own views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "usage_withholdings",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("lookup_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, comment="of the look-up"),
        sa.Column("unit_code", sa.Text(), nullable=False, comment="agency that looked up"),
        sa.Column("case_id", sa.Uuid(), nullable=True, comment="released when this case is decided"),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="released then, whatever else"),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False, comment="API client"),
        sa.Column("requested_person", sa.Text(), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False, comment="unless confirmed by then"),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_person", sa.Text(), nullable=True),
        sa.Column("release_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_requested_by", sa.Text(), nullable=True),
        sa.Column("release_requested_person", sa.Text(), nullable=True),
        sa.Column(
            "released_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="by people; what ends by its condition has none",
        ),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_person", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="reasons as typed, and the document's number"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_withholdings")),
        comment="Look-ups kept from the citizen's own view for a time; each by one person and confirmed by another.",
    )
    op.create_index("ix_usage_withholdings_lookup_id", "usage_withholdings", ["lookup_id"], unique=False)


def downgrade() -> None:
    """Take this change back."""
    op.drop_index("ix_usage_withholdings_lookup_id", table_name="usage_withholdings")
    op.drop_table("usage_withholdings")
