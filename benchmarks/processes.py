"""Child processes of a benchmark: started with one JSON argument, heard line by line, stopped by their own pid."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LINE_LIMIT = 1 << 20
_TAIL_BYTES = 4000


class ChildFailedError(RuntimeError):
    """A child ended, or fell silent, before it said what was expected of it."""


class Child:
    """``async with Child("api_server", {...}, cwd) as child`` runs ``benchmarks.children.api_server``.

    Entering waits for the child's first line, its report that it is ready (`ready`); leaving ends the child with
    SIGTERM, or with SIGKILL if it does not heed that.
    """

    def __init__(self, name: str, argument: Mapping[str, Any], directory: Path, *, start_seconds: float = 60.0) -> None:
        """``directory`` receives the child's standard error and holds ``lienthong.toml`` if the child needs one."""
        self.name = name
        self.ready: dict[str, Any] = {}
        self._argument = json.dumps(argument)
        self._directory = directory
        self._start_seconds = start_seconds
        self._errors = directory / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LIENTHONG_")},
            "LIENTHONG_CONFIG": str(self._directory / "lienthong.toml"),
            "PYTHONPATH": str(ROOT),
        }
        with self._errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"benchmarks.children.{self.name}",
                self._argument,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
                cwd=self._directory,
                limit=_LINE_LIMIT,
            )
        try:
            self.ready = await self.line(self._start_seconds)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._running().pid

    def resident_bytes(self) -> int:
        """Return the memory the child occupies now (RSS)."""
        resident: int = psutil.Process(self.pid).memory_info().rss
        return resident

    def cpu_seconds(self) -> float:
        """Return the processor time the child has used, in user and kernel mode."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    async def line(self, seconds: float) -> dict[str, Any]:
        """Return the child's next line; raise `ChildFailedError` when none comes in time."""
        stdout = self._running().stdout
        if stdout is None:
            raise ChildFailedError(self.name)
        try:
            async with asyncio.timeout(seconds):
                text = await stdout.readline()
        except TimeoutError:
            raise ChildFailedError(f"{self.name} said nothing for {seconds:g} seconds\n{self._tail()}") from None
        if not text:
            raise ChildFailedError(f"{self.name} ended\n{self._tail()}")
        line: dict[str, Any] = json.loads(text)
        return line

    async def stop(self) -> None:
        """End the child; does nothing when it has ended."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ChildFailedError(f"{self.name} is not running")
        return self._process

    def _tail(self) -> str:
        return self._errors.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")


async def run_child(name: str, argument: Mapping[str, Any], directory: Path, *, seconds: float) -> dict[str, Any]:
    """Run a child that says one thing and ends, and return what it said."""
    async with Child(name, argument, directory, start_seconds=seconds) as child:
        return child.ready
