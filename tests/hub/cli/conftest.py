"""The real command line as a process, against a database of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.registry import load_adapters
from hub.running import sandbox
from hub.settings import Settings
from tests.processes import kill

COMMAND = [sys.executable, "-P", "-m", "hub.cli"]
START_SECONDS = 60.0


def clean_environment(**more: str) -> dict[str, str]:
    """Return our environment without settings of the hub, and these on top."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("LIENTHONG_")}
    return {**kept, **more}


@pytest.fixture
def hub_environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Environment of a hub on this test's database, with a key file still to be made."""
    return clean_environment(
        LIENTHONG_DATABASE_URL=database_url,
        LIENTHONG_DATA_DIR=str(tmp_path / "data"),
        LIENTHONG_API__PORT="0",
        LIENTHONG_LOG__LEVEL="warning",
        LIENTHONG_WORKER__PROCESSES="1",
    )


def command_line(process: psutil.Process) -> str:
    """Return how a process was called; nothing of one that has ended meanwhile, or is not ours to look at."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


Lienthong = Callable[..., Result]


@pytest.fixture
def lienthong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Lienthong:
    """Run a command in this process, on this test's database."""
    assert settings.database_url is not None
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("LIENTHONG_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LIENTHONG_KEY_FILE", str(settings.key_file))
    monkeypatch.chdir(settings.data_dir)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run


Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Run a command to its end, in an empty directory."""

    def run(
        *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 180
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=dict(environment if environment is not None else clean_environment()),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    return run


class Running:
    """A command that runs until it is stopped; ``with`` makes sure that nothing of it stays behind."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], directory: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=directory,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = self.family()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        kill(left)
        self._reading.join(20)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    def family(self) -> list[psutil.Process]:
        """Return the processes it has started and those they have started."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def child(self, command: str) -> psutil.Process:
        """Return the child that runs this command."""
        (found,) = [one for one in self.family() if f"hub.cli {command}" in command_line(one)]
        return found

    def wait_for(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """Wait until a line matches, and return the match."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            if self.process.poll() is not None and not self._reading.is_alive():
                break
            time.sleep(0.05)
        raise AssertionError(f"never said {pattern!r}; it said:\n" + "\n".join(self.lines))

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        """Signal it and return its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reading.join(20)
        return code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start commands in an empty directory; whatever still runs at the end of the test is killed."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str, environment: Mapping[str, str]) -> Running:
            return stack.enter_context(Running(*arguments, environment=environment, directory=tmp_path))

        yield begin


@pytest.fixture
def portal_connections() -> Iterator[dict[str, Any]]:
    """A played portal, and the ``connections`` of a configuration that leads to it.

    It runs on a loop in a thread, because a command runs a loop of its own in ours.
    """
    tables: list[dict[str, Any]] = []
    ready, done = threading.Event(), threading.Event()

    async def play() -> None:
        parts = sandbox.cast(Settings(), load_adapters())
        async with sandbox.play(parts, secret="only-in-this-test", ports={}) as played:
            tables.append(sandbox.connection_tables(played, whole=True))
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(play()), daemon=True)
    thread.start()
    assert ready.wait(30)
    yield tables[0]
    done.set()
    thread.join(30)
