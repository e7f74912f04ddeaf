"""The comparison of schemas: each kind of breaking change is found, and harmless changes pass."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints, create_model

from contracts.schemas.compatibility import Break, Direction, find_breaks
from contracts.text import Model, Moment, personal


class Grade(StrEnum):
    """Two values."""

    GOOD = "good"
    BAD = "bad"


class MoreGrades(StrEnum):
    """Three values, the same two among them."""

    GOOD = "good"
    BAD = "bad"
    FAIR = "fair"


class Inner(Model):
    """A nested model."""

    code: str


class InnerWithMore(Model):
    """The nested model with one more field that must be there."""

    code: str
    colour: str


class Cat(Model):
    """A form of a tagged union."""

    kind: Literal["cat"] = "cat"
    lives: int


class Dog(Model):
    """Another form."""

    kind: Literal["dog"] = "dog"


class Bird(Model):
    """A third form."""

    kind: Literal["bird"] = "bird"


def short(limit: int) -> Any:
    """Return text of at most so many characters."""
    return Annotated[str, StringConstraints(max_length=limit)]


def long(limit: int) -> Any:
    """Return text of at least so many characters."""
    return Annotated[str, StringConstraints(min_length=limit)]


def like(pattern: str) -> Any:
    """Return text of a pattern."""
    return Annotated[str, StringConstraints(pattern=pattern)]


def number(**limits: Any) -> Any:
    """Return a whole number within limits."""
    return Annotated[int, Field(**limits)]


def many(inner: Any, **limits: Any) -> Any:
    """Return an array."""
    return Annotated[tuple[inner, ...], Field(**limits)]


def tagged(*forms: Any) -> Any:
    """Return a union told apart by kind."""
    union = forms[0]
    for form in forms[1:]:
        union |= form
    return Annotated[union, Field(discriminator="kind")]


def schema(direction: Direction, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a model with these fields; a tuple is a type and its default."""
    return _model(tuple(fields.items())).model_json_schema(
        mode="validation" if direction == "input" else "serialization"
    )


@lru_cache(maxsize=64)
def _model(fields: tuple[tuple[str, Any], ...]) -> type[Model]:
    made: dict[str, Any] = {name: kind if isinstance(kind, tuple) else (kind, ...) for name, kind in fields}
    return create_model("Sample", __base__=Model, **made)


def rules(direction: Direction, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what breaks when a model changes, as place and rule."""
    return [
        f"{each.path} {each.rule}"
        for each in find_breaks(schema(direction, before), schema(direction, after), direction)
    ]


CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[str], list[str]]] = [
    # what changes, before, after, what breaks in an input, what breaks in an output
    ("nothing", {"a": str}, {"a": str}, [], []),
    ("a new optional field", {"a": str}, {"a": str, "b": (str, "")}, [], []),
    ("a new required field", {"a": str}, {"a": str, "b": str}, ["$.b field became required"], []),
    ("a field removed", {"a": str, "b": str}, {"a": str}, ["$.b field removed"], ["$.b field removed"]),
    ("an optional field removed", {"a": str, "b": (str, "")}, {"a": str}, ["$.b field removed"], ["$.b field removed"]),
    ("a field renamed", {"a": str}, {"b": str},
     ["$.a field removed", "$.b field became required"], ["$.a field removed"]),
    ("optional becomes required", {"a": (str, "")}, {"a": str},
     ["$.a default changed", "$.a field became required"], []),
    ("required becomes optional", {"a": str}, {"a": (str, "")}, [], []),
    ("another default", {"a": (str, "x")}, {"a": (str, "y")}, ["$.a default changed"], []),
    ("another type", {"a": str}, {"a": int}, ["$.a type changed"], ["$.a type changed"]),
    ("a type and more with it", {"a": short(5)}, {"a": Inner}, ["$.a type changed"], ["$.a type changed"]),
    ("text becomes a list", {"a": str}, {"a": tuple[str, ...]}, ["$.a type changed"], ["$.a type changed"]),
    ("null is taken too", {"a": str}, {"a": str | None}, [], ["$.a form added"]),
    ("null is not taken any more", {"a": str | None}, {"a": str}, ["$.a form removed"], []),
    ("a value added", {"a": Grade}, {"a": MoreGrades}, [], ["$.a value added"]),
    ("a value removed", {"a": MoreGrades}, {"a": Grade}, ["$.a value removed"], []),
    ("limited to values", {"a": str}, {"a": Grade}, ["$.a limited to values"], []),
    ("no longer limited to values", {"a": Grade}, {"a": str}, [], ["$.a no longer limited to values"]),
    ("an upper length tightened", {"a": short(9)}, {"a": short(8)}, ["$.a limit tightened"], []),
    ("an upper length loosened", {"a": short(8)}, {"a": short(9)}, [], ["$.a limit loosened"]),
    ("an upper length added", {"a": str}, {"a": short(8)}, ["$.a limit tightened"], []),
    ("an upper length removed", {"a": short(8)}, {"a": str}, [], ["$.a limit loosened"]),
    ("a lower length tightened", {"a": long(1)}, {"a": long(2)}, ["$.a limit tightened"], []),
    ("a lower length loosened", {"a": long(2)}, {"a": long(1)}, [], ["$.a limit loosened"]),
    ("a lower length of nothing added", {"a": str}, {"a": long(0)}, [], []),
    ("a maximum tightened", {"a": number(le=9)}, {"a": number(le=8)}, ["$.a limit tightened"], []),
    ("a minimum tightened", {"a": number(ge=0)}, {"a": number(ge=1)}, ["$.a limit tightened"], []),
    ("a minimum loosened", {"a": number(ge=1)}, {"a": number(ge=0)}, [], ["$.a limit loosened"]),
    ("an exclusive minimum added", {"a": int}, {"a": number(gt=0)}, ["$.a limit tightened"], []),
    ("only multiples", {"a": int}, {"a": number(multiple_of=5)}, ["$.a multipleOf changed"], []),
    ("fewer elements", {"a": many(str, max_length=9)}, {"a": many(str, max_length=8)}, ["$.a limit tightened"], []),
    ("at least one element", {"a": many(str)}, {"a": many(str, min_length=1)}, ["$.a limit tightened"], []),
    ("a pattern added", {"a": str}, {"a": like("^x$")}, ["$.a pattern changed"], []),
    ("a pattern changed", {"a": like("^x$")}, {"a": like("^y$")}, ["$.a pattern changed"], ["$.a pattern changed"]),
    ("a pattern removed", {"a": like("^x$")}, {"a": str}, [], ["$.a pattern changed"]),
    ("text becomes a moment", {"a": str}, {"a": Moment}, ["$.a format changed"], []),
    ("a nested field added", {"a": Inner}, {"a": InnerWithMore}, ["$.a.colour field became required"], []),
    ("a nested field removed", {"a": InnerWithMore}, {"a": Inner},
     ["$.a.colour field removed"], ["$.a.colour field removed"]),
    ("an element's field added", {"a": many(Inner)}, {"a": many(InnerWithMore)},
     ["$.a[*].colour field became required"], []),
    ("a field of an optional model", {"a": (Inner | None, None)}, {"a": (InnerWithMore | None, None)},
     ["$.a.colour field became required"], []),
    ("a form added", {"a": tagged(Cat, Dog)}, {"a": tagged(Cat, Dog, Bird)}, [], ["$.a form added"]),
    ("a form removed", {"a": tagged(Cat, Dog, Bird)}, {"a": tagged(Cat, Dog)}, ["$.a form removed"], []),
    ("one form becomes two", {"a": Cat}, {"a": tagged(Cat, Dog)}, [], ["$.a form added"]),
    ("forms in another order", {"a": tagged(Cat, Dog)}, {"a": tagged(Dog, Cat)}, [], []),
    ("a fixed item more", {"a": tuple[str, str]}, {"a": tuple[str, str, str]},
     ["$.a limit tightened", "$.a fixed items changed"], ["$.a limit loosened", "$.a fixed items changed"]),
    ("a fixed item's type", {"a": tuple[str, str]}, {"a": tuple[str, int]},
     ["$.a[1] type changed"], ["$.a[1] type changed"]),
    ("another value in a mapping", {"a": dict[str, str]}, {"a": dict[str, int]},
     ["$.a.* type changed"], ["$.a.* type changed"]),
    ("anything in a mapping", {"a": dict[str, str]}, {"a": dict[str, Any]}, [], ["$.a.* opened to unknown members"]),
    ("a mapping limited", {"a": dict[str, Any]}, {"a": dict[str, str]}, ["$.a.* closed to unknown members"], []),
    ("a mark removed", {"a": (str, personal())}, {"a": str},
     ["$.a personal-data mark removed"], ["$.a personal-data mark removed"]),
    ("a mark added", {"a": str}, {"a": (str, personal())}, [], []),
    ("other words", {"a": (str, Field(description="x", title="X"))},
     {"a": (str, Field(description="y", title="Y"))}, [], []),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "breaks"), [row[1:4] for row in CASES], ids=[row[0] for row in CASES])
def test_what_breaks_senders(before: dict[str, Any], after: dict[str, Any], breaks: list[str]) -> None:
    """An input must still take everything it took, and mean the same by it."""
    assert rules("input", before, after) == breaks


@pytest.mark.parametrize(
    ("before", "after", "breaks"), [(row[1], row[2], row[4]) for row in CASES], ids=[row[0] for row in CASES]
)
def test_what_breaks_readers(before: dict[str, Any], after: dict[str, Any], breaks: list[str]) -> None:
    """An output must hold nothing that readers do not expect, fields they do not know apart."""
    # An answer always holds every field, so a default is no difference for its readers.
    assert rules("output", before, after) == breaks


RAW: list[tuple[str, Direction, dict[str, Any], dict[str, Any], str]] = [
    ("a required field of an answer may be missing", "output",
     {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
     {"type": "object", "properties": {"a": {"type": "string"}}}, "field no longer always there"),
    ("a body is closed to unknown fields", "input",
     {"type": "object"}, {"type": "object", "additionalProperties": False}, "closed to unknown members"),
    ("an unknown keyword appears", "input",
     {"type": "object"}, {"type": "object", "minContains": 1}, "keyword changed"),
    ("an unknown keyword goes", "output", {"type": "object", "not": {}}, {"type": "object"}, "keyword changed"),
    ("a type is asked for", "input", {}, {"type": "string"}, "type changed"),
    ("one type of several goes", "input", {"type": ["string", "null"]}, {"type": "string"}, "type changed"),
    ("a constant changes", "input", {"const": 1}, {"const": "1"}, "value removed"),
    ("elements are limited", "input",
     {"type": "array"}, {"type": "array", "items": {"type": "string"}}, "closed to unknown members"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "before", "after", "rule"), [row[1:] for row in RAW], ids=[row[0] for row in RAW]
)
def test_changes_that_pydantic_does_not_make_are_found_too(
    direction: Direction, before: dict[str, Any], after: dict[str, Any], rule: str
) -> None:
    """What is not understood counts as a break; silence would be a promise nobody checked."""
    assert rule in [each.rule for each in find_breaks(before, after, direction)]


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_model_that_holds_itself_is_compared_once_around(direction: Direction) -> None:
    """Recursion ends, and a change inside it is still found."""

    def tree(leaf: str) -> dict[str, Any]:
        node = {"type": "object", "properties": {"leaf": {"type": leaf}, "next": {"$ref": "#/$defs/Node"}}}
        return {"$ref": "#/$defs/Node", "$defs": {"Node": node}}

    assert find_breaks(tree("string"), tree("string"), direction) == []
    assert [each.path for each in find_breaks(tree("string"), tree("integer"), direction)] == ["$.leaf"]


def test_a_renamed_class_is_no_change() -> None:
    """Names of definitions are ours; users see the structure."""
    before = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string", "maxLength": 5}}}
    after = {"$ref": "#/$defs/B", "$defs": {"B": {"type": "string", "maxLength": 5}}}
    assert find_breaks(before, after, "input") == find_breaks(before, after, "output") == []


def test_a_break_reads_as_a_sentence() -> None:
    """The words a developer sees in a failed check."""
    assert str(Break("$.fees[*].amount_vnd", "limit tightened", "maximum 9 → 8")) == (
        "$.fees[*].amount_vnd: limit tightened (maximum 9 → 8)"
    )


FIELDS = st.dictionaries(
    st.sampled_from("abc"),
    st.sampled_from(
        [str, int, str | None, short(5), like("^x"), Grade, MoreGrades, Inner, InnerWithMore, tagged(Cat, Dog)]
    ),
    max_size=3,
)


@given(FIELDS, FIELDS)
def test_what_is_harmless_for_senders_one_way_is_harmless_for_readers_the_other_way(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """The two directions are one principle; they differ only in that readers ignore unknown fields."""
    forward = find_breaks(schema("input", before), schema("input", after), "input")
    backward = find_breaks(schema("input", after), schema("input", before), "output")
    lenient = {"field removed"}
    assert {each.path for each in backward if each.rule not in lenient} <= {each.path for each in forward}
    if before == after:
        assert forward == backward == []
