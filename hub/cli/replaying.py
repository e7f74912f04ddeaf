"""Commands of replays: preview, approve, start, pause, stop, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.cli.frame import actor, local_time, say, table
from hub.cli.operate import operate
from hub.exchanges.views import ExchangeState
from hub.replays.filters import ENDED_BADLY, ErrorKind, ExchangeSelection
from hub.replays.selection import Action
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.app import Operations
    from hub.replays.views import ReplayDetail, ReplayPage

_REPLAY = Annotated[str, typer.Argument(help="Id of the replay.")]
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_replays = typer.Typer(help="Many exchanges sent again, or dismissed, after a preview.", no_args_is_help=True)
    of_replays.command("preview")(replays_preview)
    of_replays.command("approve")(replays_approve)
    of_replays.command("start")(replays_start)
    of_replays.command("pause")(replays_pause)
    of_replays.command("stop")(replays_stop)
    of_replays.command("list")(replays_list)
    of_replays.command("show")(replays_show)
    app.add_typer(of_replays, name="replays")


def replays_preview(
    *,
    reason: Annotated[str, typer.Option(help="Why; stays on record.")],
    action: Annotated[Action, typer.Option(help="Try them again, or end them for good.")] = Action.REPLAY,
    connection: Annotated[str | None, typer.Option(help="Of this connection.")] = None,
    state: Annotated[
        list[ExchangeState] | None, typer.Option(help="In this state; repeat for several. Those that ended badly.")
    ] = None,
    operation: Annotated[str | None, typer.Option(help="Of this operation.")] = None,
    dossier: Annotated[str | None, typer.Option(help="About this dossier.")] = None,
    agency: Annotated[str | None, typer.Option(help="About dossiers of this agency and all below it.")] = None,
    accepted_since: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Vietnam time.")] = None,
    accepted_until: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Vietnam time.")] = None,
    ended_since: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Vietnam time.")] = None,
    ended_until: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Vietnam time.")] = None,
    their_code: Annotated[str | None, typer.Option(help="With this code of theirs.")] = None,
    error_kind: Annotated[ErrorKind | None, typer.Option(help="Whose last attempt ended so.")] = None,
) -> None:
    """Freeze a selection and show what would happen; nothing is sent."""
    try:
        wanted = ExchangeSelection(
            connection=connection,
            states=tuple(state) if state else ENDED_BADLY,
            operation=operation,
            subject=dossier,
            agency=agency,
            accepted_since=_here(accepted_since),
            accepted_until=_here(accepted_until),
            ended_since=_here(ended_since),
            ended_until=_here(ended_until),
            upstream_code=their_code,
            error_kind=error_kind,
        )
    except ValueError as error:
        raise CommandError(
            "filter_invalid",
            Sentence(
                en="The filter is not valid: look at the codes and states (see --help).",
                vi="Bộ lọc không hợp lệ: hãy kiểm tra mã và trạng thái (xem --help).",
            ),
        ) from error

    async def preview(operations: Operations) -> ReplayDetail:
        return await operations.replays.preview(action, wanted, reason=reason, actor=actor())

    _show(operate(preview))


def replays_approve(replay: _REPLAY) -> None:
    """Approve a preview as the second person: another account of this machine than the one that made it."""

    async def approve(operations: Operations) -> ReplayDetail:
        return await operations.replays.approve(replay, actor=actor())

    _show(operate(approve))


def replays_start(replay: _REPLAY) -> None:
    """Start a preview, or let a paused replay go on; the clerk runs it."""

    async def start(operations: Operations) -> ReplayDetail:
        return await operations.replays.start(replay, actor=actor())

    _show(operate(start))


def replays_pause(replay: _REPLAY) -> None:
    """Hand over nothing more until it is started again."""

    async def pause(operations: Operations) -> ReplayDetail:
        return await operations.replays.pause(replay, actor=actor())

    _show(operate(pause))


def replays_stop(replay: _REPLAY) -> None:
    """End a replay for good; what is on its way ends, the rest stays as it was."""

    async def stop(operations: Operations) -> ReplayDetail:
        return await operations.replays.stop(replay, actor=actor())

    _show(operate(stop))


def replays_list(limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20) -> None:
    """List replays, newest first."""

    async def read(operations: Operations) -> ReplayPage:
        return await operations.replays.page(limit=limit)

    table(
        "Replays",
        ["id", "action", "state", "exchanges", "by", "approved by", "made", "ended", "reason"],
        [
            (
                one.id,
                one.action,
                one.state,
                one.preview.count,
                one.created_by,
                one.approved_by,
                one.created_at,
                one.ended_at,
                one.reason,
            )
            for one in operate(read).items
        ],
        empty="There are no replays.",
    )


def replays_show(replay: _REPLAY) -> None:
    """Show a replay, its progress, and what it waits for."""

    async def read(operations: Operations) -> ReplayDetail:
        return await operations.replays.get(replay)

    _show(operate(read))


def _show(one: ReplayDetail) -> None:
    preview, progress = one.preview, one.progress
    say(f"{one.action} {one.id}: {one.state}")
    say(f"reason      {one.reason}")
    say(f"by          {one.created_by}, {local_time(one.created_at)}")
    if one.needs_approval:
        say(f"approval    {one.approved_by or 'needed from a second person / cần người thứ hai phê duyệt'}")
    say(f"exchanges   {preview.count}: {_counts(preview.by_connection)}; {_counts(preview.by_repeat_class)}")
    for left_out in preview.excluded:
        say(f"left out    {left_out.count}: {left_out.sentence} / {left_out.sentence_vi}")
    say(f"takes       about {preview.estimated_seconds:g} s; soonest deadline {local_time(preview.oldest_due_at)}")
    say(f"progress    {progress.pending} pending, {progress.on_the_way} on the way, ended: {_counts(progress.ended)}")
    for skipped in progress.skipped:
        say(f"skipped     {skipped.count}: {skipped.sentence} / {skipped.sentence_vi}")
    for wait in one.waits:
        say(f"waits       {wait.connection}: {wait.sentence} / {wait.sentence_vi}")


def _counts(counted: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items()) or "none"


def _here(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=VIETNAM)
