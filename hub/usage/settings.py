"""Settings: the citizen's own view."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class UsageSettings(Section):
    """The citizen's own view."""

    confirm_hours: float = Field(
        default=72.0,
        gt=0,
        le=24 * 14,
        description="Hours within which a second person confirms that a look-up is withheld; else it is shown again.",
    )
    withheld_most_days: int = Field(
        default=365, ge=1, le=3650, description="Days after which a look-up that was withheld is shown, whatever else."
    )
    open_case_days: int = Field(
        default=180,
        ge=1,
        le=3650,
        description="Days for which a case that nobody decides keeps its look-ups out of the citizens' own views.",
    )
