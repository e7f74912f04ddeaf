"""Comparing field by field finds every difference and quotes no value."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hub.demo import expected
from hub.demo.compare import differences, fields
from hub.demo.sample import Times

WHOLE = expected.accepted("H99.12-261008-0001", Times.until_now())


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value."""
    if isinstance(document, dict):
        return [place for name, value in document.items() for place in places(value, (*path, name))]
    if isinstance(document, list) and document:
        return [place for index, value in enumerate(document) for place in places(value, (*path, index))]
    return [path]


def test_equal_documents_do_not_differ() -> None:
    """What is the same is the same, and every value was looked at."""
    assert differences(WHOLE, copy.deepcopy(WHOLE)) == []
    assert fields(WHOLE) == len(places(WHOLE)) > 60


@pytest.mark.parametrize("place", places(WHOLE), ids=lambda place: ".".join(map(str, place)))
def test_every_single_value_is_compared(place: tuple[Any, ...]) -> None:
    """One changed value anywhere in the portal's copy is found, by its path and without its value."""
    changed = copy.deepcopy(WHOLE)
    holder: Any = changed
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = "099199000456"
    (found,) = differences(WHOLE, changed)
    assert str(place[0]) in found
    assert "099199000456" not in found


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"a": 1}, {}, [".a is missing"]),
        ({}, {"a": 1}, [".a is not expected"]),
        ({"a": []}, {"a": [1]}, [".a has 1 entries, expected are 0"]),
        ({"a": "1"}, {"a": 1}, [".a differs"]),
        ({"a": 1}, {"a": True}, [".a differs"]),
        ({"a": None}, {"a": ""}, [".a differs"]),
    ],
)
def test_absence_and_type_are_differences(one: Any, other: Any, found: list[str]) -> None:
    """A number is no text, null is no empty text, and a field more or less is told."""
    assert differences(one, other) == found
