"""Commands about the national score: a month's lines, the dossiers that cost points, early warnings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from contracts.calendar import VIETNAM
from contracts.codes import parse_agency_code
from contracts.errors import Sentence
from hub.cli.frame import fail, load, local_time, run, say, table
from hub.score.causes import Cause, WarningCause
from hub.score.views import AgencyScore, CostlyPage, RateView, ScorePage, WarningPage

if TYPE_CHECKING:
    from hub.app import Operations
    from hub.score.service import ScoreService

T = TypeVar("T")

_MONTH = typer.Option(help="Month of reception, as YYYY-MM; this month if not given.")
_AGENCY = typer.Option(help="Only this agency and those below it.")
_LIMIT = typer.Option(min=1, max=500, help="At most so many.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(scores)
    app.command()(warnings)


def scores(
    month: Annotated[str | None, _MONTH] = None,
    agency: Annotated[str | None, _AGENCY] = None,
    *,
    dossiers: Annotated[bool, typer.Option("--dossiers", help="List the dossiers that cost points and why.")] = False,
    cause: Annotated[Cause | None, typer.Option(help="With --dossiers: only those with this cause.")] = None,
    limit: Annotated[int, _LIMIT] = 50,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="First work all score facts out anew.")] = False,
) -> None:
    """Show the score of a month (QĐ 766), by our data and by what the portal holds."""
    now = datetime.now(UTC)
    wanted = _month(month, now)
    _require_agency(agency)

    async def read(operations: Operations) -> tuple[int | None, ScorePage, CostlyPage | None]:
        keeper = operations.score_keeper().projection
        # What the clerk may not have come to yet is worked in first, so that a person sees the present.
        worked = await keeper.rebuild() if rebuild else None
        if worked is None:
            await keeper.catch_up()
        page = await operations.scores.scores(wanted, now=now, agency=agency)
        listed = None
        if dossiers:
            listed = await _costly(operations.scores, wanted, now=now, agency=agency, cause=cause, limit=limit)
        return worked, page, listed

    worked, page, listed = _operate(read)
    if worked is not None:
        say(f"{worked} dossiers worked out anew.")
    _show_scores(page)
    if listed is not None:
        _show_costly(listed)


def warnings(
    agency: Annotated[str | None, _AGENCY] = None,
    cause: Annotated[WarningCause | None, typer.Option(help="Only those with this cause.")] = None,
    limit: Annotated[int, _LIMIT] = 50,
) -> None:
    """List the early warnings in force, newest first."""
    _require_agency(agency)

    async def read(operations: Operations) -> WarningPage:
        return await operations.scores.warnings(agency=agency, cause=cause, limit=limit)

    page = _operate(read)
    table(
        "Early warnings",
        ["dossier", "agency", "cause", "too late at", "raised", "what to do", "việc cần làm"],
        [
            (one.dossier_code, one.agency, one.cause, one.due_at, one.raised_at, one.text, one.text_vi)
            for one in page.items
        ],
        empty="There are no early warnings.",
    )
    if page.next_cursor is not None:
        say("There are more; narrow the list or raise --limit.")


async def _costly(
    service: ScoreService, month: str, *, now: datetime, agency: str | None, cause: Cause | None, limit: int
) -> CostlyPage:
    """Return so many dossiers: a page of the service may hold fewer and not be the last."""
    page = await service.costly(month, now=now, agency=agency, cause=cause, limit=limit)
    items = page.items
    while page.next_cursor is not None and len(items) < limit:
        left = limit - len(items)
        page = await service.costly(month, now=now, agency=agency, cause=cause, cursor=page.next_cursor, limit=left)
        items += page.items
    return CostlyPage(items=items, next_cursor=page.next_cursor)


def _operate(work: Callable[[Operations], Awaitable[T]]) -> T:
    from hub.app import build_operations

    settings = load(quiet=True)

    async def operate() -> T:
        async with build_operations(settings) as operations:
            return await work(operations)

    return run(operate())


def _month(month: str | None, now: datetime) -> str:
    if month is None:
        return now.astimezone(VIETNAM).strftime("%Y-%m")
    try:
        found = datetime.strptime(month, "%Y-%m")  # noqa: DTZ007 - a month has no zone
    except ValueError:
        fail(Sentence(en="A month is written as YYYY-MM.", vi="Tháng phải viết theo dạng YYYY-MM."))
    return found.strftime("%Y-%m")


def _require_agency(agency: str | None) -> None:
    if agency is None:
        return
    try:
        parse_agency_code(agency)
    except ValueError:
        fail(Sentence(en="An agency code is written as H99.12.", vi="Mã cơ quan phải viết theo dạng H99.12."))


def _show_scores(page: ScorePage) -> None:
    for one in (page.total, *page.items):
        table(
            _heading(one, page.month),
            ["line", "what", "ours", "portal", "full at"],
            [
                (line.line, line.title, _rate(line.ours), _rate(line.portal), _percent(line.full_mark_at))
                for line in one.lines
            ],
            empty="",
        )
        say()
    say(f"Counted as of {local_time(page.as_of)}; facts as of {local_time(page.worked_at)}.")
    if page.connection is None:
        say("No connection follows dossiers, so nothing is known of what the portal holds.")


def _heading(one: AgencyScore, month: str) -> str:
    return f"{month}, {one.agency or 'all agencies'}: {one.received} received, {one.received_there} at the portal"


def _rate(rate: RateView) -> str:
    return f"{rate.counted}/{rate.of} = {_percent(rate.rate)}" if rate.rate is not None else f"{rate.counted}/{rate.of}"


def _percent(rate: float | None) -> str | None:
    return None if rate is None else f"{100 * rate:.1f} %"


def _show_costly(page: CostlyPage) -> None:
    table(
        "Dossiers that cost points",
        ["dossier", "agency", "state", "at the portal", "received", "due", "ended", "causes"],
        [
            (
                one.code,
                one.agency,
                one.state,
                one.portal_state,
                one.received_at,
                one.due_at,
                one.ended_at,
                ", ".join(cause.cause for cause in one.causes),
            )
            for one in page.items
        ],
        empty="No dossier costs points.",
    )
    if page.next_cursor is not None:
        say("There are more; narrow the list or raise --limit.")
