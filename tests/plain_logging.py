"""Logging as tests have it, and put back after a test that changed it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import structlog


def log_plainly() -> None:
    """Log as structlog does without being configured, but with plain tracebacks: drawing one costs a second."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@contextlib.contextmanager
def logging_put_back() -> Iterator[None]:
    """Put all logging back as it was before the block."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
        log_plainly()
