"""The section ``catalogue`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class CatalogueSettings(Section):
    """How the national catalogue of procedures is synchronised."""

    fresh_hours: float = Field(
        default=24.0, gt=0, le=720, description="How old the copy of a catalogue may become, in hours."
    )
    requests_per_second: float = Field(
        default=5.0,
        gt=0,
        le=1000,
        description="Most procedures read per second; never more than the connection's own rate.",
    )
    max_withdrawn_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Largest share of a list that may vanish at once and be believed; one entry always may.",
    )
