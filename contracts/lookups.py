"""Look-ups of people and enterprises: who asks, for which dossier and purpose, and what."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.business import Enterprise
from contracts.codes import AgencyCode, DossierCode, EnterpriseCode, ProcedureCode, TaxCode
from contracts.population import CitizenQuestion, CitizenRecord, Confirmation, DataGroup, Extent, Household
from contracts.text import Code, Model, Nfc, SchemaNote, VisibleNfc, personal


# Officers' addresses and nobody else's: few, and the same ones all day. Good ones only are remembered.
@lru_cache(maxsize=4096)
def parse_address(value: str) -> str:
    """Check an IP address, version 4 or 6."""
    try:
        ip_address(value)
    except ValueError:
        raise PydanticCustomError("ip_address", "not an IP address such as 10.0.0.7") from None
    return value


IpAddress = Annotated[
    str,
    StringConstraints(max_length=45),
    AfterValidator(parse_address),
    SchemaNote("An IP address, version 4 or 6.", example="10.0.0.7"),
]


class Actor(Model):
    """The officer on whose behalf the dossier system calls."""

    account_id: Code
    """The officer's account in the dossier system."""
    unit_code: AgencyCode
    """The officer's unit."""
    ip: IpAddress
    """Where the officer sits."""


class TechnicalIdQuestion(Model):
    """A question for the TechID of the owner of a dossier."""

    actor: Actor
    dossier_code: DossierCode
    """The dossier the answer is for: a look-up serves a dossier."""
    number: TaxCode = personal()
    """The owner's personal number or tax code."""


# --- people and enterprises -----------------------------------------------------------------------------------

GivenReason = Annotated[str, StringConstraints(min_length=10, max_length=500), VisibleNfc]
"""A reason an officer gives, long enough to say something; kept sealed, for whoever reviews it."""

Purpose = Annotated[str, StringConstraints(max_length=200), Nfc]
"""What a look-up is for, in the words of the dossier system; names no citizen."""

Fields = Annotated[tuple[Annotated[DataGroup, Field(strict=False)], ...], Field(min_length=1, max_length=20)]
"""Which groups of a citizen's data are wanted."""


class BreakGlass(Model):
    """A look-up for which there is no dossier (yet): allowed for a reason, and always reviewed."""

    reason: GivenReason = personal()
    """Why it cannot wait for a dossier."""


class StepUp(Model):
    """Why an officer looks up more people than officers of the role usually do."""

    reason: GivenReason = personal()
    """The work in hand, such as an enrolment week or a relief list."""


class Lookup(Model):
    """What every look-up says of itself."""

    actor: Actor
    dossier_code: DossierCode | None = None
    """The dossier the look-up serves; absent only under break-glass."""
    purpose: Purpose = ""
    """What it is for; a look-up without a purpose is refused."""
    procedure_code: ProcedureCode | None = None
    """The procedure, where the hub does not know it from the dossier."""
    break_glass: BreakGlass | None = None
    """Given where there is no dossier the hub knows."""
    step_up: StepUp | None = None
    """Given when asked for (`step_up_required`)."""


class PeopleLookup(Lookup):
    """A look-up of a citizen."""

    question: CitizenQuestion
    extent: Annotated[Extent, Field(strict=False)] = Extent.USUAL
    fields: Fields | None = None
    """Which groups of data are wanted; absent: all that the purpose allows."""


class HouseholdLookup(Lookup):
    """A look-up of the household of a citizen."""

    question: CitizenQuestion
    fields: Fields | None = None
    """Which groups of each member's data are wanted; absent: all that the purpose allows."""


class PeopleVerification(Lookup):
    """A question about a citizen that is answered yes or no."""

    confirmation: Confirmation


class BusinessLookup(Lookup):
    """A look-up of an enterprise."""

    code: EnterpriseCode
    """The enterprise code, with its branch where a branch is meant."""


class GateNotice(Model):
    """What the gate saw; for the officer's screen."""

    people_this_hour: Annotated[int, Field(ge=0)]
    """Different people this account looked up within the last hour, this one included."""
    people_this_day: Annotated[int, Field(ge=0)]
    """Different people within the last 24 hours."""
    stepped_up: bool
    """Whether it passed the usual number for a reason."""
    break_glass: bool
    """Whether there was no dossier: it will be reviewed."""
    degraded: bool
    """Whether the counters were those of one process, because the shared ones are away."""


class _Answered(Model):
    lookup_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    """The record of this look-up, and its subject in the ledger."""
    repeated: bool
    """Whether this is the answer to the same request of a moment ago."""
    cached: bool
    """Whether it was answered from what the same dossier was told a few minutes ago."""
    gate: GateNotice


class PeopleAnswer(_Answered):
    """The answer to a look-up of a citizen."""

    found: bool
    """Whether the database knows the citizen."""
    citizen: CitizenRecord | None
    """The citizen, in the groups of data given; the rest is absent, as what the database does not know is."""
    data_groups: tuple[DataGroup, ...]
    """The groups of data given."""
    withheld: tuple[DataGroup, ...]
    """Groups that were asked for and are outside the purpose or the account."""


class HouseholdAnswer(_Answered):
    """The answer to a look-up of a household."""

    found: bool
    """Whether the database knows the household."""
    household: Household | None
    """The household, each member in the groups of data given."""
    data_groups: tuple[DataGroup, ...]
    """The groups of data given of each member."""
    withheld: tuple[DataGroup, ...]
    """Groups that were asked for and are outside the purpose or the account."""


class VerificationAnswer(_Answered):
    """The answer to a confirmation."""

    confirmed: bool | None = personal()
    """Yes, no, or null: the database knows no such citizen."""


class BusinessAnswer(_Answered):
    """The answer to a look-up of an enterprise."""

    found: bool
    """Whether the database knows the enterprise."""
    enterprise: Enterprise | None
    """The enterprise as the database has it."""
