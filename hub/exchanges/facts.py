"""What a worker learns about a connection, kept in memory and written beside outcomes now and then."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from contracts.errors import LienThongError
from hub.exchanges.breaker import Breaker, BreakerState
from hub.exchanges.reactions import Signal
from hub.health import metrics

_WRITE_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Failure:
    at: datetime
    kind: str
    code: str
    reason: str
    reason_vi: str


class ConnectionFacts:
    """Last success, last failure, breaker and drift of one connection, as this worker saw them."""

    def __init__(self, connection: str) -> None:
        """Start with nothing known."""
        self._connection = connection
        self._success_at: datetime | None = None
        self._failure: _Failure | None = None
        self._breaker = "closed"
        self._breaker_until: datetime | None = None
        self._drift: Counter[str] = Counter()
        self._changed = False
        self._written_at = 0.0
        self._healthy: bool | None = None
        self._since: datetime | None = None

    def observe(self, signal: Signal, error: LienThongError | None, breaker: Breaker, clock: float) -> None:
        """Take note of one outcome."""
        now = datetime.now(UTC)
        if signal is Signal.ALIVE:
            self._success_at = now
        elif error is not None and signal is not Signal.SILENT:
            self._failure = _Failure(
                now, type(error).__name__, error.upstream_code, error.sentence.en, error.sentence.vi
            )
        if signal is not Signal.SILENT and self._healthy is not (signal is Signal.ALIVE):
            self._healthy, self._since = signal is Signal.ALIVE, now
            self._written_at = 0.0
        if breaker.state.value != self._breaker:
            self._written_at = 0.0
        self._breaker = breaker.state.value
        self._breaker_until = (
            now + timedelta(seconds=max(0.0, breaker.open_until - clock))
            if breaker.state is BreakerState.OPEN
            else None
        )
        self._changed = True

    def drift(self, message: str, field: str) -> None:
        """Count a field of an answer that the contract does not know."""
        self._drift[f"{message}.{metrics.count_drift(self._connection, message, field)}"] += 1
        self._changed = True

    async def write(self, conn: AsyncConnection[Any]) -> None:
        """Write what is new, at most once a second except at transitions."""
        clock = time.monotonic()
        if not self._changed or clock - self._written_at < _WRITE_EVERY_SECONDS:
            return
        drift = self._drift.copy()
        failure = self._failure
        await conn.execute(
            """
            UPDATE connections SET
                last_success_at = greatest(last_success_at, %(success)s),
                last_failure_at = coalesce(%(failed)s, last_failure_at),
                last_failure_kind = coalesce(%(kind)s, last_failure_kind),
                last_failure_code = coalesce(%(code)s, last_failure_code),
                last_failure_reason = coalesce(%(reason)s, last_failure_reason),
                last_failure_reason_vi = coalesce(%(reason_vi)s, last_failure_reason_vi),
                breaker = %(breaker)s, breaker_until = %(until)s, state_since = coalesce(%(since)s, state_since),
                drift = CASE WHEN %(drift)s::jsonb = '{}' THEN drift ELSE (
                    SELECT jsonb_object_agg(key, coalesce((drift ->> key)::bigint, 0) + coalesce(n, 0))
                    FROM (SELECT key, (%(drift)s::jsonb ->> key)::bigint AS n
                          FROM jsonb_object_keys(drift || %(drift)s::jsonb) AS key) AS both_sides) END
            WHERE id = %(id)s
            """,
            {
                "id": self._connection,
                "success": self._success_at,
                "failed": failure.at if failure else None,
                "kind": failure.kind if failure else None,
                "code": failure.code if failure else None,
                "reason": failure.reason if failure else None,
                "reason_vi": failure.reason_vi if failure else None,
                "breaker": self._breaker,
                "until": self._breaker_until,
                "since": self._since,
                "drift": Jsonb(dict(drift)),
            },
        )
        self._drift -= drift
        self._changed = False
        self._written_at = clock
