"""The doctor finds what is wrong, says what to do, and ends with exit code 1 for it."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.transport.simulation.server import AsgiServer
from hub.health import doctor
from hub.health.doctor import examine
from hub.health.findings import Finding, Verdict
from hub.settings import Settings
from hub.store.key_file import KeyFile
from tests.hub.cli.conftest import Lienthong


@pytest.fixture
def fit(lienthong: Lienthong) -> Lienthong:
    """A machine on which nothing is wrong: the environment of the command line's own fixture."""
    return lienthong


def found(subject: str) -> Finding:
    """Examine, and return what was found of this."""
    findings = asyncio.run(examine())
    (finding,) = [one for one in findings if one.subject == subject]
    return finding


def assert_bad(subject: str, en: str, vi: str) -> None:
    """This is what is wrong, said in both languages."""
    finding = found(subject)
    assert finding.verdict is Verdict.BAD, finding
    assert en in finding.sentence.en
    assert vi in finding.sentence.vi


def test_a_fit_machine_has_nothing_wrong(fit: Lienthong) -> None:
    """Exit code 0, and every part of the house was looked at."""
    done = fit("doctor")
    assert done.exit_code == 0, done.output
    for subject in ("python", "clock", "settings", "data directory", "key file", "database", "tables", "data keys"):
        assert subject in done.output
    assert "Nothing is wrong." in done.output
    assert "✗" not in done.output


def test_an_empty_machine_has_nothing_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first start nothing is there yet, and nothing is made by looking."""
    monkeypatch.chdir(tmp_path)
    findings = asyncio.run(examine())
    assert not [one for one in findings if one.verdict is Verdict.BAD]
    assert list(tmp_path.iterdir()) == []


def test_something_wrong_is_exit_code_1(fit: Lienthong, settings: Settings) -> None:
    """The table marks it and names the remedy in both languages."""
    settings.resolved_key_file.chmod(0o644)
    done = fit("doctor")
    assert done.exit_code == 1
    assert "✗" in done.output
    assert f"chmod 600 {settings.resolved_key_file}" in done.output.replace("\n", "")
    assert "Người khác ngoài chủ sở hữu" in done.output


def test_wrong_settings(fit: Lienthong, monkeypatch: pytest.MonkeyPatch) -> None:
    """With settings that cannot be read there is nothing further to look at, and that is what is said."""
    monkeypatch.setenv("LIENTHONG_PORT", "1")
    assert_bad("settings", "LIENTHONG_PORT is unknown", "LIENTHONG_PORT không tồn tại")


def test_a_key_file_that_is_gone(fit: Lienthong, settings: Settings) -> None:
    """Without the keys the database is closed; the remedy for a lost and for a new file is named."""
    settings.resolved_key_file.unlink()
    assert_bad("key file", "restore it from backup, or for a new database run: lienthong keys create", "khôi phục")


def test_a_key_file_of_another_database(fit: Lienthong, settings: Settings, store: Any) -> None:
    """A readable key file may still be the wrong one; that is found before a process is started."""
    settings.resolved_key_file.unlink()
    KeyFile.create(settings.resolved_key_file)
    assert found("key file").verdict is Verdict.GOOD
    assert found("data keys").verdict is Verdict.BAD


def test_a_data_directory_that_others_can_write(fit: Lienthong, settings: Settings) -> None:
    """Whoever can write there can exchange the keys."""
    settings.data_dir.chmod(0o777)
    assert_bad("data directory", f"chmod 700 {settings.data_dir}", "chmod 700")


def test_a_data_directory_that_is_a_file(fit: Lienthong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that cannot be written is found by trying, whoever runs the doctor."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIENTHONG_DATA_DIR", str(tmp_path / "file"))
    assert_bad("data directory", "cannot be written", "Không ghi được")


def test_a_disk_that_is_nearly_full(fit: Lienthong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded database needs room; for an external one the disk here does not matter."""

    class Usage(NamedTuple):
        total: int = 10**12
        used: int = 10**12
        free: int = 10**6

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage())
    assert not [one for one in asyncio.run(examine()) if one.subject == "disk"]
    monkeypatch.delenv("LIENTHONG_DATABASE_URL")
    monkeypatch.setenv("LIENTHONG_DATA_DIR", str(tmp_path / "fresh"))
    assert_bad("disk", "set data_dir to another disk", "đặt data_dir sang ổ khác")


def test_a_database_that_does_not_answer(fit: Lienthong, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is named, the password is not."""
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", "postgresql://hub:very-secret@127.0.0.1:9/hub")
    assert_bad("database", "No PostgreSQL answers on 127.0.0.1:9", "Không có PostgreSQL nào trả lời")
    assert "very-secret" not in fit("doctor").output


def test_tables_that_are_missing(fit: Lienthong, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database answers, its tables are not there: the remedy is the command that makes them."""
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", empty_database_url)
    assert found("database").verdict is Verdict.GOOD
    assert_bad("tables", "lienthong db upgrade", "lienthong db upgrade")


@pytest.mark.parametrize(
    ("origin", "verdict"),
    [
        (None, Verdict.ATTENTION),
        ("so-cai.H99.EXAMPLE/2026", Verdict.ATTENTION),
        ("lienthong.h99.gov.vn/so-cai", Verdict.GOOD),
        ("lienthong.h99.gov.vn/thu.example", Verdict.GOOD),
    ],
)
def test_a_ledger_that_has_only_an_example_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None, verdict: Verdict
) -> None:
    """Only before the first entry it can be changed freely, so it is said before a process is started."""
    monkeypatch.chdir(tmp_path)
    if origin is not None:
        monkeypatch.setenv("LIENTHONG_LEDGER__ORIGIN", origin)
    finding = found("ledger")
    assert finding.verdict is verdict
    assert (origin or "lienthong.example/ledger") in finding.sentence.en
    if verdict is Verdict.ATTENTION:
        assert "set ledger.origin" in finding.sentence.en
        assert "đặt ledger.origin" in finding.sentence.vi


def test_an_old_python(fit: Lienthong, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was moved to an older interpreter is told so."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    assert_bad("python", "Python 3.10.4 is too old", "quá cũ")


# --- connections --------------------------------------------------------------------------------------------


def _connect(monkeypatch: pytest.MonkeyPatch, connections: Mapping[str, Any]) -> None:
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(connections))


def test_a_connection_that_works(
    fit: Lienthong, portal_connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Port and login are proven, the login by a real question."""
    _connect(monkeypatch, portal_connections)
    assert found("national_portal: port").verdict is Verdict.GOOD
    assert found("national_portal: credentials").verdict is Verdict.GOOD
    assert found("national_portal: call").verdict is Verdict.GOOD


def test_a_wrong_password(fit: Lienthong, portal_connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is fine, the login is not; the password is shown nowhere."""
    portal_connections["national_portal"]["settings"]["password"] = "very-wrong"
    _connect(monkeypatch, portal_connections)
    assert found("national_portal: port").verdict is Verdict.GOOD
    assert_bad("national_portal: credentials", "refuses our login", "từ chối đăng nhập")
    assert "very-wrong" not in fit("doctor").output


def test_a_name_that_does_not_resolve(
    fit: Lienthong, portal_connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is the first layer: nothing behind it is looked at."""
    forward = portal_connections["national_portal"]["settings"]["forward"]
    forward["adapter_url"] = "http://no-such-host.invalid/XrdAdapter/RestService/forward"
    _connect(monkeypatch, portal_connections)
    subjects = [one.subject for one in asyncio.run(examine()) if one.subject.startswith("national_portal")]
    assert subjects == ["national_portal: name"]
    assert_bad("national_portal: name", "no-such-host.invalid does not resolve", "Không phân giải được tên")


def test_a_setting_of_a_connection_that_is_wrong(
    fit: Lienthong, portal_connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter's own keys are checked too, and the key at fault is named in full."""
    portal_connections["national_portal"]["settings"]["madonvi"] = "nowhere"
    _connect(monkeypatch, portal_connections)
    assert_bad("connections", "connections.national_portal.settings.madonvi", "connections.national_portal")


@pytest.fixture
def expired_server(tmp_path: Path) -> ssl.SSLContext:
    """A TLS server context with a certificate that ended yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(yesterday - timedelta(days=90))
        .not_valid_after(yesterday)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_certificate_that_has_expired(
    fit: Lienthong,
    portal_connections: dict[str, Any],
    expired_server: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The date is read from the server itself, and the layers behind it are not tried."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan", "nothing may be sent over this connection"
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async def look() -> list[Finding]:
        async with AsgiServer(app, tls=expired_server) as server:
            forward = portal_connections["national_portal"]["settings"]["forward"]
            forward["adapter_url"] = f"{server.url}/XrdAdapter/RestService/forward"
            _connect(monkeypatch, portal_connections)
            return await examine()

    findings = [one for one in asyncio.run(look()) if one.subject.startswith("national_portal")]
    assert [one.subject for one in findings] == ["national_portal: port", "national_portal: certificate"]
    assert findings[-1].verdict is Verdict.BAD
    assert "expired on" in findings[-1].sentence.en
    assert "đã hết hạn" in findings[-1].sentence.vi
