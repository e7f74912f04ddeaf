"""Keeps processes of the hub running: starts them, starts them anew when they die, stops them in order.

Each child gets a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone and the order of
stopping is ours; and the line of `hub.running.supervised`, so that none outlives the supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from contracts.errors import Sentence
from hub.running.command_error import CommandError

START_SECONDS = 120.0
LAST_WORDS_SECONDS = 10.0
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A process that ran this long had started well: the next wait is the first one again."""

Say = Callable[[Sentence], None]


@dataclass(slots=True)
class Command:
    """A command of ``lienthong`` to be kept running."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stop_seconds: float
    """How long it may take to stop after SIGTERM before it is killed."""
    orders: Mapping[str, Any] = field(default_factory=dict)
    """What it is told over the line: secrets do not belong on a command line."""
    output: IO[bytes] | None = None
    """Where its standard output and error go; ours if not given."""


class Child:
    """One command and its present process."""

    def __init__(self, command: Command, say: Say) -> None:
        """Nothing is started yet."""
        self.command = command
        self.starts = 0
        """How often it became ready."""
        self.exit_code: int | None = None
        """Of the last process that ended; negative is a signal."""
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id, ``None`` while none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> Mapping[str, Any]:
        """Start it, wait until it is ready, keep it running from then on; return what it told when it was ready.

        Raises `CommandError` when it ends before that; its own sentence is then in its output.
        """
        facts = await self._launch()
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.command.name}")
        return facts

    async def stop(self) -> None:
        """Stop it for good: SIGTERM, and SIGKILL when it does not heed that in its time."""
        self._stopping = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        process = self._process
        if process is not None:
            if process.returncode is None:
                self._signal(signal.SIGTERM)
                await self._wait_or_kill(process)
            self.exit_code = process.returncode
        if self._writer is not None:
            self._writer.close()

    def kill(self) -> None:
        """End it at once and for good."""
        self._stopping = True
        self.kill_process()

    def kill_process(self) -> None:
        """End the present process at once; if it is kept running, another one follows."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Not by the methods of the process: they look whether it has ended, and so take its exit code away from
        # whoever waits for it.
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _wait_or_kill(self, process: asyncio.subprocess.Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), self.command.stop_seconds)
        except TimeoutError:
            self._say(
                Sentence(
                    en=f"{self.command.name} did not stop in {self.command.stop_seconds:g} s and is ended by force.",
                    vi=f"{self.command.name} không dừng trong {self.command.stop_seconds:g} giây nên bị buộc dừng.",
                )
            )
            self.kill()
            await process.wait()

    async def _launch(self) -> Mapping[str, Any]:
        command = self.command
        ours, theirs = socket.socketpair()
        # The first two words: a folder named hub where the hub is started from must not be taken for ours.
        words = [sys.executable, "-P", "-m", "hub.cli", *command.arguments, "--supervised", str(theirs.fileno())]
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *words,
                env=dict(command.environment),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=command.output,
                stderr=command.output,
                start_new_session=True,
            )
        if self._writer is not None:
            self._writer.close()
        try:
            reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=1 << 20)
        except BaseException:
            ours.close()  # which tells the child that nobody waits for it
            raise
        self._writer.write(json.dumps(dict(command.orders)).encode() + b"\n")
        try:
            async with asyncio.timeout(START_SECONDS):
                told = await reader.readline()
        except (TimeoutError, ConnectionError):
            told = b""
        if not told:
            self.exit_code = await self._end_of(self._process)
            raise _did_not_start(command.name)
        self.starts += 1
        facts: Mapping[str, Any] = json.loads(told)
        return facts

    async def _end_of(self, process: asyncio.subprocess.Process) -> int:
        """Return the exit code of a process that hung up; it may still have to say why."""
        try:
            return await asyncio.wait_for(process.wait(), LAST_WORDS_SECONDS)
        except TimeoutError:
            self.kill_process()
            return await process.wait()

    async def _keep(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while self._process is not None:
            began = time.monotonic()
            self.exit_code = await self._process.wait()
            if self._stopping:
                return
            if time.monotonic() - began > STEADY_SECONDS:
                delay = FIRST_DELAY_SECONDS
            while True:
                self._say(_starts_again(self.command.name, self.exit_code, delay))
                await asyncio.sleep(delay)
                delay = min(MAX_DELAY_SECONDS, 2 * delay)
                try:
                    await self._launch()
                except CommandError:
                    continue
                break
            self._say(Sentence(en=f"{self.command.name} runs again.", vi=f"{self.command.name} đã chạy lại."))


def _did_not_start(name: str) -> CommandError:
    return CommandError(
        "child_not_started",
        Sentence(
            en=f"The process {name} did not start; what it said stands above or in its log.",
            vi=f"Tiến trình {name} không khởi động được; lý do nằm ở thông báo phía trên hoặc trong nhật ký của nó.",
        ),
    )


def _starts_again(name: str, code: int | None, delay: float) -> Sentence:
    how = how_it_ended(code)
    return Sentence(
        en=f"{name} ended ({how}); it starts again in {delay:g} s.",
        vi=f"{name} đã kết thúc ({how}); sẽ khởi động lại sau {delay:g} giây.",
    )


def how_it_ended(code: int | None) -> str:
    """Return an exit code for people: ``exit code 1`` or ``SIGKILL``."""
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def environment_without(prefix: str) -> dict[str, str]:
    """Return our environment without the variables that begin with ``prefix``, in whatever case."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefix.upper())}
