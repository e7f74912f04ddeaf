"""Tables of reconciliation: runs and their progress, what each found, what is still open, and repairs.

Nothing here is a citizen's data: codes, days, states, revisions, names of fields, and values of codes and dates.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hub.store.metadata import METADATA

reconciliation_runs = sa.Table(
    "reconciliation_runs",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7: sorts by time of the request"),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, comment="nightly, on_demand"),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("from_day", sa.Date, comment="first day of reception, in Vietnam; null where a list of codes is asked"),
    sa.Column("to_day", sa.Date, comment="last day of reception"),
    sa.Column("agency", sa.Text, comment="this agency and those below it; null: all"),
    sa.Column("state", sa.Text, nullable=False, comment="requested, running, waiting, completed, interrupted"),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why it waits or was interrupted"),
    sa.Column("reason_vi", sa.Text, nullable=False, server_default=""),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("progressed_at", sa.DateTime(timezone=True), comment="of the newest chunk"),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("phase", sa.Text, nullable=False, comment="dossiers, candidates, open, codes"),
    sa.Column("cursor_at", sa.DateTime(timezone=True), comment="reception of the last dossier examined"),
    sa.Column("cursor_code", sa.Text, nullable=False, server_default="", comment="code of the last dossier examined"),
    sa.Column("chunks", sa.Integer, nullable=False, server_default="0", comment="fences off a runner that lost"),
    sa.Column("expected", sa.Integer, nullable=False, comment="dossiers to be asked about, counted at the request"),
    sa.Column("asked", sa.Integer, nullable=False, server_default="0", comment="questions put to the partner"),
    comment="One comparison with one partner: its scope, its progress chunk by chunk, how it ended.",
)
sa.Index(
    "ix_reconciliation_runs_open",
    reconciliation_runs.c.connection,
    unique=True,
    postgresql_where=sa.text("ended_at IS NULL"),
)

reconciliation_codes = sa.Table(
    "reconciliation_codes",
    METADATA,
    sa.Column("run_id", sa.Uuid, sa.ForeignKey("reconciliation_runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    comment="The dossier codes a person handed in to be asked about, in place of days.",
)

reconciliation_counts = sa.Table(
    "reconciliation_counts",
    METADATA,
    sa.Column("run_id", sa.Uuid, sa.ForeignKey("reconciliation_runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="of reception, in Vietnam"),
    sa.Column("agency", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True, comment="a class, or in_flight, not_answered, in_neither"),
    sa.Column("count", sa.Integer, nullable=False),
    comment="How many dossiers of a day and agency came to which outcome in a run.",
)

reconciliation_findings = sa.Table(
    "reconciliation_findings",
    METADATA,
    sa.Column("run_id", sa.Uuid, sa.ForeignKey("reconciliation_runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("agency", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="a class other than same, or not_answered"),
    sa.Column("fields", ARRAY(sa.Text), nullable=False, server_default="{}", comment="names of what differs"),
    sa.Column("shown", JSONB, nullable=False, server_default="{}", comment="values of codes and dates that differ"),
    sa.Column("our_state", sa.SmallInteger),
    sa.Column("their_state", sa.SmallInteger),
    sa.Column("our_revision", sa.Integer),
    sa.Column("confirmed_revision", sa.Integer),
    sa.Column("missing_steps", ARRAY(sa.Integer), nullable=False, server_default="{}", comment="not listed there"),
    sa.Column("why", sa.Text, nullable=False, server_default="", comment="what proves the class, or why no answer"),
    sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("repair_id", sa.Uuid, comment="the repair that took it on"),
    sa.Column("repair_outcome", sa.Text, comment="resent, or why it was left alone"),
    comment="What a run found about one dossier, where the two sides are not the same.",
)

sa.Index("ix_reconciliation_findings_code", reconciliation_findings.c.code, reconciliation_findings.c.run_id)

reconciliation_differences = sa.Table(
    "reconciliation_differences",
    METADATA,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("agency", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="first found, without a break since"),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("repair_id", sa.Uuid, comment="the newest repair that sent it again"),
    sa.Column("repaired_at", sa.DateTime(timezone=True)),
    sa.Column("resolved_at", sa.DateTime(timezone=True), comment="found to be the same again"),
    comment="Every difference ever found, one row a dossier: since when, repaired when, settled when.",
)
sa.Index(
    "ix_reconciliation_differences_open",
    reconciliation_differences.c.connection,
    reconciliation_differences.c.since,
    postgresql_where=sa.text("resolved_at IS NULL"),
)

reconciliation_repairs = sa.Table(
    "reconciliation_repairs",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("run_id", sa.Uuid, sa.ForeignKey("reconciliation_runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="previewed, running, waiting, completed, interrupted"),
    sa.Column("why", sa.Text, nullable=False, server_default="", comment="why it waits or was interrupted"),
    sa.Column("why_vi", sa.Text, nullable=False, server_default=""),
    sa.Column("previewed_by", sa.Text, nullable=False),
    sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("preview", JSONB, nullable=False, comment="what a person was shown before starting it"),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why it was started"),
    sa.Column("started_by", sa.Text),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("moved_at", sa.DateTime(timezone=True), comment="of the newest chunk"),
    sa.Column("cursor_code", sa.Text, nullable=False, server_default=""),
    sa.Column("chunks", sa.Integer, nullable=False, server_default="0", comment="fences off a runner that lost"),
    comment="A repair of what a run found: previewed, started by a person for a reason, carried out in chunks.",
)
sa.Index("ix_reconciliation_repairs_run_id", reconciliation_repairs.c.run_id)
sa.Index(
    "ix_reconciliation_repairs_open",
    reconciliation_repairs.c.connection,
    unique=True,
    postgresql_where=sa.text("state IN ('running', 'waiting')"),
)
