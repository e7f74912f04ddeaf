"""Which errors of psycopg mean that the database does not answer now, as opposed to a fault of ours."""

from __future__ import annotations

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

UNAVAILABLE = (psycopg.OperationalError, psycopg.InternalError)
"""What to catch; `is_unavailable` decides. The pool's own errors are operational errors too."""

_POOL = (PoolClosed, PoolTimeout, TooManyRequests)

# Classes of SQLSTATE, see appendix A of the PostgreSQL manual.
_CLASSES = frozenset(
    {
        "08",  # connection exception
        "53",  # insufficient resources: disk full, out of memory, too many connections
        "58",  # system error: I/O
    }
)
_STATES = frozenset(
    {
        errors.AdminShutdown.sqlstate,
        errors.CrashShutdown.sqlstate,
        errors.CannotConnectNow.sqlstate,
        errors.DatabaseDropped.sqlstate,
        errors.IdleSessionTimeout.sqlstate,
        errors.IdleInTransactionSessionTimeout.sqlstate,
        # After a failover the old primary may come back as a standby: reconnecting finds the new one.
        errors.ReadOnlySqlTransaction.sqlstate,
    }
)


def is_unavailable(error: psycopg.Error) -> bool:
    """Say whether ``error`` is one that time heals.

    Without an SQLSTATE the error is the client library's own: the connection broke or was never made.
    Deadlocks, serialization failures, cancelled and timed-out statements are the caller's business.
    """
    if isinstance(error, _POOL):
        return True
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state[:2] in _CLASSES or state in _STATES
