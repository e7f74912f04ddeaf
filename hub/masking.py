"""Keeps citizens' data out of everything that is written for operators and machines.

Two nets, because each has holes: keys that are known to hold personal data lose their value, and numbers that
look like an identity or a telephone number are masked wherever they stand. What is not plain data is never
turned into text, because a model or an exception may print what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import contracts.events
import contracts.people
from contracts.text import PERSONAL_DATA_MARK, Model

HIDDEN = "•••"
_KEPT_DIGITS = 3
_MAX_DEPTH = 12

_DENIED = frozenset(
    {
        # people, in our words
        "name", "full_name", "birth_date", "date_of_birth", "personal_number", "identity_card", "passport",
        "identifier", "identifiers", "applicant", "submitter", "contact", "phone", "telephone", "email", "fax",
        "address", "account_name", "technical_id",
        # whole messages
        "body", "payload", "content", "data", "document", "dossier", "facts", "text", "json", "xml", "form", "params",
        "request", "response", "answer", "headers", "cookies", "plain", "blob", "sealed",
        # secrets
        "password", "passwd", "secret", "client_secret", "token", "access_token", "refresh_token", "authorization",
        "api_key", "session", "cookie", "key_file_content", "database_url", "redis_url", "dsn", "conninfo",
        # people, as the national systems spell them
        "hoten", "tencanhan", "chuhoso", "sodinhdanh", "sodinhdanhcanhan", "socmnd", "socccd", "cmnd", "cccd",
        "sogiayto", "ngaysinh", "gioitinh", "diachi", "sodienthoai", "dienthoai", "didong", "thudientu", "noidung",
        "noidungxuly", "trichyeuhoso", "ghichu", "techid", "nguoinop", "nguoixuly", "tepdinhkem",
    }
)  # fmt: skip

# An exchange id may by chance end in twelve digits; it is no personal number and operators need it whole.
_NUMBERS = re.compile(
    r"(?P<uuid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)"
    r"|(?<!\d)(?P<number>\d{12}|\d{9}|0\d{9}|84\d{9})(?!\d)"
)

_SHORTEST = re.compile(r"\d{9}")
"""What stands in every text in which `_NUMBERS` has something to mask, and in few others."""


@cache
def denied_keys() -> frozenset[str]:
    """Return the keys whose values are never shown: a fixed list, and every field contracts mark as personal."""
    marked: set[str] = set()
    waiting: list[type[Model]] = [Model]
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get(PERSONAL_DATA_MARK):
                marked.add(name)
    return _DENIED | marked


def mask_text(text: str) -> str:
    """Mask numbers of 9 or 12 digits (identity) and telephone numbers, all but the last three digits."""
    return text if _SHORTEST.search(text) is None else _NUMBERS.sub(_mask_number, text)


_PLAIN: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bool, int, float, type(None)), lambda value: value),
    ((str,), mask_text),
    ((date,), lambda value: value.isoformat()),  # also datetime
    ((timedelta,), lambda value: value.total_seconds()),
    ((UUID, Path), lambda value: mask_text(str(value))),
    ((bytes, bytearray, memoryview), lambda value: f"<{len(value)} bytes>"),
)
"""How each kind of plain value is shown; whatever is not here is shown by the name of its type."""


def mask_value(value: Any, *, _depth: int = 0) -> Any:
    """Return ``value`` as plain data that may be shown."""
    if isinstance(value, Enum):
        value = value.value  # before the table: many enums are text as well
    for kinds, shown in _PLAIN:
        if isinstance(value, kinds):
            return shown(value)
    if _depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            return mask_mapping(value, _depth=_depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [mask_value(item, _depth=_depth + 1) for item in value]
    return f"<{type(value).__name__}>"


def mask_mapping(mapping: Mapping[Any, Any], *, _depth: int = 0) -> dict[str, Any]:
    """Return a mapping with denied keys hidden and everything else masked."""
    denied = denied_keys()
    return {
        mask_text(str(key)): HIDDEN if _folded(key) in denied else mask_value(value, _depth=_depth)
        for key, value in mapping.items()
    }


def _folded(key: object) -> str:
    return str(key).lower().replace("-", "_")


def _mask_number(match: re.Match[str]) -> str:
    if match["uuid"] is not None:
        return match["uuid"]
    number = match["number"]
    return "•" * (len(number) - _KEPT_DIGITS) + number[-_KEPT_DIGITS:]


# Loading these registers their models, whose marks `denied_keys` reads.
_SOURCES = (contracts.events, contracts.people)
