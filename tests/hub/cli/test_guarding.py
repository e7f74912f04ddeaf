"""The commands of whoever is on duty: probes that are kept, alerts, maintenance, the diagnostics bundle."""

from __future__ import annotations

import json
import socket
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import Result

from contracts.calendar import VIETNAM
from hub.settings import Settings
from tests.hub.cli.conftest import Lienthong


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A log server on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        yield receiver


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as conn:
        cursor = conn.execute(query.encode())
        return cursor.fetchall() if cursor.description is not None else []


def test_a_probe_is_shown_and_kept(
    lienthong: Lienthong,
    settings: Settings,
    portal_connections: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Layer by layer, with the real simulator; what was found is in the database, and the list is proven by it."""
    portal_connections = {"national_portal": portal_connections["national_portal"]}
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(portal_connections))
    done = lienthong("connections", "probe")
    assert done.exit_code == 0, done.output
    for layer in ("port", "clock", "credentials", "contract", "call"):
        assert f"national_portal: {layer}" in done.output
    assert rows(settings, "SELECT connection, passed, proven FROM probes") == [("national_portal", True, True)]
    assert "proven by a full probe" in lienthong("connections", "list").output
    portal_connections["national_portal"]["settings"]["forward"]["adapter_url"] = "http://127.0.0.1:9/forward"
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(portal_connections))
    done = lienthong("connections", "probe", "national_portal")
    assert done.exit_code == 1
    assert "Nothing answers at 127.0.0.1:9" in done.output.replace("\n", " ")
    assert rows(settings, "SELECT failed_layer, blame FROM probes ORDER BY id DESC LIMIT 1") == [("port", "partner")]


@pytest.mark.slow
def test_maintenance(lienthong: Lienthong, portal_connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Announced too late it is refused and says what is lawful; urgent it is marked; in it no probe leaves."""
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(portal_connections))
    now = datetime.now(VIETNAM)

    def announce(begins: datetime, *more: str) -> Result:
        ends = (begins + timedelta(hours=2)).isoformat(timespec="minutes")
        times = ["--begins", begins.strftime("%Y-%m-%dT%H:%M"), "--ends", ends]
        return lienthong("maintenance", "announce", "national_portal", *times, "--reason", "x", *more)

    late = announce(now + timedelta(days=1))
    assert late.exit_code == 1
    assert "working days ahead" in late.output
    assert "No maintenance is announced." in lienthong("maintenance", "list").output
    assert "ahead." in announce(now + timedelta(days=60)).output
    urgent = announce(now, "--urgent", "Lỗ hổng bảo mật")
    assert "under_way" in urgent.output
    assert "Announced later than" in urgent.output
    assert "announced maintenance until" in lienthong("connections", "probe", "national_portal").output
    number = urgent.output.split(":", 1)[0]
    assert "cancelled" in lienthong("maintenance", "cancel", number).output
    assert lienthong("maintenance", "cancel", number).exit_code == 1
    assert lienthong("connections", "probe", "national_portal").exit_code == 0
    bad = lienthong("maintenance", "announce", "national_portal", "--begins", "soon", "--ends", "x", "--reason", "x")
    assert "is not a moment" in bad.output


def test_alerts(
    lienthong: Lienthong, settings: Settings, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed with their channels, acknowledged under the name of who did, and a channel is tried by hand."""
    channels = {"log": {"kind": "syslog", "address": f"udp://127.0.0.1:{listening.getsockname()[1]}"}}
    monkeypatch.setenv("LIENTHONG_ALERTS", json.dumps({"channels": channels}))
    assert "There are no such alerts." in lienthong("alerts", "list").output
    rows(
        settings,
        "INSERT INTO alerts (key, severity, sentence, sentence_vi, opened_at)"
        " VALUES ('connection.x', 'critical', 'It is down.', 'Mất kết nối.', now())",
    )
    shown = lienthong("alerts", "list").output
    assert "Mất kết nối." in shown
    assert "syslog" in shown
    assert "acknowledged by" in lienthong("alerts", "acknowledge", "1").output
    assert rows(settings, "SELECT acknowledged_by LIKE '%(command line)' FROM alerts") == [(True,)]
    assert lienthong("alerts", "acknowledge", "99").exit_code == 1
    assert "log: taken" in lienthong("alerts", "test").output
    assert b"TEST" in listening.recv(4096)
    assert lienthong("alerts", "test", "other").exit_code == 1


@pytest.mark.slow
def test_diagnostics(lienthong: Lienthong, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle of what there is, also without a database; never over a file that is there."""
    target = tmp_path / "bundle.zip"
    done = lienthong("diagnostics", "--out", str(target))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(target) as opened:
        assert "errors.json" in opened.namelist()
        assert settings.database_url is not None
        everything = b"".join(opened.read(name) for name in opened.namelist()).decode()
    assert settings.database_url.get_secret_value() not in everything
    again = lienthong("diagnostics", "--out", str(target))
    assert again.exit_code == 1
    assert "cannot be read or written" in again.output
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", "postgresql://hub:very-secret@127.0.0.1:9/hub")
    other = tmp_path / "other.zip"
    done = lienthong("diagnostics", "--out", str(other))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(other) as opened:
        assert "errors.json" not in opened.namelist()
        assert all(b"very-secret" not in opened.read(name) for name in opened.namelist())
