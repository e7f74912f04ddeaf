"""Commands of an operator: connections, exchanges, procedures."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape

from hub.cli.frame import load, local_time, out, run, say, table
from hub.exchanges.views import ConnectionView, ExchangeDetail, ExchangePage, ExchangeState

if TYPE_CHECKING:
    from hub.app import Operations

T = TypeVar("T")

_CONNECTION = Annotated[str, typer.Argument(help="Id of the connection.")]
_EXCHANGE = Annotated[str, typer.Argument(help="Id of the exchange.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_connections = typer.Typer(help="Connections to the national systems.", no_args_is_help=True)
    of_connections.command("list")(connections_list)
    of_connections.command("probe")(connections_probe)
    of_connections.command("pause")(connections_pause)
    of_connections.command("resume")(connections_resume)
    app.add_typer(of_connections, name="connections")

    of_exchanges = typer.Typer(help="Messages to the national systems.", no_args_is_help=True)
    of_exchanges.command("list")(exchanges_list)
    of_exchanges.command("show")(exchanges_show)
    of_exchanges.command("replay")(exchanges_replay)
    of_exchanges.command("dismiss")(exchanges_dismiss)
    app.add_typer(of_exchanges, name="exchanges")

    of_procedures = typer.Typer(help="The catalogue of administrative procedures.", no_args_is_help=True)
    of_procedures.command("sync")(procedures_sync)
    app.add_typer(of_procedures, name="procedures")


def _operate(work: Callable[[Operations], Awaitable[T]]) -> T:
    from hub.app import build_operations

    settings = load(quiet=True)

    async def operate() -> T:
        async with build_operations(settings) as operations:
            return await work(operations)

    return run(operate())


def actor() -> str:
    """Return who acts, for the record: the account of this machine."""
    return f"{getpass.getuser()} (command line)"


# --- connections --------------------------------------------------------------------------------------------


def connections_list() -> None:
    """List all connections, their state, and what waits for them."""

    async def read(operations: Operations) -> tuple[ConnectionView, ...]:
        return (await operations.connections.list()).items

    listed = _operate(read)
    table(
        "Connections",
        ["id", "title", "state", "open", "held", "last success"],
        [(one.id, one.title, one.state, one.open_exchanges, one.held_lanes, one.last_success_at) for one in listed],
        empty="No connection is configured; see the README of an adapter, or try: lienthong up --sandbox",
    )
    for one in listed:
        say(f"{one.id}: {one.sentence}\n{' ' * len(one.id)}  {one.sentence_vi}")


def connections_probe(
    connection: Annotated[str | None, typer.Argument(help="Id of the connection; all if not given.")] = None,
) -> None:
    """Check connections in layers: name, port, certificate, login with a harmless question."""
    from hub.cli.examination import run_probe

    if not run_probe(connection):
        raise typer.Exit(1)


def connections_pause(
    connection: _CONNECTION, reason: Annotated[str, typer.Option(help="Why; shown to every operator.")]
) -> None:
    """Stop sending to a connection; what is accepted meanwhile waits."""

    async def pause(operations: Operations) -> ConnectionView:
        return await operations.connections.pause(connection, actor=actor(), reason=reason)

    _show_connection(_operate(pause))


def connections_resume(connection: _CONNECTION) -> None:
    """Send to a connection again, from where it stopped."""

    async def resume(operations: Operations) -> ConnectionView:
        return await operations.connections.resume(connection, actor=actor())

    _show_connection(_operate(resume))


def _show_connection(view: ConnectionView) -> None:
    say(f"{view.id}: {view.state}. {view.sentence}")


# --- exchanges ----------------------------------------------------------------------------------------------


def exchanges_list(
    connection: Annotated[str | None, typer.Option(help="Of this connection.")] = None,
    state: Annotated[ExchangeState | None, typer.Option(help="In this state.")] = None,
    dossier: Annotated[str | None, typer.Option(help="About this dossier.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
) -> None:
    """List exchanges, newest first."""

    async def read(operations: Operations) -> ExchangePage:
        return await operations.exchanges.page(connection=connection, state=state, subject=dossier, limit=limit)

    page = _operate(read)
    table(
        "Exchanges",
        ["id", "connection", "operation", "dossier", "revision", "state", "attempts", "accepted", "next try"],
        [
            (
                one.id,
                one.connection,
                one.operation,
                one.subject,
                one.revision,
                one.state,
                one.attempts,
                one.accepted_at,
                one.next_attempt_at,
            )
            for one in page.items
        ],
        empty="There are no such exchanges.",
    )
    if page.next_cursor is not None:
        say("There are more; narrow the list or raise --limit.")


def exchanges_show(exchange: _EXCHANGE) -> None:
    """Show one exchange with every attempt, without its contents."""

    async def read(operations: Operations) -> ExchangeDetail:
        return await operations.exchanges.get(exchange)

    _show_exchange(_operate(read))


def exchanges_replay(exchange: _EXCHANGE) -> None:
    """Try an ended exchange again; the partner is asked first where that is needed."""

    async def replay(operations: Operations) -> ExchangeDetail:
        return await operations.exchanges.replay(exchange, actor=actor())

    _show_exchange(_operate(replay))


def exchanges_dismiss(exchange: _EXCHANGE, reason: Annotated[str, typer.Option(help="Why; stays on record.")]) -> None:
    """End an exchange for good without delivery."""

    async def dismiss(operations: Operations) -> ExchangeDetail:
        return await operations.exchanges.dismiss(exchange, actor=actor(), reason=reason)

    _show_exchange(_operate(dismiss))


def _show_exchange(one: ExchangeDetail) -> None:
    lines = [
        ("exchange", one.id),
        ("connection", one.connection),
        ("operation", f"{one.operation} ({one.repeat_class})"),
        ("dossier", f"{one.subject}, revision {one.revision}"),
        ("state", one.state),
        ("accepted", local_time(one.accepted_at)),
        ("ended", local_time(one.ended_at)),
        ("next try", local_time(one.next_attempt_at)),
        ("their code", one.upstream_code or "-"),
    ]
    if one.reason:
        lines += [("reason", one.reason), ("lý do", one.reason_vi)]
    if one.dismissed_by:
        lines.append(("dismissed", f"by {one.dismissed_by}: {one.dismissed_reason}"))
    for name, value in lines:
        out.print(f"[bold]{name:<11}[/bold] {escape(str(value))}", soft_wrap=True)
    table(
        "Attempts",
        ["no.", "started", "ms", "outcome", "their code", "sent", "received", "reason"],
        [
            (
                attempt.number,
                attempt.started_at,
                attempt.duration_ms,
                attempt.outcome,
                attempt.upstream_code,
                attempt.request_bytes,
                attempt.answer_bytes,
                attempt.reason,
            )
            for attempt in one.attempt_list
        ],
        empty="Not tried yet.",
    )


# --- procedures ---------------------------------------------------------------------------------------------


def procedures_sync() -> None:
    """Copy the catalogue of procedures from every connection that has one."""
    done = _operate(lambda operations: operations.procedures.copy_all())
    for one in done:
        say(f"{one.connection}: {one.procedures} procedures.")
    if not done:
        say("No connection has a catalogue of procedures.")
