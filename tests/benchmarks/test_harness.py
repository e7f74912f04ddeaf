"""The benchmarks run from beginning to end; what they measure here means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_benchmark_runs_and_leaves_its_figures(tmp_path: Path) -> None:
    """Each of the measurements of the design has its row, with both sides measured."""
    out = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--out", str(out)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(out.read_text())}
    ledger = {"ledger-cost", "ledger-cost-sealing", "ledger-proof", "ledger-evidence"}
    reconciling = {"reconcile, rate", "reconcile, memory"}
    looking_up = {"lookup", "lookup-latency", "gate, p99", "detect"}
    expected = {"intake", "drain", "backlog-growth", "exchange-list", "memory"} | ledger | reconciling | looking_up
    assert expected <= set(rows)
    assert all(row["ours"] > 0 and row["reference"] > 0 for row in rows.values())
