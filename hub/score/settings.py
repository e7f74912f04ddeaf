"""Settings of the score guard."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.settings_section import Section

Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
"""A month as YYYY-MM."""


class ScoreSettings(Section):
    """How the national score (QĐ 766) is estimated where the public formula paper leaves room; docs/score-guard.md."""

    connection: str | None = Field(
        default=None,
        min_length=1,
        max_length=48,
        description="Connection whose copy of the dossiers is scored; unset: the first that follows dossiers.",
    )
    supplement_clock: Literal["unless_renewed", "always"] = Field(
        default="unless_renewed",
        description="When the time of the one supplement is taken off: only if the due date was not moved, or always.",
    )
    on_time_among: Literal["received", "handled"] = Field(
        default="received",
        description="Dossiers of line 2.1: those received in the month, or also those carried over from before.",
    )
    results_among: Literal["finished", "received"] = Field(
        default="finished",
        description="Dossiers of the lines about results (3.3, 4.1, 4.2): finished ones, or all received ones.",
    )
    population_databases: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=50, description="Database codes (MaCSDL) that stand for the population database (4.5)."
    )
    reported: dict[Month, dict[str, Annotated[int, Field(ge=0, le=10**9)]]] = Field(
        default_factory=dict,
        description="Dossiers by month (YYYY-MM) and agency in the national report system, for the rate of line 1.4.",
    )
    synchronised_within_minutes: float = Field(
        default=30.0, ge=0, le=1440, description="How long a revision may be on its way before it is warned of."
    )
    refresh_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="How often score facts are brought up to date."
    )
    warnings_seconds: float = Field(
        default=120.0, gt=0, le=3600, description="How often early warnings are raised and cleared."
    )
