"""Settings: cases of the watch."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from hub.settings_section import Section


class CaseSettings(Section):
    """Cases of the watch; docs/cases.md."""

    suppress_days: int = Field(default=30, ge=1, le=30, description="Longest time a case may be put aside, in days.")
    reveal_hours: float = Field(
        default=4.0, gt=0, le=72, description="How long an approved reading of citizens' numbers is valid, in hours."
    )
    evidence_lookups: int = Field(
        default=5000, ge=10, le=50_000, description="Most look-ups frozen in one piece of evidence, the newest."
    )
    handover_certificate_file: Path | None = Field(
        default=None, description="X.509 certificate (PEM, RSA) of the police, who alone can open hand-over packages."
    )
    untaken_hours: float = Field(
        default=4.0, gt=0, le=720, description="After this many hours a case nobody has taken is told once more."
    )
    clock_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="How often clocks of explanations and suppressions are looked at."
    )
