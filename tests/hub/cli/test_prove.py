"""The commands of evidence: what is exported anyone can verify, with nothing but the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from hub.ledger.sealer import LedgerSealer
from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.cli.conftest import Call, Lienthong
from tests.hub.ledger.conftest import Ledger


@pytest.fixture
async def filled(settings: Settings) -> None:
    """A ledger with a few entries and two checkpoints, under the default origin."""
    async with await open_store(settings) as store:
        ledger = Ledger(store)
        ledger.sealer = LedgerSealer(store, origin=settings.ledger.origin)
        await ledger.fill(9, 4)


def export(lienthong: Lienthong, file: Path, *options: str) -> Any:
    """Export one invented event."""
    done = lienthong("evidence", "export", "event-3", "--out", str(file), *options)
    assert done.exit_code == 0, done.output
    return orjson.loads(file.read_bytes())


@pytest.mark.usefixtures("filled")
@pytest.mark.slow
def test_exported_audited_and_verified(lienthong: Lienthong, tmp_path: Path) -> None:
    """With the key and a checkpoint got another way; and the audit finds the log sound."""
    file, note = tmp_path / "chứng cứ.json", tmp_path / "checkpoint.txt"
    document = export(lienthong, file)
    note.write_text(document["checkpoint"])
    key = lienthong("evidence", "key").stdout.strip()
    assert document["keys"] == [key]

    alone = lienthong("evidence", "verify", str(file))
    assert alone.exit_code == 0
    assert "The file itself brought this key" in alone.stdout
    trusted = lienthong("evidence", "verify", str(file), "--key", key, "--checkpoint", str(note))
    assert trusted.exit_code == 0, trusted.output
    assert "The file itself" not in trusted.stdout
    assert "number=3 system=national_portal" in trusted.stdout

    audited = lienthong("evidence", "audit", "--key", key, "--checkpoint", str(note))
    assert audited.exit_code == 0, audited.output
    assert audited.stdout.startswith("Sound: 14 entries, 2 checkpoints, root ")

    again = lienthong("evidence", "export", "event-3", "--out", str(file))
    assert (again.exit_code, "cannot be written" in again.stderr) == (1, True)


@pytest.mark.usefixtures("filled")
def test_an_earlier_checkpoint(lienthong: Lienthong, tmp_path: Path) -> None:
    """A proof against another checkpoint than the one at hand says how to get the right one."""
    early, late, note = tmp_path / "early", tmp_path / "late", tmp_path / "note"
    note.write_text(export(lienthong, early, "--size", "10")["checkpoint"])
    export(lienthong, late)
    assert lienthong("evidence", "verify", str(early), "--checkpoint", str(note)).exit_code == 0
    other = lienthong("evidence", "verify", str(late), "--checkpoint", str(note))
    assert (other.exit_code, "export it again with: --size 10" in other.stderr) == (1, True)


@pytest.mark.usefixtures("filled")
@pytest.mark.slow
def test_every_fault_is_one_sentence(lienthong: Lienthong, tmp_path: Path) -> None:
    """Altered, absent, unreadable, another's key: exit code 1, in both languages, no trace."""
    file = tmp_path / "evidence"
    export(lienthong, file)
    altered = tmp_path / "altered"
    altered.write_bytes(file.read_bytes().replace(b"number", b"nomber"))
    formatted = tmp_path / "formatted"
    formatted.write_bytes(file.read_bytes().replace(b"  ", b"\t"))
    text = tmp_path / "text"
    text.write_bytes(b"\xff")
    stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    for arguments, sentence in (
        ((str(altered),), "is not in the log that was signed"),
        ((str(formatted),), "altered or reformatted"),
        ((str(text),), "it is not JSON"),
        ((str(tmp_path / "absent"),), "cannot be read"),
        ((str(file), "--key", stranger), "None of the signatures"),
        ((str(file), "--key", "nonsense"), "cannot be used"),
        ((str(file), "--checkpoint", str(text)), "it is not UTF-8"),
        ((str(file), "--checkpoint", str(altered)), "does not hold"),
    ):
        done = lienthong("evidence", "verify", *arguments)
        assert done.exit_code == 1
        assert sentence in done.stderr, done.stderr
        assert "Lỗi:" in done.stderr


@pytest.mark.usefixtures("filled")
def test_the_audit_names_what_was_changed(lienthong: Lienthong, settings: Settings) -> None:
    """By its place in the log."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as conn:
        conn.execute("UPDATE ledger_leaves SET digest = sha256(digest) WHERE index = 5")
    done = lienthong("evidence", "audit")
    assert done.exit_code == 1
    assert "Entry 5: the stored digest of its content is not the one in the leaf." in done.stderr


@pytest.mark.usefixtures("filled")
def test_a_new_key(lienthong: Lienthong) -> None:
    """Rotated by command; the former one is still shown, because it still signs."""
    [old] = lienthong("evidence", "key").stdout.split()
    new, still = lienthong("evidence", "key", "--rotate").stdout.split()
    assert still == old != new


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_verified_where_there_is_nothing_else(lienthong: Lienthong, call: Call, tmp_path: Path) -> None:
    """In a process of its own, with a configuration that nobody could load and no database anywhere."""
    file = tmp_path / "evidence"
    export(lienthong, file)
    environment = {"PATH": os.environ["PATH"], "LIENTHONG_NONSENSE": "1", "LIENTHONG_CONFIG": "/absent"}
    done = call("evidence", "verify", str(file), environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Sound: what follows about event-3 is in the log ")
