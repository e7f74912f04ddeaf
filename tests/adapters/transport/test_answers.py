"""What the answers of all partners have in common."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.transport.answers import StatusWords, check_status, malformed, place_of, unknown_fields
from contracts.errors import LienThongError, NeedsPerson, OutcomeUnknown, Rejected, Sentence, TryLater


def words(**more: str) -> StatusWords:
    """Sentences that can be told apart."""
    names = {name: name for name in ("failed", "no_entry", "refused", "too_many", "wrong_address")} | more
    return StatusWords(**{name: Sentence(text, text) for name, text in names.items()})


@pytest.mark.parametrize(
    ("statuses", "reaction", "said"),
    [
        ([500, 502, 503, 504, 599], TryLater, "failed"),
        ([401, 403, 407], NeedsPerson, "no_entry"),
        ([400, 413, 422], Rejected, "refused"),
        ([408, 429], TryLater, "too_many"),
        ([100, 199, 300, 302, 404, 405, 410, 418, 499], NeedsPerson, "wrong_address"),
    ],
)
def test_a_status_that_is_no_success_is_a_reaction(
    statuses: list[int], reaction: type[LienThongError], said: str
) -> None:
    """With the adapter's own words and the status as the code; a write differs only where it may have happened."""
    for status in statuses:
        for is_write in (False, True):
            expected = OutcomeUnknown if is_write and said == "failed" else reaction
            with pytest.raises(LienThongError) as raised:
                check_status(status, words(), is_write=is_write)
            assert type(raised.value) is expected
            assert (raised.value.sentence.en, raised.value.upstream_code) == (said, f"HTTP {status}")


def test_success_says_nothing_and_some_things_may_be_said_otherwise() -> None:
    """A write that failed and a request that was not read have words of their own where an adapter has them."""
    for status in (200, 201, 204, 299):
        check_status(status, words(), is_write=True)
    own = words(failed_write="failed_write", not_read="not_read")
    for status, is_write, said in ((500, True, "failed_write"), (500, False, "failed"), (408, True, "not_read")):
        with pytest.raises(LienThongError) as raised:
            check_status(status, own, is_write=is_write)
        assert raised.value.sentence.en == said


class Inner(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="allow")
    number: int = 0


class Configured(Inner):
    """A part whose fields are configuration."""


class Outer(BaseModel):
    """A message."""

    model_config = ConfigDict(extra="allow")
    one: Inner = Inner()
    many: tuple[Inner | Configured, ...] = ()
    own: Configured | None = None


def test_a_contract_that_is_broken_is_named_by_place_and_never_by_value() -> None:
    """The place is our names and numbers; what stood there stays out of the error."""
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate({"many": [{}, {"number": "099199000123x"}]})
    error = malformed(Sentence("The partner", "Đối tác"), "many.1.number")
    assert place_of(raised.value).startswith("many.1.")
    assert error.sentence == Sentence(
        "The partner's answer is not what its protocol promises at many.1.number.",
        "Trả lời của Đối tác không đúng giao thức tại many.1.number.",
    )
    assert malformed(Sentence("The partner", "Đối tác")).sentence.en.endswith("protocol promises.")


def test_new_fields_are_named_wherever_they_stand() -> None:
    """In parts and in lists, once per item; a name that is none is not repeated, and configured parts are left out."""
    body: dict[str, Any] = {
        "NEW": 1,
        "099199000123": 1,
        "one": {"x": 1},
        "many": [{"y": 1}, {"y": 2}],
        "own": {"anything": 1},
    }
    message = Outer.model_validate(body)
    assert sorted(unknown_fields(message)) == ["(unprintable)", "NEW", "many.y", "many.y", "one.x", "own.anything"]
    assert "own.anything" not in set(unknown_fields(message, foreign=(Configured,)))
    assert list(unknown_fields(Outer())) == []
