"""``detect``: what the watch costs per look-up, and a replay of two months of a province on one core.

The engine alone is fed with records in memory; the replay is the command as a user types it, in a process of its own,
with everything that reading and writing files costs. Both are compared with their bars, not with another program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.lookup_stream import write_stream
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from hub.watch.engine import Engine
from hub.watch.records import Lookup
from hub.watch.replay import History
from hub.watch.replay_files import dossier_of, event_maker, officer_of, read_context, read_lines, subject_of

LOOKUP_MICROSECONDS = 150.0
REPLAY_SECONDS = 40.0
REPLAY_MIB = 1024.0


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="lienthong-bench-") as place:
        folder = Path(place)
        count = write_stream(folder, lookups=sizes.detect_lookups, officers=sizes.detect_officers)
        # The process first: what this one holds in memory would be counted as that one's.
        seconds, mebibytes = _replay(folder)
        cost = _cost(folder)
    # The bar is for 380,000 look-ups; a stream of another size is scaled.
    scaled = seconds * sizes.detect_lookups / count
    return [
        Measurement.cost("detect", cost, LOOKUP_MICROSECONDS, unit="µs a look-up", bar=1.0),
        Measurement.cost("detect-replay", scaled, REPLAY_SECONDS, unit="s of one core", bar=1.0),
        Measurement.cost("detect-memory", mebibytes, REPLAY_MIB, unit="MiB", bar=1.0),
    ]


def _cost(folder: Path) -> float:
    """Return the microseconds of one core that the engine takes for a look-up, dossiers included."""
    engine = Engine(read_context(folder / "context.json"))
    for officer in read_lines(folder / "officers.jsonl", officer_of):
        engine.learn_officer(officer)
    subjects = {one.subject_id: one for one in read_lines(folder / "subjects.jsonl", subject_of)}
    history = History(engine, list(read_lines(folder / "dossiers.jsonl", dossier_of)))
    lookups: list[Lookup] = list(read_lines(folder / "events.jsonl", event_maker(subjects)))
    began = time.process_time()
    for lookup in lookups:
        history.until(lookup.ts, _ignore)
        engine.judge(lookup)
    return (time.process_time() - began) / len(lookups) * 1e6


def _ignore(_judged: object) -> None:
    """Late judgements count in time, not in result."""


def _replay(folder: Path) -> tuple[float, float]:
    """Return the seconds of processor time and the MiB that the command takes."""
    command = [sys.executable, "-m", "hub.cli", "detect", "replay", "--out", str(folder / "alerts.jsonl")]
    for name in ("events", "dossiers", "officers", "subjects"):
        command += [f"--{name}", str(folder / f"{name}.jsonl")]
    command += ["--context", str(folder / "context.json")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("the replay failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
