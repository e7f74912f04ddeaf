"""Nothing of a citizen and no secret in what an adapter says, in whatever way it comes to be printed."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from contracts.errors import REACTIONS, LienThongError
from contracts.personal_data import mask

_SHORTEST = 6
"""A personal text shorter than this may stand in a message by chance."""


def personal_texts(*models: BaseModel) -> frozenset[str]:
    """Return every text of these models that is marked as a citizen's data and long enough to be recognised."""
    found: set[str] = set()
    for model in models:
        found |= {text for text in _unlike(model.model_dump(mode="json"), mask(model)) if len(text) >= _SHORTEST}
    return frozenset(found)


def assert_safe(
    error: LienThongError, *, connection: str, operation: str, forbidden: Iterable[str], said: str = ""
) -> None:
    """Fail unless an error is one of the six, says whose it is, speaks two languages and gives nothing away.

    ``said`` is what was logged and printed besides.
    """
    assert type(error) in REACTIONS, f"{type(error).__name__} is none of the six reactions"
    assert error.connection == connection
    assert error.operation == operation
    for sentence in (error.sentence.en, error.sentence.vi):
        assert sentence.strip().endswith((".", "!", "?")), "a sentence ends"
    assert error.sentence.en != error.sentence.vi
    text = "\n".join(
        (
            "".join(traceback.format_exception(error)),
            *(repr(one) for one in _chain(error)),
            error.sentence.en,
            error.sentence.vi,
            error.field,
            error.upstream_code,
            said,
        )
    )
    assert_silent(text, forbidden)


def assert_silent(text: str, forbidden: Iterable[str]) -> None:
    """Fail if a text holds one of these; says how long it is and not what it is."""
    for one in forbidden:
        assert one not in text, f"a text of {len(one)} characters that must not be told"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        # As Python prints it: what `raise … from` puts aside is not shown.
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _unlike(value: Any, masked: Any) -> Iterator[str]:
    """Return the texts of a dump that its masked twin does not show."""
    match value, masked:
        case dict(), dict():
            for key, one in value.items():
                yield from _unlike(one, masked[key])
        case list(), list():
            for one, other in zip(value, masked, strict=True):
                yield from _unlike(one, other)
        case _ if value != masked:
            yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)
