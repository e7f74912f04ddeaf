"""Ending processes that may end by themselves meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from hub.store.postmaster import is_alive, wait_gone


def kill(processes: Sequence[psutil.Process]) -> None:
    """Send SIGKILL to each; one that ended before its turn, as the children of a killed server do, is passed over."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def gone(processes: Sequence[psutil.Process], seconds: float = 10) -> bool:
    """Say whether all of these have ended, waiting a little; one that nobody has collected yet has ended."""
    until = time.monotonic() + seconds
    for process in processes:
        wait_gone(process, until - time.monotonic())
    return not any(is_alive(process) for process in processes)
