"""The embedded server, really started: who starts and stops it, crashes, deleted directories, strange places."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.store import embedded, postmaster
from hub.store.embedded import EmbeddedPostgres
from hub.store.system_user import server_account
from tests.hub.store.servers import SMALL, Make, ask, process_of
from tests.processes import gone, kill

_ROOT = os.geteuid() == 0


@pytest.mark.slow
def test_it_starts_from_nothing_closed_and_durable(place: Path, make_server: Make) -> None:
    """A fresh server listens on no TCP port, asks for its password, and syncs commits."""
    server = make_server(place / "deep" / "data")
    assert server.start_or_attach()
    assert ask(server, "SHOW fsync") == [("on",)]
    assert ask(server, "SHOW synchronous_commit") == [("on",)]
    assert ask(server, "SHOW data_checksums") == [("on",)]
    assert not [c for c in process_of(server).net_connections() if c.family in {socket.AF_INET, socket.AF_INET6}]
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


@pytest.mark.slow
def test_the_last_user_stops_it(data_dir: Path, make_server: Make) -> None:
    """Whoever started it, it runs until nobody needs it any more."""
    first, second = make_server(data_dir), make_server(data_dir)
    assert first.start_or_attach()
    assert not second.start_or_attach()
    assert not first.release()
    assert ask(second, "SELECT 1") == [(1,)]
    assert second.release()
    assert postmaster.find(second.data) is None


@pytest.mark.slow
def test_stopping_does_not_ask_who_uses_it(data_dir: Path, make_server: Make) -> None:
    """A supervisor that ends ends its database."""
    first, second = make_server(data_dir), make_server(data_dir)
    first.start_or_attach()
    second.start_or_attach()
    with psycopg.connect(second.url):
        first.stop()
        assert postmaster.find(first.data) is None
    first.stop()


@pytest.mark.slow
def test_a_server_whose_users_all_died_can_be_stopped(data_dir: Path, make_server: Make) -> None:
    """Nobody holds it, so whoever tidies up may end it; while somebody does, it stays."""
    server, broom = make_server(data_dir), make_server(data_dir)
    server.start_or_attach()
    assert not broom.stop_if_unused()
    assert ask(server, "SELECT 1") == [(1,)]
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_after_a_crash_it_starts_clean_and_has_every_commit(data_dir: Path, make_server: Make) -> None:
    """SIGKILL of all server processes loses nothing that was committed."""
    server = make_server(data_dir)
    server.start_or_attach()
    ask(server, "CREATE TABLE note (text text)")
    for number in range(5):
        ask(server, f"INSERT INTO note VALUES ('{number}')")  # noqa: S608 - a number of our own
        process = process_of(server)
        family = [process, *process.children()]
        kill(family)
        assert gone(family)
        assert (server.data / "postmaster.pid").exists()
        assert server.start_or_attach()
    assert ask(server, "SELECT count(*) FROM note") == [(5,)]


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


@pytest.mark.slow
def test_the_directory_may_be_deleted_while_it_runs(data_dir: Path, make_server: Make) -> None:
    """Deleting the data directory means beginning anew, at once and without a trace of the old server."""
    old = make_server(data_dir)
    old.start_or_attach()
    ask(old, "CREATE TABLE note (text text)")
    orphan = process_of(old)
    shutil.rmtree(data_dir)
    new = make_server(data_dir)
    assert new.start_or_attach()
    assert not postmaster.is_alive(orphan)
    assert ask(new, "SELECT count(*) FROM pg_tables WHERE tablename = 'note'") == [(0,)]
    assert old.release()
    assert ask(new, "SELECT 1") == [(1,)]


def test_releasing_after_the_directory_was_deleted_leaves_no_process(data_dir: Path, make_server: Make) -> None:
    """A hub that stops after its directory vanished still ends the server it used."""
    server = make_server(data_dir)
    server.start_or_attach()
    process = process_of(server)
    shutil.rmtree(data_dir)
    assert server.release()
    assert not postmaster.is_alive(process)


@pytest.mark.slow
def test_only_a_server_of_exactly_this_directory_is_ended(data_dir: Path, place: Path, make_server: Make) -> None:
    """Neighbours with a similar name, and a server whose directory was moved away, live on."""
    neighbour_dir = place / "data2"
    subprocess.run(["cp", "-a", str(data_dir), str(neighbour_dir)], check=True)
    neighbour, moved = make_server(neighbour_dir), make_server(data_dir)
    neighbour.start_or_attach()
    moved.start_or_attach()
    moved_process = process_of(moved)
    data_dir.rename(place / "elsewhere")
    fresh = make_server(data_dir)
    assert fresh.start_or_attach()
    assert ask(neighbour, "SELECT 1") == [(1,)]
    assert postmaster.is_alive(moved_process)
    assert postmaster.end(moved_process)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["d" * 130, "với dấu, \"nháy\" và $HOME 'x'"], ids=["long", "strange"])
def test_any_name_of_the_directory_works(place: Path, make_server: Make, name: str) -> None:
    """Neither the length limit of sockets nor a shell or a list parser trips over the path."""
    server = make_server(place / name)
    assert server.start_or_attach()
    assert ask(server, "SELECT 1") == [(1,)]
    again = make_server(place / name)
    assert not again.start_or_attach()
    assert server.url == again.url


@pytest.mark.slow
@pytest.mark.skipif(not _ROOT, reason="only root changes to another user")
def test_as_root_the_server_is_nobody_special_and_closed_directories_stay_closed(
    place: Path, make_server: Make
) -> None:
    """A directory of root's that only root may enter lets one system user pass, and nobody else."""
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    server = make_server(closed / "data")
    server.start_or_attach()
    assert process_of(server).uids().effective == server_account().uid != 0
    assert not closed.stat().st_mode & stat.S_IRWXO
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
    looked = subprocess.run(["ls", str(closed / "data")], check=False, capture_output=True, **nobody)
    assert looked.returncode != 0
    listed = subprocess.run(["ls", str(closed)], check=False, capture_output=True, **server_account().run_as())
    assert listed.returncode != 0


@pytest.mark.slow
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
            server = EmbeddedPostgres(home / "data", settings=SMALL)
            fine = server.start_or_attach() and ask(server, "SELECT 1") == [(1,)] and server.release()
            os._exit(0 if fine else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (home / "data" / "postgres").stat().st_uid == 65534


@pytest.mark.slow
def test_an_empty_directory_is_as_good_as_none(place: Path, make_server: Make) -> None:
    """A prepared mount point for the data is used."""
    server = make_server(place / "data")
    server.data.mkdir(parents=True)
    assert server.start_or_attach()


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
    assert password not in " ".join(process_of(server).cmdline())
    assert password not in str(process_of(server).environ())
