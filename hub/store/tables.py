"""Tables of the store itself."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

data_keys = sa.Table(
    "data_keys",
    METADATA,
    sa.Column("id", sa.Integer, sa.Identity(always=False), primary_key=True, comment="stands in every sealed value"),
    sa.Column("kek_id", sa.Text, nullable=False, comment="key-encryption key it is wrapped with"),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, comment="nonce, wrapped key and tag: 60 bytes"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("active_at", sa.DateTime(timezone=True), nullable=False, comment="seals from then on"),
    sa.Column("seals", sa.BigInteger, nullable=False, server_default="0", comment="values sealed, added up later"),
    comment="Keys that seal stored values, each wrapped with a key-encryption key from the key file.",
)
