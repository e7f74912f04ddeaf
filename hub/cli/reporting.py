"""Reports for people: the use of the population database, on the screen or as a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Sentence
from hub.cli.frame import actor, fail, load, local_time, run, say, say_both, table
from hub.population_reports.files import ReportFormat, ReportTable

if TYPE_CHECKING:
    from hub.population_reports.periods import Period
    from hub.population_reports.views import PopulationUseReport

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Make reports for people. Lập báo cáo.")
    group.command()(population)
    # A group of one command would be taken for the command itself.
    group.callback()(lambda: None)
    app.add_typer(group, name="reports")


def population(
    period: Annotated[
        str | None, typer.Option(help="2026-10, 2026-Q4, 2026-H2 or 2026; if not given, the newest that is due.")
    ] = None,
    agency: Annotated[str | None, typer.Option(help="Only this agency and those below it.")] = None,
    form: Annotated[
        ReportFormat | None, typer.Option("--format", help="json, csv or xlsx; the screen if unset.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write; - is standard output (not for xlsx).")] = None,
    which: Annotated[ReportTable, typer.Option("--table", help="Which table a CSV file holds.")] = ReportTable.UNITS,
) -> None:
    """Report how the population database was used: by agency, account, month; accounts out of use, cases."""
    from hub.population_reports.files import csv_of, workbook_of
    from hub.population_reports.periods import Period

    _require_agency(agency)
    wanted = None if period is None else Period.parse(period)
    if form is None and out is not None:
        form = _form_of(out)
    if form is ReportFormat.XLSX and (out is None or str(out) == "-"):
        fail(Sentence(en="A workbook goes into a file; add --out FILE.", vi="Tệp XLSX cần --out TÊN_TỆP."))
    report = run(_make(wanted, agency, form))
    match form:
        case None:
            _show(report)
            return
        case ReportFormat.JSON:
            body = report.model_dump_json(indent=2).encode() + b"\n"
        case ReportFormat.CSV:
            body = csv_of(report, which)
        case ReportFormat.XLSX:
            body = workbook_of(report)
    if out is None or str(out) == "-":
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
        return
    _write(out, body)
    say_both(Sentence(f"Written: {report.period.period}, {out}", f"Đã ghi: {report.period.title}, {out}"))


async def _make(period: Period | None, agency: str | None, form: ReportFormat | None) -> PopulationUseReport:
    from hub.population_reports.service import PopulationReports, ReportReader
    from hub.profiles.profile import load_profile
    from hub.store.engine import open_store

    settings = load(quiet=True)
    async with await open_store(settings) as store:
        reports = PopulationReports(store, load_profile(settings.profile))
        if period is None:
            period = reports.newest_due()
        return await reports.make(
            period, ReportReader(actor()), agency=agency, form="screen" if form is None else form.value
        )


def _form_of(path: Path) -> ReportFormat:
    try:
        return ReportFormat(path.suffix.removeprefix(".").lower())
    except ValueError:
        fail(
            Sentence(
                en="The format is not clear from the file's name; add --format json, csv or xlsx.",
                vi="Không rõ định dạng theo tên tệp; hãy thêm --format json, csv hoặc xlsx.",
            )
        )


def _write(path: Path, body: bytes) -> None:
    """Write the file for its owner alone: it names accounts."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body)
    except OSError as error:
        fail(
            Sentence(
                en=f"The file {path} cannot be written: {error.strerror}.",
                vi=f"Không ghi được tệp {path}: {error.strerror}.",
            )
        )


def _require_agency(agency: str | None) -> None:
    from contracts.codes import parse_agency_code

    if agency is None:
        return
    try:
        parse_agency_code(agency)
    except ValueError:
        fail(Sentence(en="An agency code is written as H99.12.", vi="Mã cơ quan phải viết theo dạng H99.12."))


def _show(report: PopulationUseReport) -> None:
    total, accounts, cases = report.total, report.accounts_total, report.cases_total
    say(f"{report.period.title} ({report.period.period}), as of {local_time(report.made_at)}")
    say(
        f"{total.lookups} look-ups of {total.people} people by {total.accounts} accounts; {total.denied} refused,"
        f" {total.break_glass} without a dossier; explained: {_share(total.explained_share)}"
    )
    say(
        f"Accounts: {accounts.active} active, {accounts.dormant} of them unused for long; {accounts.locked} locked,"
        f" {accounts.locked_dormant} of them for disuse"
    )
    say(f"Cases: {cases.opened} opened, {cases.decided} decided ({cases.violations} violations), {cases.open} open")
    table(
        "By agency",
        ["agency", "look-ups", "found", "refused", "without dossier", "people", "accounts", "explained"],
        [
            (one.unit_code, one.lookups, one.found, one.denied, one.break_glass, one.people, one.accounts,
             _share(one.explained_share))
            for one in report.by_unit
        ],
        empty="Nobody looked anybody up.",
    )  # fmt: skip
    busiest = sorted(report.by_account, key=lambda one: (-one.lookups, one.account_id or ""))
    if busiest:
        table(
            "Busiest accounts",
            ["account", "agency", "look-ups", "people", "refused", "explained"],
            [
                (one.account_id, one.unit_code, one.lookups, one.people, one.denied, _share(one.explained_share))
                for one in busiest[:_SHOWN]
            ],
            empty="",
        )


def _share(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"
