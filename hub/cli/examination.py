"""Shows what an examination found: ``lienthong doctor`` and ``lienthong connections probe``."""

from __future__ import annotations

import asyncio

from rich.markup import escape
from rich.table import Table

from contracts.errors import Sentence
from hub.cli.frame import actor, fail, load, out, run, say
from hub.errors import Refusal
from hub.health.doctor import examine, examine_connections, findings_of
from hub.health.findings import Finding, Verdict, bad
from hub.health.probe_service import ProbeService, probe_service
from hub.log import configure_logging
from hub.settings import LogSettings, Settings
from hub.store.engine import open_store
from hub.store.errors import StoreError


def run_doctor() -> bool:
    """Examine everything and show it; return whether nothing is wrong."""
    configure_logging(LogSettings(level="error", format="console"))
    return show("Examination", run(examine()))


def run_probe(connection: str | None) -> bool:
    """Probe one connection, or all, keep and show what was found; return whether nothing is wrong.

    Without a database it is shown and not kept.
    """
    settings = load(quiet=True)
    if connection is not None:
        if connection not in settings.connections:
            fail(
                Sentence(
                    en=f"There is no connection {connection} in the settings.",
                    vi=f"Cấu hình không có kết nối {connection}.",
                )
            )
        only = {connection: settings.connections[connection].model_copy(update={"enabled": True})}
        settings = settings.model_copy(update={"connections": only})
    return show("Connections", run(_probe(settings)))


async def _probe(settings: Settings) -> list[Finding]:
    if settings.database_url is None and not (settings.data_dir / "postgres" / "PG_VERSION").exists():
        return await examine_connections(settings)
    names = [name for name, one in settings.connections.items() if one.enabled]
    try:
        async with await open_store(settings) as store, probe_service(settings, store) as probes:
            found = await asyncio.gather(*(_probe_one(probes, name) for name in names))
    except StoreError as error:
        return [bad("database", error.sentence), *await examine_connections(settings)]
    return [finding for one in found for finding in one]


async def _probe_one(probes: ProbeService, name: str) -> list[Finding]:
    try:
        return findings_of(await probes.probe(name, origin=actor()))
    except Refusal as refusal:  # in announced maintenance
        return [Finding(name, Verdict.ATTENTION, refusal.sentence)]


def show(title: str, findings: list[Finding]) -> bool:
    """Show findings as a table; return whether none is bad."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("what", no_wrap=True)
    table.add_column("found, and what to do", overflow="fold")
    for one in findings:
        words = one.sentence.en if one.verdict is Verdict.GOOD else f"{one.sentence.en}\n{one.sentence.vi}"
        table.add_row(one.verdict.value, escape(one.subject), escape(words))
    out.print(table)
    wrong = sum(one.verdict is Verdict.BAD for one in findings)
    say(f"{wrong} of {len(findings)} are wrong." if wrong else "Nothing is wrong.")
    return not wrong
