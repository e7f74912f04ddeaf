"""``lienthong sandbox``: plays the partners until told to stop."""

from __future__ import annotations

import logging
import secrets

from hub.cli.frame import say
from hub.registry import load_adapters
from hub.running import sandbox
from hub.running.supervised import Line, told_to_stop
from hub.settings import Settings
from hub.web.server import ServerStartError, listen, serve


async def run_sandbox(settings: Settings, line: Line, *, port: int, password: str | None) -> None:
    """Play every partner; what the supervisor orders (``port``, ``ports``, ``secret``) comes before the arguments.

    Raises `hub.running.command_error.CommandError` where a port is taken, and `hub.settings.SettingsError` for wrong
    settings.
    """
    # The simulators' own servers would tell of every start and stop.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    parts = sandbox.cast(settings, load_adapters())
    port = line.orders.get("port", port)
    try:
        listen(sandbox.HOST, port).close()
    except ServerStartError as error:
        raise sandbox.port_in_use(port) from error
    follow = {part.connection_id: port + number for number, part in enumerate(parts, start=1)} if port else {}
    secret = line.orders.get("secret") or password or secrets.token_urlsafe(18)
    async with (
        told_to_stop(line) as stop,
        sandbox.play(parts, secret=secret, ports=line.orders.get("ports", follow)) as played,
    ):
        await sandbox.aim(played, line.orders.get("inbound", {}))

        async def started(bound: int) -> None:
            if not line.is_supervised:
                _show(played, bound)
            await line.ready(
                port=bound,
                ports={one.connection_id: one.partner.port for one in played},
                connections=sandbox.connection_tables(played, whole=True),
            )

        await serve(
            sandbox.ControlPlane(played),
            sandbox.HOST,
            port,
            read_timeout_seconds=sandbox.BODY_SECONDS,
            stop=stop,
            on_started=started,
        )


def _show(played: list[sandbox.Played], port: int) -> None:
    base = f"http://{sandbox.HOST}:{port}{sandbox.ROOT}"
    say(f"Control plane: {base}")
    for one in played:
        say(f"{one.title.en}: {one.partner.address}   (watch and disturb it at {base}/{one.connection_id})")
    say("\nFor the lienthong.toml of a hub on this machine:\n")
    say(sandbox.to_toml(sandbox.connection_tables(played, whole=False)))
