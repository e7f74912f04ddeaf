"""What all commands share: how errors are told, how coroutines are run, how tables are shown."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.settings import LogSettings, Settings, load_settings

T = TypeVar("T")

Supervised = Annotated[int | None, typer.Option(hidden=True, help="Descriptor of the line to the supervisor.")]

_PIPED_WIDTH = 250
"""Columns where there is no terminal: what goes to a file or a pipe is not folded at 80."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
err = Console(stderr=True, highlight=False)


class Frame(TyperGroup):
    """The group of all commands; turns expected errors into one sentence and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = _sentence_of(error)
            if sentence is None:
                raise
            tell_error(sentence)
            raise typer.Exit(1) from None


def _sentence_of(error: BaseException) -> Sentence | None:
    """Return the sentence of an error that has one; of a group, that of the first."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for one in error.exceptions if (found := _sentence_of(one)) is not None), None)
    sentence = getattr(error, "sentence", None)
    return sentence if isinstance(sentence, Sentence) else None


def tell_error(sentence: Sentence) -> None:
    """Print what went wrong, in both languages, on standard error; never folded, so that it can be searched for."""
    print(f"Error: {sentence.en}\nLỗi: {sentence.vi}", file=sys.stderr, flush=True)  # noqa: T201 - the command's output


def fail(sentence: Sentence) -> NoReturn:
    """Print the sentence and end with exit code 1."""
    tell_error(sentence)
    raise typer.Exit(1)


def say(text: str = "") -> None:
    """Print a line as it is: never folded, so that it can be copied."""
    print(text, flush=True)  # noqa: T201 - the command's output


def say_both(sentence: Sentence) -> None:
    """Print what a person should know, in both languages."""
    err.print(f"{escape(sentence.en)} / {escape(sentence.vi)}", soft_wrap=True)


def actor() -> str:
    """Return who acts, for the record: the account of this machine, as the system knows it.

    Not what variables such as ``USER`` say, for these anybody may set. Behind ``sudo`` it is the person who called it:
    only root can have set that variable, and root could do without.
    """
    number = os.getuid()
    behind = os.environ.get("SUDO_UID", "")
    if number == 0 and behind.isascii() and behind.isdecimal():
        number = int(behind)
    try:
        name = pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError):
        name = f"user {number}"
    return f"{name} (command line)"


def load(*, quiet: bool = False) -> Settings:
    """Load the settings and set up logging.

    ``quiet`` is for commands whose output is for a person: they log errors only, and see the connections of a
    sandbox that runs in this data directory.
    """
    if quiet:
        from hub.running.running_sandbox import as_running

        # Also for what is logged while settings are read.
        _configure_logging(LogSettings(level="error", format="console"))
        return as_running(load_settings())
    settings = load_settings()
    _configure_logging(settings.log)
    return settings


def _configure_logging(settings: LogSettings) -> None:
    # It knows every model that may hold a citizen's data: a command that only helps need not wait for that.
    from hub.log import configure_logging

    configure_logging(settings)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop: plain asyncio adds 44 ms to every request on a kept connection."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Show rows, or one line when there are none."""
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column in {"id", "ID"})
    count = 0
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
        count += 1
    if count:
        out.print(shown)
    else:
        say(empty)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return local_time(value)
    return escape(str(value))


def local_time(moment: datetime | None) -> str:
    """Return a moment as people here read it: Vietnam time, to the second."""
    return "-" if moment is None else moment.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S")
