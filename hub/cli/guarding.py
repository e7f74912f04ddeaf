"""Commands of whoever is on duty: alerts, announced maintenance, the diagnostics bundle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.cli.frame import actor, fail, load, local_time, run, say, table
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.health.views import WindowView
    from hub.settings import Settings
    from hub.store.engine import Store

T = TypeVar("T")


class Which(StrEnum):
    """Which alerts are listed."""

    OPEN = "open"
    CLEARED = "cleared"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_alerts = typer.Typer(help="What a person should look at.", no_args_is_help=True)
    of_alerts.command("list")(alerts_list)
    of_alerts.command("acknowledge")(alerts_acknowledge)
    of_alerts.command("test")(alerts_test)
    app.add_typer(of_alerts, name="alerts")

    of_maintenance = typer.Typer(help="Announced times in which nothing leaves.", no_args_is_help=True)
    of_maintenance.command("list")(maintenance_list)
    of_maintenance.command("announce")(maintenance_announce)
    of_maintenance.command("cancel")(maintenance_cancel)
    app.add_typer(of_maintenance, name="maintenance")

    app.command()(diagnostics)


def _with_store(work: Callable[[Settings, Store], Awaitable[T]]) -> T:
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def opened() -> T:
        async with await open_store(settings) as store:
            return await work(settings, store)

    return run(opened())


# --- alerts -------------------------------------------------------------------------------------------------


def alerts_list(
    state: Annotated[Which, typer.Option(help="Which of them.")] = Which.OPEN,
    connection: Annotated[str | None, typer.Option(help="About this connection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
) -> None:
    """List alerts, newest first, and the channels through which they are told."""
    from hub.alerts.reading import AlertService

    async def read(settings: Settings, store: Store) -> None:
        page = await AlertService(store, settings.alerts).page(state=state.value, connection=connection, limit=limit)
        table(
            "Alerts",
            ["id", "severity", "since", "over", "acknowledged", "what"],
            [(one.id, one.severity, one.opened_at, one.cleared_at, one.acknowledged_by, one.key) for one in page.items],
            empty="There are no such alerts.",
        )
        for one in page.items:
            say(f"{one.id}: {one.sentence}\n{' ' * len(str(one.id))}  {one.sentence_vi}")
        table(
            "Channels",
            ["name", "kind", "last sent", "waiting", "state"],
            [
                (
                    one.name,
                    one.kind,
                    one.last_sent_at,
                    one.waiting,
                    f"does not take messages: {one.failure}" if one.failing else "",
                )
                for one in page.channels
            ],
            empty="No channel is configured, so alerts are shown here and told nobody; see alerts.channels.",
        )

    _with_store(read)


def alerts_acknowledge(alert: Annotated[int, typer.Argument(min=1, help="Id of the alert.")]) -> None:
    """Say that you look after an alert."""
    from hub.alerts.reading import AlertService

    async def acknowledge(settings: Settings, store: Store) -> None:
        view = await AlertService(store, settings.alerts).acknowledge(alert, actor=actor())
        say(f"{view.id}: acknowledged by {view.acknowledged_by} at {local_time(view.acknowledged_at)}.")

    _with_store(acknowledge)


def alerts_test(
    channel: Annotated[str | None, typer.Argument(help="Name of the channel; all if not given.")] = None,
) -> None:
    """Send a test message through a channel, or all, and say whether it was taken."""
    from hub.alerts.message import Message
    from hub.alerts.service import AlertEvent
    from hub.alerts.severity import Severity
    from hub.alerts.telling import open_channels

    settings = load(quiet=True)
    names = [channel] if channel is not None else list(settings.alerts.channels)
    if not names or not settings.alerts.channels.keys() >= set(names):
        raise CommandError(
            "no_channel",
            Sentence(
                en="There is no such alert channel in the settings; see alerts.channels.",
                vi="Cấu hình không có kênh cảnh báo này; xem alerts.channels.",
            ),
        )
    message = Message(
        id=0,
        alert_id=0,
        event=AlertEvent.TEST,
        severity=Severity.INFO,
        key="test",
        sentence=Sentence(
            "This is a test of the alert channel; nothing needs to be done.",
            "Đây là tin thử kênh cảnh báo; không cần làm gì.",
        ),
        at=datetime.now(UTC),
    )

    async def tell() -> bool:
        well = True
        async with open_channels(settings) as channels:
            for name in names:
                told = await channels[name].tell(message)
                well = well and told.failure is None
                why = "" if told.failure is None else f"{told.failure.en} / {told.failure.vi}"
                say(f"{name}: {'taken' if told.failure is None else why}")
        return well

    if not run(tell()):
        raise typer.Exit(1)


# --- maintenance --------------------------------------------------------------------------------------------


def maintenance_list(
    connection: Annotated[str | None, typer.Option(help="Of this connection.")] = None,
    *,
    past: Annotated[bool, typer.Option("--past", help="Also windows that are over or were cancelled.")] = False,
) -> None:
    """List maintenance windows, the next first."""
    from hub.health.assembly import maintenance_service

    async def read(settings: Settings, store: Store) -> None:
        listed = await maintenance_service(settings, store).list(connection=connection, past=past)
        table(
            "Maintenance windows",
            ["id", "connection", "state", "begins", "ends", "short notice", "announced by"],
            [
                (
                    one.id,
                    one.connection,
                    one.state,
                    one.starts_at,
                    one.ends_at,
                    "yes" if one.short_notice else "",
                    one.announced_by,
                )
                for one in listed.items
            ],
            empty="No maintenance is announced.",
        )

    _with_store(read)


def maintenance_announce(
    connection: Annotated[str, typer.Argument(help="Id of the connection.")],
    begins: Annotated[str, typer.Option(help="When, in Vietnam time: 2026-10-24T22:00.")],
    ends: Annotated[str, typer.Option(help="Until when, in Vietnam time.")],
    reason: Annotated[str, typer.Option(help="Why; names no citizen.")],
    urgent: Annotated[
        str | None, typer.Option(help="Why it cannot wait for the lawful notice; it is marked as too late.")
    ] = None,
) -> None:
    """Announce a time in which nothing leaves for a connection."""
    from hub.health.assembly import maintenance_service
    from hub.health.maintenance import Wanted

    wanted = Wanted(connection, _moment(begins), _moment(ends), reason, urgent)

    async def announce(settings: Settings, store: Store) -> None:
        _show(await maintenance_service(settings, store).announce(wanted, actor=actor()))

    _with_store(announce)


def maintenance_cancel(window: Annotated[int, typer.Argument(min=1, help="Id of the window.")]) -> None:
    """Cancel a window, or end one that is under way; what waits leaves at once."""
    from hub.health.assembly import maintenance_service

    async def cancel(settings: Settings, store: Store) -> None:
        _show(await maintenance_service(settings, store).cancel(window, actor=actor()))

    _with_store(cancel)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            "bad_moment",
            Sentence(
                en=f"{text} is not a moment; write it as 2026-10-24T22:00.",
                vi=f"{text} không phải là thời điểm; hãy viết dạng 2026-10-24T22:00.",
            ),
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM)


def _show(one: WindowView) -> None:
    say(f"{one.id}: {one.connection}, {local_time(one.starts_at)} to {local_time(one.ends_at)}, {one.state}.")
    if one.short_notice:
        say(f"Announced later than {one.notice_basis} demands ({one.notice_working_days} working days), as urgent.")


# --- diagnostics --------------------------------------------------------------------------------------------


def diagnostics(
    out: Annotated[Path, typer.Option(help="ZIP file to write; must not exist.")],
    log: Annotated[Path | None, typer.Option(help="A file with log lines of the hub, to look through its end.")] = None,
) -> None:
    """Write what a maintainer needs to help: no citizens' data, no secrets, no text that people typed."""
    from hub.health import bundle
    from hub.health.doctor import examine
    from hub.store.engine import open_store
    from hub.store.errors import StoreError

    settings = load(quiet=True)

    async def build() -> bytes:
        findings = await examine()
        try:
            async with await open_store(settings) as store:
                return await bundle.build(settings, store, findings, log)
        except StoreError:
            say("The database does not answer; the bundle holds what there is without it.")
            return await bundle.build(settings, None, findings, log)

    try:
        bundle.write(out, run(build()))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        place = error.filename or out
        fail(
            Sentence(
                en=f"{place} cannot be read or written: {reason}.", vi=f"Không đọc hoặc ghi được {place}: {reason}."
            )
        )
    say(f"{out}: look through it before you pass it on.")
