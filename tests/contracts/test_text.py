"""Text and moments at the door: what passes unchanged, what is refused and with which error type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from contracts.text import Code, Line, Model, Moment, Note, Paragraph, require_nfc, require_visible
from tests.contracts.strategies import HOSTILE_TEXTS, REFUSED_TEXTS, moments, texts


class Sample(Model):
    """One field of each kind."""

    line: Line = "x"
    paragraph: Paragraph = "x"
    note: Note = ""
    code: Code = "x"
    moment: Moment = datetime(2026, 1, 1, tzinfo=UTC)


def error_of(field: str, json_value: str) -> str:
    """Return the error type with which a JSON value is refused."""
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate_json(f'{{"{field}": {json_value}}}')
    (error,) = caught.value.errors()
    return error["type"]


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_hostile_but_lawful_text_passes_unchanged(text: str) -> None:
    """Nothing is trimmed, escaped or normalised on the way in or out."""
    sample = Sample(line=text, paragraph=text, note=text)
    assert (sample.line, sample.paragraph, sample.note) == (text, text, text)
    assert Sample.model_validate_json(sample.model_dump_json()) == sample


@pytest.mark.parametrize(("text", "kind"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS.keys())
def test_unlawful_text_is_refused_by_its_kind(text: str, kind: str) -> None:
    """Decomposed text, control characters and blanks: each with a stable error type, in every text field."""
    for field in ("line", "paragraph", "note"):
        if kind == "blank" and field == "note":
            assert Sample(note=text).note == text
            continue
        with pytest.raises(ValidationError) as caught:
            Sample.model_validate({field: text})
        assert [error["type"] for error in caught.value.errors()] == [kind]


@given(texts(min_size=0))
def test_lawful_text_is_returned_as_it_is(text: str) -> None:
    """The checks answer with the text they were given."""
    assert require_nfc(text) == text
    if text.strip():
        assert require_visible(text) == text


@pytest.mark.parametrize("number", [*range(9), 11, 12, *range(14, 32), *range(127, 160)])
def test_every_control_character_is_refused(number: int) -> None:
    """All of Unicode's control characters but tab, line feed and carriage return."""
    with pytest.raises(ValidationError) as caught:
        Sample(line=f"trước{chr(number)}sau")
    assert caught.value.errors()[0]["type"] == "control_character"
    with pytest.raises(ValidationError):
        Sample(line=f"ascii{chr(number)}only")


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("line", '""', "string_too_short"),
        ("line", '"' + "ệ" * 256 + '"', "string_too_long"),
        ("paragraph", '"' + "ệ" * 2001 + '"', "string_too_long"),
        ("note", '"' + "ệ" * 2001 + '"', "string_too_long"),
        ("code", '"có dấu"', "string_pattern_mismatch"),
        ("code", '"A\\n"', "string_pattern_mismatch"),
        ("code", '""', "string_too_short"),
        ("code", '"' + "A" * 65 + '"', "string_too_long"),
        ("line", "1", "string_type"),
        ("line", "null", "string_type"),
        ("line", "true", "string_type"),
        ("line", '["x"]', "string_type"),
        ("code", "1", "string_type"),
        ("moment", "1760000000", "datetime_parsing"),
        ("moment", '"1760000000"', "datetime_parsing"),
        ("moment", '"20261008081500"', "datetime_parsing"),
        ("moment", '"2026-10-08"', "datetime_parsing"),
        ("moment", '"08/10/2026 08:15"', "datetime_parsing"),
        ("moment", '"2026-10-08T08:15:00"', "timezone_aware"),
        ("moment", '"2026-10-08T08:15:00X"', "datetime_from_date_parsing"),
        ("moment", '"2026-02-30T08:15:00+07:00"', "datetime_from_date_parsing"),
        ("moment", '"2025-02-29T08:15:00+07:00"', "datetime_from_date_parsing"),
        ("moment", '"2026-10-08T25:15:00+07:00"', "datetime_from_date_parsing"),
        ("moment", '"1989-12-31T23:59:59Z"', "impossible_date"),
        ("moment", '"1990-01-01T06:59:59+07:00"', "impossible_date"),
        ("moment", '"2100-01-01T00:00:00Z"', "impossible_date"),
        ("moment", '"0001-01-01T00:00:00+10:00"', "impossible_date"),
        ("moment", '"9999-12-31T23:59:59-10:00"', "impossible_date"),
        ("moment", "null", "datetime_parsing"),
    ],
)
def test_each_mistake_has_its_error_type(field: str, value: str, kind: str) -> None:
    """Limits count characters, not bytes; moments are RFC 3339 with an offset and belong to 1990 … 2099."""
    assert error_of(field, value) == kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29T08:15:00+07:00", datetime(2024, 2, 29, 1, 15, tzinfo=UTC)),
        ("1990-01-01T07:00:00+07:00", datetime(1990, 1, 1, tzinfo=UTC)),
        ("1989-12-31T20:00:00-07:00", datetime(1990, 1, 1, 3, tzinfo=UTC)),
        ("2100-01-01T06:59:59+07:00", datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-08T01:15:00.250Z", datetime(2026, 10, 8, 1, 15, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_held_in_utc(text: str, expected: datetime) -> None:
    """The offset decides, also at the edges of what is plausible."""
    moment = Sample.model_validate_json(f'{{"moment": "{text}"}}').moment
    assert moment == expected
    assert moment.tzinfo is UTC


@given(moments())
def test_a_moment_survives_json(moment: datetime) -> None:
    """In UTC, to the microsecond."""
    sample = Sample(moment=moment)
    assert sample.moment == moment
    assert Sample.model_validate_json(sample.model_dump_json()).moment == moment


@pytest.mark.parametrize("value", ["2026-10-08T08:15:00Z", 1760000000, datetime(2026, 10, 8), None])  # noqa: DTZ001
def test_python_code_hands_over_aware_datetimes_and_nothing_else(value: Any) -> None:
    """No text is parsed and no number counted from Python code."""
    with pytest.raises(ValidationError):
        Sample(moment=value)
    assert Sample(moment=datetime(2026, 10, 8, tzinfo=timezone(timedelta(hours=7)))).moment.tzinfo is UTC
