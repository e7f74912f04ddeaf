"""Tables of the callers: API clients, the keys their tokens are signed with, and their idempotency keys.

Nothing here is a citizen's data. Secrets are never stored: a client's secret only as its SHA-256 (it is 256 bits
of randomness, so a slow hash adds nothing), a signing key only sealed.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.metadata import METADATA

clients = Table(
    "clients",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False, comment="SHA-256 of the secret in force"),
    Column("former_secret_hash", LargeBinary, comment="SHA-256 of the secret before the last rotation"),
    Column("former_secret_until", DateTime(timezone=True), comment="end of the overlap of a rotation"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("agencies", ARRAY(Text), nullable=False, comment="agency codes; each stands for itself and all below it"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("disabled_at", DateTime(timezone=True)),
    comment="programs that may call the API",
)

signing_keys = Table(
    "signing_keys",
    METADATA,
    Column("id", Text, primary_key=True, comment="the kid of the tokens signed with it"),
    Column("sealed", LargeBinary, nullable=False, comment="256 random bits, sealed with the context signing-key:<id>"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    comment="keys of the access tokens; the newest signs, the older ones still verify until they are forgotten",
)

idempotency_keys = Table(
    "idempotency_keys",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False, comment="SHA-256 of method, path and body"),
    Column("status", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="the JSON answer, to the byte; holds no personal data"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Index("ix_idempotency_keys_created_at", "created_at"),
    comment="answers already given, by the key the client chose",
)
