"""The diagnostics bundle: what a maintainer needs to help, without citizens' data and without secrets.

Everything in it is on a list of what may be there: numbers, names of the code, names of the configuration, moments.
Text that a person or a partner wrote is not, wherever it stands. A test plants both everywhere and searches.
"""

from __future__ import annotations

import io
import os
import platform
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import orjson
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic import BaseModel

from hub.health.findings import Finding
from hub.masking import mask_text
from hub.settings import Settings
from hub.store import schema
from hub.store.engine import Store

LOG_LINES = 2_000
LOG_BYTES = 4 << 20
"""How much of the end of a log is looked at."""

_CODE = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")

_VERSION = re.compile(r"[0-9A-Za-z.+~() -]{1,60}")

LEFT_OUT = "(left out)"

_WORDS = frozenset(
    {"adapter", "level", "format", "kind", "security", "language", "least", "unsettled", "dstcode_in", "profile"}
)
"""Keys of the settings whose text is a choice from a list or a name of the code."""

_README = """Diagnostics of a Liên Thông hub, for whoever helps its operator.

It holds versions, settings (numbers and choices; of everything else only whether it is set), the states of
connections, counts, codes of recent errors, the schema, and log lines by a list of what may stand in them. It holds
no data of citizens, no text people typed, no secret, no address. Look through it before you pass it on: each file is
JSON.

Gói chẩn đoán của Liên Thông: không có dữ liệu công dân, không có mật khẩu hay khoá. Hãy xem lại trước khi gửi đi.
"""


async def build(settings: Settings, store: Store | None, findings: Sequence[Finding], log: Path | None) -> bytes:
    """Return the bundle as a ZIP file.

    Args:
        settings: The configuration.
        store: The open database; ``None`` when it does not answer, and then nothing of it is in the bundle.
        findings: What the doctor found; only what was looked at and how it is.
        log: A file with log lines of the hub, whose end is looked through.
    """
    parts: dict[str, Any] = {
        "versions.json": versions(),
        "settings.json": shown_settings(settings),
        "doctor.json": [{"subject": one.subject, "verdict": one.verdict.name.lower()} for one in findings],
        "schema.json": {"head": schema.head_revision(), "tables": sorted(schema.METADATA.tables)},
    }
    if store is not None:
        async with store.transaction() as conn:
            parts.update(await _from_database(conn))
    if log is not None:
        parts["log.json"] = shown_log(_tail(log))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("README.txt", _README)
        for name, content in parts.items():
            bundle.writestr(name, orjson.dumps(content, option=orjson.OPT_INDENT_2, default=str))
    return packed.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write the bundle where only its owner reads it. Raises ``OSError``, also when the file is there already."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


# --- versions and settings ----------------------------------------------------------------------------------


def versions() -> dict[str, Any]:
    """Return what runs here: versions of the packages, of Python and of the system."""
    packages = {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "packages": dict(sorted(packages.items())),
    }


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings: numbers, truth values and choices as they are, of everything else whether it is set."""
    shown = _shown_model(settings)
    for name, one in settings.connections.items():
        # The adapter's own keys are known to the adapter alone: their names, nothing more.
        shown["connections"][name]["settings"] = sorted(_names(one.settings))
    return shown


def _shown_model(model: BaseModel) -> dict[str, Any]:
    return {name: _shown(name, getattr(model, name)) for name in type(model).model_fields if name != "settings"}


def _shown(name: str, value: Any) -> Any:
    shown: Any = "(set)"
    if isinstance(value, BaseModel):
        shown = _shown_model(value)
    elif isinstance(value, Mapping):
        shown = {str(key): _shown(name, one) for key, one in value.items() if _NAME.fullmatch(str(key))}
    elif value is None or isinstance(value, bool | int | float):
        shown = value
    elif isinstance(value, Enum):
        shown = value.value
    elif isinstance(value, str) and name in _WORDS and _NAME.fullmatch(value):
        shown = value
    elif isinstance(value, tuple | list | set | frozenset):
        shown = f"(set, {len(value)})" if value else "(empty)"
    return shown


def _names(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in settings.items():
        if not _NAME.fullmatch(key):
            continue
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{key}.")


# --- the database -------------------------------------------------------------------------------------------

_QUERIES: dict[str, str] = {
    "database": """
        SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
               (SELECT version_num FROM alembic_version) AS schema, now() AS at
    """,
    "tables": """
        SELECT relname AS name, reltuples::bigint AS rows_estimated, pg_total_relation_size(oid) AS bytes
        FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
    """,
    "connections": """
        SELECT c.id, c.adapter, c.paused, c.breaker, c.breaker_until, c.state_since, c.last_success_at,
               c.last_failure_at, c.last_failure_kind, c.last_failure_code, h.state, h.blame, h.since, h.candidate,
               h.unwell_since, jsonb_array_length(coalesce(h.flaps, '[]')) AS flaps, h.judged_at
        FROM connections c LEFT JOIN connection_health h ON h.connection = c.id ORDER BY c.id
    """,
    "backlog": """
        SELECT connection, count(*) AS lanes, sum(open_count)::bigint AS open, count(held_reason) AS held,
               min(due_at) AS next_due_at
        FROM lanes WHERE open_count > 0 GROUP BY connection ORDER BY connection
    """,
    "probes": """
        SELECT connection, at, passed, proven, failed_layer, blame, duration_ms, clock_skew_seconds
        FROM probes ORDER BY id DESC LIMIT 200
    """,
    "transitions": """
        SELECT connection, at, state_before, state, blame FROM connection_transitions ORDER BY id DESC LIMIT 200
    """,
    "windows": """
        SELECT connection, starts_at, ends_at, notice_days, urgent_reason IS NOT NULL AS short_notice, cancelled_at
        FROM maintenance_windows ORDER BY id DESC LIMIT 50
    """,
    "errors": """
        SELECT connection, operation, state, upstream_code, count(*) AS times, max(accepted_at) AS last_accepted_at
        FROM (SELECT * FROM exchanges WHERE attention IS NOT NULL ORDER BY id DESC LIMIT 5000) e
        GROUP BY connection, operation, state, upstream_code ORDER BY times DESC LIMIT 200
    """,
    "alerts": """
        SELECT id, split_part(key, '.', 1) AS kind, severity, connection, opened_at, escalated_at, cleared_at,
               acknowledged_at
        FROM alerts ORDER BY id DESC LIMIT 200
    """,
    "alert_channels": """
        SELECT channel, count(*) AS messages, count(sent_at) AS sent, count(due_at) AS waiting,
               count(given_up_at) AS given_up, max(sent_at) AS last_sent_at
        FROM alert_deliveries GROUP BY channel ORDER BY channel
    """,
}
"""What is read. Columns with text of people or partners (reasons, sentences, contents) are in none of them."""

_CODES = frozenset({"upstream_code", "last_failure_code"})
"""Columns a partner fills: shown only where they have the form of a code."""


async def _from_database(conn: AsyncConnection[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, query in _QUERIES.items():
        cursor = await conn.cursor(row_factory=dict_row).execute(query.encode())
        found[f"{name}.json"] = [_clean(row) for row in await cursor.fetchall()]
    return found


def _clean(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _cell(name, value) for name, value in row.items()}


def _cell(name: str, value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    if name in _CODES:
        return value if _is_code(value) else LEFT_OUT
    form = _VERSION if name in {"version", "schema"} else _NAME
    return mask_text(value) if form.fullmatch(value) else LEFT_OUT


def _is_code(value: str) -> bool:
    # Partners' codes are short and plain; what has many digits in a row or more words may be somebody's.
    return _CODE.fullmatch(value) is not None and len(value.split()) <= 2 and not re.search(r"\d{8}", value)  # noqa: PLR2004


# --- the log ------------------------------------------------------------------------------------------------

_LOG_NAMES = frozenset({"connection", "operation", "job", "logger", "level", "channel", "error", "kind", "outcome"})
"""Fields of a log line that hold names of the code or the configuration."""

_LOG_NUMBERS = frozenset({"status", "seconds", "duration_ms", "pid", "port", "exchanges", "connections", "keys"})


def shown_log(lines: Iterable[str]) -> dict[str, Any]:
    """Return the log lines by the list of what may stand in them, and how many were left out whole."""
    shown: list[dict[str, Any]] = []
    left_out = 0
    for line in lines:
        found = _shown_line(line)
        if found is None:
            left_out += 1
        else:
            shown.append(found)
    return {"lines": shown, "left_out": left_out}


def _shown_line(line: str) -> dict[str, Any] | None:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(content, dict):
        return None
    shown: dict[str, Any] = {}
    at = content.get("timestamp")
    if isinstance(at, str) and re.fullmatch(r"[0-9T:.Z+-]{10,40}", at):
        shown["timestamp"] = at
    event = content.get("event")
    shown["event"] = event if isinstance(event, str) and _EVENT.fullmatch(event) else LEFT_OUT
    for name, value in content.items():
        if name in _LOG_NAMES and isinstance(value, str) and _NAME.fullmatch(value):
            shown[name] = mask_text(value)
        elif name in _LOG_NUMBERS and isinstance(value, int | float):
            shown[name] = value
    kinds = [one.get("type") for one in content.get("exception") or () if isinstance(one, dict)]
    if kinds:
        shown["exception"] = [one for one in kinds if isinstance(one, str) and _NAME.fullmatch(one)]
    return shown


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        lines = file.read(LOG_BYTES).decode(errors="replace").splitlines()
    return lines[-LOG_LINES:]
