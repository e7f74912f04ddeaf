"""What a deployment can set about webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hub.reach import Reach
from hub.settings_section import Section


class WebhookSettings(Section):
    """Where events may be sent to, and when a receiver has failed too often."""

    allow: tuple[str, ...] = Field(
        default=(),
        max_length=200,
        description="Hosts (`office.h99.example`, `office.h99.example:8443`) and networks (`10.20.0.0/16`) that may be "
        "called; none by default. A host inside a private network needs that network listed too.",
    )
    allow_plain_http: bool = Field(default=False, description="Allow http:// addresses; the content is then readable.")
    ca_file: Path | None = Field(
        default=None, description="PEM file with the certificate authorities trusted instead of the system's."
    )
    timeout_seconds: float = Field(
        default=15.0, gt=0, le=120, description="Longest time one call of a webhook may take, answer included."
    )
    poll_seconds: float = Field(
        default=5.0, gt=0, le=300, description="How often to look for due events without being woken, in seconds."
    )
    endpoints_in_flight: int = Field(default=16, ge=1, le=200, description="Most endpoints called at the same time.")
    disable_after_failures: int = Field(
        default=20, ge=1, le=10_000, description="Failures in a row after which an endpoint may be disabled."
    )
    disable_after_hours: float = Field(
        default=24.0, ge=0, le=720, description="How long it must have failed without a success, in hours."
    )
    rotation_overlap_hours: float = Field(
        default=24.0, ge=0, le=720, description="How long a replaced secret goes on signing beside the new one."
    )

    keep_deliveries_days: int = Field(
        default=90, ge=1, le=36_500, description="How long a delivery that arrived is shown with its attempts, in days."
    )

    @model_validator(mode="after")
    def _allow_is_readable(self) -> Self:
        try:
            self.reach()
        except ValueError as error:
            raise PydanticCustomError("allow", "each entry is a host, host:port or network") from error
        return self

    def reach(self) -> Reach:
        """Return where calls may go."""
        return Reach(self.allow, plain_http=self.allow_plain_http)
