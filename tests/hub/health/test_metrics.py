"""What is counted, and that labels stay few and harmless."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.health import metrics


def value(name: str, **labels: str) -> float:
    """Return one sample; 0 when it does not exist yet."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_are_counted_and_timed() -> None:
    """By template, method and status; the time by template and method."""
    labels = {"route": "/test/{a}", "method": "GET"}
    metrics.request_ended("/test/{a}", "GET", 200, 0.02)
    metrics.request_ended("/test/{a}", "GET", 200, 0.2)
    metrics.request_ended("/test/{a}", "GET", 404, 0.2)
    assert value("lienthong_http_requests_total", **labels, status="200") == 2
    assert value("lienthong_http_requests_total", **labels, status="404") == 1
    assert value("lienthong_http_request_seconds_count", **labels) == 3
    assert value("lienthong_http_request_seconds_bucket", **labels, le="0.025") == 1


def test_a_method_is_a_known_one() -> None:
    """HTTP allows any word for a method; a label does not."""
    metrics.request_ended("/test/b", "BREW", 405, 0.01)
    metrics.request_ended("/test/b", "PROPFIND", 405, 0.01)
    assert value("lienthong_http_requests_total", route="/test/b", method="(other)", status="405") == 2


def test_exchanges_and_attempts() -> None:
    """What the workers report is counted by connection, operation and outcome."""
    metrics.attempt("portal-x", "push_step", "TryLater", 0.5)
    metrics.attempt("portal-x", "push_step", "delivered", 0.1)
    metrics.exchange_ended("portal-x", "push_step", "delivered", 30)
    common = {"connection": "portal-x", "operation": "push_step"}
    assert value("lienthong_attempts_total", **common, outcome="TryLater") == 1
    assert value("lienthong_attempt_seconds_count", **common) == 2
    assert value("lienthong_exchanges_ended_total", **common, outcome="delivered") == 1
    assert value("lienthong_exchange_seconds_sum", **common) == 30


def test_drift_keeps_names_and_drops_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of an unknown field comes from outside: what looks like a name becomes a label, and only so many."""
    monkeypatch.setattr(metrics, "_drift_series", set())
    monkeypatch.setattr(metrics, "MAX_DRIFT_SERIES", 2)
    for field in ("MaMoi", "MaMoi", "Trần Thị Mẫu 099199000123", "ThemNua", "x" * 500):
        metrics.drift("portal-y", "TraCuuHoSo", field)
    common = {"connection": "portal-y", "message": "TraCuuHoSo"}
    assert value("lienthong_drift_total", **common, field="MaMoi") == 2
    assert value("lienthong_drift_total", **common, field="(other)") == 3
    assert "099199000123" not in metrics.exposition().decode()


def test_the_exposition_is_readable() -> None:
    """Prometheus' own parser reads it, and the process tells about itself."""
    names = {family.name for family in text_string_to_metric_families(metrics.exposition().decode())}
    assert {"lienthong_http_requests", "process_resident_memory_bytes", "python_info"} <= names
    assert not any(name.endswith("_created") for name in names)
