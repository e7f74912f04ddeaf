"""The settings of probes, states and forecasts."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hub.settings_section import Section


class HealthSettings(Section):
    """How connections are probed, when a change of state is believed, and what is forecast."""

    probe_seconds: float = Field(
        default=300.0, ge=10, le=86_400, description="How often each connection is probed, in seconds."
    )
    probe_jitter: float = Field(
        default=0.2, ge=0, le=0.9, description="Share of the interval by which probes are spread at random."
    )
    trouble_probe_seconds: float = Field(
        default=30.0, ge=5, le=3600, description="How often a connection in trouble is probed, in seconds."
    )
    watch_seconds: float = Field(
        default=5.0, ge=0.1, le=300, description="How often the states of connections are judged, in seconds."
    )
    proven_minutes: float = Field(
        default=60.0, ge=1, le=1440, description="For how long a real exchange or a full probe proves a connection."
    )
    slow_seconds: float = Field(
        default=5.0, gt=0, le=300, description="A harmless question that takes longer makes a connection degraded."
    )
    clock_skew_seconds: float = Field(
        default=120.0, ge=5, le=3600, description="From how many seconds apart on two clocks count as wrong."
    )
    confirm_seconds: float = Field(
        default=60.0, ge=0, le=3600, description="How long trouble must last before it is believed and alerted."
    )
    recover_seconds: float = Field(
        default=120.0, ge=0, le=3600, description="How long a recovery must last before the all-clear, in seconds."
    )
    max_recover_seconds: float = Field(
        default=1800.0, ge=0, le=86_400, description="Longest wait for the all-clear of a connection that flaps."
    )
    flap_memory_minutes: float = Field(
        default=60.0, ge=1, le=1440, description="Relapses within this time double the wait for the all-clear."
    )
    certificate_warning_days: int = Field(
        default=30, ge=1, le=365, description="How many days before its end a certificate needs attention."
    )
    certificate_critical_days: int = Field(
        default=7, ge=0, le=365, description="How many days before its end that becomes critical."
    )
    disk_warning_days: float = Field(
        default=14.0, gt=0, le=365, description="Warn when the disk will be full within so many days."
    )
    disk_critical_days: float = Field(
        default=3.0, gt=0, le=365, description="That becomes critical within so many days."
    )
    disk_minimum_bytes: int = Field(
        default=1 << 30, ge=0, description="Free bytes below which the disk is critical whatever the trend says."
    )
    backlog_deadline_hours: float = Field(
        default=8.0,
        gt=0,
        le=720,
        description="Warn when what waits for a connection will not have left within so many hours.",
    )
    keep_days: int = Field(
        default=90, ge=1, le=3650, description="How long probes, transitions, samples and closed alerts are kept."
    )

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.certificate_critical_days > self.certificate_warning_days:
            raise PydanticCustomError(
                "certificate_days", "certificate_critical_days must not be greater than certificate_warning_days"
            )
        if self.disk_critical_days > self.disk_warning_days:
            raise PydanticCustomError("disk_days", "disk_critical_days must not be greater than disk_warning_days")
        if self.max_recover_seconds < self.recover_seconds:
            raise PydanticCustomError("recover_seconds", "max_recover_seconds must not be smaller than recover_seconds")
        return self


class DutyContact(Section):
    """Whom to call about a connection; a duty desk, not a private person."""

    name: str = Field(min_length=1, max_length=120, description="Who it is, e.g. the operator's duty desk.")
    telephone: str | None = Field(
        default=None, pattern=r"^\+?[0-9][0-9 .-]{3,24}$", description="Telephone number of the duty desk."
    )
    email: str | None = Field(
        default=None, pattern=r"^[^\s@<>]{1,64}@[^\s@<>]{1,190}$", description="Mail address of the duty desk."
    )
    hours: str | None = Field(default=None, max_length=60, description="When it can be reached, e.g. 24/7.")

    @property
    def words(self) -> str:
        """The contact in one line, the same in both languages."""
        parts = [self.name, self.telephone, self.email, self.hours]
        return ", ".join(one for one in parts if one)
