"""Tables that people open in a spreadsheet, written and read: CSV and XLSX.

Written, identifiers are text, so that a leading zero stays; and what a spreadsheet would take for a formula begins with
an apostrophe, so that a name that somebody typed computes nothing on the reader's machine. Read, a file is bounded
before it is opened: its size, what it unpacks to, the cells it claims to have.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lxml import etree
from python_calamine import CalamineError, load_workbook

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.errors import Refusal

Cell = str | int | float | date | datetime | None
"""What a cell holds; `datetime` with its zone."""

BOM = "\ufeff"
CSV_TYPE = b"text/csv; charset=utf-8"
XLSX_TYPE = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MOST_UNPACKED = 32 << 20
MOST_ENTRIES = 500
MOST_COLUMNS = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is written: its heading, and how wide a workbook shows it, in characters."""

    heading: str
    width: int = 16


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_typed(text: str) -> str:
    """Return the text that `harmless` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


# --- writing ------------------------------------------------------------------------------------------------


def csv_bytes(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return a CSV file in UTF-8 with BOM; text is quoted, numbers are not."""
    text = io.StringIO()
    text.write(BOM)
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([one.heading for one in columns])
    for row in rows:
        writer.writerow([_csv_cell(value) for value in row])
    return text.getvalue().encode()


def _csv_cell(value: Cell) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else value


def workbook_bytes(sheets: Sequence[tuple[str, Sequence[Column], Iterable[Sequence[Cell]]]]) -> bytes:
    """Return an XLSX file with these sheets: name, columns, rows. Text stays text, dates are dates (Vietnam time)."""
    file = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "remove_timezone": True,
    }
    # Imported where a workbook is made: every command and process imports this module, few make one.
    import xlsxwriter  # noqa: PLC0415

    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        text = book.add_format({"num_format": "@"})
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        for name, columns, rows in sheets:
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for index, column in enumerate(columns):
                sheet.set_column(index, index, column.width)
                sheet.write_string(0, index, column.heading, bold)
            for line, row in enumerate(rows, start=1):
                for index, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(line, index, value, text)
                    elif isinstance(value, datetime):
                        sheet.write_datetime(line, index, value.astimezone(VIETNAM).replace(tzinfo=None), moment)
                    elif isinstance(value, date):
                        sheet.write_datetime(line, index, value, day)
                    elif value is not None:
                        sheet.write_number(line, index, value)
    return file.getvalue()


# --- reading ------------------------------------------------------------------------------------------------


def read_csv(data: bytes, *, most_rows: int) -> list[list[Cell]]:
    """Return the rows of a CSV file: UTF-8, separated by comma, semicolon or tab; raise `Refusal` 422."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("not_utf8", "The file is not UTF-8 text; save it as CSV UTF-8.", _NOT_UTF8_VI) from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows: list[list[Cell]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if len(row) > MOST_COLUMNS or len(rows) > most_rows:
                raise _too_large(most_rows)
            rows.append([as_typed(unicodedata.normalize("NFC", cell.strip(" "))) for cell in row])
    except csv.Error:
        raise _unreadable() from None
    return rows


def read_workbook(data: bytes, *, most_rows: int) -> list[list[Cell]]:
    """Return the rows of the first sheet of an XLSX file; raise `Refusal` 422. Takes a thread's time, not a loop's."""
    try:
        _require_small(data, most_rows)
        sheet = load_workbook(io.BytesIO(data)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, etree.XMLSyntaxError, OSError, EOFError, ValueError, IndexError):
        raise _unreadable() from None
    return [[_cell(value) for value in row] for row in rows]


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return as_typed(unicodedata.normalize("NFC", value.strip(" ")))
    return value if isinstance(value, int | float | date) and not isinstance(value, bool) else str(value)


def _require_small(data: bytes, most_rows: int) -> None:
    """Refuse a workbook that would unpack to much, or whose cells lie far apart: a reader fills what is between."""
    left = MOST_UNPACKED
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if len(archive.infolist()) > MOST_ENTRIES:
            raise _too_large(most_rows)
        for entry in archive.infolist():
            unpacked = io.BytesIO()
            with archive.open(entry) as stream:
                while chunk := stream.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise _too_large(most_rows)
                    unpacked.write(chunk)
            if entry.filename.lower().endswith((".xml", ".rels")):
                unpacked.seek(0)
                if any(row > most_rows + 1 or column > MOST_COLUMNS for row, column in _positions(unpacked)):
                    raise _too_large(most_rows)


def _positions(xml: io.BytesIO) -> Iterator[tuple[int, int]]:
    """Yield row and column of every cell that says where it is, counted from 1."""
    events = etree.iterparse(xml, events=("end",), resolve_entities=False, no_network=True, load_dtd=False)
    for _, element in events:
        place = element.get("r", "") if etree.QName(element).localname in {"c", "row"} else ""
        letters = place.rstrip("0123456789")
        column = 0
        for letter in letters.upper()[:8]:
            column = column * 26 + max(ord(letter) - 64, 1)
        yield int(place[len(letters) :][:9] or 0), column
        element.clear()


_NOT_UTF8_VI = "Tệp không phải văn bản UTF-8; hãy lưu dạng CSV UTF-8."


def _unreadable() -> Refusal:
    return _refused(
        "sheet_unreadable",
        "The file cannot be read; send a CSV file in UTF-8 or an XLSX workbook without a password.",
        "Không đọc được tệp; hãy gửi tệp CSV (UTF-8) hoặc XLSX không đặt mật khẩu.",
    )


def _too_large(most_rows: int) -> Refusal:
    return _refused(
        "sheet_too_large",
        f"The table is too large: at most {most_rows} rows and {MOST_COLUMNS} columns; look for stray cells far away.",
        f"Bảng quá lớn: tối đa {most_rows} dòng và {MOST_COLUMNS} cột; hãy kiểm tra các ô thừa ở xa.",
    )


def _refused(code: str, en: str, vi: str) -> Refusal:
    return Refusal(422, code, Sentence(en, vi), field="content")
