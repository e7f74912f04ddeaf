"""How the embedded PostgreSQL is tuned: durable, small, and silent about values."""

from __future__ import annotations

from collections.abc import Mapping

SERVER_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    # A 2xx is a promise: a commit is on disk before it returns.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # Long checkpoint distance: fewer full-page images while the outbox is drained.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    # The outbox updates the same rows again and again.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_cost_limit": "1000",
    # Small statements gain nothing from these, and parallel workers fail in containers with a small /dev/shm.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The server's log must not quote values: neither statements, parameters nor the details of an error.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Given at every start, so that a newer hub brings its own."""
