"""The log: structured, from every library alike, and without a citizen's data."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.people import Contact, PersonalNumberIdentifier
from hub.log import configure_logging
from hub.masking import HIDDEN, denied_keys, mask_mapping, mask_text, mask_value
from hub.settings import LogSettings
from hub.store.errors import StoreUnavailable

_PERSON = "099199000123"
_MASKED = "•••••••••123"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> io.StringIO:
    """What the log writes to."""
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    """The JSON lines logged so far."""
    configure_logging(LogSettings(level="debug"), stream=stream)
    return lambda: [orjson.loads(line) for line in stream.getvalue().splitlines()]


# --- masking ------------------------------------------------------------------------------------------------

_DIGITS = st.text("0123456789", min_size=1, max_size=20)


@given(before=st.text("aố -_/.", max_size=5), digits=_DIGITS, after=st.text("aố -_/.", max_size=5))
def test_numbers_of_9_and_12_digits_keep_only_their_last_three(before: str, digits: str, after: str) -> None:
    """Identity numbers never stand in a log whole, whatever is around them."""
    masked = mask_text(before + digits + after)
    if len(digits) in {9, 12}:
        assert masked == before + "•" * (len(digits) - 3) + digits[-3:] + after
    if not {9, 10, 11, 12} & {len(digits)}:
        assert masked == before + digits + after


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.text() | st.just(_PERSON) | st.just(f"số {_PERSON}.") | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(_PERSON), inner),
        max_leaves=20,
    )
)
def test_no_number_survives_at_any_depth(value: Any) -> None:
    """Lists, tables, keys: nowhere does an identity number get through."""
    assert _PERSON not in orjson.dumps({"found": mask_value(value)}).decode()


@given(value=st.text(min_size=4), key=st.sampled_from(sorted(denied_keys())), upper=st.booleans())
def test_denied_keys_lose_their_value(*, value: str, key: str, upper: bool) -> None:
    """What is known to be personal is hidden even if it does not look it, at any depth, in any case."""
    name = key.upper() if upper else key
    assert mask_mapping({"event": "e", "more": [{name: value}]}) == {"event": "e", "more": [{name: HIDDEN}]}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (_PERSON, _MASKED),
        ("GET /v1/usage/099199000123?x=1", f"GET /v1/usage/{_MASKED}?x=1"),
        ("cmnd 024123456", "cmnd ••••••456"),
        ("gọi 0912345678 hoặc +84912345678", "gọi •••••••678 hoặc +••••••••678"),
        ("H99.12-261008-0001", "H99.12-261008-0001"),
        ("2026-10-08T07:00:00Z", "2026-10-08T07:00:00Z"),
        ("0199b2c4-7a3e-7c11-8000-123456789012", "0199b2c4-7a3e-7c11-8000-123456789012"),
        ("１２３４５６７８９０１２", "•••••••••０１２"),
    ],
)
def test_identity_and_telephone_numbers_are_masked_and_codes_are_not(text: str, masked: str) -> None:
    """Operators keep dossier codes, times and exchange ids; citizens keep their numbers."""
    assert mask_text(text) == masked


def test_fields_marked_in_the_contracts_are_denied() -> None:
    """The mark on a field of a contract is enough; nobody has to remember this list."""
    assert {"phone", "email", "address", "technical_id", "summary", "paper_number"} <= denied_keys()


def test_only_plain_data_is_shown() -> None:
    """A model, an exception or bytes could print what they hold, so only their kind is named."""

    class Kind(StrEnum):
        ONE = "one"

    class Loud:
        def __repr__(self) -> str:
            return _PERSON

    moment = datetime(2026, 10, 8, tzinfo=UTC)
    assert mask_value([PersonalNumberIdentifier(value=_PERSON), Loud(), ValueError(_PERSON)]) == [
        *("<PersonalNumberIdentifier>", "<Loud>", "<ValueError>"),
    ]
    assert mask_value((Kind.ONE, moment, Path("/x"), b"abc", 1.5, None)) == [
        *("one", moment.isoformat(), "/x", "<3 bytes>", 1.5, None),
    ]
    deep: Any = _PERSON
    for _ in range(40):
        deep = [deep]
    assert _PERSON not in str(mask_value(deep))


# --- lines --------------------------------------------------------------------------------------------------


def test_a_line_is_json_with_level_time_and_origin(lines: Lines) -> None:
    """Machines read the log without guessing."""
    exchange = uuid.uuid4()
    structlog.get_logger("hub.test").warning(
        "exchange_refused", exchange_id=exchange, dossier_code="H99.12-261008-0001"
    )
    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "exchange_refused",
        "level": "warning",
        "logger": "hub.test",
        "exchange_id": str(exchange),
        "dossier_code": "H99.12-261008-0001",
    }


def test_our_lines_are_masked(lines: Lines) -> None:
    """Neither the event, nor a value, nor an object in it gives a citizen away."""
    structlog.get_logger("hub.test").info(
        f"saw {_PERSON}", name="Nguyễn Văn A", note_for=_PERSON, contact=Contact(phone="0912345678"), event_2=[_PERSON]
    )
    (line,) = lines()
    assert line["event"] == f"saw {_MASKED}"
    assert line["name"] == HIDDEN
    assert _PERSON not in str(line)
    assert "0912345678" not in str(line)


@pytest.mark.parametrize("name", ["uvicorn.access", "uvicorn.error", "psycopg.pool", "any.library"])
def test_the_lines_of_libraries_take_the_same_path(lines: Lines, name: str) -> None:
    """A library's line is JSON and masked like ours."""
    logging.getLogger(name).warning('%s - "GET /v1/usage/%s HTTP/1.1"', "127.0.0.1", _PERSON)
    (line,) = lines()
    assert line["logger"] == name
    assert line["event"] == f'127.0.0.1 - "GET /v1/usage/{_MASKED} HTTP/1.1"'


def test_an_exception_is_told_by_type_and_place_without_its_words(lines: Lines) -> None:
    """A library's words may quote the value that displeased it; the place and the cause are enough."""

    class Form(BaseModel):
        number: int

    log = structlog.get_logger("hub.test")
    try:
        try:
            Form(number=f"x{_PERSON}")
        except ValidationError as error:
            raise StoreUnavailable from error
    except StoreUnavailable:
        log.exception("intake_failed")
    (line,) = lines()
    outer, inner = line["exception"]
    assert outer["type"] == "hub.store.errors.StoreUnavailable"
    assert "database does not answer" in outer["sentence"]
    assert inner["type"].endswith("ValidationError")
    assert any("test_log.py" in frame for frame in inner["at"])
    assert _PERSON not in str(line)
    assert "input_value" not in str(line)


def test_a_task_nobody_awaited_tells_its_exception_without_its_words(lines: Lines) -> None:
    """Asyncio prints the exception of a lost task in full; the log does not."""

    async def lose() -> None:
        async def fail() -> None:
            raise ValueError(f"Nguyễn Văn A {_PERSON}")

        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    asyncio.run(lose())
    found = [line for line in lines() if line["logger"] == "asyncio" and line["level"] == "error"]
    assert [line["event"] for line in found] == ["Task exception was never retrieved"]
    assert found[0]["exception"][0]["type"] == "builtins.ValueError"
    assert "Nguyễn" not in str(lines())


def test_a_caller_cannot_pass_text_as_exception(lines: Lines) -> None:
    """The key our own processor uses is masked like any other."""
    structlog.get_logger("hub.test").error("e", exception=f"value {_PERSON}")
    assert lines()[0]["exception"] == f"value {_MASKED}"


def test_bound_context_is_masked_too(lines: Lines) -> None:
    """What a request binds for all its lines obeys the same rules."""
    with structlog.contextvars.bound_contextvars(request_id="r1", email="a@example.vn"):
        structlog.get_logger("hub.test").info("e")
    assert lines()[0]["request_id"] == "r1"
    assert lines()[0]["email"] == HIDDEN


def test_http_clients_do_not_write_addresses_of_requests(lines: Lines) -> None:
    """Their information lines hold whole URLs, with whatever stands in them."""
    logging.getLogger("httpx").info("HTTP Request: GET http://127.0.0.1/?token=x")
    assert lines() == []


def test_the_level_is_obeyed(stream: io.StringIO) -> None:
    """Below the level nothing is written, by us or by libraries."""
    configure_logging(LogSettings(level="warning"), stream=stream)
    structlog.get_logger("hub.test").info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger("hub.test").warning("loud")
    assert stream.getvalue().count("\n") == 1


def test_lines_for_people_are_masked_alike(stream: io.StringIO) -> None:
    """The console form is a form, not an exemption."""
    configure_logging(LogSettings(format="console"), stream=stream)
    structlog.get_logger("hub.test").error("failed", seen=_PERSON, exc_info=ValueError(_PERSON))
    text = stream.getvalue()
    assert "failed" in text
    assert "ValueError" in text
    assert _PERSON not in text


def test_configuring_twice_does_not_double_the_lines(stream: io.StringIO, lines: Lines) -> None:
    """A reload of the configuration is harmless."""
    configure_logging(LogSettings(), stream=stream)
    structlog.get_logger("hub.test").info("once")
    assert len(lines()) == 1


@pytest.mark.parametrize("value", ["\ud800", 2**70, float("nan")])
def test_odd_values_do_not_lose_a_line(lines: Lines, value: Any) -> None:
    """What JSON writers stumble over is written all the same."""
    structlog.get_logger("hub.test").info("odd", value_seen=value)
    assert lines()[0]["event"] == "odd"


def test_a_line_that_cannot_be_written_does_not_spill_what_it_holds(
    lines: Lines, stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library would print the raw values on standard error."""
    record = logging.LogRecord("library", logging.ERROR, __file__, 1, "%d", (_PERSON,), None)
    (handler,) = [handler for handler in logging.getLogger().handlers if handler.stream is stream]  # type: ignore[attr-defined]
    handler.handle(record)
    assert '"log_line_lost"' in stream.getvalue()
    assert lines()[0] == {"event": "log_line_lost", "logger": "library", "type": "TypeError"}
    assert _PERSON not in stream.getvalue() + capsys.readouterr().err
