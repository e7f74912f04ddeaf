"""Tables of the dossiers: the heads that queries need in clear, and the sealed events they are made of."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

dossiers = sa.Table(
    "dossiers",
    METADATA,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("agency_code", sa.Text, nullable=False, comment="receiving agency"),
    sa.Column("procedure_root", sa.Text, nullable=False, comment="N.NNNNNN"),
    sa.Column("state", sa.SmallInteger, nullable=False, comment="national state 1 to 10"),
    sa.Column("revision", sa.Integer, nullable=False, comment="number of events"),
    sa.Column("declared_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the canonical facts in force"),
    sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True)),
    sa.Column("due_at", sa.DateTime(timezone=True)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("cancelled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="of the newest revision"),
    comment="One row per dossier: what queries need in clear; everything else is sealed in its events.",
)
sa.Index("ix_dossiers_received_at", dossiers.c.received_at, dossiers.c.code)
sa.Index("ix_dossiers_agency_code", dossiers.c.agency_code)

dossier_events = sa.Table(
    "dossier_events",
    METADATA,
    sa.Column("dossier_code", sa.Text, sa.ForeignKey("dossiers.code"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, comment="the revision this event made"),
    sa.Column("kind", sa.Text, nullable=False, comment="declared, step, result, …"),
    sa.Column("state", sa.SmallInteger, nullable=False, comment="national state after this event"),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("late_entry", sa.Boolean, nullable=False),
    sa.Column("step_sequence", sa.Integer, comment="number of the step this event is, if it is one"),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("body_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the canonical body"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the canonical body, AES-256-GCM"),
    comment="What happened, in order of acceptance; never changed, only resealed under a newer key.",
    # A sealed body cannot be compressed; kept in its row it costs one write instead of three.
    postgresql_with={"toast_tuple_target": "8160"},
)

# Rows come in the order of time: a few bytes for many pages find the newest ones, and an intake does not feel them.
sa.Index("ix_dossier_events_recorded_at", dossier_events.c.recorded_at, postgresql_using="brin")

procedures = sa.Table(
    "procedures",
    METADATA,
    sa.Column("root", sa.Text, primary_key=True, comment="N.NNNNNN, the only stable part of a code"),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("field_code", sa.Text, nullable=False),
    sa.Column("field_name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="connection it came from"),
    sa.Column("synchronised_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("withdrawn_at", sa.DateTime(timezone=True), comment="no longer published: refused for later dossiers"),
    comment="Procedures known from the national database; a dossier of an unknown one is refused.",
)
