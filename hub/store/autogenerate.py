"""Write a new migration from the difference between the migrated tables and `METADATA`.

Usage: ``python -m hub.store.autogenerate "message"``

A developer's tool: it starts a throw-away embedded server, applies the migrations there are, compares, and
writes ``migrations/versions/NNNN_message.py``. Read what it wrote: Alembic does not see everything. With
``--restart`` one new migration replaces all that there are; for the time before the first release.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from hub.store import schema
from hub.store.embedded import EmbeddedPostgres


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description="Write a migration from the tables as declared.")
    parser.add_argument("message", help='what changes, e.g. "foundation"')
    parser.add_argument("--restart", action="store_true", help="replace all migrations by one")
    arguments = parser.parse_args()
    versions = schema.MIGRATIONS / "versions"
    if arguments.restart:
        for old in versions.glob("[0-9]*.py"):
            old.unlink()
    number = len(list(versions.glob("[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedPostgres(Path(directory), settings={"fsync": "off", "logging_collector": "off"})
        server.start_or_attach()
        try:
            written = _write(server.url, f"{number:04d}", arguments.message)
        finally:
            server.release()
    sys.stdout.write(f"{written}\n")


def _write(url: str, number: str, message: str) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    if ScriptDirectory.from_config(schema.configuration()).get_current_head() is not None:
        schema.upgrade(url)
    config = schema.configuration()
    config.set_main_option("file_template", f"{number}_{slug}")
    with schema.connect(url) as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=number)
    written = schema.MIGRATIONS / "versions" / f"{number}_{slug}.py"
    for step in (["format", "--quiet"], ["check", "--fix", "--exit-zero", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, str(written)], check=False)  # noqa: S603 - our own tool
    return written


if __name__ == "__main__":
    main()
