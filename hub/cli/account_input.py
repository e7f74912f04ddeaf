"""What the commands of accounts share: the store, who acts, files read and written, input checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from contracts.errors import Sentence
from hub.cli.frame import actor, load, run, say
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from hub.accounts.frame import Caller
    from hub.profiles.profile import Profile
    from hub.settings import Settings
    from hub.store.engine import Store

T = TypeVar("T")

_MOST_BYTES = 16 << 20

Account = Annotated[str, typer.Argument(help="Login name in the dossier system.")]
Person = Annotated[str, typer.Option(help="The official in whose name: full name or login.")]
Reason = Annotated[str, typer.Option(help="Why; stays on record, sealed.")]
Document = Annotated[str, typer.Option(help="Number and sign of the document.")]


def with_store(work: Callable[[Store, Settings, Profile], Awaitable[T]]) -> T:
    """Do the work on an open store, under the province's profile."""
    from hub.profiles.profile import load_profile
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def opened() -> T:
        async with await open_store(settings) as store:
            return await work(store, settings, load_profile(settings.profile))

    return run(opened())


def here() -> Caller:
    """Return who acts: the account of this machine, for all agencies."""
    from hub.accounts.frame import Caller

    return Caller(actor())


def checked(model: type[T], **values: Any) -> T:
    """Return a model of these values. Raises `CommandError` with the sentence of the first fault."""
    import orjson
    from pydantic import TypeAdapter

    return read(TypeAdapter(model), orjson.dumps(values))


def read(adapter: TypeAdapter[T], data: bytes) -> T:
    """Return the value of a JSON text. Raises `CommandError` with the sentence of the first fault."""
    from hub.web.validation import InvalidBody, read_json

    try:
        return read_json(adapter, data)
    except InvalidBody as invalid:
        refusal = invalid.answer.refusal
        where = f"{refusal.field}: " if refusal.field else ""
        said = Sentence(f"{where}{refusal.sentence.en}", f"{where}{refusal.sentence.vi}")
        raise CommandError(refusal.code, said) from None


def content(file: Path) -> bytes:
    """Return what is in a file, or for ``-`` what comes in. Raises `CommandError`."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        why = error.strerror or "?"
        raise CommandError(
            "file_unreadable",
            Sentence(f"The file {file} cannot be read: {why}.", f"Không đọc được tệp {file}: {why}."),
        ) from None
    if len(data) > _MOST_BYTES:
        raise CommandError("file_too_large", Sentence("The file is too large.", "Tệp quá lớn."))
    return data


def write(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. Raises `CommandError`, also where it is there already."""
    try:
        # Only for who asked: it holds officers' data.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except OSError as error:
        why = error.strerror or "?"
        raise CommandError(
            "file_not_written",
            Sentence(f"The file {path} cannot be written: {why}.", f"Không ghi được tệp {path}: {why}."),
        ) from None
    say(f"{path}: {len(data)} bytes")
