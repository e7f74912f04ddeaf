"""The command line ``lienthong``: runs the hub, plays its partners, and shows an operator what to do.

Every expected error is one sentence in both languages on standard error and an exit code other than 0.
"""

from __future__ import annotations

import typer

from hub.cli import (
    accounting,
    administer,
    catalogue,
    detecting,
    guarding,
    operate,
    prove,
    reconciling,
    replaying,
    reporting,
    run,
    score,
    webhooks,
)
from hub.cli.frame import Frame

app = typer.Typer(
    cls=Frame,
    name="lienthong",
    help="Liên Thông, the integration hub of a province. Trục liên thông của tỉnh.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
run.register(app)
administer.register(app)
accounting.register(app)
operate.register(app)
catalogue.register(app)
detecting.register(app)
guarding.register(app)
prove.register(app)
reconciling.register(app)
replaying.register(app)
reporting.register(app)
score.register(app)
webhooks.register(app)

__all__ = ["app"]
