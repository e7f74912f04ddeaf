"""Reading the query of an address: known parameters, each at most once, checked like a body."""

from __future__ import annotations

from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.web.validation import InvalidBody, refuse_invalid

T_co = TypeVar("T_co", covariant=True)


class QueryReader(Protocol[T_co]):
    """What reads a query: a pydantic ``TypeAdapter``."""

    def validate_strings(self, data: dict[str, str], /) -> T_co:
        """Return the value or raise ``ValidationError``."""
        ...


def read_query(reader: QueryReader[T_co], query: bytes) -> T_co:
    """Return the parameters; refuse malformed or repeated ones (400), unknown or invalid ones (422)."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise Refusal(
            400,
            "malformed_query",
            Sentence(
                en="The query of this address cannot be read as UTF-8 parameters.",
                vi="Không đọc được phần tham số của địa chỉ này (cần mã UTF-8).",
            ),
        ) from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Refusal(
            400,
            "repeated_parameter",
            Sentence(
                en="Each parameter may stand in the address only once.",
                vi="Mỗi tham số chỉ được xuất hiện một lần trong địa chỉ.",
            ),
        )
    try:
        return reader.validate_strings(values)
    except ValidationError as error:
        raise InvalidBody(refuse_invalid(error.errors(include_url=False, include_input=False), None)) from None
