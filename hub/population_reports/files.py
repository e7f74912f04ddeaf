"""A report as a file for people, headed in Vietnamese: a workbook with a sheet for each table, or a table as CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.population_reports.views import PopulationUseReport
from hub.sheets import CSV_TYPE, XLSX_TYPE, Cell, Column, csv_bytes, workbook_bytes


class ReportFormat(StrEnum):
    """In which format a report is handed out."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"

    @property
    def media_type(self) -> bytes:
        """The media type of the answer."""
        return {"json": b"application/json", "csv": CSV_TYPE, "xlsx": XLSX_TYPE}[self.value]


class ReportTable(StrEnum):
    """The tables of a report; a CSV file holds one of them."""

    SUMMARY = "summary"
    UNITS = "units"
    ACCOUNTS = "accounts"
    MONTHS = "months"
    QUARTERS = "quarters"
    UNIT_MONTHS = "unit_months"
    KINDS = "kinds"
    REFUSALS = "refusals"
    ACCOUNT_STATES = "account_states"
    CLOSED_ACCOUNTS = "closed_accounts"
    DORMANT_ACCOUNTS = "dormant_accounts"
    CASES = "cases"


Heads = Sequence[tuple[str, str, int]]
"""Of each column: the field, its heading, its width in characters."""

_FIGURES: Heads = (
    ("lookups", "Số lượt khai thác", 12),
    ("found", "Có kết quả", 12),
    ("not_found", "Không tìm thấy", 12),
    ("denied", "Bị từ chối", 12),
    ("failed", "Lỗi", 10),
    ("mismatch", "Trả sai người", 12),
    ("repeated", "Gửi lặp", 10),
    ("unended", "Chưa có kết thúc", 12),
    ("break_glass", "Khẩn cấp (không hồ sơ)", 14),
    ("people", "Số công dân", 12),
    ("accounts", "Số tài khoản", 12),
    ("judged", "Đã đánh giá", 12),
    ("explained", "Có giải trình", 12),
    ("explained_share", "Tỷ lệ có giải trình", 14),
)
_UNIT = ("unit_code", "Mã đơn vị", 18)
_ACCOUNT = ("account_id", "Tên đăng nhập", 20)
_OFFICER = ("officer_code", "Mã cán bộ", 16)

_HEADS: Mapping[ReportTable, Heads] = {
    ReportTable.UNITS: (_UNIT, *_FIGURES),
    ReportTable.ACCOUNTS: (_UNIT, _ACCOUNT, _OFFICER, ("role", "Vai trò", 16), *_FIGURES),
    ReportTable.MONTHS: (("month", "Tháng", 10), *_FIGURES),
    ReportTable.QUARTERS: (("quarter", "Quý", 10), *_FIGURES),
    ReportTable.UNIT_MONTHS: (_UNIT, ("month", "Tháng", 10), *_FIGURES),
    ReportTable.KINDS: (("kind", "Chức năng", 24), *_FIGURES),
    ReportTable.REFUSALS: (("code", "Lý do từ chối", 28), ("lookups", "Số lượt", 12), ("accounts", "Số tài khoản", 12)),
    ReportTable.ACCOUNT_STATES: (
        _UNIT,
        ("active", "Đang hoạt động", 14),
        ("requested", "Chờ phê duyệt", 14),
        ("suspended", "Tạm ngưng", 12),
        ("locked", "Đã khoá", 12),
        ("locked_dormant", "Khoá do không khai thác", 16),
        ("revoked", "Đã thu hồi", 12),
        ("dormant", "Lâu không khai thác", 16),
    ),
    ReportTable.CLOSED_ACCOUNTS: (
        _UNIT,
        _ACCOUNT,
        _OFFICER,
        ("at", "Thời điểm", 20),
        ("act", "Biện pháp", 12),
        ("because", "Căn cứ", 14),
        ("document_number", "Số văn bản", 20),
        ("state", "Trạng thái hiện tại", 16),
    ),
    ReportTable.DORMANT_ACCOUNTS: (_UNIT, _ACCOUNT, _OFFICER, ("idle_since", "Không khai thác từ", 20)),
    ReportTable.CASES: (
        _UNIT,
        ("opened", "Phát sinh", 12),
        ("decided", "Đã kết luận", 12),
        ("violations", "Vi phạm", 12),
        ("normal", "Bình thường", 12),
        ("not_enough_evidence", "Chưa đủ chứng cứ", 14),
        ("open", "Đang xử lý", 12),
    ),
}

_WORDS = {
    ("act", "suspend"): "Tạm ngưng",
    ("act", "lock"): "Khoá",
    ("act", "revoke"): "Thu hồi",
    ("because", "disuse"): "Không khai thác",
    ("because", "case"): "Vụ việc",
    ("because", "person"): "Đề nghị",
    ("state", "requested"): "Chờ phê duyệt",
    ("state", "active"): "Đang hoạt động",
    ("state", "suspended"): "Tạm ngưng",
    ("state", "locked"): "Đã khoá",
    ("state", "revoked"): "Đã thu hồi",
    ("state", "refused"): "Bị từ chối",
    ("kind", "find_citizen"): "Tra cứu công dân",
    ("kind", "find_household"): "Tra cứu hộ gia đình",
}
"""Stable words as people read them, by field."""

TOTAL = "Tổng cộng"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table ready to be written."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


_TITLES: Mapping[ReportTable, tuple[str, Callable[[PopulationUseReport], Sequence[Any]]]] = {
    ReportTable.UNITS: ("Theo đơn vị", lambda one: (*one.by_unit, one.total)),
    ReportTable.ACCOUNTS: ("Theo tài khoản", lambda one: one.by_account),
    ReportTable.MONTHS: ("Theo tháng", lambda one: (*one.by_month, one.total)),
    ReportTable.QUARTERS: ("Theo quý", lambda one: (*one.by_quarter, one.total)),
    ReportTable.UNIT_MONTHS: ("Theo đơn vị và tháng", lambda one: one.by_unit_and_month),
    ReportTable.KINDS: ("Theo chức năng", lambda one: (*one.by_kind, one.total)),
    ReportTable.REFUSALS: ("Lượt bị từ chối", lambda one: one.refusals),
    ReportTable.ACCOUNT_STATES: ("Tài khoản", lambda one: (*one.accounts, one.accounts_total)),
    ReportTable.CLOSED_ACCOUNTS: ("Tài khoản bị khoá, thu hồi", lambda one: one.closed_accounts),
    ReportTable.DORMANT_ACCOUNTS: ("Tài khoản không khai thác", lambda one: one.dormant_accounts),
    ReportTable.CASES: ("Vụ việc", lambda one: (*one.cases, one.cases_total)),
}


def table_of(report: PopulationUseReport, table: ReportTable) -> Sheet:
    """Return one table of a report; a line for all stands last and has the word for it in its first column."""
    if table is ReportTable.SUMMARY:
        return _summary(report)
    title, lines = _TITLES[table]
    heads = _HEADS[table]
    rows = tuple(
        tuple(_cell(line, name, first=index == 0) for index, (name, _, _) in enumerate(heads)) for line in lines(report)
    )
    return Sheet(title, tuple(Column(heading, width) for _, heading, width in heads), rows)


def csv_of(report: PopulationUseReport, table: ReportTable) -> bytes:
    """Return one table as CSV: UTF-8 with BOM, identifiers quoted, nothing a spreadsheet would compute."""
    sheet = table_of(report, table)
    return csv_bytes(sheet.columns, sheet.rows)


def workbook_of(report: PopulationUseReport) -> bytes:
    """Return the report as an XLSX workbook, a sheet for each table, the heading of each frozen."""
    sheets = [table_of(report, one) for one in ReportTable]
    return workbook_bytes([(one.title, one.columns, one.rows) for one in sheets])


def file_name(report: PopulationUseReport, form: ReportFormat, table: ReportTable) -> str:
    """Return a name for the file."""
    part = f"-{table.value.replace('_', '-')}" if form is ReportFormat.CSV else ""
    return f"khai-thac-csdl-dan-cu-{report.period.period}{part}.{form.value}"


def _cell(line: Any, name: str, *, first: bool) -> Cell:
    value: Cell = getattr(line, name)
    if value is None:
        return TOTAL if first else None
    return _WORDS.get((name, value), value) if isinstance(value, str) else value


def _summary(report: PopulationUseReport) -> Sheet:
    period = report.period
    rows: list[tuple[Cell, ...]] = [
        ("Kỳ báo cáo", period.title),
        ("Từ ngày", period.first_day),
        ("Đến ngày", period.last_day),
        ("Kỳ đã kết thúc", "Có" if period.complete else "Chưa"),
        ("Lập lúc", report.made_at),
        ("Đơn vị", report.agency or (", ".join(report.units) or "Toàn tỉnh")),
    ]
    rows += [(heading, getattr(report.total, name)) for name, heading, _ in _FIGURES]
    for table, part in ((ReportTable.ACCOUNT_STATES, report.accounts_total), (ReportTable.CASES, report.cases_total)):
        title = _TITLES[table][0]
        rows += [(f"{title}: {heading.lower()}", getattr(part, name)) for name, heading, _ in _HEADS[table][1:]]
    return Sheet("Tổng hợp", (Column("Chỉ tiêu", 40), Column("Giá trị", 28)), tuple(rows))
