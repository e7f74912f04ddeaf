"""Reading the five files of a replay: strict about what decides, lenient about how it is written.

Every fault names the file and the line, in English and Vietnamese, and never quotes the line, which may name a citizen.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TypeVar

import orjson

from contracts.errors import Sentence
from hub.running.command_error import CommandError
from hub.watch.records import Context, Dossier, Lookup, Officer, Outcome, Subject

T = TypeVar("T")

_MOST_BYTES = 1 << 20
"""Of one line; a dossier of a relief list may have thousands of parties."""
_FOUND = Outcome.FOUND.value
_OUTCOMES = frozenset(one.value for one in Outcome)
_LAST_MINUTE = 24 * 60 - 1


class Fault(Exception):  # noqa: N818 - what is wrong with one line, told by whoever knows the line
    """What is wrong with a value; ``en`` and ``vi`` end the sentence about its line."""

    def __init__(self, en: str, vi: str) -> None:
        """Neither text may quote a value of the line."""
        super().__init__(en)
        self.en = en
        self.vi = vi


def not_valid(path: Path, line: int, fault: Fault) -> CommandError:
    """Return the error about one line of a file."""
    return CommandError(
        "replay_input_invalid",
        Sentence(f"{path}, line {line}: {fault.en}.", f"{path}, dòng {line}: {fault.vi}."),
    )


class Position:
    """How far a file has been read."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0
        """Bytes."""


def read_lines(
    path: Path, make: Callable[[Mapping[str, Any], int], T], position: Position | None = None
) -> Iterator[T]:
    """Yield what ``make`` makes of every line of a file of JSON objects; empty lines are passed over.

    Raises `CommandError` naming the line that is not valid, or the file that cannot be read.
    """
    number = 0
    position = position or Position()
    loads = orjson.loads
    try:
        with path.open("rb") as file:
            while line := file.readline(_MOST_BYTES + 1):
                number += 1
                size = len(line)
                position.read += size
                if number == 1:
                    line = line.removeprefix(BOM_UTF8)
                try:
                    document = loads(line)
                except orjson.JSONDecodeError:
                    if line.isspace():
                        continue
                    raise _not_json(size) from None
                yield make(document, number)
    except OSError as error:
        raise _unreadable(path, error) from None
    except Fault as found:
        raise not_valid(path, number, found) from None
    except KeyError as error:
        name = str(error.args[0])
        raise not_valid(path, number, Fault(f"the field {name} is missing", f"thiếu trường {name}")) from None
    except (TypeError, ValueError, AttributeError):
        fault = Fault(
            "a field has the wrong type or an impossible value; see docs/watch.md for the fields",
            "có trường sai kiểu hoặc giá trị không hợp lệ; xem các trường trong docs/watch.md",
        )
        raise not_valid(path, number, fault) from None


def _not_json(size: int) -> Fault:
    if size > _MOST_BYTES:
        return Fault("the line is too long", "dòng quá dài")
    return Fault("this is not a JSON object", "không phải một đối tượng JSON")


def repeats(records: Iterable[T], key: Callable[[T], str]) -> int:
    """Count the records that say something else than the first one of their key."""
    first: dict[str, T] = {}
    return sum(first.setdefault(key(one), one) != one for one in records)


def read_context(path: Path) -> Context:
    """Read the one document of the calendar and the lists. Raises `CommandError`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        return _context(orjson.loads(raw.removeprefix(BOM_UTF8)))
    except Fault as found:
        raise not_valid(path, 1, found) from None
    except KeyError as error:
        name = str(error.args[0])
        raise not_valid(path, 1, Fault(f"the field {name} is missing", f"thiếu trường {name}")) from None
    except (TypeError, ValueError, AttributeError):
        fault = Fault(
            "this is not the context of a replay; see docs/watch.md for the fields",
            "không phải tệp bối cảnh của lần chạy lại; xem các trường trong docs/watch.md",
        )
        raise not_valid(path, 1, fault) from None


def event_maker(subjects: Mapping[str, Subject]) -> Callable[[Mapping[str, Any], int], Lookup]:
    """Return what makes a look-up of a line; a person's attributes are given only where they were found."""
    known = subjects.get
    moment = datetime.fromisoformat
    before = float("-inf")

    def make(line: Mapping[str, Any], number: int) -> Lookup:
        nonlocal before
        at = moment(line["ts"])
        if at.tzinfo is None:
            raise Fault("ts has no offset", "ts không có múi giờ")
        ts = at.timestamp()
        if ts < before:
            raise Fault("the events are not in order of time", "các sự kiện không theo thứ tự thời gian")
        before = ts
        outcome = line["outcome"]
        if outcome not in _OUTCOMES:
            raise Fault("outcome is not found, not_found or denied", "outcome không phải found, not_found hay denied")
        subject_id = line["subject_id"]
        code = line["dossier_code"]
        account_id = line["account_id"]
        if not (type(subject_id) is str and type(account_id) is str and account_id):
            raise Fault("account_id and subject_id must be text", "account_id và subject_id phải là chuỗi ký tự")
        role, unit, ip = line["officer_role"], line["unit_code"], line["ip"] or ""
        if not (type(role) is str and type(unit) is str and type(ip) is str):
            raise Fault(
                "officer_role, unit_code and ip must be text", "officer_role, unit_code và ip phải là chuỗi ký tự"
            )
        if code is not None and type(code) is not str:
            raise Fault("dossier_code must be text or null", "dossier_code phải là chuỗi ký tự hoặc null")
        return Lookup(
            ts,
            account_id,
            role,
            unit,
            ip,
            code or None,
            line.get("purpose") or "",
            subject_id,
            outcome,
            str(number),
            known(subject_id) if outcome == _FOUND else None,
        )

    return make


def dossier_of(line: Mapping[str, Any], _number: int) -> Dossier:
    """Make a dossier of a line."""
    closed = line.get("closed_at")
    return Dossier(
        _text(line["code"]),
        _text(line["unit_code"]),
        _text(line["procedure"]),
        tuple(map(_text, line["assigned_officers"])),
        tuple(map(_text, line["party_ids"])),
        _moment(line["opened_at"]),
        None if closed is None else _moment(closed),
    )


def officer_of(line: Mapping[str, Any], _number: int) -> Officer:
    """Make an officer of a line."""
    change = line.get("role_change")
    return Officer(
        account_id=_text(line["account_id"]),
        officer_role=_text(line["officer_role"]),
        unit_code=_text(line["unit_code"]),
        own_subject_id=_optional(line.get("own_subject_id")),
        household_id=_optional(line.get("household_id")),
        home_commune=_optional(line.get("home_commune")),
        home_hamlet=_hamlet(line.get("home_hamlet")),
        account_created=_day(line.get("account_created")),
        last_lookup_before_stream=_day(line.get("last_lookup_before_stream")),
        role_change=None if change is None else (date.fromisoformat(change["date"][:10]), _text(change["to"])),
        duty_dates=frozenset(date.fromisoformat(one[:10]) for one in line.get("duty_dates") or ()),
    )


def subject_of(line: Mapping[str, Any], _number: int) -> Subject:
    """Make a person of a line."""
    return Subject(
        _text(line["subject_id"]),
        _optional(line.get("commune")),
        _hamlet(line.get("hamlet")),
        _optional(line.get("household_id")),
    )


def _context(document: Mapping[str, Any]) -> Context:
    hours = tuple((_clock(start), _clock(end)) for start, end in document["office_hours"])
    if any(start >= end for start, end in hours):
        raise Fault("office_hours end before they begin", "office_hours kết thúc trước khi bắt đầu")
    return Context(
        start=date.fromisoformat(document["start"][:10]),
        days=int(document["days"]),
        timezone=_text(document["timezone"]),
        holidays=frozenset(date.fromisoformat(one[:10]) for one in document.get("holidays") or ()),
        makeup_workdays=frozenset(date.fromisoformat(one[:10]) for one in document.get("makeup_workdays") or ()),
        office_hours=hours,
        saturday_morning_units=frozenset(map(_text, document.get("saturday_morning_units") or ())),
        protected_persons=frozenset(map(_text, document.get("protected_persons") or ())),
        # Nothing is judged by these two, so codes and objects with a code are both well.
        communes=tuple(map(_code, document.get("communes") or ())),
        departments=tuple(map(_code, document.get("departments") or ())),
    )


def _code(value: Any) -> str:
    return str(value.get("code", "")) if isinstance(value, Mapping) else str(value)


def _clock(value: Any) -> time:
    """Read ``07:30`` or the hours as a number; an end of 24:00 is the last minute."""
    if isinstance(value, int | float):
        minutes = round(value * 60)
    else:
        hour, _, minute = _text(value).partition(":")
        minutes = int(hour) * 60 + int(minute[:2] or 0)
    minutes = min(minutes, _LAST_MINUTE)
    return time(minutes // 60, minutes % 60)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    return value


def _optional(value: Any) -> str:
    return "" if value is None else _text(value)


def _hamlet(value: Any) -> int | None:
    return None if value is None else int(value)


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value[:10])


def _moment(value: Any) -> float:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise Fault("a moment has no offset", "thời điểm không có múi giờ")
    return at.timestamp()


def _unreadable(path: Path, error: OSError) -> CommandError:
    return CommandError(
        "not_read",
        Sentence(
            f"The file {path} cannot be read ({error.strerror}).", f"Không đọc được tệp {path} ({error.strerror})."
        ),
    )
