"""Commands for webhooks: of every client, unlike the API, where each manages its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from contracts.inbox import InboxKind
from hub.cli.frame import actor, load, local_time, run, say, table
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.webhooks.endpoints import Endpoints

T = TypeVar("T")

_ID = Annotated[str, typer.Argument(help="Id of the webhook.")]
_KIND = Annotated[list[InboxKind] | None, typer.Option(help="Kind of event; repeat for several, none means all.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Addresses that events of the inbox are sent to.", no_args_is_help=True)
    group.command("list")(webhooks_list)
    group.command("add")(webhooks_add)
    group.command("rotate")(webhooks_rotate)
    group.command("disable")(webhooks_disable)
    group.command("enable")(webhooks_enable)
    group.command("replay")(webhooks_replay)
    app.add_typer(group, name="webhooks")


def webhooks_list() -> None:
    """List all webhooks with their failures."""
    table(
        "Webhooks",
        ["id", "client", "address", "kinds", "waiting", "failures", "failing since", "disabled"],
        [
            (
                one.id,
                one.client_id,
                one.url,
                " ".join(one.kinds) or "all",
                one.waiting,
                one.failures,
                one.failing_since,
                f"{local_time(one.disabled_at)} by {one.disabled_by}" if one.disabled_at else None,
            )
            for one in _with(lambda endpoints: endpoints.all())
        ],
        empty="There are no webhooks; make one with: lienthong webhooks add",
    )


def webhooks_add(
    client: Annotated[str, typer.Argument(help="Id of the client whose events are sent.")],
    url: Annotated[str, typer.Argument(help="Where messages are posted; its host must be in webhooks.allow.")],
    kind: _KIND = None,
) -> None:
    """Register an address and show the secret of its signatures, once."""
    made = _with(
        lambda endpoints: endpoints.add(client_id=client, url=url, kinds=kind or (), actor=actor(), now=_now())
    )
    _show_once(made.endpoint.id, made.secret)


def webhooks_rotate(webhook: _ID) -> None:
    """Give a webhook a new secret and show it, once; the former one goes on signing beside it for a while."""
    made = _with(lambda endpoints: endpoints.rotate(webhook, None, actor=actor(), now=_now()))
    _show_once(made.endpoint.id, made.secret)


def webhooks_disable(webhook: _ID) -> None:
    """Stop calling a webhook; its events wait."""
    _with(lambda endpoints: endpoints.disable(webhook, None, actor=actor(), now=_now()))
    say(f"{webhook} is disabled; its events wait.")


def webhooks_enable(webhook: _ID) -> None:
    """Call a webhook again, beginning with what waited."""
    found = _with(lambda endpoints: endpoints.enable(webhook, None, actor=actor(), now=_now()))
    say(f"{webhook} is enabled; {found.waiting} events wait for it.")


def webhooks_replay(
    webhook: _ID,
    since: Annotated[str, typer.Option(help="From this moment: 2026-10-08 or 2026-10-08T08:00, Vietnam time.")],
    until: Annotated[str | None, typer.Option(help="Before this moment; now if not given.")] = None,
    kind: _KIND = None,
    *,
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Only what was never taken.")] = False,
) -> None:
    """Send the events of a time again, under their old ids."""
    from hub.webhooks.endpoints import ReplayFilter

    wanted = ReplayFilter(_moment(since), _moment(until) if until else None, kind or (), failed_only)
    done = _with(lambda endpoints: endpoints.replay(webhook, None, wanted, actor=actor(), now=_now()))
    say(f"{done.events} events are sent again." + ("" if done.complete else " There are more: replay from later on."))


def _with(work: Callable[[Endpoints], Awaitable[T]]) -> T:
    from hub.store.engine import open_store
    from hub.webhooks.endpoints import webhook_endpoints

    settings = load(quiet=True)

    async def do() -> T:
        async with await open_store(settings) as store:
            return await work(webhook_endpoints(store, settings.webhooks))

    return run(do())


def _show_once(webhook: str, secret: str | None) -> None:
    say(f"WEBHOOK_ID={webhook}\nWEBHOOK_SECRET={secret}")
    say("The secret is shown this once; keep it now.  Khóa bí mật chỉ hiện một lần; hãy lưu lại ngay.")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            "bad_moment",
            Sentence(
                en="A moment is written as 2026-10-08 or 2026-10-08T08:00.",
                vi="Thời điểm viết dạng 2026-10-08 hoặc 2026-10-08T08:00.",
            ),
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=VIETNAM)


def _now() -> datetime:
    return datetime.now(UTC)
