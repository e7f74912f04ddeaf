"""The register as a table: its columns, a row of an account, and an account of a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from contracts.errors import Sentence
from hub.accounts.records import Held
from hub.sheets import Cell, Column


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the register."""

    key: str
    """Its name in programs; taken as a heading too."""
    heading: str
    path: str
    """The field of `contracts.accounts.AccountDeclaration` it fills; empty: written only."""
    many: bool = False
    """Several values, separated by semicolons."""
    width: int = 16


FIELDS: tuple[Field, ...] = (
    Field("account_id", "Tên đăng nhập", "id"),
    Field("full_name", "Họ và tên", "officer.full_name", width=28),
    Field("officer_number", "Số CCCD", "officer.number"),
    Field("officer_code", "Mã cán bộ", "officer.code"),
    Field("unit_code", "Mã đơn vị", "unit_code"),
    Field("role", "Vai trò", "role"),
    Field("purpose", "Mục đích khai thác", "purpose", width=36),
    Field("units", "Phạm vi đơn vị", "scope.units", many=True, width=24),
    Field("procedures", "Phạm vi thủ tục", "scope.procedures", many=True, width=24),
    Field("operations", "Chức năng được dùng", "scope.operations", many=True, width=28),
    Field("data_groups", "Nhóm thông tin", "scope.data_groups", many=True, width=28),
    Field("valid_from", "Hiệu lực từ", "valid_from"),
    Field("valid_until", "Hiệu lực đến", "valid_until"),
    Field("phone", "Điện thoại", "officer.phone"),
    Field("household_id", "Mã hộ", "officer.household_id"),
    Field("home_commune", "Mã xã cư trú", "officer.home_commune"),
    Field("home_hamlet", "Thôn, tổ", "officer.home_hamlet"),
    Field("state", "Trạng thái", ""),
    Field("approved_at", "Ngày phê duyệt", "", width=20),
    Field("last_used_at", "Lần khai thác cuối", "", width=20),
    Field("dormant_locked_at", "Ngày khoá do không khai thác", "", width=20),
)
COLUMNS = tuple(Column(one.heading, one.width) for one in FIELDS)

LABELS = {one.key: one.heading for one in FIELDS}
"""Heading of each column by its key."""

_BY_HEADING = {name.casefold(): one for one in FIELDS for name in (one.key, one.heading)}
_BY_PATH = {one.path: one for one in FIELDS if one.path}
_REQUIRED = {
    "account_id", "full_name", "officer_number", "officer_code", "unit_code", "role", "purpose", "operations",
    "valid_from",
}  # fmt: skip
_HAMLET_DIGITS = 5
_DATE = re.compile(r"(?P<day>[0-9]{1,2})/(?P<month>[0-9]{1,2})/(?P<year>[0-9]{4})")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell; ``row`` is the line in the sheet, the headings are line 1."""

    row: int
    column: str
    code: str
    sentence: Sentence


def row_of(held: Held) -> tuple[Cell, ...]:
    """Return an account as a row of `COLUMNS`."""
    facts, officer, scope = held.facts, held.facts.officer, held.facts.scope
    return (
        held.id,
        officer.full_name,
        officer.number,
        officer.code,
        facts.unit_code,
        facts.role,
        facts.purpose,
        "; ".join(scope.units),
        "; ".join(scope.procedures),
        "; ".join(scope.operations),
        "; ".join(scope.data_groups),
        facts.valid_from,
        facts.valid_until,
        officer.phone,
        officer.household_id,
        officer.home_commune,
        officer.home_hamlet,
        held.state.value,
        held.approved_at,
        held.last_used_at,
        held.dormant_locked_at,
    )


def fields_of(headings: Sequence[Cell]) -> tuple[list[Field | None], list[Fault]]:
    """Return which field each column is, ``None`` for an empty heading, and what is wrong with the headings."""
    fields: list[Field | None] = []
    faults: list[Fault] = []
    for heading in headings:
        text = str(heading or "").strip()
        field = _BY_HEADING.get(text.casefold())
        if text and field is None:
            # The heading is the sender's own text; only its place is told.
            faults.append(Fault(1, f"#{len(fields) + 1}", "column_unknown", _UNKNOWN))
        elif field is not None and field in fields:
            faults.append(Fault(1, field.heading, "column_twice", _TWICE))
        fields.append(field)
    known = {one.key for one in fields if one is not None}
    faults += [
        Fault(1, one.heading, "column_missing", _MISSING)
        for one in FIELDS
        if one.key in _REQUIRED and one.key not in known
    ]
    return fields, faults


def document_of(fields: Sequence[Field | None], cells: Sequence[Cell], row: int) -> tuple[dict[str, Any], list[Fault]]:
    """Return the JSON of an account, its id under ``id``, and what is wrong with the form of the cells."""
    document: dict[str, Any] = {"officer": {}, "scope": {}}
    faults: list[Fault] = []
    for field, cell in zip(fields, cells, strict=False):
        if field is None or not field.path or cell is None or cell == "":
            continue
        value, fault = _value(field, cell)
        if fault is not None:
            faults.append(Fault(row, field.heading, fault[0], fault[1]))
            continue
        parent, _, name = field.path.rpartition(".")
        (document[parent] if parent else document)[name] = value
    # An officer's own agency is the usual scope.
    document["scope"].setdefault("units", [document.get("unit_code")])
    return document, faults


def heading_of(path: str) -> str:
    """Return the heading of the column that a path such as ``scope.units[2]`` comes from; empty: none."""
    field = _BY_PATH.get(re.sub(r"\[[0-9]+\].*", "", path))
    return "" if field is None else field.heading


def _value(field: Field, cell: Cell) -> tuple[Any, tuple[str, Sentence] | None]:
    if field.key in {"valid_from", "valid_until"}:
        return _day(cell)
    if field.key == "home_hamlet":
        text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
        return (
            (int(text), None)
            if text.isascii() and text.isdecimal() and len(text) <= _HAMLET_DIGITS
            else (None, _NOT_NUMBER)
        )
    if not isinstance(cell, str):
        return None, ("not_text", _NOT_TEXT)
    if field.many:
        return [part.strip() for part in re.split(r"[;\n]", cell) if part.strip()], None
    return cell, None


def _day(cell: Cell) -> tuple[Any, tuple[str, Sentence] | None]:
    if isinstance(cell, datetime):
        return cell.date().isoformat(), None
    if isinstance(cell, date):
        return cell.isoformat(), None
    found = _DATE.fullmatch(str(cell))
    text = f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}" if found else str(cell)
    try:
        return date.fromisoformat(text).isoformat(), None
    except ValueError:
        return None, ("not_a_date", _NOT_DATE)


_UNKNOWN = Sentence(
    "The register has no column of this heading; take the headings of an export.",
    "Danh sách không có cột mang tiêu đề này; hãy dùng tiêu đề của tệp xuất ra.",
)
_TWICE = Sentence("This column stands in the table twice.", "Cột này xuất hiện hai lần trong bảng.")
_MISSING = Sentence("This column is missing.", "Thiếu cột này.")
_NOT_DATE = Sentence(
    "A day is expected here, as 2026-10-08 or 08/10/2026.", "Giá trị ở đây phải là ngày: 2026-10-08 hoặc 08/10/2026."
)
_NOT_NUMBER = ("wrong_type", Sentence("A whole number is expected here.", "Giá trị ở đây phải là số nguyên."))
_NOT_TEXT = Sentence(
    "The cell holds a number; format the column as text, for a leading zero is lost otherwise.",
    "Ô này là số; hãy định dạng cột là văn bản (Text), nếu không số 0 ở đầu sẽ bị mất.",
)
