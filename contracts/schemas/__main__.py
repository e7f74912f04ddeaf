"""Write the schemas: ``python -m contracts.schemas [--check | --publish]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from contracts import schemas


def main(arguments: list[str] | None = None, root: Path = schemas.DIRECTORY) -> int:
    """Write the current schemas, or check them, or make them the promise in force; 1 means refused."""
    parser = argparse.ArgumentParser(prog="python -m contracts.schemas", description=schemas.__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is stale or a promise broken"
    )
    choice.add_argument("--publish", action="store_true", help="also make the current schemas the promise in force")
    options = parser.parse_args(arguments)

    breaks = schemas.breaking_changes(root)
    for each in breaks:
        sys.stderr.write(f"breaking change: {each}\n")
    if options.check:
        stale = schemas.stale_files(root)
        for name in stale:
            sys.stderr.write(f"stale: {name}; run python -m contracts.schemas\n")
        return int(bool(breaks or stale))
    schemas.write_current(root)
    if options.publish:
        if breaks:
            return 1
        schemas.publish(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
