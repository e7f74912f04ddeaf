"""Commands that run the hub, process by process or all in one, and those that try it out.

Each imports what it needs when it is called: a process that plays simulators has no use for a database.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as package_version
from typing import Annotated, Any

import typer

from contracts.errors import Sentence
from hub.cli.frame import Supervised, load, run, say
from hub.running.command_error import CommandError
from hub.running.supervised import open_line

DEFAULT_SANDBOX_PORT = 8490


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, api, worker, clerk, sandbox, demo, doctor):
        app.command()(command)
    app.command("version")(show_version)


def show_version() -> None:
    """Show the version."""
    say(f"lienthong {package_version('lienthong')}, Python {sys.version.split()[0]}")


def up(
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Play the partners here, and lead every connection to them.")
    ] = False,
    demo_traffic: Annotated[
        bool, typer.Option("--demo-traffic", help="Hand in invented dossiers all the time; needs --sandbox.")
    ] = False,
) -> None:
    """Run everything on this machine: database, API, worker, clerk, on demand a sandbox. Ctrl-C stops it."""
    from hub.cli.everything import run_up

    if demo_traffic and not sandbox:
        raise CommandError(
            "traffic_needs_sandbox",
            Sentence(
                en="--demo-traffic hands in invented dossiers, which must not reach a real system; add --sandbox.",
                vi="--demo-traffic gửi hồ sơ giả định, không được tới hệ thống thật; hãy thêm --sandbox.",
            ),
        )
    run_up(load(), with_sandbox=sandbox, with_traffic=demo_traffic)


def api(supervised: Supervised = None) -> None:
    """Run an API process until SIGTERM."""
    from hub.running.processes import run_api

    settings = load()
    run(_on_the_line(supervised, lambda line: run_api(settings, line)))


def worker(supervised: Supervised = None) -> None:
    """Run a worker process until SIGTERM; it finishes what is under way."""
    from hub.running.processes import run_worker

    settings = load()
    run(_on_the_line(supervised, lambda line: run_worker(settings, line)))


def clerk(supervised: Supervised = None) -> None:
    """Run a clerk process until SIGTERM: what is done by the clock, each job by one clerk at a time."""
    from hub.running.processes import run_clerk

    settings = load()
    run(_on_the_line(supervised, lambda line: run_clerk(settings, line)))


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65_000, help="Port of the control plane; simulators follow. 0 takes free ones.")
    ] = DEFAULT_SANDBOX_PORT,
    password: Annotated[
        str | None, typer.Option(help="What the simulators demand at login; random if not given.")
    ] = None,
    supervised: Supervised = None,
) -> None:
    """Run the simulators of all partners on loopback, with faults on demand, until SIGTERM."""
    from hub.cli.stage import run_sandbox

    settings = load()
    run(_on_the_line(supervised, lambda line: run_sandbox(settings, line, port=port, password=password)))


def demo() -> None:
    """Play the tour: one dossier's life, with faults in the middle, verified at the portal's own copy."""
    from hub.demo.run import run_demo

    if not run_demo():
        raise typer.Exit(1)


def doctor() -> None:
    """Check this machine, the configuration, the database and every connection; name the remedy."""
    from hub.cli.examination import run_doctor

    if not run_doctor():
        raise typer.Exit(1)


async def _on_the_line(descriptor: int | None, work: Any) -> None:
    async with open_line(descriptor) as line:
        await work(line)
