"""Table of look-ups of people: what was asked is sealed, and committed to in the ledger."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

lookup_records = sa.Table(
    "lookup_records",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("kind", sa.Text, nullable=False, comment="technical_id, stored_papers or stored_file"),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False, comment="the officer's account in the dossier system"),
    sa.Column("agency_code", sa.Text, nullable=False, comment="the officer's unit"),
    sa.Column("dossier_code", sa.Text, nullable=False, comment="what the look-up serves"),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("outcome", sa.Text, nullable=False, comment="asked, found, nothing, or the class of the error"),
    sa.Column("found", sa.Integer, comment="how many things came back"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the question with its salt, AES-256-GCM"),
    comment="Every look-up of a person, written before the partner is asked.",
)
sa.Index("ix_lookup_records_asked_at", lookup_records.c.asked_at)
