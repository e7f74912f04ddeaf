"""The embedded server, really started: crashes, deleted directories, everything a person can get wrong."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from hub.store import embedded, postmaster
from hub.store.embedded import EmbeddedPostgres
from hub.store.errors import StoreStartError
from hub.store.system_user import server_account

_SMALL = {"shared_buffers": "16MB"}
_ROOT = os.geteuid() == 0


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a data directory that was started once and stopped: unpacking it is quicker than making one."""
    archive = tmp_path_factory.mktemp("seed") / "seed.tar"
    with tempfile.TemporaryDirectory(prefix="lienthong-seed-") as directory:
        server = EmbeddedPostgres(Path(directory) / "data", settings={**_SMALL, "fsync": "off"})
        assert server.start_or_attach()
        server.release()
        subprocess.run(["tar", "-C", directory, "-cf", str(archive), "data"], check=True)
    return archive


@pytest.fixture
def place(quick_directory: Path) -> Path:
    """A directory of its own for the test; every server left in it is ended."""
    return quick_directory


@pytest.fixture
def data_dir(seed: Path, place: Path) -> Path:
    """A data directory with an initialised, stopped database."""
    subprocess.run(["tar", "-C", str(place), "-xpf", str(seed)], check=True)
    return place / "data"


@pytest.fixture
def make_server(place: Path) -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    """Makes servers and stops them in the end."""
    made: list[EmbeddedPostgres] = []

    def make(directory: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(directory, settings=_SMALL))
        return made[-1]

    yield make
    for server in made:
        server.stop()


Make = Callable[[Path], EmbeddedPostgres]


def _ask(server: EmbeddedPostgres, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def _process(server: EmbeddedPostgres) -> psutil.Process:
    found = postmaster.find(server.data)
    assert found is not None
    return found.process


def _refusal(server: EmbeddedPostgres) -> str:
    with pytest.raises(StoreStartError) as caught:
        server.start_or_attach()
    error = caught.value
    assert error.sentence.en.endswith(".")
    assert error.sentence.vi.endswith(".")
    assert error.sentence.en != error.sentence.vi
    password = server.data_dir / "postgres.password"
    if password.is_file():
        assert password.read_text().strip() not in str(error)
    assert postmaster.find(server.data) is None
    return error.code


def test_it_starts_from_nothing_closed_and_durable(place: Path, make_server: Make) -> None:
    """A fresh server listens on no TCP port, asks for its password, and syncs commits."""
    server = make_server(place / "deep" / "data")
    assert server.start_or_attach()
    assert _ask(server, "SHOW fsync") == [("on",)]
    assert _ask(server, "SHOW synchronous_commit") == [("on",)]
    assert _ask(server, "SHOW data_checksums") == [("on",)]
    assert not [c for c in _process(server).net_connections() if c.family in {socket.AF_INET, socket.AF_INET6}]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url, password="wrong")
    rules = [
        line.split()
        for line in (server.data / "pg_hba.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert {rule[-1] for rule in rules} == {"scram-sha-256"}
    for path in (server.data_dir / "postgres.password", server.data):
        assert not path.stat().st_mode & 0o077


def test_the_last_user_stops_it(data_dir: Path, make_server: Make) -> None:
    """Whoever started it, it runs until nobody needs it any more."""
    first, second = make_server(data_dir), make_server(data_dir)
    assert first.start_or_attach()
    assert not second.start_or_attach()
    assert not first.release()
    assert _ask(second, "SELECT 1") == [(1,)]
    assert second.release()
    assert postmaster.find(second.data) is None


def test_stopping_does_not_ask_who_uses_it(data_dir: Path, make_server: Make) -> None:
    """A supervisor that ends ends its database."""
    first, second = make_server(data_dir), make_server(data_dir)
    first.start_or_attach()
    second.start_or_attach()
    with psycopg.connect(second.url):
        first.stop()
        assert postmaster.find(first.data) is None
    first.stop()


def test_a_server_whose_users_all_died_can_be_stopped(data_dir: Path, make_server: Make) -> None:
    """Nobody holds it, so whoever tidies up may end it; while somebody does, it stays."""
    server, broom = make_server(data_dir), make_server(data_dir)
    server.start_or_attach()
    assert not broom.stop_if_unused()
    assert _ask(server, "SELECT 1") == [(1,)]
    server._use.drop()  # what the system does when a process dies
    assert broom.stop_if_unused()
    assert postmaster.find(server.data) is None


_RACER = """
import sys, time
from pathlib import Path
from typing import Any
from hub.store.embedded import EmbeddedPostgres
import psycopg
server = EmbeddedPostgres(Path(sys.argv[1]), settings={"shared_buffers": "16MB"})
started = server.start_or_attach()
with psycopg.connect(server.url) as connection:
    connection.execute("SELECT 1")
print("started" if started else "attached", flush=True)
sys.stdin.read()
server.release()
"""


def test_processes_that_start_at_once_share_one_server(place: Path) -> None:
    """Of several processes on an empty directory exactly one starts the server, and all can use it."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACER, str(place / "data")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(embedded.__file__).parents[2],
        )
        for _ in range(3)
    ]
    words = [next(line for line in racer.stdout or () if not line.startswith("20")).strip() for racer in racers]
    assert sorted(words) == ["attached", "attached", "started"]
    for racer in racers:
        racer.communicate()
        assert racer.returncode == 0
    assert postmaster.find(place / "data" / "postgres") is None


def test_after_a_crash_it_starts_clean_and_has_every_commit(data_dir: Path, make_server: Make) -> None:
    """SIGKILL of all server processes loses nothing that was committed."""
    server = make_server(data_dir)
    server.start_or_attach()
    _ask(server, "CREATE TABLE note (text text)")
    for number in range(5):
        _ask(server, f"INSERT INTO note VALUES ('{number}')")  # noqa: S608 - a number of our own
        process = _process(server)
        family = [process, *process.children()]
        for member in family:
            member.send_signal(signal.SIGKILL)
        for member in family:
            postmaster.wait_gone(member, 10)
        assert (server.data / "postmaster.pid").exists()
        assert server.start_or_attach()
    assert _ask(server, "SELECT count(*) FROM note") == [(5,)]


def test_a_recycled_process_number_does_not_keep_it_down(data_dir: Path, make_server: Make) -> None:
    """After a reboot the number in postmaster.pid may be that of another process of the same user."""
    server = make_server(data_dir)
    account = server_account()
    with subprocess.Popen(["sleep", "60"], **account.run_as()) as stranger:
        pid_file = server.data / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{server.data}\n1700000000\n5432\n{server.data}\n\n  1 1\nready\n")
        pid_file.chmod(0o600)
        account.give(pid_file)
        assert server.start_or_attach()
        assert stranger.poll() is None
        stranger.kill()


def test_the_directory_may_be_deleted_while_it_runs(data_dir: Path, make_server: Make) -> None:
    """Deleting the data directory means beginning anew, at once and without a trace of the old server."""
    old = make_server(data_dir)
    old.start_or_attach()
    _ask(old, "CREATE TABLE note (text text)")
    orphan = _process(old)
    shutil.rmtree(data_dir)
    new = make_server(data_dir)
    assert new.start_or_attach()
    assert not postmaster.is_alive(orphan)
    assert _ask(new, "SELECT count(*) FROM pg_tables WHERE tablename = 'note'") == [(0,)]
    assert old.release()
    assert _ask(new, "SELECT 1") == [(1,)]


def test_releasing_after_the_directory_was_deleted_leaves_no_process(data_dir: Path, make_server: Make) -> None:
    """A hub that stops after its directory vanished still ends the server it used."""
    server = make_server(data_dir)
    server.start_or_attach()
    process = _process(server)
    shutil.rmtree(data_dir)
    assert server.release()
    assert not postmaster.is_alive(process)


def test_only_a_server_of_exactly_this_directory_is_ended(data_dir: Path, place: Path, make_server: Make) -> None:
    """Neighbours with a similar name, and a server whose directory was moved away, live on."""
    neighbour_dir = place / "data2"
    subprocess.run(["cp", "-a", str(data_dir), str(neighbour_dir)], check=True)
    neighbour, moved = make_server(neighbour_dir), make_server(data_dir)
    neighbour.start_or_attach()
    moved.start_or_attach()
    moved_process = _process(moved)
    data_dir.rename(place / "elsewhere")
    fresh = make_server(data_dir)
    assert fresh.start_or_attach()
    assert _ask(neighbour, "SELECT 1") == [(1,)]
    assert postmaster.is_alive(moved_process)
    assert postmaster.end(moved_process)


def test_an_interrupted_first_start_is_repeated(place: Path, make_server: Make) -> None:
    """Half-made data files are never taken for a database."""
    server = make_server(place / "data")
    (server.data_dir / "postgres.new" / "base").mkdir(parents=True)
    (server.data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    assert server.start_or_attach()
    assert not (server.data_dir / "postgres.new").exists()
    assert sorted(path.name for path in server.data_dir.iterdir()) == [
        *("postgres", "postgres.lock", "postgres.password", "postgres.users"),
    ]


@pytest.mark.parametrize("name", ["d" * 130, "với dấu, \"nháy\" và $HOME 'x'"], ids=["long", "strange"])
def test_any_name_of_the_directory_works(place: Path, make_server: Make, name: str) -> None:
    """Neither the length limit of sockets nor a shell or a list parser trips over the path."""
    server = make_server(place / name)
    assert server.start_or_attach()
    assert _ask(server, "SELECT 1") == [(1,)]
    again = make_server(place / name)
    assert not again.start_or_attach()
    assert server.url == again.url


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
    assert _refusal(server) == "socket_in_use"


@pytest.mark.skipif(not _ROOT, reason="only root changes to another user")
def test_as_root_the_server_is_nobody_special_and_closed_directories_stay_closed(
    place: Path, make_server: Make
) -> None:
    """A directory of root's that only root may enter lets one system user pass, and nobody else."""
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    server = make_server(closed / "data")
    server.start_or_attach()
    assert _process(server).uids().effective == server_account().uid != 0
    assert not closed.stat().st_mode & stat.S_IRWXO
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
    looked = subprocess.run(["ls", str(closed / "data")], check=False, capture_output=True, **nobody)
    assert looked.returncode != 0
    listed = subprocess.run(["ls", str(closed)], check=False, capture_output=True, **server_account().run_as())
    assert listed.returncode != 0


@pytest.mark.skipif(not _ROOT, reason="only root can try as somebody else")
def test_an_ordinary_user_can_run_it(place: Path) -> None:
    """Without root the server runs as whoever starts the hub."""
    place.chmod(0o755)
    home = place / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    # A fork instead of a new interpreter, because that may lie where ordinary users cannot reach it.
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            server = EmbeddedPostgres(home / "data", settings=_SMALL)
            fine = server.start_or_attach() and _ask(server, "SELECT 1") == [(1,)] and server.release()
            os._exit(0 if fine else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (home / "data" / "postgres").stat().st_uid == 65534


def test_data_of_another_major_version_is_refused(data_dir: Path, make_server: Make) -> None:
    """The sentence names both versions; nothing is touched."""
    server = make_server(data_dir)
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(StoreStartError, match=r"PostgreSQL 15.*version 18"):
        server.start_or_attach()
    assert _refusal(server) == "wrong_version"


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
        assert _refusal(server) == "disk_full"
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
    assert _refusal(make_server(place / "file" / "data")) == "data_dir_not_writable"


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
        assert _refusal(server) == "data_dir_not_writable"
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
    assert _refusal(server) == "foreign_files"
    assert foreign.read_text() == "years of work"


def test_an_empty_directory_is_as_good_as_none(place: Path, make_server: Make) -> None:
    """A prepared mount point for the data is used."""
    server = make_server(place / "data")
    server.data.mkdir(parents=True)
    assert server.start_or_attach()


def test_a_socket_on_which_another_program_answers_is_refused(data_dir: Path, make_server: Make) -> None:
    """The hub does not talk to whatever happens to listen."""
    server = make_server(data_dir)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(server.data / ".s.PGSQL.5432"))
        other.listen()
        assert _refusal(server) == "socket_in_use"


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
    assert _refusal(server) == "password_missing"


def test_a_wrong_password_file_is_said_to_be_wrong(data_dir: Path, make_server: Make) -> None:
    """A file of another deployment is recognised, and the server started for the attempt does not stay."""
    server = make_server(data_dir)
    (data_dir / "postgres.password").write_text("of-another-deployment\n")
    assert _refusal(server) == "password_wrong"


@pytest.mark.skipif(not _ROOT, reason="only root can give files away")
def test_data_of_another_system_user_is_refused(data_dir: Path, make_server: Make) -> None:
    """Taking over files by changing their owner could lock out whoever made them."""
    server = make_server(data_dir)
    os.chown(server.data, 65534, 65534)
    assert _refusal(server) == "wrong_owner"


def test_damaged_data_is_reported_with_the_place_of_the_log(data_dir: Path, make_server: Make) -> None:
    """What PostgreSQL itself refuses is told with where its reasons are."""
    server = make_server(data_dir)
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(StoreStartError, match=r"startup\.log") as caught:
        server.start_or_attach()
    assert caught.value.code == "not_started"
    assert (server.data / "startup.log").exists()


def test_the_servers_log_quotes_no_values(data_dir: Path, make_server: Make) -> None:
    """An error of a statement must not carry a citizen's number into a file."""
    server = make_server(data_dir)
    server.start_or_attach()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (number text PRIMARY KEY)")
        connection.execute("INSERT INTO note VALUES (%s)", ("099199000123",))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO note VALUES (%s)", ("099199000123",))
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT '099199000123'::uuid")
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("SELECT '099199000123' FROM WHERE")
        connection.execute("SELECT pg_rotate_logfile()")
    time.sleep(0.2)
    server.stop()
    logs = [*(server.data / "log").iterdir(), server.data / "startup.log"]
    text = "".join(path.read_text() for path in logs)
    assert "database system is ready" in text
    assert "099199000123" not in text


def test_neither_repr_nor_settings_show_the_password(data_dir: Path, make_server: Make) -> None:
    """A server object in a log line or a process list gives nothing away."""
    server = make_server(data_dir)
    server.start_or_attach()
    password = (data_dir / "postgres.password").read_text().strip()
    assert password in server.url
    assert password not in repr(server)
    assert password not in " ".join(_process(server).cmdline())
    assert password not in str(_process(server).environ())
