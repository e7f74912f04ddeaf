"""Commands of the watch: run its engine over history, before its rules are trusted."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Sentence
from hub.cli.frame import err, say
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.watch.rules import RuleSet


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_detection = typer.Typer(help="The watch over look-ups, run over history.", no_args_is_help=True)
    of_detection.command("replay")(detect_replay)
    of_detection.callback()(_group)
    app.add_typer(of_detection, name="detect")


def _group() -> None:
    """Keep ``replay`` a word of its own, although it is the only command of the group."""


def detect_replay(  # noqa: PLR0917 - each is an option, given by name
    events: Annotated[Path, typer.Option(help="Look-ups, one JSON object a line, in order of time.")],
    dossiers: Annotated[Path, typer.Option(help="Dossiers, one JSON object a line.")],
    officers: Annotated[Path, typer.Option(help="Accounts, one JSON object a line.")],
    subjects: Annotated[Path, typer.Option(help="People that were found, one JSON object a line.")],
    context: Annotated[Path, typer.Option(help="Calendar and lists, one JSON document.")],
    out: Annotated[Path, typer.Option(help="File for the alerts; one that is there is replaced.")],
    cases: Annotated[Path | None, typer.Option(help="File for the cases, the worst first.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules and thresholds to try (JSON); the built-in ones.")] = None,
) -> None:
    """Judge past look-ups as the watch would have, never seeing the future. Needs no database, no configuration."""
    from hub.watch.replay import ReplayInput, ReplayResult, replay

    files = ReplayInput(events, dossiers, officers, subjects, context)
    chosen = _rules(rules)

    def run(progress: Callable[[int, int], None] | None) -> ReplayResult:
        with _without_collector():
            return replay(files, out, cases=cases, rules=chosen, progress=progress)

    if err.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
            task = bar.add_task("Replay · Chạy lại", total=None)
            result = run(lambda done, whole: bar.update(task, completed=done, total=whole))
    else:
        result = run(None)
    share = f"{result.explained / result.lookups:.1%}" if result.lookups else "–"
    for place, number in result.faults.items():
        _note(f"{number} records could not be judged ({place}): a fault of the program, report it.")
        _note(f"{number} bản ghi không xét được ({place}): lỗi chương trình, hãy báo lại.")
    for path, number in result.repeated.items():
        if number:
            _note(f"{path}: {number} lines say otherwise than an earlier one of the same code; the last counts.")
            _note(f"{path}: {number} dòng nói khác một dòng trước của cùng mã; dòng cuối được tính.")
    say(f"{result.lookups} look-ups, {share} explained; {result.alerts} alerts in {result.cases} cases: {out}")
    say(f"{result.lookups} lượt tra cứu, {share} có lý giải; {result.alerts} cảnh báo, {result.cases} vụ việc: {out}")


def _note(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Leave cycles uncollected: nearly all that a replay remembers lives to its end, and is searched in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _rules(path: Path | None) -> RuleSet:
    """Read rules to try, or take the built-in ones. Raises `CommandError` where they are not valid."""
    from pydantic import ValidationError

    from hub.watch.rules import DEFAULT, RuleSet

    if path is None:
        return DEFAULT
    try:
        return RuleSet.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CommandError(
            "not_read",
            Sentence(
                f"The file {path} cannot be read ({error.strerror}).", f"Không đọc được tệp {path} ({error.strerror})."
            ),
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(one) for one in first["loc"]) or "document"
        raise CommandError(
            "rules_invalid",
            Sentence(
                f"The rules in {path} are not valid at {where}: {first['msg']}.",
                f"Bộ quy tắc trong {path} không hợp lệ tại {where}.",
            ),
        ) from None
