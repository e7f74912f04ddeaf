"""The benchmarks run from beginning to end; what they measure here means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS

ROWS = {
    "intake": {"intake"},
    "lookup": {"lookup", "lookup-latency"},
    "gate": {"gate, p99"},
    "drain": {"drain", "memory"},
    "backlog-growth": {"backlog-growth"},
    "exchange-list": {"exchange-list"},
    "reconcile": {"reconcile, rate", "reconcile, memory"},
    "ledger-cost": {"ledger-cost", "ledger-cost-sealing"},
    "ledger-proof": {"ledger-proof", "ledger-evidence"},
    "detect": {"detect"},
}
"""Benchmark → rows of the design's table that it fills."""


def test_every_benchmark_is_run_here() -> None:
    """One that is added has its rows above."""
    assert list(ROWS) == list(BENCHMARKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ROWS))
def test_every_benchmark_runs_and_leaves_its_figures(tmp_path: Path, name: str) -> None:
    """Each of the measurements of the design has its row, with both sides measured.

    Each by itself: all in a row would take minutes, and many of them on a machine that has other things to do.
    """
    out = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--quick", "--out", str(out)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=360,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(out.read_text())}
    assert ROWS[name] <= set(rows)
    assert all(row["ours"] > 0 and row["reference"] > 0 for row in rows.values())
