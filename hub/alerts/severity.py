"""How soon a person should look; apart, because the settings need nothing else of alerts."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Greater is more urgent."""
        return list(Severity).index(self)
