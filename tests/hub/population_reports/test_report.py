"""The report's figures, counted again in Python from the rows that were written; who may see which of them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook

from contracts.calendar import VIETNAM
from hub.access.agencies import covers
from hub.errors import Refusal
from hub.population_reports.files import ReportFormat, ReportTable, csv_of, file_name, table_of, workbook_of
from hub.population_reports.periods import Period
from hub.population_reports.service import PopulationReports, ReportReader
from hub.population_reports.views import PopulationUseReport
from hub.profiles.profile import load_profile
from hub.sheets import read_csv
from hub.store.engine import Store
from tests.hub.population_reports.conftest import NOW, Seeded

POLICE = ReportReader("cong-an-tinh")
PROFILE = load_profile()
COUNTED = ("found", "not_found", "denied", "failed", "mismatch", "repeated")


def reports(store: Store, **values: Any) -> PopulationReports:
    """The service, with values of the profile changed."""
    return PopulationReports(store, PROFILE.model_copy(update=values), now=lambda: NOW)


def counted(lookups: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Count look-ups as the report must, the plain way."""
    made = list(lookups)
    outcomes = Counter(one[".outcome"] for one in made)
    judged = [one[".judgements"][-1] for one in made if one[".judgements"]]
    explained = sum(w < 0.5 for w in judged)
    return {
        "lookups": len(made),
        **{name: outcomes[name] for name in COUNTED},
        "unended": outcomes[None],
        "break_glass": sum(one["break_glass"] for one in made),
        "people": len(
            {one[".found_hash"] or one["subject_hash"] for one in made if one[".outcome"] != "denied"} - {None}
        ),
        "accounts": len({one["account_id"] for one in made}),
        "judged": len(judged),
        "explained": explained,
        "explained_share": round(explained / len(judged), 4) if judged else None,
    }


def counts_of(world: Seeded, period: Period, units: Callable[[str], bool]) -> list[dict[str, Any]]:
    """The look-ups that count: of citizens in the population database, in the period, of these agencies."""
    return [
        one
        for one in world.lookups
        if period.start <= one["asked_at"] < period.end
        and (one["kind"] in {"find_citizen", "find_household"} or one["kind"].startswith("confirm:"))
        and units(one["unit_code"])
    ]


def month_of(moment: datetime) -> str:
    """The month in Vietnam."""
    return moment.astimezone(VIETNAM).strftime("%Y-%m")


def quarter_of(moment: datetime) -> str:
    """The quarter in Vietnam."""
    local = moment.astimezone(VIETNAM)
    return f"{local.year}-Q{(local.month + 2) // 3}"


def shown(lines: Iterable[Any], *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Lines of a report by their key, with their figures only."""
    figures = counted([]).keys()
    return {tuple(getattr(one, key) for key in keys): {name: getattr(one, name) for name in figures} for one in lines}


def grouped(
    lookups: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], tuple[Any, ...]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The same by plain grouping."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in lookups:
        groups.setdefault(key(one), []).append(one)
    return {name: counted(rows) for name, rows in groups.items()}


async def test_every_figure_is_what_plain_counting_gives(store: Store, seeded: Seeded) -> None:
    """Of a month, a quarter, a half-year; of the province, of an agency with those below, of a confined reader."""
    cases = [
        ("2024-10", POLICE, None),
        ("2024-Q3", POLICE, "H99.12"),
        ("2024-H2", ReportReader("so-tu-phap", ("H99.13", "H99.14")), None),
        ("2024-H2", ReportReader("so-tu-phap", ("H99.12.01",)), "H99.12"),
        ("2024", POLICE, None),
    ]
    for text, reader, agency in cases:
        period = Period.parse(text)

        def wanted(code: str, reader: ReportReader = reader, agency: str | None = agency) -> bool:
            return (not reader.agencies or covers(reader.agencies, code)) and (not agency or covers([agency], code))

        lookups = counts_of(seeded, period, wanted)
        assert lookups
        report = await reports(store).make(period, reader, agency=agency)
        assert shown([report.total]) == {(): counted(lookups)}
        assert shown(report.by_unit, "unit_code") == grouped(lookups, lambda one: (one["unit_code"],))
        assert shown(report.by_account, "unit_code", "account_id") == grouped(
            lookups, lambda one: (one["unit_code"], one["account_id"])
        )
        assert shown(report.by_month, "month") == grouped(lookups, lambda one: (month_of(one["asked_at"]),))
        assert shown(report.by_quarter, "quarter") == grouped(lookups, lambda one: (quarter_of(one["asked_at"]),))
        assert shown(report.by_unit_and_month, "unit_code", "month") == grouped(
            lookups, lambda one: (one["unit_code"], month_of(one["asked_at"]))
        )
        assert shown(report.by_kind, "kind") == grouped(lookups, lambda one: (one["kind"],))
        _check_refusals(report, lookups)
        _check_accounts(report, seeded, period, wanted)
        _check_cases(report, seeded, period, wanted)


def _check_refusals(report: PopulationUseReport, lookups: list[dict[str, Any]]) -> None:
    denied = Counter(one[".denied_code"] for one in lookups if one[".outcome"] == "denied")
    assert {one.code: one.lookups for one in report.refusals} == denied
    assert sum(denied.values()) == report.total.denied


def _check_accounts(report: PopulationUseReport, world: Seeded, period: Period, wanted: Callable[[str], bool]) -> None:
    mine = [one for one in world.accounts if wanted(one["unit_code"])]
    states = Counter(one["state"] for one in mine)
    total = report.accounts_total
    names = ("active", "requested", "suspended", "locked", "revoked")
    assert {name: getattr(total, name) for name in names} == {name: states[name] for name in names}
    assert total.locked_dormant == sum(
        one["state"] == "locked" and one["dormant_locked_at"] is not None for one in mine
    )
    before = NOW - timedelta(days=PROFILE.account_dormant_days)
    used = ("created_at", "activated_at", "last_used_at")
    idle = {
        one["id"]
        for one in mine
        if one["state"] == "active" and max(one[name] for name in used if one[name] is not None) < before
    }
    assert {one.account_id for one in report.dormant_accounts} == idle
    assert total.dormant == len(idle) == sum(one.dormant for one in report.accounts)
    units = {one["id"]: one["unit_code"] for one in mine}
    assert sorted((one.account_id, one.at, one.act, one.because) for one in report.closed_accounts) == sorted(
        (one["account_id"], one["at"], one["act"], _because(one))
        for one in world.acts
        if one["account_id"] in units and one["act"] != "approve" and period.start <= one["at"] < period.end
    )


def _because(act: dict[str, Any]) -> str:
    if act["case_id"] is not None:
        return "case"
    return "disuse" if act["party"] == "program" else "person"


def _check_cases(report: PopulationUseReport, world: Seeded, period: Period, wanted: Callable[[str], bool]) -> None:
    mine = [one for one in world.cases if wanted(one["unit_code"]) and one["opened_at"] < period.end]
    decided = [one for one in mine if one["decided_at"] and period.start <= one["decided_at"] < period.end]
    verdicts = Counter(one["verdict"] for one in decided)
    total = report.cases_total
    assert total.opened == sum(one["opened_at"] >= period.start for one in mine) == sum(c.opened for c in report.cases)
    assert (total.decided, total.violations, total.normal, total.not_enough_evidence) == (
        len(decided),
        verdicts["violation"],
        verdicts["normal"],
        verdicts["not_enough_evidence"],
    )
    assert total.open == sum(one["decided_at"] is None or one["decided_at"] >= period.end for one in mine)


async def test_the_edge_of_a_month_is_midnight_in_vietnam(store: Store, seeded: Seeded) -> None:
    """Every look-up is in one month: those of the half-year add up."""
    service = reports(store)
    half = await service.make(Period.parse("2024-H2"), POLICE)
    months = [await service.make(Period.parse(f"2024-{month:02}"), POLICE) for month in range(7, 12)]
    assert sum(one.total.lookups for one in months) == half.total.lookups
    assert [one.by_month[0].lookups for one in months] == [one.lookups for one in half.by_month]


async def test_the_profile_says_what_is_due_and_what_is_dormant(store: Store, seeded: Seeded) -> None:
    """Other periods, another term: another report."""
    usual, other = reports(store), reports(store, population_report_periods=("month",), account_dormant_days=30)
    assert [one.period for one in usual.due().items] == ["2024-Q3", "2024-H1", "2023"]
    assert [one.period for one in other.due().items] == ["2024-10"]
    assert str(other.newest_due()) == "2024-10"
    month = Period.parse("2024-10")
    a, b = await usual.make(month, POLICE), await other.make(month, POLICE)
    assert (a.due, b.due) == (False, True)
    assert len(b.dormant_accounts) > len(a.dormant_accounts)


async def test_reading_it_is_on_record_and_refusals_are_not(store: Store, seeded: Seeded) -> None:
    """Who read which report of which agency, in which form; nothing is made of what is refused."""
    service = reports(store)
    with pytest.raises(Refusal, match="may not see") as refused:
        await service.make(Period.parse("2024-10"), ReportReader("x", ("H99.13",)), agency="H99.12")
    assert (refused.value.status, refused.value.code) == (403, "agency_not_allowed")
    with pytest.raises(Refusal) as refused:
        await service.make(Period.parse("2025-Q1"), POLICE)
    assert refused.value.code == "period_in_future"
    await service.make(Period.parse("2024-Q4"), ReportReader("so-tu-phap", ("H99.12",)), form="xlsx")
    async with store.transaction() as conn:
        rows = await (await conn.execute("SELECT subject, facts FROM ledger_queue")).fetchall()
    assert [one[0] for one in rows] == ["population-use:2024-Q4"]
    facts = orjson.loads(rows[0][1])
    assert (facts["act"], facts["actor"], facts["confined_to"], facts["format"]) == (
        "report.population_use",
        "so-tu-phap",
        "H99.12",
        "xlsx",
    )


async def test_files_say_the_same_as_the_report(store: Store, seeded: Seeded) -> None:
    """CSV with BOM and text that computes nothing; a workbook with Vietnamese headings, frozen; identifiers as text."""
    report = await reports(store).make(Period.parse("2024-Q4"), POLICE)
    csv = csv_of(report, ReportTable.ACCOUNTS)
    assert csv.startswith('\ufeff"Mã đơn vị","Tên đăng nhập"'.encode())
    assert b'"0004"' in csv
    assert b'"\'=0003"' in csv
    rows = read_csv(csv, most_rows=1000)
    assert [one[2] for one in rows[1:]] == [one.officer_code for one in report.by_account]
    assert [int(str(one[4])) for one in rows[1:]] == [one.lookups for one in report.by_account]

    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook_of(report)))
    assert book.sheet_names == [table_of(report, one).title for one in ReportTable]
    sheet = book.get_sheet_by_name("Theo đơn vị").to_python()
    assert sheet[0][:2] == ["Mã đơn vị", "Số lượt khai thác"]
    assert [one[0] for one in sheet[1:]] == [*(one.unit_code for one in report.by_unit), "Tổng cộng"]
    assert sheet[-1][1] == report.total.lookups
    accounts = book.get_sheet_by_name("Theo tài khoản").to_python()
    assert {str(one[2]) for one in accounts[1:]} == {str(one.officer_code) for one in report.by_account}
    assert file_name(report, ReportFormat.CSV, ReportTable.UNIT_MONTHS) == (
        "khai-thac-csdl-dan-cu-2024-Q4-unit-months.csv"
    )


async def test_nothing_of_nobody(store: Store) -> None:
    """A province that has not begun yet gets its headings and noughts."""
    report = await reports(store).make(Period.parse("2024"), POLICE)
    assert (report.total.lookups, report.total.explained_share, report.by_unit) == (0, None, ())
    for one in ReportTable:
        assert len(csv_of(report, one).splitlines()) >= 1
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(workbook_of(report))).sheet_names) == len(ReportTable)
