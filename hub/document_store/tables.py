"""Tables of the personal e-document store: what was found for an officer, and the papers handed in."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

found_papers = sa.Table(
    "found_papers",
    METADATA,
    sa.Column("lookup_id", sa.Uuid, primary_key=True),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="no file is fetched after it"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="where each file lies, AES-256-GCM"),
    comment="Where the files of a look-up's answer lie at the store, for as long as they may be fetched.",
)
sa.Index("ix_found_papers_expires_at", found_papers.c.expires_at)

result_papers = sa.Table(
    "result_papers",
    METADATA,
    sa.Column("dossier_code", sa.Text, primary_key=True),
    sa.Column("paper_id", sa.Text, primary_key=True, comment="the dossier system's own id of the paper"),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("agency_code", sa.Text, nullable=False, comment="the agency whose paper it is"),
    sa.Column("exchange_id", sa.Uuid, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the paper, AES-256-GCM"),
    comment="Result papers handed in, revision by revision; the exchange points to its revision.",
)
