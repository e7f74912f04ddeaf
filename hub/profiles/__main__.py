"""``python -m hub.profiles`` writes ``docs/profiles.md`` anew, in a checkout."""

from __future__ import annotations

import sys

from hub.profiles.page import page
from hub.profiles.profile import SHIPPED


def main() -> None:
    """Run the tool."""
    path = SHIPPED.parent / "docs" / "profiles.md"
    path.write_text(page(), "utf-8")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
