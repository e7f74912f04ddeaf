"""A Redis server of the tests' own, from Debian's package, on a free port of loopback."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from tests.ports import free_ports

_START_SECONDS = 30.0


class RedisServer:
    """Started, stopped and started again on the same port; keeps nothing on disk."""

    def __init__(self, directory: Path, *options: str) -> None:
        """Take a free port; fails where the package is missing, because a test of the gate is never skipped.

        ``options`` are further ones of the server's command line.
        """
        program = shutil.which("redis-server")
        assert program is not None, "install the Debian package redis-server (requirements/debian-test.txt)"
        self._program = program
        self._directory = directory
        self._options = options
        self.port = free_ports()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it empty and wait until it answers."""
        if self._process is not None:
            return
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [*command, *self._options, "--dir", str(self._directory)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(redis.exceptions.RedisError), self.client() as client:
                # Not that of another test, should it have taken the port meanwhile.
                assert client.info("server")["process_id"] == self._process.pid
                return
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < until, "redis-server does not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Kill it: everything it knew is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Let it say nothing while the block lasts; connections are taken by the system, as of a server that hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Forget everything."""
        self.start()
        with self.client() as client:
            client.flushall()
            client.script_flush()

    def client(self) -> redis.Redis:
        """Return a client."""
        return redis.Redis(port=self.port, socket_timeout=20)
