"""Commands of an operator: connections, exchanges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape

from contracts.errors import Sentence
from hub.cli.frame import actor, load, local_time, out, run, say, table
from hub.exchanges.views import ConnectionView, ExchangeDetail, ExchangeState, ExchangeSummary
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.app import Operations
    from hub.exchanges.service import ConnectionService

T = TypeVar("T")

_PAGES = 100
"""How many pages a list follows to be filled, each of which examines a bounded number of exchanges."""

_CONNECTION = Annotated[str, typer.Argument(help="Id of the connection.")]
_EXCHANGE = Annotated[str, typer.Argument(help="Id of the exchange.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_connections = typer.Typer(help="Connections to the national systems.", no_args_is_help=True)
    of_connections.command("list")(connections_list)
    of_connections.command("probe")(connections_probe)
    of_connections.command("pause")(connections_pause)
    of_connections.command("stop")(connections_stop)
    of_connections.command("resume")(connections_resume)
    app.add_typer(of_connections, name="connections")

    of_exchanges = typer.Typer(help="Messages to the national systems.", no_args_is_help=True)
    of_exchanges.command("list")(exchanges_list)
    of_exchanges.command("show")(exchanges_show)
    of_exchanges.command("replay")(exchanges_replay)
    of_exchanges.command("dismiss")(exchanges_dismiss)
    app.add_typer(of_exchanges, name="exchanges")


def operate(work: Callable[[Operations], Awaitable[T]]) -> T:
    """Open what the configuration names, do the work, and return what came of it."""
    from hub.app import build_operations

    settings = load(quiet=True)

    async def act() -> T:
        async with build_operations(settings) as operations:
            return await work(operations)

    return run(act())


def _steer(work: Callable[[ConnectionService], Awaitable[T]]) -> T:
    """Do something to connections with nothing but the database: a stop must not fail because an adapter does."""
    from hub.exchanges.service import ConnectionInfo, ConnectionService
    from hub.store.engine import open_store

    settings = load(quiet=True)
    infos = [
        ConnectionInfo(
            id=name, adapter=one.adapter, title=Sentence(one.title or name, one.title or name), repeat_classes={}
        )
        for name, one in settings.connections.items()
        if one.enabled
    ]

    async def act() -> T:
        async with await open_store(settings) as store:
            return await work(ConnectionService(store, infos, settings.health))

    return run(act())


# --- connections --------------------------------------------------------------------------------------------


def connections_list() -> None:
    """List all connections, their state, and what waits for them."""

    async def read(operations: Operations) -> tuple[ConnectionView, ...]:
        return (await operations.connections.list()).items

    listed = operate(read)
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

    async def pause(connections: ConnectionService) -> ConnectionView:
        return await connections.pause(connection, actor=actor(), reason=reason)

    _show_connection(_steer(pause))


_ALL = Annotated[bool, typer.Option("--all", help="All connections, those configured later included.")]
_ONE_OR_ALL = Annotated[str | None, typer.Argument(help="Id of the connection; or --all.")]


def connections_stop(
    connection: _ONE_OR_ALL = None,
    *,
    every: _ALL = False,
    reason: Annotated[str, typer.Option(help="Why; shown to every operator.")],
) -> None:
    """Emergency stop, in force at once for every worker: only calls already under way finish."""
    _require_one_or_all(connection, every=every)

    async def stop(connections: ConnectionService) -> tuple[ConnectionView, ...]:
        if connection is not None:
            return (await connections.stop(connection, actor=actor(), reason=reason),)
        return (await connections.stop_all(actor=actor(), reason=reason)).items

    stopped = _steer(stop)
    if every:
        say("Every connection is stopped, those configured later included.  Đã dừng mọi kết nối.")
    for one in stopped:
        _show_connection(one)
        if one.in_flight:
            say(f"{one.id}: {one.in_flight} dossiers are in a worker's hands; these calls finish, no other begins.")


def connections_resume(
    connection: _ONE_OR_ALL = None,
    *,
    every: _ALL = False,
    by_deadline: Annotated[
        bool, typer.Option("--by-deadline", help="What waits goes by legal deadline, soonest first.")
    ] = False,
) -> None:
    """Send to a connection again, from where it stopped; --all ends every emergency stop."""
    _require_one_or_all(connection, every=every)

    async def resume(connections: ConnectionService) -> tuple[ConnectionView, ...]:
        if connection is not None:
            return (await connections.resume(connection, actor=actor(), by_deadline=by_deadline),)
        return (await connections.resume_all(actor=actor(), by_deadline=by_deadline)).items

    for one in _steer(resume):
        _show_connection(one)


def _require_one_or_all(connection: str | None, *, every: bool) -> None:
    if (connection is None) is not every:
        raise CommandError(
            "one_or_all",
            Sentence(
                en="Name one connection, or say --all.", vi="Hãy nêu một kết nối, hoặc dùng --all cho mọi kết nối."
            ),
        )


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

    async def read(operations: Operations) -> tuple[list[ExchangeSummary], bool]:
        found: list[ExchangeSummary] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await operations.exchanges.page(
                connection=connection, state=state, subject=dossier, limit=limit - len(found), cursor=cursor
            )
            found += page.items
            cursor = page.next_cursor
            if cursor is None or len(found) >= limit:
                break
        return found, cursor is not None

    found, more = operate(read)
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
            for one in found
        ],
        empty="There are no such exchanges.",
    )
    if more:
        say("There may be more; narrow the list or raise --limit.")


def exchanges_show(exchange: _EXCHANGE) -> None:
    """Show one exchange with every attempt, without its contents."""

    async def read(operations: Operations) -> ExchangeDetail:
        return await operations.exchanges.get(exchange)

    _show_exchange(operate(read))


def exchanges_replay(
    exchange: _EXCHANGE, reason: Annotated[str, typer.Option(help="Why; stays on record.")] = ""
) -> None:
    """Try an ended exchange again; the partner is asked first where that is needed."""

    async def replay(operations: Operations) -> ExchangeDetail:
        return await operations.exchanges.replay(exchange, actor=actor(), reason=reason)

    _show_exchange(operate(replay))


def exchanges_dismiss(exchange: _EXCHANGE, reason: Annotated[str, typer.Option(help="Why; stays on record.")]) -> None:
    """End an exchange for good without delivery."""

    async def dismiss(operations: Operations) -> ExchangeDetail:
        return await operations.exchanges.dismiss(exchange, actor=actor(), reason=reason)

    _show_exchange(operate(dismiss))


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
