"""Tables of the look-up log: what was asked, and how each look-up ended. Both only grow, by month.

A look-up is two rows, so that nothing is ever changed: one written before the partner is asked, one before the
answer is given. Triggers of the migration refuse everything but adding, and the sealing of a row anew under another
key. A month is dropped as a whole when its time is over (`hub.lookups.partitions`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names

from hub.store.metadata import METADATA


class TransactionId(sa.types.UserDefinedType[str]):
    """``xid8``: the number of the transaction that wrote a row, as `ended_since` orders by it."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """Return the name of the type."""
        return "xid8"


ischema_names.setdefault("xid8", TransactionId)  # so that the schema can be compared

_NOW = sa.text("pg_current_xact_id()")

lookups = sa.Table(
    "lookups",
    METADATA,
    sa.Column("asked_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("txid", TransactionId, nullable=False, server_default=_NOW),
    sa.Column("kind", sa.Text, nullable=False, comment="find_citizen, confirm:identity, find_enterprise, …"),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False, comment="the officer's account in the dossier system"),
    sa.Column("role", sa.Text, nullable=False, comment="of the account then; empty: not registered"),
    sa.Column("unit_code", sa.Text, nullable=False, comment="the officer's unit"),
    sa.Column("ip", INET, comment="where the officer sat; null: from before it was kept in clear"),
    sa.Column("dossier_code", sa.Text, comment="what the look-up serves; null: break-glass, or refused for it"),
    sa.Column("procedure_root", sa.Text, comment="N.NNNNNN"),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("break_glass", sa.Boolean, nullable=False, comment="without a dossier, to be reviewed"),
    sa.Column("reason_sealed", sa.LargeBinary, comment="reasons the officer gave, AES-256-GCM"),
    sa.Column("subject_hash", sa.LargeBinary, comment="keyed hash of the number; null: from before the log had it"),
    sa.Column("subject_kind", sa.Text, nullable=False, comment="person or enterprise"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the question with a salt, AES-256-GCM"),
    sa.Column("gate", JSONB, nullable=False, comment="what the gate saw and decided"),
    comment="Every look-up, written before the partner is asked; only grows.",
    postgresql_partition_by="RANGE (asked_at)",
)
sa.Index("ix_lookups_account_id", lookups.c.account_id, lookups.c.asked_at)
sa.Index("ix_lookups_subject_hash", lookups.c.subject_hash, lookups.c.asked_at)

lookup_ends = sa.Table(
    "lookup_ends",
    METADATA,
    sa.Column("asked_at", sa.DateTime(timezone=True), primary_key=True, comment="of the look-up: the same month"),
    sa.Column("lookup_id", sa.Uuid, primary_key=True),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("txid", TransactionId, nullable=False, server_default=_NOW),
    sa.Column("outcome", sa.Text, nullable=False, comment="found, not_found, denied, failed, mismatch, repeated"),
    sa.Column("denied_code", sa.Text, comment="why the gate refused"),
    sa.Column("found", sa.Integer, comment="how many things were handed out"),
    sa.Column("data_groups", ARRAY(sa.Text), nullable=False, comment="what was handed out"),
    sa.Column("upstream_ms", sa.Integer, comment="how long the partner took; null: not asked"),
    sa.Column("error", sa.Text, comment="class of the error"),
    sa.Column("subject_hash", sa.LargeBinary, comment="of the person found, where asked for by an old card"),
    sa.Column("sealed", sa.LargeBinary, comment="what the watch needs of the person, AES-256-GCM"),
    sa.Column(
        "other_subject_hashes",
        ARRAY(sa.LargeBinary),
        comment="of further people whose data were handed out: household, relatives",
    ),
    comment="How each look-up ended, written before the answer is given; only grows.",
    postgresql_partition_by="RANGE (asked_at)",
)
sa.Index("ix_lookup_ends_txid", lookup_ends.c.txid, lookup_ends.c.lookup_id)
sa.Index(
    "ix_lookup_ends_subject_hash",
    lookup_ends.c.subject_hash,
    postgresql_where=lookup_ends.c.subject_hash.is_not(None),
)
sa.Index(
    "ix_lookup_ends_other_subject_hashes",
    lookup_ends.c.other_subject_hashes,
    postgresql_using="gin",
    postgresql_where=lookup_ends.c.other_subject_hashes.is_not(None),
)

lookup_keys = sa.Table(
    "lookup_keys",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True, comment="subject: hashes the numbers of people and enterprises"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the key, AES-256-GCM"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    comment="The key under which subjects are hashed; one for the life of the log.",
)

lookup_ceilings = sa.Table(
    "lookup_ceilings",
    METADATA,
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("p99", sa.Integer, nullable=False, comment="99th percentile of distinct people an account-hour"),
    sa.Column("account_hours", sa.Integer, nullable=False, comment="hours of work it was measured on"),
    sa.Column("per_hour", sa.Integer, nullable=False, comment="people an hour past which a reason is asked for"),
    sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
    comment="The brake of each role, measured from the log.",
)
