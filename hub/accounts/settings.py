"""Settings: accounts of officers."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class AccountSettings(Section):
    """Accounts of officers."""

    roster_late_days: int = Field(
        default=3, ge=0, le=31, description="How many days back a roster may still be changed; older duty days stay."
    )
    most_rows: int = Field(default=5000, ge=1, le=50_000, description="Most accounts of one import.")
    dormancy_check_minutes: float = Field(
        default=60.0, gt=0, le=1440, description="How often accounts that nobody uses are looked for."
    )
