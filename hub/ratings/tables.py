"""Tables of ratings; the opinions of citizens in them are sealed."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

ratings = sa.Table(
    "ratings",
    METADATA,
    sa.Column("month", sa.Text, primary_key=True, comment="yyyy-MM"),
    sa.Column("procedure_root", sa.Text, primary_key=True, comment="N.NNNNNN"),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("agency_code", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the rating, AES-256-GCM"),
    comment="The satisfaction of one month by procedure; only the newest revision is sent.",
)
