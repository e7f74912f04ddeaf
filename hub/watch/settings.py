"""Settings: the watch over look-ups."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class WatchSettings(Section):
    """The watch over look-ups; docs/cases.md."""

    poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How often the watch looks for look-ups that have ended."
    )
    batch: int = Field(default=1000, ge=1, le=20_000, description="Most look-ups judged in one transaction.")
    horizon_days: int = Field(
        default=45, ge=30, le=400, description="How far back the log is fed to the watch when it starts, in days."
    )
    preview_days: int = Field(
        default=30, ge=1, le=180, description="How many days of history a change of rules is tried on."
    )
    explained_share_least: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Below this share of explained look-ups a unit's link to dossiers is broken.",
    )
    explained_share_lookups: int = Field(
        default=50, ge=1, le=100_000, description="Look-ups of a unit in seven days before its share is judged."
    )
    sample_share: float = Field(
        default=0.01, ge=0, le=1, description="Share of accounts drawn at random each month for their supervisor."
    )
    sample_lookups: int = Field(
        default=10, ge=1, le=100, description="Look-ups of a drawn account that its supervisor justifies."
    )
