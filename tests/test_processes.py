"""What tests end processes with."""

from __future__ import annotations

import subprocess
import sys

import psutil

from tests.processes import gone, kill


def test_what_has_ended_is_passed_over() -> None:
    """A process that is gone stops nobody from killing the next one."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE) as first,
        subprocess.Popen(command, stdin=subprocess.PIPE) as second,
    ):
        family = [psutil.Process(first.pid), psutil.Process(second.pid)]
        assert not gone(family, seconds=0)
        first.communicate()
        kill(family)
        assert gone(family)
