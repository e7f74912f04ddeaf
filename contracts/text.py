"""Text and moments as they are stored and sent, and the base of every canonical model.

Text is NFC, free of control characters and bounded; a moment carries its offset. What is not so is refused
with a stable error type and never repaired: a repaired value would differ from what the sender has signed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class Model(BaseModel):
    """A canonical value: immutable, without unknown fields, without silent conversion of types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        ser_json_inf_nan="constants",
        use_attribute_docstrings=True,
        # Answers hold every field, so readers may rely on each.
        json_schema_serialization_defaults_required=True,
    )

    @classmethod
    def proven(cls, fields: dict[str, Any]) -> Self:
        """Return the model of these fields, which are all that it has and were checked, each one, on their way here.

        As pydantic's own ``model_construct``, at a sixth of its cost, for what every look-up makes. ``fields`` becomes
        the model's own.
        """
        made = _new(cls)
        _put(made, "__dict__", fields)
        _put(made, "__pydantic_fields_set__", _names(cls))
        _put(made, "__pydantic_extra__", None)
        _put(made, "__pydantic_private__", None)
        return made


_new, _put = object.__new__, object.__setattr__


@cache
def _names(kind: type[Model]) -> set[str]:
    return set(kind.model_fields)


PERSONAL_DATA_MARK = "x-personal-data"


def personal(**kwargs: Any) -> Any:
    """Return a pydantic field marked as a citizen's data; masking, sealing and log filters read the mark."""
    return Field(json_schema_extra={PERSONAL_DATA_MARK: True}, **kwargs)


@dataclass(frozen=True, slots=True)
class SchemaNote:
    """What the published JSON Schema says of a type beyond what pydantic derives from it."""

    description: str
    pattern: str | None = None
    """What a Python parser asks of the text, as a regular expression; never stricter than the parser."""
    example: str | None = None

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the note to the derived schema."""
        noted = {**handler(schema), "description": self.description}
        if self.pattern is not None:
            noted["pattern"] = self.pattern
        if self.example is not None:
            noted["examples"] = [self.example]
        return noted


# --- text -------------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def require_nfc(value: str) -> str:
    """Refuse text that is not in Unicode normal form C, and control characters other than tab and line ends."""
    # This runs for every text of every dossier: ASCII is NFC, and printable text holds no control character,
    # so the two slow questions are asked of rare text only.
    if not value.isascii() and not unicodedata.is_normalized("NFC", value):
        raise PydanticCustomError("not_nfc", "text must be in Unicode normal form C (NFC)")
    if not value.isprintable() and _CONTROL.search(value):
        raise PydanticCustomError("control_character", "text must not hold control characters")
    return value


def require_visible(value: str) -> str:
    """Refuse text made of spaces only."""
    if not value or value.isspace():
        raise PydanticCustomError("blank", "text must not be blank")
    return value


def require_visible_nfc(value: str) -> str:
    """Refuse what `require_nfc` or `require_visible` refuses; one call costs less than two."""
    if not value or value.isspace():
        return require_visible(value)
    return require_nfc(value)


Nfc = AfterValidator(require_nfc)
VisibleNfc = AfterValidator(require_visible_nfc)

Line = Annotated[str, StringConstraints(min_length=1, max_length=255), VisibleNfc]
"""A short required text: a name, a title, a unit."""

Paragraph = Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc]
"""A required text of up to 2000 characters: a reason, a content of work."""

Note = Annotated[str, StringConstraints(max_length=2000), Nfc]
"""An optional text of up to 2000 characters; empty means none."""

Code = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z._:/+-]+$"),
    SchemaNote("A catalogue code or identifier of another system: visible ASCII without spaces."),
]
"""A catalogue code of another system: visible ASCII without spaces."""

# --- moments ----------------------------------------------------------------------------------------------

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def require_plausible(value: datetime) -> datetime:
    """Refuse moments no dossier can have (before 1990, after 2099) and turn the rest into UTC."""
    # Years first, twice: comparing datetimes of different zones is ten times dearer, and year 1 cannot be
    # turned into UTC at all.
    if EARLIEST.year - 1 <= value.year <= LATEST.year:
        moment = value.astimezone(UTC)
        if EARLIEST.year <= moment.year < LATEST.year:
            return moment
    raise PydanticCustomError("impossible_date", "this date cannot belong to a dossier")


class _Rfc3339:
    """Reads RFC 3339 text and nothing else; pydantic alone also takes "1760000000" for a Unix time."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        shape = core_schema.custom_error_schema(
            core_schema.str_schema(strict=True, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"),
            custom_error_type="datetime_parsing",
            custom_error_context={"error": "expected RFC 3339 with an offset, such as 2026-10-08T08:15:00+07:00"},
        )
        text = core_schema.chain_schema([shape, core_schema.datetime_schema(strict=False, tz_constraint="aware")])
        aware = core_schema.datetime_schema(strict=True, tz_constraint="aware")
        return core_schema.no_info_after_validator_function(
            require_plausible, core_schema.json_or_python_schema(json_schema=text, python_schema=aware)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "string",
            "format": "date-time",
            "description": "An instant as RFC 3339 with an explicit offset; kept and answered in UTC.",
        }


Moment = Annotated[datetime, _Rfc3339()]
"""An instant with an explicit offset; held in UTC, spoken as Asia/Ho_Chi_Minh, precise to the second."""
