"""The section ``questions`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class QuestionSettings(Section):
    """How questions are fetched and their deadlines watched."""

    poll_minutes: float = Field(
        default=15.0, gt=0, le=1440, description="How often the partners are asked for questions, in minutes."
    )
    warn_working_hours: float = Field(
        default=16.0,
        ge=0,
        le=240,
        description="Working hours left at which a question without an answer is warned of (two days).",
    )
