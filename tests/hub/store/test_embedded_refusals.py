"""What the embedded server refuses to start on: everything a person can get wrong, each with a sentence."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from hub.store.errors import StoreStartError
from tests.hub.store.servers import Make, refusal

_ROOT = os.geteuid() == 0


@pytest.mark.slow
def test_a_socket_directory_that_somebody_else_made_is_refused(
    place: Path, make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the shared temporary directory, another user could wait with a directory of the same name."""
    shared = place / "tmp"
    shared.mkdir(mode=0o777)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(shared))
    server = make_server(place / ("d" * 130))
    assert server.start_or_attach()
    (made,) = shared.iterdir()
    server.stop()
    assert not made.exists()
    made.mkdir()
    made.chmod(0o777)
    assert refusal(server) == "socket_in_use"


def test_data_of_another_major_version_is_refused(data_dir: Path, make_server: Make) -> None:
    """The sentence names both versions; nothing is touched."""
    server = make_server(data_dir)
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(StoreStartError, match=r"PostgreSQL 15.*version 18"):
        server.start_or_attach()
    assert refusal(server) == "wrong_version"


def test_too_little_space_is_refused_before_anything_is_written(place: Path, make_server: Make) -> None:
    """A disk that is about to be full would stop the server in the middle of its work."""
    server = make_server(place / "small")
    server.data_dir.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(server.data_dir)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        assert refusal(server) == "disk_full"
        assert not server.data.exists()
    finally:
        subprocess.run(["umount", str(server.data_dir)], check=True)


def test_too_little_space_is_noticed_before_every_start(
    data_dir: Path, make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an existing database does not start on a full disk; the sentence names sizes and directory."""
    server = make_server(data_dir)
    usage = type(shutil.disk_usage(data_dir))(10**12, 10**12 - 1, 199 * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(StoreStartError, match=r"Only 199 MB .* 200 MB") as caught:
        server.start_or_attach()
    assert str(data_dir) in caught.value.sentence.vi
    assert caught.value.code == "disk_full"


def test_a_directory_that_cannot_be_written_is_refused(place: Path, make_server: Make) -> None:
    """Trying tells more than looking at rights, which mean nothing to root."""
    (place / "file").write_text("")
    assert refusal(make_server(place / "file" / "data")) == "data_dir_not_writable"


def test_a_read_only_disk_is_refused(place: Path, make_server: Make) -> None:
    """A file system mounted read-only is told from a missing right by the system's own words."""
    server = make_server(place / "ro")
    server.data_dir.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(server.data_dir)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        assert refusal(server) == "data_dir_not_writable"
    finally:
        subprocess.run(["umount", str(server.data_dir)], check=True)


@pytest.mark.parametrize("kind", ["files", "file"])
def test_foreign_files_are_never_touched(place: Path, make_server: Make, kind: str) -> None:
    """Whatever stands where the database should be is somebody's."""
    server = make_server(place / "data")
    server.data_dir.mkdir()
    foreign = server.data
    if kind == "files":
        server.data.mkdir()
        foreign = server.data / "thesis.txt"
    foreign.write_text("years of work")
    assert refusal(server) == "foreign_files"
    assert foreign.read_text() == "years of work"


def test_a_socket_on_which_another_program_answers_is_refused(data_dir: Path, make_server: Make) -> None:
    """The hub does not talk to whatever happens to listen."""
    server = make_server(data_dir)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(server.data / ".s.PGSQL.5432"))
        other.listen()
        assert refusal(server) == "socket_in_use"


def test_a_socket_left_by_a_crash_is_in_nobodys_way(data_dir: Path, make_server: Make) -> None:
    """A socket on which nobody answers is rubbish."""
    server = make_server(data_dir)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(server.data / ".s.PGSQL.5432"))
    assert server.start_or_attach()


def test_a_missing_password_file_is_said_to_be_missing(data_dir: Path, make_server: Make) -> None:
    """The data is worth nothing without it, so the sentence says which file to restore."""
    server = make_server(data_dir)
    (data_dir / "postgres.password").unlink()
    assert refusal(server) == "password_missing"


def test_a_wrong_password_file_is_said_to_be_wrong(data_dir: Path, make_server: Make) -> None:
    """A file of another deployment is recognised, and the server started for the attempt does not stay."""
    server = make_server(data_dir)
    (data_dir / "postgres.password").write_text("of-another-deployment\n")
    assert refusal(server) == "password_wrong"


@pytest.mark.slow
@pytest.mark.skipif(not _ROOT, reason="only root can give files away")
def test_data_of_another_system_user_is_refused(data_dir: Path, make_server: Make) -> None:
    """Taking over files by changing their owner could lock out whoever made them."""
    server = make_server(data_dir)
    os.chown(server.data, 65534, 65534)
    assert refusal(server) == "wrong_owner"


@pytest.mark.slow
def test_damaged_data_is_reported_with_the_place_of_the_log(data_dir: Path, make_server: Make) -> None:
    """What PostgreSQL itself refuses is told with where its reasons are."""
    server = make_server(data_dir)
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(StoreStartError, match=r"startup\.log") as caught:
        server.start_or_attach()
    assert caught.value.code == "not_started"
    assert (server.data / "startup.log").exists()
