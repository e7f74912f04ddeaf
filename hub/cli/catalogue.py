"""Commands of the national catalogue: synchronise it, list its versions, show a procedure or a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.frame import actor, local_time, say, table
from hub.cli.operate import operate

if TYPE_CHECKING:
    from hub.app import Operations
    from hub.catalogue.views import FieldDifference, ProcedureView, VersionPage, VersionView

_SHOWN = 200
"""Entries of a version shown at once."""
_LONGEST = 60


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_catalogue = typer.Typer(help="The national catalogue of procedures.", no_args_is_help=True)
    of_catalogue.command("sync")(catalogue_sync)
    of_catalogue.command("versions")(catalogue_versions)
    of_catalogue.command("show")(catalogue_show)
    app.add_typer(of_catalogue, name="catalogue")


def catalogue_sync(
    *,
    accept_withdrawals: Annotated[
        bool, typer.Option("--accept-withdrawals", help="Believe a list that lost many entries at once; recorded.")
    ] = False,
) -> None:
    """Copy the catalogue from every connection that has one, and say what changed."""
    done = operate(
        lambda operations: operations.catalogue.copy_all(accept_withdrawals=accept_withdrawals, actor=actor())
    )
    for one in done:
        outcome = one.outcome
        what = (
            "nothing changed"
            if outcome.version is None
            else f"version {outcome.version}: {outcome.added} added, {outcome.changed} changed,"
            f" {outcome.withdrawn} withdrawn"
        )
        say(f"{one.connection}: {one.procedures} procedures. {what[0].upper()}{what[1:]}.")
        if one.unread:
            say(f"{one.connection}: {one.unread} details or lists did not come; what was kept of them stays.")
        if outcome.kept_back:
            say(
                f"{one.connection}: {outcome.kept_back} entries vanished at once and are kept; if this is true, run"
                " lienthong catalogue sync --accept-withdrawals"
            )
    if not done:
        say("No connection has a catalogue of procedures.")


def catalogue_versions(
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
) -> None:
    """List the versions of the catalogue, newest first."""

    async def read(operations: Operations) -> VersionPage:
        from hub.catalogue.service import CatalogueReader

        return await CatalogueReader(operations.store).versions(limit=limit)

    page = operate(read)
    table(
        "Versions",
        ["no.", "connection", "made", "added", "changed", "withdrawn"],
        [(one.number, one.source, one.made_at, one.added, one.changed, one.withdrawn) for one in page.items],
        empty="The catalogue has never been synchronised; run: lienthong catalogue sync",
    )
    for one in page.sources:
        say(f"{one.source}: last compared {local_time(one.asked_at)}, {one.unread} unread, {one.kept_back} kept back.")


def catalogue_show(
    what: Annotated[str, typer.Argument(help="The number of a version, or the code of a procedure.")],
) -> None:
    """Show a version with its differences, or a procedure with its history."""

    async def read(operations: Operations) -> VersionView | ProcedureView:
        from hub.catalogue.service import CatalogueReader

        reader = CatalogueReader(operations.store)
        return await (reader.version(what, limit=_SHOWN) if what.isdigit() else reader.procedure(what))

    shown = operate(read)
    from hub.catalogue.views import VersionView as Version

    if isinstance(shown, Version):
        _show_version(shown)
    else:
        _show_procedure(shown)


def _show_version(shown: VersionView) -> None:
    one = shown.version
    say(f"Version {one.number} of {one.source}, {local_time(one.made_at)}.")
    table(
        "Differences",
        ["kind", "key", "change", "name", "fields"],
        [(each.kind, each.key, each.change, each.name, _told(each.fields)) for each in shown.differences],
        empty="It changed nothing.",
    )
    if shown.next_cursor is not None:
        say("There are more; read them with GET /v1/catalogue/versions/{number}.")


def _show_procedure(shown: ProcedureView) -> None:
    one = shown.procedure
    say(f"{one.code}  {one.name}")
    if shown.withdrawn_at is not None:
        say(f"Withdrawn {local_time(shown.withdrawn_at)}.")
    if not shown.detailed:
        say("Its details have not been read yet.")
    table(
        "Papers to hand in",
        ["case", "code", "name"],
        [(case.case, paper.code, paper.name) for case in one.papers for paper in case.papers],
        empty="No papers are published.",
    )
    table("Results", ["code", "name"], [(each.code, each.name) for each in one.results], empty="No results.")
    table(
        "History",
        ["version", "made", "change", "fields"],
        [(each.version, each.made_at, each.change, _told(each.fields)) for each in shown.history],
        empty="No version has changed it.",
    )


def _told(fields: tuple[FieldDifference, ...]) -> str:
    return "; ".join(f"{one.path or 'all'}: {_short(one.before)} → {_short(one.after)}" for one in fields)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
