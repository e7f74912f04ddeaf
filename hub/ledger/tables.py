"""Tables of the ledger: what waits to be sealed, the leaves, stored nodes of their tree, checkpoints and keys.

Nothing here is personal data: a leaf holds metadata and a salted digest, see `hub.ledger.leaf`.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

ledger_queue = sa.Table(
    "ledger_queue",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="order of arrival, with gaps"),
    sa.Column("kind", sa.Text, nullable=False, comment="exchange, inbound, act"),
    sa.Column("subject", sa.Text, nullable=False, comment="an id, never personal data"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("digest", sa.LargeBinary, comment="SHA-256 of the content; null: the sealer makes it"),
    sa.Column("facts", sa.Text, nullable=False, server_default="{}", comment="JSON object of texts"),
    comment="Entries not sealed yet, written in the transaction that causes them; emptied by the sealer.",
    postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "20000"},
)

ledger_leaves = sa.Table(
    "ledger_leaves",
    METADATA,
    sa.Column("index", sa.BigInteger, primary_key=True, autoincrement=False, comment="place in the log, from 0"),
    sa.Column("subject", sa.Text, nullable=False, comment="copied from the leaf, to find it by"),
    sa.Column("leaf", sa.LargeBinary, nullable=False, comment="the canonical bytes, as they were hashed"),
    sa.Column("hash", sa.LargeBinary, nullable=False, comment="SHA-256(0x00 || leaf)"),
    sa.Column("digest", sa.LargeBinary, nullable=False, comment="SHA-256 of the content; the leaf holds it salted"),
    comment="The log: one row per entry, never changed.",
)
sa.Index("ix_ledger_leaves_subject", ledger_leaves.c.subject, ledger_leaves.c.index)

ledger_nodes = sa.Table(
    "ledger_nodes",
    METADATA,
    sa.Column(
        "level", sa.SmallInteger, primary_key=True, autoincrement=False, comment="4, 8, 12 …: height above leaves"
    ),
    sa.Column("index", sa.BigInteger, primary_key=True, autoincrement=False, comment="covers index·2^level and on"),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    comment="Hashes of complete subtrees, of every fourth level; the others follow from at most 16 of these.",
)

ledger_checkpoints = sa.Table(
    "ledger_checkpoints",
    METADATA,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False, comment="leaves it covers"),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False, comment="the C2SP signed note, to the byte"),
    comment="Every state of the log that was signed.",
)

ledger_keys = sa.Table(
    "ledger_keys",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False, comment="checkpoint (Ed25519) or salt"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the secret, sealed with the context ledger-key:<id>"),
    sa.Column("public", sa.LargeBinary, comment="the public key of a checkpoint key"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("signs_until", sa.DateTime(timezone=True), comment="end of the overlap, once another one replaces it"),
    comment="Keys of the ledger: one or, in an overlap, two checkpoint keys that sign; one key that salts digests.",
)
