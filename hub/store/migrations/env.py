"""Alembic's entry: runs migrations on the connection that `hub.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from hub.store.schema import METADATA, is_declared_name

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    compare_type=True,
    compare_server_default=True,
    include_name=is_declared_name,
    # One transaction for all steps, and it is the caller's: a failed upgrade leaves nothing behind.
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
