"""Shows what an examination found: ``lienthong doctor`` and ``lienthong connections probe``."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from contracts.errors import Sentence
from hub.cli.frame import fail, load, out, run, say
from hub.doctor import examine, examine_connections
from hub.findings import Finding, Verdict
from hub.log import configure_logging
from hub.settings import LogSettings


def run_doctor() -> bool:
    """Examine everything and show it; return whether nothing is wrong."""
    configure_logging(LogSettings(level="error", format="console"))
    return show("Examination", run(examine()))


def run_probe(connection: str | None) -> bool:
    """Examine one connection, or all, and show it; return whether nothing is wrong."""
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
    return show("Connections", run(examine_connections(settings)))


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
