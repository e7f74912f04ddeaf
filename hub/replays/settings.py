"""What a deployment can set of replays."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class ReplaySettings(Section):
    """How replays and dismissals by filter are limited and paced."""

    second_person_above: int = Field(
        default=100, ge=0, le=100, description="A selection of more exchanges than this needs a second person."
    )
    most: int = Field(default=100_000, ge=1, le=100_000, description="Most exchanges of one selection.")
    valid_hours: float = Field(
        default=24.0, gt=0, le=168, description="How long a preview may be approved and started, in hours."
    )
    share_of_rate: float = Field(
        default=0.5, gt=0, le=1, description="Part of a connection's rate that replays may take from new exchanges."
    )
    per_second: float = Field(
        default=20.0, gt=0, le=10_000, description="Exchanges replayed per second where the connection has no rate."
    )
    window: int = Field(
        default=50, ge=1, le=10_000, description="Most exchanges of a replay on their way; a stop leaves only these."
    )
    tick_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How often the clerk looks after running replays, in seconds."
    )
