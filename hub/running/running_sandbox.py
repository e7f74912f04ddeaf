"""The note that ``lienthong up --sandbox`` leaves in the data directory while it runs.

It holds the connections to the simulators, with the secret of that run, so that a command in another terminal shows
and checks the same connections as the hub that runs there. Readable by its owner only, void when the process that
wrote it is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError

from hub.settings import Settings
from hub.store.key_file import write_secret

_NAME = "sandbox.json"


@contextlib.contextmanager
def noted(data_dir: Path, connections: Mapping[str, Any]) -> Generator[None]:
    """Leave the note for the length of the block."""
    note = {"pid": os.getpid(), "started": psutil.Process().create_time(), "connections": connections}
    path = data_dir / _NAME
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(path, json.dumps(note), replace=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def as_running(settings: Settings) -> Settings:
    """Return the settings with the connections of the sandbox that runs in this data directory, if one does."""
    try:
        note = json.loads((settings.data_dir / _NAME).read_bytes())
        alive = abs(psutil.Process(note["pid"]).create_time() - note["started"]) < 1
        return Settings(**{**dict(settings), "connections": note["connections"]}) if alive else settings
    except (OSError, ValueError, KeyError, TypeError, psutil.Error, ValidationError):
        # No note, or none of a process that lives.
        return settings
