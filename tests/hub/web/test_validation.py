"""Errors of pydantic become problems that name the field as the sender knows it."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hub.web.problems import FieldProblem
from hub.web.validation import InvalidBody, read_json


class Cat(BaseModel):
    """One branch of a tagged union."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    """The other, with the tag of the first as a field."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["dog"]
    name: Annotated[str, Field(max_length=5)]
    cat: Cat | None = None


class Zoo(BaseModel):
    """A list of them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    animals: tuple[Annotated[Cat | Dog, Field(discriminator="kind")], ...]


ZOO = TypeAdapter(Zoo)
ANIMAL: TypeAdapter[Cat | Dog] = TypeAdapter(Annotated[Cat | Dog, Field(discriminator="kind")])


def refused(document: object, adapter: TypeAdapter[object] = ZOO) -> tuple[int, list[FieldProblem]]:  # type: ignore[assignment]
    """Return the status and all faults of a document."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    with pytest.raises(InvalidBody) as caught:
        read_json(adapter, body)
    refusal = caught.value.answer.refusal
    first = FieldProblem(
        code=refusal.code, detail=refusal.sentence.en, detail_vi=refusal.sentence.vi, field=refusal.field
    )
    return refusal.status, list(caught.value.answer.errors) or [first]


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({}, "field_required", "animals"),
        ({"animals": [{"kind": "cat", "lives": 10}]}, "too_large", "animals[0].lives"),
        ({"animals": [{"kind": "cat", "lives": 1}, {"kind": "cat"}]}, "field_required", "animals[1].lives"),
        ({"animals": [{"kind": "dog", "name": "x" * 6}]}, "too_long", "animals[0].name"),
        (
            {"animals": [{"kind": "dog", "name": "x", "cat": {"kind": "cat", "lives": 0}}]},
            "too_small",
            "animals[0].cat.lives",
        ),
        ({"animals": [{"kind": "cow"}]}, "unknown_value", "animals[0]"),
        ({"animals": [{}]}, "field_required", "animals[0]"),
        ({"animals": [{"kind": "cat", "lives": 1, "tail": 1}]}, "unknown_field", "animals[0].tail"),
        ({"animals": [7]}, "wrong_type", "animals[0]"),
        ({"animals": 7}, "wrong_type", "animals"),
        ([], "wrong_type", ""),
    ],
)  # fmt: skip
def test_the_path_is_the_senders(document: object, code: str, field: str) -> None:
    """The tag of a union is no part of the path: it is not a key in the sender's document."""
    status, problems = refused(document)
    assert status == 422
    assert [(one.code, one.field) for one in problems] == [(code, field)]


def test_the_path_in_a_union_at_the_root() -> None:
    """The same where the whole document is a tagged union."""
    status, problems = refused({"kind": "cat", "lives": "x"}, ANIMAL)  # type: ignore[arg-type]
    assert (status, problems[0].field) == (422, "lives")


def test_limits_are_told_in_both_languages() -> None:
    """Who is refused learns the limit."""
    _, [problem] = refused({"animals": [{"kind": "cat", "lives": 10}]})
    assert problem.detail == "The number must be at most 9."
    assert problem.detail_vi == "Số phải nhỏ hơn hoặc bằng 9."


def test_choices_are_told_in_both_languages() -> None:
    """Who sends an unknown value learns the known ones, and does not see his own again."""
    _, [problem] = refused({"animals": [{"kind": "cow"}]})
    assert "cat, dog" in problem.detail
    assert "cat, dog" in problem.detail_vi
    assert "cow" not in problem.model_dump_json()


def test_what_pydantic_reads_but_json_is_not() -> None:
    """NaN is read by pydantic and refused by the type; the path is still told."""
    status, problems = refused(b'{"animals": [{"kind": "cat", "lives": NaN}]}')
    assert status == 422
    assert problems[0].field.endswith("lives")


def test_the_cause_is_not_kept() -> None:
    """The original error quotes the values and must not travel into a log with the refusal."""
    with pytest.raises(InvalidBody) as caught:
        read_json(ZOO, b'{"animals": "099199000123"}')
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "099199000123" not in str(caught.value)
