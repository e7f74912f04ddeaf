"""What the watch counts, for Prometheus. A unit's code is public and stands in the register of accounts."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from hub.health.metrics import REGISTRY

MOST_UNITS = 500
"""Units with a series of their own; the API has them all."""

_judged = Counter("lienthong_watch_judged", "Look-ups the watch has judged.", registry=REGISTRY)
_raised = Counter("lienthong_watch_alerts", "Alerts the watch has raised.", registry=REGISTRY)
_faults = Gauge(
    "lienthong_watch_faults",
    "Records that the watch could not take since it was rebuilt, and passed over.",
    registry=REGISTRY,
)
_lag = Gauge(
    "lienthong_watch_lag_seconds",
    "How long ago the oldest look-up of the last batch had ended when it was judged.",
    registry=REGISTRY,
)
_share = Gauge(
    "lienthong_watch_explained_share",
    "Share of look-ups of the last seven days that are explained, by unit.",
    ("unit",),
    registry=REGISTRY,
)


def judged(lookups: int, *, lag_seconds: float, faults: int) -> None:
    """Count a batch."""
    _faults.set(faults)
    _judged.inc(lookups)
    _lag.set(lag_seconds)


def raised(alerts: int) -> None:
    """Count alerts."""
    _raised.inc(alerts)


def shares(by_unit: Mapping[str, float]) -> None:
    """Publish the explained share of each unit; those that looked nobody up lose their series."""
    _share.clear()
    for unit, share in sorted(by_unit.items())[:MOST_UNITS]:
        _share.labels(unit).set(share)
