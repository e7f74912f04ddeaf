"""``lienthong demo`` as `make demo` runs it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.hub.cli.conftest import Running, clean_environment
from tests.processes import gone

pytestmark = pytest.mark.slow


def test_the_tour_is_verified_from_beginning_to_end(tmp_path: Path, quick_directory: Path) -> None:
    """Every step verified, exit code 0, and neither a process nor a file is left behind.

    Settings of whoever runs it have no part in it: the database named here does not exist.
    """
    environment = clean_environment(
        TMPDIR=str(quick_directory), LIENTHONG_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none"
    )
    with Running("demo", environment=environment, directory=tmp_path) as demo:
        demo.wait_for("✓ Everything runs", seconds=120)
        family = demo.family()
        assert len(family) >= 3
        assert demo.process.wait(240) == 0, "\n".join(demo.lines)
        assert gone(family)
    said = "\n".join(demo.lines)
    verdict = re.search(r"(\d+) of (\d+) steps in \d+ s: every step was verified\.", said)
    assert verdict is not None, said
    assert verdict[1] == verdict[2] == "30"
    assert "✗" not in said
    assert "worker_lost" in said
    assert "Diễn biến hồ sơ H99.12-" in said
    assert not list(quick_directory.glob("lienthong-demo-*"))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_tour_leaves_nothing(tmp_path: Path, quick_directory: Path) -> None:
    """Ctrl-C in the middle stops every process and removes the data."""
    with Running("demo", environment=clean_environment(TMPDIR=str(quick_directory)), directory=tmp_path) as demo:
        demo.wait_for("✓ Everything runs", seconds=120)
        family = demo.family()
        assert demo.stop(signal.SIGINT) != 0
        assert gone(family)
    assert not list(quick_directory.glob("lienthong-demo-*"))
