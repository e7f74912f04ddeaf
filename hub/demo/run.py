"""``lienthong demo``: a hub of its own in a temporary directory, the tour through it, and what was verified."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import IO

import psutil
from rich.console import Console
from rich.table import Table

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.demo.incoming import Incoming
from hub.demo.loss import SilentLoss
from hub.demo.refusals import Refusals
from hub.demo.storm import Storm
from hub.demo.tour import Step, Tour, Unverified, must
from hub.demo.trouble import Trouble
from hub.demo.watching import Watching
from hub.log import configure_logging
from hub.running.supervisor import Child, environment_without
from hub.running.up import all_in_one
from hub.settings import LogSettings, Settings
from hub.settings_loading import CONFIG_VARIABLE, ENVIRONMENT_PREFIX
from hub.store import postmaster

CONFIGURATION = """
data_dir = "{data_dir}"

[api]
port = 0

# One worker, so that the tour knows which one to kill.
[worker]
processes = 1
lease_seconds = 240
poll_seconds = 0.5

# The receiver of the tour's webhook is this process itself.
[webhooks]
allow = ["127.0.0.0/8"]
allow_plain_http = true
poll_seconds = 0.5

[connections.national_portal]
adapter = "national_portal"

# Short waits: the tour shows what happens, not how patient a hub is.
[connections.national_portal.delivery]
first_delay_seconds = 0.2
max_delay_seconds = 1.0
settle_delay_seconds = 0.3
breaker_cooldown_seconds = 0.3
breaker_max_cooldown_seconds = 1.0
retry_budget_floor_per_second = 20.0
# One answer that breaks the contract is enough to set a message aside for the part about replays.
malformed_limit = 1

[connections.national_portal.reconciliation]
rate_per_second = 100

[connections.population_db]
adapter = "population_db"

[connections.national_portal.settings]
call_deadline_seconds = 3
push_dossier_deadline_seconds = 10
push_step_deadline_seconds = 8
find_dossier_deadline_seconds = 5
list_procedures_deadline_seconds = 15
"""

_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step."""

    title: Sentence
    verified: bool
    detail: str
    seconds: float


def run_demo(console: Console | None = None) -> bool:
    """Play the tour and show it; return whether every step was verified."""
    configure_logging(LogSettings(level="error", format="console"))
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    directory = Path(tempfile.mkdtemp(prefix="lienthong-demo-"))
    log = directory / "processes.log"
    demo = _Demo(directory, console)
    verified = interrupted = False
    try:
        with log.open("wb") as output:
            verified = asyncio.run(demo.play(output))
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        if verified or interrupted:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            console.print(f"What the processes said is in {log}; the data are beside it.", soft_wrap=True)
    if demo.interrupted:
        # The word to stop got lost on its way (``asyncio.wait_for`` of Python 3.11); it counts all the same.
        raise KeyboardInterrupt
    return verified


class _Demo:
    def __init__(self, directory: Path, console: Console) -> None:
        self._data = directory / "data"
        self._configuration = directory / "lienthong.toml"
        self._console = console
        self._outcomes: list[Outcome] = []
        self._tour: Tour | None = None
        self._children: list[Child] = []
        self.interrupted = False

    def _note_interrupts(self) -> None:
        """Remember a Ctrl-C, and hand it on to whoever handles it."""
        handler = signal.getsignal(signal.SIGINT)

        def note(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            if callable(handler):
                handler(number, frame)

        signal.signal(signal.SIGINT, note)

    async def play(self, output: IO[bytes]) -> bool:
        """Start, tour, stop, and report."""
        self._note_interrupts()
        text = CONFIGURATION.format(data_dir=self._data)
        self._configuration.write_text(text, encoding="utf-8")
        settings = Settings(**tomllib.loads(text))
        # Nothing of the caller's own configuration: the demonstration is the same everywhere.
        environment = {**environment_without(ENVIRONMENT_PREFIX), CONFIG_VARIABLE: str(self._configuration)}
        began = time.monotonic()
        self._console.print("Starting a database, a sandbox, an API and a worker …")
        verified = False
        async with all_in_one(
            settings,
            with_sandbox=True,
            say=lambda _: None,
            environment=environment,
            output=output,
            children=self._children,
        ) as running:
            self._tour = Tour(running)
            verified = await self._play_all(self._tour, environment)
        stop = Step(Sentence("Everything stops cleanly", "Dừng mọi tiến trình gọn gàng"), self._verify_stopped)
        verified = await self._play_one(stop) and verified
        self._report(time.monotonic() - began)
        return verified

    async def _play_all(self, tour: Tour, environment: Mapping[str, str]) -> bool:
        steps = [
            *tour.steps(),
            *Incoming(tour).steps(),
            *Trouble(tour).steps(),
            *SilentLoss(tour).steps(),
            *Storm(tour, environment).steps(),
            *Watching(tour).steps(),
            *tour.ending(),
            *Refusals(tour).steps(),
            *tour.look_back(),
        ]
        for step in steps:
            # What follows builds on what came before, so the first failure ends the tour.
            if not await self._play_one(step):
                return False
        return True

    async def _play_one(self, step: Step) -> bool:
        began = time.monotonic()
        try:
            detail, verified = await step.play(), True
        except Unverified as finding:
            detail, verified = str(finding), False
        except (OSError, KeyError, TypeError, ValueError) as error:
            # An answer of another form than the tour expects is a finding too.
            detail, verified = f"{type(error).__name__}: {error}", False
        outcome = Outcome(step.title, verified, detail, time.monotonic() - began)
        self._outcomes.append(outcome)
        self._console.print(f"{_mark(outcome)} {step.title.en}", markup=False)
        return verified

    async def _verify_stopped(self) -> str:
        codes = {child.command.name: child.exit_code for child in self._children}
        must(all(code == 0 for code in codes.values()), f"a process did not stop cleanly: {codes}")
        must(postmaster.find(self._data / "postgres") is None, "the database still runs")
        left = [child for child in psutil.Process().children(recursive=True) if postmaster.is_alive(child)]
        must(not left, f"{len(left)} processes are left behind")
        return f"{', '.join(codes)} ended with exit code 0, the database is stopped, no process is left"

    def _report(self, seconds: float) -> None:
        if self._tour is not None and self._tour.timeline:
            self._console.print(f"\nDiễn biến hồ sơ {self._tour.code}", markup=False)
            for entry in self._tour.timeline:
                at = datetime.fromisoformat(entry["at"]).astimezone(VIETNAM)
                self._console.print(f"  {at:%d/%m/%Y %H:%M:%S}  {entry['text_vi']}", markup=False, soft_wrap=True)
        table = Table(title="\nLiên Thông: the tour", title_justify="left", show_lines=True, expand=True)
        table.add_column("#", justify="right")
        table.add_column("step", max_width=40)
        table.add_column("what was verified", overflow="fold", ratio=1)
        table.add_column("s", justify="right")
        table.add_column("")
        for number, one in enumerate(self._outcomes, start=1):
            title = f"{one.title.en}\n{one.title.vi}"
            table.add_row(str(number), title, _plain(one.detail), f"{one.seconds:.1f}", _mark(one))
        self._console.print(table)
        good = sum(one.verified for one in self._outcomes)
        verdict = "every step was verified" if good == len(self._outcomes) else "NOT every step was verified"
        self._console.print(f"{good} of {len(self._outcomes)} steps in {seconds:.0f} s: {verdict}.", markup=False)


def _mark(outcome: Outcome) -> str:
    return "✓" if outcome.verified else "✗"


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
