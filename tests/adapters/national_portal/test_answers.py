"""What an answer means: by status, shape and code. No test here has an answer whose words matter."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.national_portal import answers, wire
from adapters.national_portal.answers import Codes, Verdict
from adapters.transport.answers import unknown_fields
from adapters.transport.http import HttpAnswer
from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown, Rejected, TryLater
from tests.adapters.national_portal import situations as s

CODES = Codes(s.settings())

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No deadline: a limit for one example measures the machine, not the code."""


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("0", Verdict.DONE),
        ("3", Verdict.ALREADY_EXISTS),
        ("-3", Verdict.ALREADY_EXISTS),
        ("-1", Verdict.NOT_FOUND),
        ("-2", Verdict.SESSION_LOST),
        ("1", Verdict.REFUSED),
        ("99", Verdict.REFUSED),
        ("-99", Verdict.REFUSED),
    ],
)
def test_codes_mean_what_the_tables_say(code: str, verdict: Verdict) -> None:
    """A code no list names is a refusal: the public facts have a gap there."""
    assert CODES.verdict(code) is verdict


@pytest.mark.parametrize(("value", "code"), [(0, "0"), ("0", "0"), (-3, "-3"), ("-3", "-3"), (999999, "999999")])
def test_a_code_is_the_same_as_number_and_as_text(value: int | str, code: str) -> None:
    """Some answers write the number, some the text."""
    assert answers.normal_code(value) == code


@pytest.mark.parametrize("value", ["", "00", " 0", "0 ", "-0", "OK", "đã tồn tại", "1e3", 10_000_000, "Trần Thị Mẫu"])
def test_a_text_that_is_no_code_is_malformed(value: int | str) -> None:
    """Only a code may end up as upstream_code; a text could be anything, a citizen's name too."""
    with pytest.raises(Malformed) as broken:
        answers.normal_code(value)
    assert str(value) not in broken.value.sentence.en or value in {"", "00"}
    assert broken.value.upstream_code == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"0"',
        b"<html><body>Bad Gateway</body></html>",
        b'{"error_code":0,"message":"',
        b'{"message":"ok","result":[]}',
        b'{"error_code":null}',
        b'{"error_code":true}',
        b'{"error_code":0.0}',
        b'{"error_code":[0]}',
        b'{"error_code":0,"message":5}',
        b'{"error_code":0,"message":{"vi":"ok"}}',
        b"\xff\xfe{\x00}\x00",
        b'{"error_code":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_an_answer_that_is_none_is_malformed(body: bytes) -> None:
    """HTML with 200, cut-off JSON, missing or wrong types: nothing can be concluded from it."""
    with pytest.raises(Malformed):
        answers.read(wire.Answer, body)


@CALM
@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
        max_leaves=10,
    ).map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) if _fits(value) else b"{}")
)
def test_no_answer_makes_the_reader_fall_over(body: bytes) -> None:
    """Whatever comes back, it is read or it is malformed; never another exception."""
    try:
        answer = answers.read(wire.Answer, body)
        answers.normal_code(answer.error_code)
        list(unknown_fields(answer))
    except Malformed:
        pass


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def test_what_is_wrong_is_named_and_never_quoted() -> None:
    """A malformed answer may hold a citizen's data: the error names the place only, down to its traceback."""
    with pytest.raises(Malformed) as broken:
        answers.read_part(wire.TraCuuHoSo, {"MaHoSo": "H99", "TrangThaiHoSo": ["Trần Thị Mẫu"]}, "result")
    assert "result.TrangThaiHoSo" in broken.value.sentence.en
    assert "Trần Thị Mẫu" not in f"{broken.value.sentence} {broken.value.__cause__}"


# --- status ----------------------------------------------------------------------------------------------------

STATUSES: dict[int, type[LienThongError]] = {
    301: NeedsPerson,
    302: NeedsPerson,
    400: Rejected,
    401: NeedsPerson,
    403: NeedsPerson,
    404: NeedsPerson,
    405: NeedsPerson,
    407: NeedsPerson,
    408: TryLater,
    413: Rejected,
    422: Rejected,
    429: TryLater,
}


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize(("status", "reaction"), STATUSES.items())
def test_a_status_below_500_has_one_reaction(status: int, reaction: type[LienThongError], is_write: bool) -> None:  # noqa: FBT001
    """The request was not carried out; who can help decides."""
    with pytest.raises(reaction) as refused:
        answers.check_status(HttpAnswer(status, {}, b"x"), is_write=is_write)
    assert refused.value.upstream_code == f"HTTP {status}"


@pytest.mark.parametrize(("is_write", "reaction"), [(True, OutcomeUnknown), (False, TryLater)])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_server_error_leaves_a_write_in_doubt(status: int, is_write: bool, reaction: type[LienThongError]) -> None:  # noqa: FBT001
    """The provider itself failed: a write may have happened, a question may be asked again."""
    with pytest.raises(reaction):
        answers.check_status(HttpAnswer(status, {}, b"x"), is_write=is_write)


def test_success_says_nothing() -> None:
    """HTTP 200 is also what business errors come with."""
    answers.check_status(HttpAnswer(200, {}, b"<html>"), is_write=True)


# --- drift -----------------------------------------------------------------------------------------------------


def test_unknown_fields_are_found_at_every_depth() -> None:
    """Drift is seen in the envelope, in an item, in an item of an item."""
    item = wire.ThuTuc.model_validate(
        {
            "MATTHC": "1.000001",
            "TENTTHC": "Thủ tục mẫu",
            "MOI": 1,
            "LINHVUCTHUCHIEN": [{"MALINHVUC": "1", "TENLINHVUC": "2", "CU": None}],
        }
    )
    assert sorted(unknown_fields(item)) == ["LINHVUCTHUCHIEN.CU", "MOI"]


@pytest.mark.parametrize("name", ["Trần Thị Mẫu", "099199000123", "a b", "", "x" * 65, "a\nb"])
def test_a_field_name_that_could_be_data_is_not_repeated(name: str) -> None:
    """The name ends in a metric; a name from outside may hold anything."""
    assert list(unknown_fields(wire.Answer.model_validate({"error_code": 0, name: 1}))) == ["(unprintable)"]
