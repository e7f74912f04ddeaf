"""The access log: one line per request, cheap enough to be kept for every one of them.

The fields are fixed and ours: a template of an address, a status, ids. None can hold a citizen's data, so the lines
go around the masking that everything else is logged through, which would cost more than the request itself. They
are spelt and written together, a few times a second: spelling many costs less than one at a time, and no answer
waits for it.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog

from hub.settings import LogSettings

FLUSH_SECONDS = 0.1
MAX_WAITING = 1000
"""Lines after which they are written at once."""

_LOGGER = "hub.web.access"


class AccessLog:
    """Writes the lines of one process."""

    def __init__(self, settings: LogSettings, stream: TextIO | None = None) -> None:
        """``stream`` is where lines go; standard error if not given."""
        self._enabled = settings.level in {"debug", "info"}
        self._as_json = settings.format == "json"
        self._stream = stream
        self._waiting: list[dict[str, Any]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._console = structlog.get_logger(_LOGGER)

    def write(self, **fields: str | float | None) -> None:
        """Note one request."""
        if not self._enabled:
            return
        if not self._as_json:
            self._console.info("request", **fields)
            return
        self._waiting.append(
            {"event": "request", "level": "info", "timestamp": datetime.now(UTC), "logger": _LOGGER, **fields}
        )
        if len(self._waiting) >= MAX_WAITING:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            stream = self._stream or sys.stderr
            stream.write(b"".join(map(_line, waiting)).decode())
            stream.flush()


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
