"""Which PostgreSQL server processes belong to a data directory, and how to end them."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

PID_FILE = "postmaster.pid"

_STATUS_LINES = 8
_POLL_SECONDS = 0.02

_STOPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
# PostgreSQL's fast shutdown, its immediate shutdown, and the last resort; with seconds to wait after each.


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server. ``status`` is as in ``postmaster.pid``: starting, ready, stopping, standby."""

    process: psutil.Process
    socket_directory: str
    status: str


def find(data_directory: Path) -> Postmaster | None:
    """Return the server that ``postmaster.pid`` names, if it runs and really has this data directory."""
    lines = _read(data_directory / PID_FILE)
    if not lines or not lines[0].isdigit():
        return None
    process = _process(int(lines[0]))
    if process is None or not _serves(process, data_directory, deleted=False):
        return None
    padded = lines + [""] * _STATUS_LINES
    return Postmaster(process, socket_directory=padded[4], status=padded[7])


def names_stranger(data_directory: Path) -> bool:
    """Say whether ``postmaster.pid`` names a living process that is not the server of this directory.

    After a crash the number may have gone to another process; PostgreSQL would then refuse to start if that
    process belongs to the same user, e.g. to another embedded server.
    """
    lines = _read(data_directory / PID_FILE)
    if not lines or not lines[0].isdigit() or not psutil.pid_exists(int(lines[0])):
        return False
    process = _process(int(lines[0]))
    return process is None or not _serves(process, data_directory, deleted=False)


def find_orphans(data_directory: Path) -> list[psutil.Process]:
    """Return servers of this directory that its ``postmaster.pid`` does not lead to.

    They remain when the directory was deleted under them. Only a process whose data directory is exactly
    this path counts, be it there or deleted.
    """
    return [process for process in psutil.process_iter() if _serves(process, data_directory, deleted=True)]


def end(process: psutil.Process, *, at_once: bool = False) -> bool:
    """Stop a server; say whether it is gone. ``at_once`` skips the orderly shutdown, for data that is gone anyway."""
    for number, seconds in _STOPS[1:] if at_once else _STOPS:
        if not is_alive(process):
            return True
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return True
        wait_gone(process, seconds)
    return not is_alive(process)


def wait_gone(process: psutil.Process, seconds: float) -> None:
    """Wait until the process has ended, at most so long."""
    until = time.monotonic() + seconds
    while is_alive(process) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def is_alive(process: psutil.Process) -> bool:
    """Say whether the process runs; one that has ended and is not yet collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _serves(process: psutil.Process, data_directory: Path, *, deleted: bool) -> bool:
    try:
        # The children of a server change their command line; only the postmaster still has its -D.
        if process.name() != "postgres" or "-D" not in process.cmdline() or not is_alive(process):
            return False
        # A server works in its data directory, so this tells the directory itself and not just its old name.
        working = process.cwd()
        inside = working == str(data_directory)
        gone = deleted and working == f"{data_directory} (deleted)"
        return (inside or gone) and _sees_our_files(process.pid)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _sees_our_files(pid: int) -> bool:
    """Say whether the process has our root directory: in a container the same path is another directory."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        return Path(f"/proc/{pid}/root").samefile("/")
    except OSError:
        return False


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _read(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
