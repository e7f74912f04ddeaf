"""How reconciliation behaves towards one connection; a part of `hub.settings`."""

from __future__ import annotations

from datetime import time

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from contracts.comparison import COMPARABLE


class ReconciliationSettings(BaseModel):
    """How our dossiers are compared with what one partner holds (đối soát)."""

    # As every section of `hub.settings`, which imports this module.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    enabled: bool = Field(default=True, description="Whether the nightly comparison runs; on demand it always can.")
    at: time | None = Field(
        default=None,
        description="When the nightly comparison begins, in Vietnam time; unset: as the profile of the province says.",
    )
    days: int = Field(
        default=35, ge=1, le=400, description="How many days of reception it covers, counted back from yesterday."
    )
    rate_per_second: float = Field(default=5.0, gt=0, le=10_000, description="Most questions a second.")
    share_of_delivery_rate: float = Field(
        default=0.25,
        gt=0,
        le=0.5,
        description="Most questions a second as a share of delivery.rate_per_second, where that is set.",
    )
    in_flight: int = Field(default=4, ge=1, le=64, description="Most questions at the same time.")
    patience_minutes: float = Field(
        default=120.0,
        gt=0,
        le=10_080,
        description="How long a comparison waits for a partner that does not answer before it ends as interrupted.",
    )
    ignored_fields: tuple[str, ...] = Field(
        default=(), description="Facts that are not compared, because this partner tells them in words of its own."
    )
    keep_days: int = Field(default=400, ge=7, le=3660, description="How long the findings of a comparison are kept.")

    @field_validator("ignored_fields")
    @classmethod
    def _known_facts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(value) - COMPARABLE
        if unknown:
            raise PydanticCustomError(
                "ignored_fields",
                "must name facts that can be compared, such as procedure.name; see docs/reconciliation.md",
            )
        return value

    def questions_per_second(self, delivery_rate: float | None) -> float:
        """Return the rate in force: this one's own, and never more than its share of the delivery's."""
        if delivery_rate is None:
            return self.rate_per_second
        return min(self.rate_per_second, delivery_rate * self.share_of_delivery_rate)
