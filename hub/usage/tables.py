"""The table of the citizen's own view: which look-ups are kept from it, by whom, and until when."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

usage_withholdings = sa.Table(
    "usage_withholdings",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("lookup_id", sa.Uuid, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, comment="of the look-up"),
    sa.Column("unit_code", sa.Text, nullable=False, comment="agency that looked up"),
    sa.Column("case_id", sa.Uuid, comment="released when this case is decided"),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="released then, whatever else"),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False, comment="API client"),
    sa.Column("requested_person", sa.Text, nullable=False),
    sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False, comment="unless confirmed by then"),
    sa.Column("confirmed_at", sa.DateTime(timezone=True)),
    sa.Column("confirmed_by", sa.Text),
    sa.Column("confirmed_person", sa.Text),
    sa.Column("release_requested_at", sa.DateTime(timezone=True)),
    sa.Column("release_requested_by", sa.Text),
    sa.Column("release_requested_person", sa.Text),
    sa.Column("released_at", sa.DateTime(timezone=True), comment="by people; what ends by its condition has none"),
    sa.Column("released_by", sa.Text),
    sa.Column("released_person", sa.Text),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="reasons as typed, and the document's number"),
    comment="Look-ups kept from the citizen's own view for a time; each by one person and confirmed by another.",
)
sa.Index("ix_usage_withholdings_lookup_id", usage_withholdings.c.lookup_id)
