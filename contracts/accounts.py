"""What is said of an account: the officer, the scope, the authority behind each act. The bodies of the API.

The fields are those of VP 8.2: full name, citizen number, officer code, unit, login name in the dossier system, and
the purpose of the account. What the watch needs beside them (household, home) is kept as sealed as the number.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from contracts.codes import AgencyCode, CommuneUnitCode, PersonalNumber
from contracts.population import DataGroup
from contracts.text import Code, Line, Model, Nfc, SchemaNote, VisibleNfc, personal

MOST_UNITS = 100
MOST_PROCEDURES = 2000
MOST_DUTY_DAYS = 400


class LookupOperation(StrEnum):
    """A kind of look-up that an account may be granted."""

    FIND_CITIZEN = "find_citizen"
    FIND_HOUSEHOLD = "find_household"
    CONFIRM = "confirm"
    """Facts of a citizen confirmed, yes or no."""
    FIND_ENTERPRISE = "find_enterprise"
    TECHNICAL_ID = "technical_id"
    STORED_PAPERS = "stored_papers"
    """The list of papers in the personal e-document store."""
    STORED_FILE = "stored_file"
    """A paper of that store itself."""


def _ascending(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values in order, each once: in which order they were said means nothing."""
    return tuple(sorted(set(values)))


_Ascending = AfterValidator(_ascending)

ProcedureRoot = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]\.[0-9]{6}$"),
    SchemaNote("The root of a procedure code.", "^[0-9]\\.[0-9]{6}$", "1.000001"),
]
Role = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"),
    SchemaNote("A role of officers: lower-case letters, digits, underscores.", example="one_stop"),
]
AccountId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z._:+-]{1,64}$"),
    SchemaNote("A login name in the dossier system, equal to actor.account_id of a look-up.", example="h99-can-bo-01"),
]
"""The login name in the dossier system; equal to ``actor.account_id`` of a look-up. No slash: it stands in paths."""
DocumentNumber = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    VisibleNfc,
    SchemaNote("Number and sign of a document, e.g. 12/CV-UBND.", example="12/CV-UBND"),
]
Person = Annotated[str, StringConstraints(min_length=2, max_length=120), VisibleNfc]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500), VisibleNfc]


class Authority(Model):
    """In whose name an act is done, why, and by which document."""

    person: Person
    """The official who answers for it: full name, or the name of the login; not the program's."""
    reason: Reason
    """Why; kept sealed."""
    document_number: DocumentNumber
    """Number and sign of the document (số, ký hiệu văn bản)."""


class OfficerDeclaration(Model):
    """The person behind an account."""

    full_name: Line = personal()
    """Full name (họ và tên)."""
    number: PersonalNumber = personal()
    """The officer's own personal number (số CCCD); the watch tells look-ups of oneself by it."""
    code: Code
    """Officer code (mã cán bộ)."""
    phone: Annotated[str, StringConstraints(pattern=r"^(\+?[0-9 .()-]{3,20})?$")] = personal(default="")
    """Telephone, where a national system wants one."""
    household_id: Annotated[str, StringConstraints(max_length=64), Nfc] = personal(default="")
    """Household, in the words of the population database."""
    home_commune: CommuneUnitCode | None = personal(default=None)
    """Commune of residence."""
    home_hamlet: Annotated[int, Field(ge=0, le=10_000)] | None = personal(default=None)
    """Number of the hamlet within the commune."""


class ScopeDeclaration(Model):
    """What the account may be used for."""

    units: Annotated[tuple[AgencyCode, ...], Field(min_length=1, max_length=MOST_UNITS), _Ascending]
    """Agencies whose dossiers it serves; each stands for itself and all below it."""
    procedures: Annotated[tuple[ProcedureRoot, ...], Field(max_length=MOST_PROCEDURES), _Ascending] = ()
    """Roots of procedures; none: all procedures of its units."""
    operations: Annotated[
        tuple[Annotated[LookupOperation, Field(strict=False)], ...], Field(min_length=1, max_length=20), _Ascending
    ]
    """Which look-ups it may make."""
    data_groups: Annotated[tuple[Annotated[DataGroup, Field(strict=False)], ...], Field(max_length=20), _Ascending] = (
        DataGroup.IDENTITY,
    )
    """Which groups of a citizen's data it may be given."""


class AccountFacts(Model):
    """An account as its dossier system knows it."""

    officer: OfficerDeclaration
    unit_code: AgencyCode
    """The officer's agency."""
    role: Role
    purpose: Annotated[str, StringConstraints(min_length=1, max_length=200), VisibleNfc]
    """The purpose of the account (mục đích khai thác)."""
    scope: ScopeDeclaration
    valid_from: date
    """The first day."""
    valid_until: date | None = None
    """The last day; absent: without end."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise PydanticCustomError("validity_reversed", "valid_until must not be before valid_from")
        return self


class AccountDeclaration(AccountFacts):
    """An account as its dossier system knows it, and the written request behind it."""

    request: Authority

    @property
    def facts(self) -> AccountFacts:
        """What is declared, without who asks for it."""
        return AccountFacts.model_validate(self.model_dump(exclude={"request"}))


class Secondment(Model):
    """Another role or unit, for a time or from a day on."""

    since: date
    """The first day."""
    until: date | None = None
    """The last day; absent: it lasts (a role change)."""
    role: Role
    unit_code: AgencyCode

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise PydanticCustomError("validity_reversed", "until must not be before since")
        return self


class SecondmentRequest(Secondment):
    """A secondment, and the written request behind it."""

    request: Authority


class Decision(Authority):
    """The other party's answer to a request."""

    request_number: Annotated[int, Field(ge=1)]
    """The request decided on, so that nobody approves what he did not see."""
    consent_document: Annotated[str, StringConstraints(max_length=100), Nfc] = ""
    """Number of the document by which the police agreed, where the province asks for it."""


class Measure(Authority):
    """What takes an account out of use, or asks to give it back."""

    case_id: UUID | None = Field(default=None, strict=False)
    """The case it comes from."""


class Roster(Model):
    """Duty days of an officer within a stretch of days; what was known of that stretch is replaced."""

    since: date
    """The first day of the stretch."""
    until: date
    """Its last day."""
    days: Annotated[tuple[date, ...], Field(max_length=MOST_DUTY_DAYS)]
    """Each a duty day with the night that begins on it."""

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.until < self.since or (self.until - self.since).days >= MOST_DUTY_DAYS:
            raise PydanticCustomError("roster_stretch", "since and until must span 1 to 400 days")
        if any(not self.since <= day <= self.until for day in self.days):
            raise PydanticCustomError("roster_day_outside", "every duty day must lie between since and until")
        return self
