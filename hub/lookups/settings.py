"""Settings: look-ups of people and enterprises."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.codes import AgencyCode
from contracts.population import DataGroup
from hub.settings_section import Section

ProcedureRoot = Annotated[str, StringConstraints(pattern=r"^[0-9]\.[0-9]{6}$")]
Role = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Ceiling = Annotated[int, Field(ge=1, le=10_000_000)]
DataGroups = Annotated[tuple[DataGroup, ...], Field(min_length=1, max_length=len(DataGroup))]


class LookupSettings(Section):
    """Look-ups of people and enterprises."""

    field_sets: dict[ProcedureRoot, DataGroups] = Field(
        default_factory=dict,
        max_length=5000,
        description="Groups of a citizen's data that each procedure (root N.NNNNNN) needs; no other group is given.",
    )
    default_fields: DataGroups = Field(
        default=(DataGroup.IDENTITY, DataGroup.RESIDENCE),
        description="Groups of a citizen's data for procedures that have no field set, and under break-glass.",
    )
    accepted_issuers: tuple[AgencyCode, ...] = Field(
        default=(),
        max_length=200,
        description="Agencies whose dossiers live in another national system: no dossier of theirs need be known here.",
    )
    closed_dossier_days: float = Field(
        default=4.0, ge=0, le=365, description="For how many days after its end a dossier may still be looked up for."
    )
    ceilings: dict[Role, Ceiling] = Field(
        default_factory=dict,
        max_length=200,
        description="Different people an hour by role, past which a reason is needed; unset: measured from the log.",
    )
    first_ceiling: int = Field(
        default=60,
        ge=1,
        le=100_000,
        description="Different people an hour past which a reason is asked for, until a role has been measured.",
    )
    least_ceiling: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="No measured ceiling is lower than this many different people an hour.",
    )
    ceiling_factor: float = Field(
        default=4.0, ge=1, le=100, description="How often the 99th percentile of a role its measured ceiling is."
    )
    most_per_minute: int = Field(
        default=120,
        ge=1,
        le=10_000_000,
        description="Look-ups of one account a minute that no reason lifts: faster works no person.",
    )
    step_up_minutes: float = Field(
        default=60.0, gt=0, le=1440, description="For how long a reason given past the ceiling holds, in minutes."
    )
    repeat_seconds: float = Field(
        default=10.0, gt=0, le=120, description="Within how many seconds the same request is answered once."
    )
    cache_minutes: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="For how long an answer is kept, sealed, for the same question of the same dossier; 0: not at all.",
    )
    redis_timeout_seconds: float = Field(
        default=1.0, gt=0, le=10, description="How long Redis may take before this process counts by itself."
    )
    dossier_seconds: float = Field(
        default=3.0, ge=0, le=60, description="For how long an open dossier is remembered without asking the database."
    )
