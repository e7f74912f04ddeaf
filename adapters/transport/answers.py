"""What the answers of all partners have in common: how a status is read, what breaks a contract, which fields are new.

What differs stays with each adapter: its messages, its codes, and every sentence, which names the partner and says what
to do there. Nothing here reads the words of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown, Rejected, Sentence, TryLater

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class StatusWords:
    """What a partner's adapter says of an HTTP status that is no success."""

    failed: Sentence
    """500 and above: it failed while answering."""
    no_entry: Sentence
    """401, 403, 407: it does not let us in."""
    refused: Sentence
    """400, 413, 422: it does not accept this request."""
    too_many: Sentence
    """408, 429: later."""
    wrong_address: Sentence
    """Every other status: something else than the partner answers, and a person must look."""
    failed_write: Sentence | None = None
    """500 and above for a write, where that is said otherwise."""
    not_read: Sentence | None = None
    """408, where that is said otherwise."""


def check_status(status: int, words: StatusWords, *, is_write: bool = False) -> None:
    """Raise the reaction to a status that is no success; success itself says nothing.

    What a security server says of itself (``X-Road-Error``, ``Retry-After``) was raised by the transport. A write that
    ended with 500 or above may have happened: `OutcomeUnknown`.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successes; an empty one fails when it is read
        return
    reaction, sentence = _reaction(status, words, is_write=is_write)
    raise reaction(sentence, upstream_code=f"HTTP {status}")


def _reaction(status: int, words: StatusWords, *, is_write: bool) -> tuple[type[LienThongError], Sentence]:
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return (OutcomeUnknown, words.failed_write or words.failed) if is_write else (TryLater, words.failed)
    match status:
        case 400 | 413 | 422:
            return Rejected, words.refused
        case 401 | 403 | 407:
            return NeedsPerson, words.no_entry
        case 408:
            return TryLater, words.not_read or words.too_many
        case 429:
            return TryLater, words.too_many
        case _:
            return NeedsPerson, words.wrong_address


def malformed(partner: Sentence, place: str = "") -> Malformed:
    """Return the error for an answer of ``partner`` (its name) whose part at ``place`` breaks the contract."""
    where, where_vi = (f" at {place}", f" tại {place}") if place else ("", "")
    return Malformed(
        Sentence(
            en=f"{partner.en}'s answer is not what its protocol promises{where}.",
            vi=f"Trả lời của {partner.vi} không đúng giao thức{where_vi}.",
        )
    )


def place_of(error: ValidationError) -> str:
    """Return the first place that is wrong, for a person to look up: our names of fields, and numbers in lists."""
    return ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])


def safe_name(name: str) -> str:
    """Return a field name from outside if it looks like one: it ends in a metric, and could hold anything."""
    return name if _FIELD_NAME.fullmatch(name) else "(unprintable)"


def unknown_fields(message: BaseModel, *, foreign: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    """Yield the path of every field that our model of the message does not know, lists counted once per item.

    Models of ``foreign`` have fields that are configuration; they are left out.
    """
    yield from map(safe_name, message.model_extra or ())
    # Not `model_fields_set`: what was not sent has a default, which holds nothing, and this is cheaper.
    for name, value in vars(message).items():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, BaseModel) and not isinstance(part, foreign):
                yield from (f"{name}.{inner}" for inner in unknown_fields(part, foreign=foreign))
