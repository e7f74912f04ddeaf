"""What changed between two copies of an entry: which fields, from what to what. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_FIELDS = 200
"""Changes listed of one entry; beyond that the entry as a whole is one change."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that changed; a list whose length changed is one field."""

    path: str
    """As in ``ways[0].times[0].duration``; empty for the whole entry."""
    before: Any
    after: Any


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return the fields in which two entries differ, in the order of the newer one."""
    found = tuple(_objects(before, after, ""))
    return found if len(found) <= MOST_FIELDS else (FieldChange("", dict(before), dict(after)),)


def _objects(before: Mapping[str, Any], after: Mapping[str, Any], at: str) -> Iterator[FieldChange]:
    for name in dict.fromkeys((*after, *before)):
        yield from _values(before.get(name), after.get(name), f"{at}.{name}" if at else name)


def _values(before: Any, after: Any, at: str) -> Iterator[FieldChange]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _objects(before, after, at)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _values(old, new, f"{at}[{index}]")
    else:
        yield FieldChange(at, before, after)
