"""Comparing two documents field by field."""

from __future__ import annotations

from typing import Any


def fields(document: Any) -> int:
    """Return how many values a document holds, empty lists counted as one."""
    if isinstance(document, dict):
        return sum(map(fields, document.values()))
    if isinstance(document, list) and document:
        return sum(map(fields, document))
    return 1


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Return the paths at which two documents differ, without their values; types count."""
    if isinstance(expected, dict) and isinstance(found, dict):
        missing = [f"{path}.{name} is missing" for name in expected.keys() - found.keys()]
        extra = [f"{path}.{name} is not expected" for name in found.keys() - expected.keys()]
        common = [name for name in expected if name in found]
        inner = [line for name in common for line in differences(expected[name], found[name], f"{path}.{name}")]
        return [*sorted(missing), *sorted(extra), *inner]
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return [f"{path} has {len(found)} entries, expected are {len(expected)}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for index, (one, other) in pairs for line in differences(one, other, f"{path}[{index}]")]
    return [] if type(expected) is type(found) and expected == found else [f"{path} differs"]
