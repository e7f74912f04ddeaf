"""The command of reconciliation: compare, report, and repair after a preview."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Sentence
from hub.cli.frame import actor, err, fail, load, local_time, run, say, say_both, table
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.app import Operations
    from hub.reconciliation.views import RepairPreview, RepairView, Report, RunView

LOOK_SECONDS = 0.5
LARGEST_LIST_BYTES = 5_000_000
_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reconcile)


def reconcile(
    *,
    connection: Annotated[str | None, typer.Option(help="Id of the connection, where there are several.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of reception; yesterday.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of reception.")] = None,
    agency: Annotated[str | None, typer.Option(help="Only this agency and those below it.")] = None,
    codes: Annotated[
        Path | None, typer.Option(help="CSV file whose first column holds dossier codes: only these are asked about.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report by day and agency to this CSV file.")] = None,
    details: Annotated[Path | None, typer.Option(help="Write what differs to this CSV file.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Preview a repair afterwards, and ask before it.")] = False,
    reason: Annotated[str, typer.Option(help="Why it is repaired; stays on record.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Repair without asking.")] = False,
) -> None:
    """Compare our dossiers with what a partner holds; show the report, and repair on demand."""
    if repair and not reason.strip():
        raise CommandError(
            "reason_required",
            Sentence(en="A repair needs a reason; add --reason.", vi="Gửi bù phải ghi lý do; hãy thêm --reason."),
        )
    wish = _Wish(
        connection=connection,
        first=None if first is None else first.date(),
        last=None if last is None else last.date(),
        agency=agency,
        codes=read_codes(codes) if codes is not None else (),
        report=report,
        details=details,
        repair_because=reason if repair else None,
        unasked=yes,
    )
    if not run(_reconcile(wish)):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the person at the command line asked for."""

    connection: str | None
    first: date | None
    last: date | None
    agency: str | None
    codes: tuple[str, ...]
    report: Path | None
    details: Path | None
    repair_because: str | None
    unasked: bool


def read_codes(path: Path) -> tuple[str, ...]:
    """Return the dossier codes in the first column of a CSV file; a heading and empty lines are passed over."""
    import csv

    from hub.reconciliation.reading import is_dossier_code

    try:
        if path.stat().st_size > LARGEST_LIST_BYTES:
            raise CommandError(
                "list_too_large",
                Sentence(
                    en=f"The list is larger than {LARGEST_LIST_BYTES // 1_000_000} MB; split it.",
                    vi=f"Danh sách lớn hơn {LARGEST_LIST_BYTES // 1_000_000} MB; hãy chia nhỏ.",
                ),
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            first_cells = [row[0].strip() for row in csv.reader(file) if row and row[0].strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(
            "list_unreadable",
            Sentence(
                en="The list of codes cannot be read; it must be a CSV file in UTF-8.",
                vi="Không đọc được danh sách mã; cần tệp CSV mã hoá UTF-8.",
            ),
        ) from error
    if first_cells and not is_dossier_code(first_cells[0]):
        del first_cells[0]
    if not first_cells:
        raise CommandError(
            "list_empty",
            Sentence(en="The list holds no dossier codes.", vi="Danh sách không có mã hồ sơ nào."),
        )
    return tuple(first_cells)


async def _reconcile(wish: _Wish) -> bool:
    from hub.app import build_operations

    settings = load(quiet=True)
    async with build_operations(settings) as operations:
        started = await operations.reconciliations.start(
            actor=actor(),
            connection=wish.connection,
            from_day=wish.first,
            to_day=wish.last,
            agency=wish.agency,
            codes=wish.codes,
        )
        ended = await _follow_run(operations, started)
        report = await operations.reconciliations.report(ended.id)
        _show(report)
        await _write(operations, report, wish)
        completed = ended.state == "completed"
        if not completed:
            say_both(Sentence(ended.reason, ended.reason_vi))
        if wish.repair_because is not None and ended.differences:
            return await _repair(operations, ended, wish.repair_because, unasked=wish.unasked) and completed
        return completed


async def _follow_run(operations: Operations, view: RunView) -> RunView:
    """Carry it out here, or watch the clerk that does; say what it waits for."""
    said = ""

    async def has_ended() -> bool:
        nonlocal view, said
        view = await operations.reconciliations.get(view.id)
        if view.ended_at is None and view.reason != said:
            said = view.reason
            if said:
                say_both(Sentence(view.reason, view.reason_vi))
        return view.ended_at is not None

    await _carry_out(operations, view.connection, has_ended)
    return view


async def _carry_out(operations: Operations, connection: str, has_ended: Callable[[], Awaitable[bool]]) -> None:
    """Do what is open at the connection, as far as no clerk does it, until ``has_ended``."""
    reconciler = next(one for one in operations.reconcilers if one.connection == connection)

    async def work() -> None:
        while True:
            await reconciler.work()
            await asyncio.sleep(LOOK_SECONDS)

    working = asyncio.create_task(work())
    try:
        while not await has_ended():
            await asyncio.wait({working}, timeout=LOOK_SECONDS)
            if working.done():
                working.result()  # it never ends well
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def _show(report: Report) -> None:
    from hub.reconciliation.classify import Outcome

    one = report.run
    span = "the given codes" if one.from_day is None else f"received {one.from_day} to {one.to_day}"
    table(
        f"Reconciliation with {one.connection}, {span} (đối soát)",
        ["day", "agency", *(outcome.value.replace("_", " ") for outcome in Outcome), "open", "repaired", "oldest"],
        [
            (
                line.day,
                line.agency,
                *(line.counts[outcome] for outcome in Outcome),
                line.open,
                line.repaired,
                line.oldest_open_at,
            )
            for line in report.lines[:_SHOWN]
        ],
        empty="There was nothing to compare.",
    )
    if len(report.lines) > _SHOWN:
        say(f"… and {len(report.lines) - _SHOWN} more lines; write them to a file with --report.")
    say(
        f"{one.id}: {one.state}; {one.examined} dossiers, {one.asked} questions, {one.differences} differences;"
        f" open in all {report.open}, oldest since {local_time(report.oldest_open_at)}, repaired {report.repaired}."
    )


async def _write(operations: Operations, report: Report, wish: _Wish) -> None:
    from hub.reconciliation.reports import differences_csv, report_csv

    try:
        if wish.report is not None:
            await asyncio.to_thread(wish.report.write_bytes, report_csv(report).encode())
            say(f"Report: {wish.report}")
        if wish.details is None:
            return
        with wish.details.open("wb") as file:
            cursor: str | None = None
            while True:
                page = await operations.reconciliations.differences(report.run.id, cursor=cursor, limit=500)
                file.write(differences_csv(page.items, with_head=cursor is None).encode())
                cursor = page.next_cursor
                if cursor is None:
                    break
        say(f"Differences: {wish.details}")
    except OSError as error:
        raise CommandError(
            "file_not_written",
            Sentence(
                en=f"The CSV file cannot be written: {error.strerror}.",
                vi="Không ghi được tệp CSV; hãy kiểm tra đường dẫn và quyền ghi.",
            ),
        ) from error


async def _repair(operations: Operations, compared: RunView, reason: str, *, unasked: bool) -> bool:
    service = operations.reconciliations
    previewed = await service.preview(compared.id, actor=actor())
    _show_preview(previewed.preview)
    if not previewed.preview.exchanges:
        say("There is nothing that may be sent.")
        return True
    if not unasked and not _confirmed():
        say(f"Not started. Preview {previewed.id} can be started by API.")
        return True
    view = await service.start_repair(compared.id, previewed.id, actor=actor(), reason=reason)

    async def has_ended() -> bool:
        nonlocal view
        view = await service.repair(view.run_id, view.id)
        return view.ended_at is not None

    await _carry_out(operations, view.connection, has_ended)
    _show_repair(view)
    return view.state == "completed"


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        fail(
            Sentence(
                en="Nobody can be asked here; add --yes to repair.",
                vi="Không có người xác nhận; hãy thêm --yes để gửi bù.",
            )
        )
    return typer.confirm("Start this repair? Bắt đầu gửi bù?", err=True)


def _show_preview(preview: RepairPreview) -> None:
    rows = [("send", kind.value, count) for kind, count in preview.sends.items() if count]
    rows += [("leave alone", why.value.replace("_", " "), count) for why, count in preview.excluded.items()]
    table("Preview of the repair (xem trước)", ["what", "kind or reason", "dossiers"], rows, empty="Nothing to repair.")
    delivery = "" if preview.delivery_seconds is None else f", delivery at least {preview.delivery_seconds:g} s"
    say(f"{preview.exchanges} new exchanges; asking again takes about {preview.seconds:g} s{delivery}.")


def _show_repair(view: RepairView) -> None:
    table(
        "Repair (gửi bù)",
        ["what", "dossiers"],
        [(name.replace("_", " "), count) for name, count in view.done.items()],
        empty="Nothing was left to repair.",
    )
    err.print(f"{view.id}: {view.state}. {view.why}")
