"""Metrics of a process, for Prometheus. Labels are names of the configuration and of the code, nothing else.

No label ever holds a dossier code, a person, an address that was asked for, or text that came from outside: such a
label would leak, and would grow without bound.
"""

from __future__ import annotations

import re
from functools import cache

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter, which nobody asks for

REGISTRY = CollectorRegistry()
"""Everything this process counts. Our own, so that a library cannot slip something in."""

for _collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
    REGISTRY.register(_collector)

MEDIA_TYPE = CONTENT_TYPE_LATEST

_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_DELIVERY_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0, 240 * 3600.0)

_requests = Counter(
    "lienthong_http_requests",
    "HTTP requests answered, by template of the address.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
_request_seconds = Histogram(
    "lienthong_http_request_seconds",
    "Time from the request line to the last byte of the answer.",
    ("route", "method"),
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)
_exchanges = Counter(
    "lienthong_exchanges_ended",
    "Exchanges that ended, by how.",
    ("connection", "operation", "outcome"),
    registry=REGISTRY,
)
_exchange_seconds = Histogram(
    "lienthong_exchange_seconds",
    "Time from acceptance (or replay) of an exchange to its end.",
    ("connection", "operation"),
    buckets=_DELIVERY_BUCKETS,
    registry=REGISTRY,
)
_attempts = Counter(
    "lienthong_attempts",
    "Calls to a partner, by outcome.",
    ("connection", "operation", "outcome"),
    registry=REGISTRY,
)
_attempt_seconds = Histogram(
    "lienthong_attempt_seconds",
    "Duration of a call to a partner.",
    ("connection", "operation"),
    buckets=_CALL_BUCKETS,
    registry=REGISTRY,
)
_drift = Counter(
    "lienthong_drift",
    "Fields in a partner's answers that the contract does not know.",
    ("connection", "message", "field"),
    registry=REGISTRY,
)

_inbound = Counter(
    "lienthong_inbound_calls",
    "Calls of partners to us, by what became of them.",
    ("connection", "outcome"),
    registry=REGISTRY,
)

_probes = Counter(
    "lienthong_probes",
    "Probes of connections; the outcome is passed, or the layer that failed.",
    ("connection", "outcome"),
    registry=REGISTRY,
)
_alerts = Counter(
    "lienthong_alert_messages",
    "Messages about alerts, by channel and whether it took them.",
    ("channel", "outcome"),
    registry=REGISTRY,
)

_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"})
OTHER = "(other)"
MAX_DRIFT_SERIES = 500
"""A partner that answers with ever new names of fields must not fill our memory."""
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]-]{0,63}")
_drift_series: set[tuple[str, str, str]] = set()

# Looking a series up by its labels costs more than counting in it.
_request_series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def request_ended(route: str, method: str, status: int, seconds: float) -> None:
    """Count an HTTP request; ``route`` is the template of the address, never the address."""
    series = _request_series.get((route, method, status))
    if series is None:
        known = method if method in _METHODS else OTHER
        series = (_requests.labels(route, known, str(status)), _request_seconds.labels(route, known))
        if known == method:
            _request_series[(route, method, status)] = series
    series[0].inc()
    series[1].observe(seconds)


@cache
def _exchange_series(connection: str, operation: str, outcome: str) -> tuple[Counter, Histogram]:
    # Looking a series up by its labels costs more than counting in it, and there are few.
    return _exchanges.labels(connection, operation, outcome), _exchange_seconds.labels(connection, operation)


@cache
def _attempt_series(connection: str, operation: str, outcome: str) -> tuple[Counter, Histogram]:
    return _attempts.labels(connection, operation, outcome), _attempt_seconds.labels(connection, operation)


def exchange_ended(connection: str, operation: str, outcome: str, seconds: float) -> None:
    """Count an exchange that reached its end; ``outcome`` is its last state, ``seconds`` its age."""
    counter, histogram = _exchange_series(connection, operation, outcome)
    counter.inc()
    histogram.observe(seconds)


def attempt(connection: str, operation: str, outcome: str, seconds: float) -> None:
    """Count a call to a partner; ``outcome`` is the class of its reaction."""
    counter, histogram = _attempt_series(connection, operation, outcome)
    counter.inc()
    histogram.observe(seconds)


def inbound_ended(connection: str, outcome: str) -> None:
    """Count a call of a partner; ``outcome`` is ``served`` or a value of `contracts.inbound.InboundFault`."""
    _inbound.labels(connection, outcome).inc()


def probe_ended(connection: str, outcome: str) -> None:
    """Count a probe; ``outcome`` is ``passed`` or the layer that failed."""
    _probes.labels(connection, outcome).inc()


def alert_told(channel: str, *, taken: bool) -> None:
    """Count one attempt at a message about an alert."""
    _alerts.labels(channel, "taken" if taken else "failed").inc()


def drift(connection: str, message: str, field: str) -> None:
    """Count an unknown field; see `count_drift`."""
    count_drift(connection, message, field)


def count_drift(connection: str, message: str, field: str) -> str:
    """Count an unknown field, and return the name it was counted under.

    Its name is the partner's own text: what does not look like a name is "(other)", and so is one too many.
    """
    series = (connection, message, field if _FIELD.fullmatch(field) else OTHER)
    if series not in _drift_series and len(_drift_series) >= MAX_DRIFT_SERIES:
        series = (connection, message, OTHER)
    _drift_series.add(series)
    _drift.labels(*series).inc()
    return series[2]


def exposition(*registries: CollectorRegistry) -> bytes:
    """Return the metrics of this process in the Prometheus text format, and after them those of ``registries``."""
    return b"".join(generate_latest(one) for one in (REGISTRY, *registries))
