"""Tables of the catalogue: what each connection publishes now, and every version with its differences."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA

catalogue_sources = sa.Table(
    "catalogue_sources",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True, comment="connection"),
    sa.Column("version", sa.Integer, comment="the newest version"),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, comment="when it was last compared"),
    sa.Column("complete", sa.Boolean, nullable=False, comment="whether every part of the last answer came"),
    sa.Column("unread", sa.Integer, nullable=False, server_default="0", comment="details that did not come"),
    sa.Column("kept_back", sa.Integer, nullable=False, server_default="0", comment="withdrawals not believed"),
    comment="How the copy of one connection's catalogue stands.",
)

catalogue_versions = sa.Table(
    "catalogue_versions",
    METADATA,
    sa.Column("number", sa.Integer, sa.Identity(always=False), primary_key=True),
    sa.Column("source", sa.Text, nullable=False, comment="connection"),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("withdrawn", sa.Integer, nullable=False),
    comment="One row per synchronisation that changed something.",
)

catalogue_entries = sa.Table(
    "catalogue_entries",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True, comment="connection"),
    sa.Column("kind", sa.Text, primary_key=True, comment="procedure, agency, field or service"),
    sa.Column("key", sa.Text, primary_key=True, comment="root of a procedure, else the code"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("body", JSONB, nullable=False, comment="the canonical entry, public data"),
    sa.Column("detailed", sa.Boolean, nullable=False, comment="false: known from the list only"),
    sa.Column("first_version", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, comment="version of the last change"),
    sa.Column("withdrawn_at", sa.DateTime(timezone=True), comment="no longer published since then"),
    comment="What each connection publishes now, and what it has withdrawn.",
)
sa.Index("ix_catalogue_entries_kind_key", catalogue_entries.c.kind, catalogue_entries.c.key)

catalogue_differences = sa.Table(
    "catalogue_differences",
    METADATA,
    sa.Column("version", sa.Integer, sa.ForeignKey("catalogue_versions.number"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("change", sa.Text, nullable=False, comment="added, changed or withdrawn"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("fields", JSONB, nullable=False, comment="of a change: path, before and after of each field"),
    comment="What one version changed.",
)
sa.Index("ix_catalogue_differences_key", catalogue_differences.c.kind, catalogue_differences.c.key)
