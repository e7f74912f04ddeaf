"""The embedded PostgreSQL: a real server in ``data_dir/postgres``, started and stopped by the hub.

It listens on a Unix socket only, asks for a random password (SCRAM-SHA-256, kept in
``data_dir/postgres.password``, mode 0600) and syncs every commit to disk. Several processes may use it: the
first one starts it, each holds a lock while it needs it, and the last one stops it. Deleting ``data_dir``
deletes everything; the next start begins anew.

"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shlex
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import structlog
from psycopg import sql

from hub.store import postmaster, programs
from hub.store.embedded_errors import (
    data_is_ours_elsewhere,
    disk_full,
    foreign_files,
    not_started,
    not_writable,
    password_missing,
    password_wrong,
    program_failed,
    socket_in_use,
    wrong_version,
)
from hub.store.file_lock import FileLock
from hub.store.key_file import write_secret
from hub.store.server_settings import SERVER_SETTINGS
from hub.store.system_user import Account, server_account

ROLE = "lienthong"
DATABASE = "lienthong"
PORT = 5432
"""Names the socket file only; nothing listens on TCP."""

MIN_FREE_BYTES = 200 * 1024 * 1024
SOCKET_PATH_MAX = 100
"""Bytes; the system's limit is 107 on Linux and 103 elsewhere."""

START_SECONDS = 300
"""Recovery after a crash may have to read up to ``max_wal_size``."""
LOCK_SECONDS = 330.0

_log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """The server of one data directory. All methods block; call them in a thread."""

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """``settings`` are put above `SERVER_SETTINGS`; tests trade durability for speed with them."""
        self.data_dir = data_dir.resolve()
        self.data = self.data_dir / "postgres"
        self._settings = {**SERVER_SETTINGS, **(settings or {})}
        self._password_file = self.data_dir / "postgres.password"
        self._lock = FileLock(self.data_dir / "postgres.lock")
        """Held while the server is started or stopped."""
        self._use = FileLock(self.data_dir / "postgres.users")
        """Held, shared, while this process needs the server."""
        self._process: psutil.Process | None = None
        self._socket_directory = ""
        self._password = ""

    @property
    def url(self) -> str:
        """The connection URL of the hub's database, with its password; only after `start_or_attach`."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the connection URL of another database of this server."""
        host = quote(self._socket_directory, safe="")
        return f"postgresql://{ROLE}:{quote(self._password, safe='')}@/{quote(database)}?host={host}&port={PORT}"

    def start_or_attach(self) -> bool:
        """Make sure that the server runs, and keep it from being stopped until `release`; say whether we started it.

        Raises:
            StoreStartError: With a sentence that says what to do.
        """
        account = self._prepare_directory()
        with self._lock.exclusive(LOCK_SECONDS):
            self._use.share()
            started = False
            try:
                started = self._ensure_running(account)
                self._ensure_database()
            except BaseException:
                if started:
                    self._end_process()
                self._use.drop()
                raise
        return started

    def start(self) -> None:
        """Start the server, or attach to the running one."""
        self.start_or_attach()

    def release(self) -> bool:
        """Say that this process no longer needs the server; the last one to say so stops it. Say whether we did."""
        if not self._use.is_held:
            return False
        if self._use.is_deleted:
            # The directory was deleted under us: the server works on files that no longer have a name.
            self._use.drop()
            self._end_process(at_once=True)
            return True
        with self._lock.exclusive(LOCK_SECONDS):
            last = self._use.try_exclusive()
            if last:
                self._stop_running()
            self._use.drop()
            return last

    def stop_if_unused(self) -> bool:
        """Stop a server that a crash of all its users left running; say whether nobody uses it."""
        if not self.data_dir.is_dir():
            return True
        self._use.share()
        return self.release()

    def stop(self) -> None:
        """Stop the server whoever uses it; open transactions are rolled back. Does nothing when it does not run."""
        if self.data_dir.is_dir():
            with self._lock.exclusive(LOCK_SECONDS):
                self._stop_running()
        self._use.drop()

    # --- running ----------------------------------------------------------------------------------------

    def _ensure_running(self, account: Account) -> bool:
        running = postmaster.find(self.data)
        if running is not None and running.status.strip() == "stopping":
            postmaster.wait_gone(running.process, START_SECONDS)
            running = None
        if running is not None:
            self._read_password()
            return self._attach(running)
        for orphan in postmaster.find_orphans(self.data):
            _log.warning("orphan_server_ended", pid=orphan.pid)
            postmaster.end(orphan, at_once=True)
        self._check_space()
        programs.make_runnable(account)
        if self._is_initialised():
            self._read_password()
            self._check_version(account)
        else:
            self._initialise(account)
        self._launch(account)
        return True

    def _attach(self, running: postmaster.Postmaster) -> bool:
        until = time.monotonic() + START_SECONDS
        found: postmaster.Postmaster | None = running
        while found is not None and time.monotonic() < until:
            if found.status.strip() == "ready":
                self._process = found.process
                self._socket_directory = found.socket_directory
                return False
            time.sleep(0.05)
            found = postmaster.find(self.data)
        raise not_started(self._startup_log)

    def _launch(self, account: Account) -> None:
        directory = self._make_socket_directory(account)
        self._clear_leftovers(directory)
        # A list of directories, in which quotes keep a comma from dividing.
        quoted = '"{}"'.format(str(directory).replace('"', '""'))
        settings = {**self._settings, "unix_socket_directories": quoted, "port": str(PORT)}
        # pg_ctl hands everything to a shell and quotes its own paths badly: it gets the data directory by PGDATA
        # and the log by a relative name. The -D is for postgres, by which the process can be recognised.
        options = ["-D", str(self.data)]
        for name, value in settings.items():
            options += ["-c", f"{name}={value}"]
        began = time.monotonic()
        result = programs.run(
            account,
            [
                *("pg_ctl", "start", "--silent", "--wait", f"--timeout={START_SECONDS}"),
                *(f"--log={self._startup_log.name}", f"--options={shlex.join(options)}"),
            ],
            cwd=self.data,
            PGDATA=str(self.data),
        )
        found = postmaster.find(self.data)
        if result.returncode != 0 or found is None:
            raise not_started(self._startup_log)
        self._process = found.process
        self._socket_directory = found.socket_directory
        _log.info("embedded_postgres_started", pid=found.process.pid, seconds=round(time.monotonic() - began, 2))

    def _stop_running(self) -> None:
        running = postmaster.find(self.data)
        if running is not None:
            self._process = running.process
            self._socket_directory = running.socket_directory
        self._end_process()

    def _end_process(self, *, at_once: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if not postmaster.end(process, at_once=at_once):
            _log.error("embedded_postgres_not_stopped", pid=process.pid)
        elif self._socket_directory not in {"", str(self.data)}:
            with contextlib.suppress(OSError):
                Path(self._socket_directory).rmdir()

    def _ensure_database(self) -> None:
        try:
            with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=10) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            # The server runs and is ours, so what it refuses is the password.
            raise password_wrong(self._password_file) from error

    # --- files ------------------------------------------------------------------------------------------

    @property
    def _startup_log(self) -> Path:
        return self.data / "startup.log"

    def _prepare_directory(self) -> Account:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The rights on paper may lie (read-only mount, quota, foreign owner): try.
            with tempfile.TemporaryFile(dir=self.data_dir):
                pass
        except OSError as error:
            raise not_writable(self.data_dir, error) from error
        account = server_account()
        account.let_through([self.data_dir, *self.data_dir.parents])
        return account

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.data_dir).free
        if free < MIN_FREE_BYTES:
            raise disk_full(self.data_dir, free, MIN_FREE_BYTES)

    def _is_initialised(self) -> bool:
        if not os.path.lexists(self.data):
            return False
        if not self.data.is_dir():
            raise foreign_files(self.data)
        if (self.data / "PG_VERSION").is_file():
            return True
        if any(self.data.iterdir()):
            raise foreign_files(self.data)
        return False

    def _check_version(self, account: Account) -> None:
        owner = self.data.stat().st_uid
        if owner != account.uid:
            raise data_is_ours_elsewhere(self.data)
        found = (self.data / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
        ours = programs.major_version(account)
        if found != ours:
            raise wrong_version(self.data, found, ours)

    def _initialise(self, account: Account) -> None:
        """Make the data files beside their place and move them there when they are whole."""
        fresh = self.data_dir / "postgres.new"
        secret = self.data_dir / "postgres.new.password"
        shutil.rmtree(fresh, ignore_errors=True)  # what an interrupted start left
        secret.unlink(missing_ok=True)
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_urlsafe(32) + "\n", replace=False)
        self._read_password()
        try:
            fresh.mkdir(mode=0o700)
            account.give(fresh)
            write_secret(secret, self._password + "\n", replace=False)
            account.give(secret)
            result = programs.run(
                account,
                [
                    *("initdb", f"--pgdata={fresh}", f"--username={ROLE}", "--data-checksums", "--no-instructions"),
                    *(f"--pwfile={secret}", "--auth=scram-sha-256"),
                    # Sorting that does not depend on the machine's locales.
                    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                ],
            )
            if result.returncode != 0:
                raise program_failed("initdb", result.stderr)
            if self.data.is_dir():
                self.data.rmdir()
            fresh.rename(self.data)
        except OSError as error:
            raise not_writable(self.data_dir, error) from error
        finally:
            secret.unlink(missing_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)

    def _read_password(self) -> None:
        try:
            self._password = self._password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise password_missing(self._password_file) from None
        except (OSError, UnicodeDecodeError) as error:
            raise password_wrong(self._password_file) from error

    def _make_socket_directory(self, account: Account) -> Path:
        """Return where the socket goes: with the data, or where clients could not name it, a short one."""
        fits = len(os.fsencode(self.data / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_MAX
        if fits and "," not in str(self.data):  # clients take a comma as the end of one host
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()) / f"lienthong-{account.uid}-{name}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
            account.give(directory)
        status = directory.lstat()
        # Anybody can make a name in the temporary directory: ours must be a directory that is ours alone.
        closed = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == stat.S_IRWXU
        if not closed or status.st_uid != account.uid:
            raise socket_in_use(directory)
        return directory

    def _clear_leftovers(self, socket_directory: Path) -> None:
        """Remove what a crash left and what would keep the server from starting."""
        path = socket_directory / f".s.PGSQL.{PORT}"
        if os.path.lexists(path):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(5)
                with contextlib.suppress(ConnectionRefusedError):
                    probe.connect(str(path))
                    raise socket_in_use(path)
            path.unlink()
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        if postmaster.names_stranger(self.data):
            (self.data / postmaster.PID_FILE).unlink()
