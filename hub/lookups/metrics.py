"""What the look-ups of a process count, for Prometheus; labels are words of the code and ids of the configuration."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from hub.health.metrics import REGISTRY

_lookups = Counter(
    "lienthong_lookups_ended",
    "Look-ups that ended, by kind and how.",
    ("kind", "outcome"),
    registry=REGISTRY,
)
_denied = Counter(
    "lienthong_lookups_denied",
    "Look-ups the gate refused, by why.",
    ("code",),
    registry=REGISTRY,
)
_upstream = Histogram(
    "lienthong_lookup_upstream_seconds",
    "How long the partner took to answer a look-up.",
    ("connection",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
_degraded = Gauge(
    "lienthong_lookup_gate_degraded",
    "1 while this process counts look-ups by itself because Redis does not answer.",
    registry=REGISTRY,
)


@cache
def _series(kind: str, outcome: str) -> Counter:
    return _lookups.labels(kind, outcome)


@cache
def _upstream_series(connection: str) -> Histogram:
    return _upstream.labels(connection)


def ended(kind: str, outcome: str, *, denied_code: str | None = None) -> None:
    """Count a look-up."""
    _series(kind, outcome).inc()
    if denied_code is not None:
        _denied.labels(denied_code).inc()


def upstream(connection: str, seconds: float) -> None:
    """Count how long a partner took."""
    _upstream_series(connection).observe(seconds)


def gate_degraded(is_degraded: bool) -> None:  # noqa: FBT001 - sets a gauge
    """Note whether this process counts by itself."""
    _degraded.set(is_degraded)
