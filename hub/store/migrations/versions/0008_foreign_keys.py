"""An index for each foreign key that had none."""

from __future__ import annotations

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

_COLUMNS = (
    ("case_marks", "case_id"),
    ("reconciliation_repairs", "run_id"),
    ("webhook_deliveries", "event_id"),
)


def upgrade() -> None:
    """Apply this change."""
    for table, column in _COLUMNS:
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)


def downgrade() -> None:
    """Take this change back."""
    for table, column in _COLUMNS:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
