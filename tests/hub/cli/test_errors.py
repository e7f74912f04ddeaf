"""Expected errors are one sentence in each language on standard error, an exit code, and never a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.hub.cli.conftest import Call, Lienthong, clean_environment


def assert_sentence(code: int, told: str, en: str, vi: str = "") -> None:
    """The command failed with this sentence, in both languages, and said nothing else."""
    assert code == 1, told
    lines = told.strip().splitlines()
    assert len(lines) == 2, told
    assert lines[0].startswith("Error: ")
    assert lines[1].startswith("Lỗi: ")
    assert en in lines[0]
    assert vi in lines[1]


def test_a_misspelt_variable_is_named(lienthong: Lienthong, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting nobody knows stops every command, and the sentence names it and what was perhaps meant."""
    monkeypatch.setenv("LIENTHONG_DATABSE_URL", "postgresql://x")
    done = lienthong("worker")
    assert_sentence(
        done.exit_code, done.stderr, "LIENTHONG_DATABSE_URL is unknown; did you mean database_url", "không tồn tại"
    )


@pytest.mark.parametrize("command", ["api", "worker", "up", "clients list"])
def test_a_database_that_does_not_answer(lienthong: Lienthong, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The sentence says where nobody answered; the password stands in it nowhere."""
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", "postgresql://hub:very-secret@127.0.0.1:9/hub")
    monkeypatch.setenv("LIENTHONG_API__PORT", "0")
    done = lienthong(*command.split())
    assert_sentence(
        done.exit_code, done.stderr, "No PostgreSQL answers on 127.0.0.1:9", "Không có PostgreSQL nào trả lời"
    )
    assert "very-secret" not in done.output


@pytest.mark.parametrize("command", ["api", "worker", "connections list"])
def test_tables_of_another_version(
    lienthong: Lienthong, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A process does not touch tables it does not know; the sentence is the command to run."""
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", empty_database_url)
    done = lienthong(*command.split())
    assert_sentence(done.exit_code, done.stderr, "run: lienthong db upgrade", "hãy chạy: lienthong db upgrade")


@pytest.mark.slow
def test_a_port_in_use(call: Call, tmp_path: Path) -> None:
    """``up`` says so before it starts anything, the database included; here as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = clean_environment(LIENTHONG_API__PORT=str(port), LIENTHONG_DATA_DIR=str(tmp_path / "data"))
        done = call("up", environment=environment)
    assert_sentence(done.returncode, done.stderr, f"Port {port} on 127.0.0.1 is already in use", f"Cổng {port}")
    assert not (tmp_path / "data").exists()


def test_the_sandbox_names_its_own_remedy(lienthong: Lienthong) -> None:
    """A sandbox whose port is taken speaks of --port, not of the API's setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = lienthong("sandbox", "--port", str(port))
    assert_sentence(done.exit_code, done.stderr, f"Port {port} on 127.0.0.1 is already in use", "--port")
    assert "LIENTHONG" not in done.stderr


def test_a_lease_that_is_too_short(lienthong: Lienthong, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease shorter than the calls it covers would let two workers send the same thing."""
    monkeypatch.setenv("LIENTHONG_WORKER__LEASE_SECONDS", "20")
    connections = (
        '{"portal": {"adapter": "national_portal", "settings": {"username": "u", "password": "p", '
        '"madonvi": "000.00.00.H99", "forward": {"adapter_url": "http://127.0.0.1:9/forward", "dstcode": "VN:X"}}}}'
    )
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", connections)
    done = lienthong("worker")
    assert_sentence(done.exit_code, done.stderr, "worker.lease_seconds", "worker.lease_seconds")


def test_traffic_needs_a_sandbox(lienthong: Lienthong) -> None:
    """Invented dossiers never reach a real system."""
    done = lienthong("up", "--demo-traffic")
    assert_sentence(done.exit_code, done.stderr, "add --sandbox", "hãy thêm --sandbox")


def test_an_unknown_option_is_a_usage_error(lienthong: Lienthong) -> None:
    """Usage errors have an exit code of their own."""
    done = lienthong("up", "--fast")
    assert done.exit_code == 2
    assert "--fast" in done.stderr


def test_help_names_every_command(lienthong: Lienthong) -> None:
    """Whoever asks is shown what there is."""
    done = lienthong("--help")
    assert done.exit_code == 0
    for name in ("up", "api", "worker", "clerk", "sandbox", "demo", "doctor", "db", "clients", "keys", "connections"):
        assert name in done.stdout
