"""Further people whose data a look-up handed out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

_INDEX = "ix_lookup_ends_other_subject_hashes"
_WHERE = sa.text("other_subject_hashes IS NOT NULL")


def upgrade() -> None:
    """Apply this change."""
    op.add_column(
        "lookup_ends",
        sa.Column(
            "other_subject_hashes",
            postgresql.ARRAY(sa.LargeBinary()),
            nullable=True,
            comment="of further people whose data were handed out: household, relatives",
        ),
    )
    op.create_index(
        _INDEX, "lookup_ends", ["other_subject_hashes"], unique=False, postgresql_using="gin", postgresql_where=_WHERE
    )


def downgrade() -> None:
    """Take this change back. Rows that named others are then no longer those that the ledger stands for."""
    op.drop_index(_INDEX, table_name="lookup_ends", postgresql_using="gin", postgresql_where=_WHERE)
    op.drop_column("lookup_ends", "other_subject_hashes")
