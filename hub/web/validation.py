"""Bodies into models, and pydantic's errors into problems that name the field and never the value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.web.faults import FAULTS, UNLISTED
from hub.web.problems import FieldProblem, ProblemAnswer

MAX_ERRORS = 20
"""Faults listed in one answer; a document with more is better looked at as a whole."""

_POSITION = re.compile(r"line ([0-9]+) column ([0-9]+)$")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_UNREADABLE_NAME = "?"

T_co = TypeVar("T_co", covariant=True)


class JsonReader(Protocol[T_co]):
    """What reads a JSON body: a pydantic ``TypeAdapter``."""

    def validate_json(self, data: bytes, /) -> T_co:
        """Return the value or raise ``ValidationError``."""
        ...


class InvalidBody(Exception):  # noqa: N818 - an answer, not a crash
    """The body cannot be accepted; nothing was stored. ``answer`` is the problem to send."""

    def __init__(self, answer: ProblemAnswer) -> None:
        """Wrap the problem."""
        super().__init__(answer.refusal.code)
        self.answer = answer


def read_json(reader: JsonReader[T_co], body: bytes) -> T_co:
    """Return the value of a JSON body, read once; raise `InvalidBody` with every fault of the contract."""
    try:
        return reader.validate_json(body)
    except ValidationError as error:
        # Not chained: the original error quotes the values, and must not reach a log.
        details = error.errors(include_url=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise InvalidBody(ProblemAnswer(_malformed(details[0], body))) from None
        raise InvalidBody(refuse_invalid(details, _document(body))) from None


def refuse_invalid(details: Sequence[ErrorDetails], document: Any) -> ProblemAnswer:
    """Return the problem (422) that lists these faults; ``document`` is what was read, where that is known."""
    problems = list(dict.fromkeys(_field_problem(one, document) for one in details))
    first = problems[0]
    refusal = Refusal(422, first.code, Sentence(first.detail, first.detail_vi), field=first.field)
    return ProblemAnswer(refusal, errors=problems[:MAX_ERRORS] if len(problems) > 1 else ())


def _document(body: bytes) -> Any:
    """Return the parsed body, or ``None`` where pydantic took what is no strict JSON (NaN, Infinity)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _malformed(detail: ErrorDetails, body: bytes) -> Refusal:
    if not body.strip():
        return Refusal(
            400,
            "body_missing",
            Sentence(
                en="The request has no body; JSON is expected.", vi="Yêu cầu không có nội dung; cần dữ liệu JSON."
            ),
        )
    position = _POSITION.search(str(detail.get("ctx", {}).get("error", "")))
    line, column = position.groups() if position else ("?", "?")
    return Refusal(
        400,
        "malformed_json",
        Sentence(
            en=f"The body is not valid JSON in UTF-8: see line {line}, column {column}.",
            vi=f"Nội dung gửi đến không phải JSON hợp lệ (UTF-8): xem dòng {line}, cột {column}.",
        ),
    )


def _field_problem(detail: ErrorDetails, document: Any) -> FieldProblem:
    fault = FAULTS.get(detail["type"], UNLISTED)
    limits = {name: _listed(value) for name, value in detail.get("ctx", {}).items()}
    return FieldProblem(
        code=fault.code,
        detail=fault.en.format_map(limits),
        detail_vi=fault.vi.format_map({name: value.replace(" or ", " hoặc ") for name, value in limits.items()}),
        field=field_path(detail["loc"], detail["type"], document),
    )


def _listed(value: object) -> str:
    # pydantic puts names and choices in quotation marks of its own: 'direct', 'online' or 'postal'.
    return str(value).replace("'", "")


def field_path(location: tuple[int | str, ...], error_type: str, document: Any) -> str:
    """Return ``applicant.identifiers[0].value`` for pydantic's location.

    pydantic's location also holds the tag of each tagged union it went through (``applicant.person.name``).
    A tag is told from a field by the document: it is not a key of the object it stands in.
    """
    path = ""
    here = document
    for index, part in enumerate(location):
        if isinstance(part, int):
            path += f"[{part}]"
            here = here[part] if isinstance(here, list) and 0 <= part < len(here) else None
            continue
        is_missing_field = error_type == "missing" and index == len(location) - 1
        if isinstance(here, dict) and part not in here and not is_missing_field:
            continue
        # The name of an unknown field is the sender's own text: shown only where it looks like a name.
        name = part if _FIELD_NAME.fullmatch(part) else _UNREADABLE_NAME
        path += f".{name}" if path else name
        here = here.get(part) if isinstance(here, dict) else None
    return path
