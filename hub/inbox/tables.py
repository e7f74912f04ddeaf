"""Tables of the inbox: events in the order in which they became readable, their files, who acknowledged them.

Also the one-time addresses under which a partner may fetch a file from us. Nothing here is personal in clear: bodies
and files are sealed, and an address is kept only as the SHA-256 of its random part.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

inbox_events = sa.Table(
    "inbox_events",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7: sorts by time of arrival"),
    sa.Column("position", sa.BigInteger, unique=True, comment="cursor of readers; given after the commit, see reading"),
    sa.Column("system", sa.Text, nullable=False, comment="connection it came through; hub for the hub's own"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("their_id", sa.Text, nullable=False, comment="the sender's id of the message, or its digest"),
    sa.Column("subject", sa.Text, comment="dossier code, where there is one"),
    sa.Column("agency_code", sa.Text, comment="whose event it is; null: for every client with the scope"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the canonical body"),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the canonical body, AES-256-GCM"),
    sa.UniqueConstraint("system", "kind", "their_id"),
    comment="What came in, once per sender, kind and id of the sender.",
)
sa.Index(
    "ix_inbox_events_unnumbered",
    inbox_events.c.id,
    postgresql_where=sa.text("position IS NULL"),
)
sa.Index("ix_inbox_events_subject", inbox_events.c.subject)

inbox_files = sa.Table(
    "inbox_files",
    METADATA,
    sa.Column("event_id", sa.Uuid, sa.ForeignKey("inbox_events.id"), primary_key=True),
    sa.Column("number", sa.SmallInteger, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the bytes, AES-256-GCM"),
    comment="Files that came inside a message; their names are in the sealed body of the event.",
)

inbox_acknowledgements = sa.Table(
    "inbox_acknowledgements",
    METADATA,
    sa.Column("event_id", sa.Uuid, sa.ForeignKey("inbox_events.id"), primary_key=True),
    sa.Column("client_id", sa.Text, primary_key=True),
    sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
    comment="Which client has taken over which event.",
)

download_addresses = sa.Table(
    "download_addresses",
    METADATA,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True, comment="SHA-256 of the random part of the address"),
    sa.Column("connection", sa.Text, nullable=False, comment="the partner that may fetch"),
    sa.Column("dossier_code", sa.Text, nullable=False),
    sa.Column("file_id", sa.Text, nullable=False, comment="id of the file within the dossier"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("uses_left", sa.SmallInteger, nullable=False, comment="0: used up, the address is revoked"),
    sa.Column("fetched", sa.Integer, nullable=False, server_default="0", comment="times the file was given"),
    sa.Column("refused", sa.Integer, nullable=False, server_default="0", comment="times it was asked for in vain"),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    comment="Addresses that open one file of one dossier for one partner, for a short time.",
)
sa.Index("ix_download_addresses_expires_at", download_addresses.c.expires_at)
