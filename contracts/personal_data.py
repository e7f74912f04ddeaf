"""What of a model is a citizen's data, and the same model without it.

The one source is the ``x-personal-data`` mark that `contracts.text.personal` puts on a field and that the
published schemas carry. Logs, pages and tests mask through here, so a new marked field is masked everywhere
on the day it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from contracts.text import PERSONAL_DATA_MARK

MASK = "•••"
_TWELVE_DIGITS = re.compile(r"[0-9]{12}")


@cache
def personal_paths(model_type: type[BaseModel]) -> frozenset[str]:
    """Return the paths of all marked fields of a model and of the models in it, as JSONPath (RFC 9535).

    An element of an array is written ``[*]``: ``$.applicant.identifiers[*].value``. The forms of a union
    share the path at which they stand.
    """
    return frozenset(_paths(model_type, "$"))


def mask(model: BaseModel) -> dict[str, Any]:
    """Return the model as JSON values with every marked value masked.

    A twelve-digit number keeps its last three digits (``•••••••••123``), so that two people on a page can be
    told apart; everything else becomes ``•••``, whatever its type and length. Absent (``None``) and empty
    values stay, because they say nothing of a person.
    """
    dumped: dict[str, Any] = model.model_dump(mode="json")
    _mask_fields(model, dumped)
    return dumped


def mask_value(value: Any) -> Any:
    """Return one personal value as it may be shown; see `mask`."""
    if value is None or value in ("", [], {}):
        return value
    if isinstance(value, str) and _TWELVE_DIGITS.fullmatch(value):
        return "•" * 9 + value[-3:]
    return MASK


def _mask_fields(model: BaseModel, dumped: dict[str, Any]) -> None:
    marked, others = _plan(type(model))
    for name in marked:
        dumped[name] = mask_value(dumped[name])
    for name in others:
        _mask_inside(getattr(model, name), dumped[name])


def _mask_inside(value: Any, dumped: Any) -> None:
    """Walk a value and its dump side by side: the value knows its model, the dump is what changes."""
    if isinstance(value, BaseModel):
        _mask_fields(value, dumped)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item, dumped_item in zip(value, dumped, strict=True):
            _mask_inside(item, dumped_item)


@cache
def _plan(model_type: type[BaseModel]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the marked fields, and the fields that may hold marked ones further down."""
    fields = model_type.model_fields.items()
    marked = tuple(name for name, info in fields if _is_marked(info))
    others = tuple(name for name, info in fields if name not in marked and any(_models(info.annotation)))
    return marked, others


def _paths(model_type: type[BaseModel], at: str) -> Iterator[str]:
    for name, info in model_type.model_fields.items():
        here = f"{at}.{name}"
        if _is_marked(info):
            yield here
        else:
            for inner, suffix in _models(info.annotation):
                yield from _paths(inner, here + suffix)


def _models(annotation: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the models an annotation can hold, each with the ``[*]`` of the arrays around it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _models(arguments[0], suffix)
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from _models(argument, suffix)
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        for argument in arguments:
            yield from _models(argument, suffix + "[*]")
    elif any(any(_models(argument)) for argument in arguments):
        # A mapping of models could hold marked fields that nothing here would reach.
        raise TypeError(f"personal data cannot be found inside {origin}; use a tuple of models")


def _is_marked(info: FieldInfo) -> bool:
    extra = info.json_schema_extra
    return (isinstance(extra, dict) and extra.get(PERSONAL_DATA_MARK) is True) or _is_marked_inside(info.annotation)


def _is_marked_inside(annotation: Any) -> bool:
    """Say whether a part of the annotation is marked: then the whole field counts as marked."""
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        return any(isinstance(note, FieldInfo) and _is_marked(note) for note in notes) or _is_marked_inside(inner)
    return any(_is_marked_inside(argument) for argument in get_args(annotation))
