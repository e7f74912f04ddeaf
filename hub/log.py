"""The log: one line per event on standard error, JSON for machines or coloured for people, without personal data.

Our loggers (structlog) and those of the libraries (uvicorn, psycopg, asyncio) take the same path, so that
nothing reaches the output unmasked. An exception is written as its type and where it was raised; its words are
left out unless it is one of ours, because a library's words may quote the value that displeased it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from contracts.errors import Sentence
from hub.masking import mask_mapping, mask_text, mask_value
from hub.settings import LogSettings

_FRAMES = 12
_CHAIN = 5

# Fields that processors below always set themselves; everything else may come from a caller.
_OWN = ("event", "level", "timestamp", "logger")

_QUIET = {
    # These write whole addresses of requests, which may carry data of people or tokens.
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "aiohttp": logging.WARNING,
    "urllib3": logging.WARNING,
    "alembic": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "psycopg": logging.WARNING,
    "psycopg.pool": logging.WARNING,
}


def configure_logging(settings: LogSettings, *, stream: TextIO | None = None) -> None:
    """Set up all logging of this process; may be called again.

    Programs that bring a logging set-up of their own must be told not to: ``uvicorn.Config(log_config=None)``.

    Args:
        settings: Level and format.
        stream: Where lines go; standard error if not given.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
    ]
    renderers: list[Processor] = [_render_json]
    if settings.format == "console":
        renderers = [_exception_as_text, structlog.dev.ConsoleRenderer(colors=_is_terminal(stream))]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _first_line_of_asyncio],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _mask, *renderers],
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = getattr(logging, settings.level.upper())
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; where one cannot be written it says so, unlike the library, without printing what it holds."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        kind = getattr(sys.exc_info()[0], "__name__", "?")
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f'{{"event": "log_line_lost", "logger": "{record.name}", "type": "{kind}"}}\n')


def _is_terminal(stream: TextIO | None) -> bool:
    return (stream or sys.stderr).isatty()


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    kept = {key: event.pop(key) for key in _OWN if key in event}
    masked: EventDict = mask_mapping(event)
    if "event" in kept:
        kept["event"] = mask_value(kept["event"])
    return {**kept, **masked}


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event).decode()
    except (TypeError, orjson.JSONEncodeError):  # half a surrogate pair, or an integer beyond 64 bits
        return json.dumps(event, ensure_ascii=False).encode(errors="replace").decode()


def _exception_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    chain = event.get("exception")
    if isinstance(chain, list):
        event["exception"] = "\n".join(
            f"{one['type']}: {one.get('sentence', '')}\n  " + "\n  ".join(one["at"]) for one in chain
        )
    return event


def _first_line_of_asyncio(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # "Task exception was never retrieved", and then a repr of the task with whatever its exception quotes.
    if event.get("logger") == "asyncio":
        event["event"] = str(event.get("event", "")).split("\n", 1)[0]
    return event


def _describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = [_describe(one) for one in _chain(error)]
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_CHAIN):
        if current is None:
            return
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _describe(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    described: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    sentence = getattr(error, "sentence", None)
    if isinstance(sentence, Sentence):
        described["sentence"] = mask_text(sentence.en)
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        described["sqlstate"] = state
    described["at"] = _frames(error.__traceback__)
    return described


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-_FRAMES:]]
