"""People and organisations as parties of a dossier."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.codes import AgencyCode, EnterpriseCode, IdentityCard9, PersonalNumber
from contracts.text import Line, Model, Nfc, Note, personal


class PersonalNumberIdentifier(Model):
    """The 12-digit personal identification number (số định danh cá nhân)."""

    kind: Literal["personal_number"] = "personal_number"
    value: PersonalNumber = personal()


class IdentityCard9Identifier(Model):
    """The 9-digit identity card (CMND) of older dossiers."""

    kind: Literal["identity_card_9"] = "identity_card_9"
    value: IdentityCard9 = personal()


class PassportIdentifier(Model):
    """A passport number, with the country that issued it (ISO 3166-1 alpha-2)."""

    kind: Literal["passport"] = "passport"
    value: Annotated[str, StringConstraints(min_length=4, max_length=20, pattern=r"^[0-9A-Z]+$")] = personal()
    """The passport number, capital letters and digits."""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "VN"
    """ISO 3166-1 alpha-2 code of the issuing country."""


PersonIdentifier = Annotated[
    PersonalNumberIdentifier | IdentityCard9Identifier | PassportIdentifier, Field(discriminator="kind")
]


class Contact(Model):
    """How a party can be reached; every part may be missing."""

    phone: Annotated[str, StringConstraints(max_length=20, pattern=r"^\+?[0-9 .()-]{3,20}$")] | None = personal(
        default=None
    )
    """Telephone number, as dialled."""
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"), Nfc] | None = (
        personal(default=None)
    )
    """Electronic mail address."""
    fax: Annotated[str, StringConstraints(max_length=20, pattern=r"^\+?[0-9 .()-]{3,20}$")] | None = personal(
        default=None
    )
    """Fax number, as dialled."""
    address: Annotated[str, StringConstraints(max_length=500), Nfc] | None = personal(default=None)
    """Postal address in one line."""


class PortalAccount(Model):
    """The applicant's account at the national portal."""

    technical_id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$")] = (
        personal()
    )
    """TechID of the account; identifies a person, so it is personal data."""
    verified_by_vneid: bool
    """Whether the account was verified through VNeID."""


class _Party(Model):
    name: Line = personal()
    """Full name of the person or organisation."""
    contact: Contact = Contact()
    portal_account: PortalAccount | None = None
    other_information: Note = personal(default="")
    """Anything else the portal should know of the party."""


class PersonApplicant(_Party):
    """A citizen."""

    kind: Literal["person"] = "person"
    identifiers: Annotated[tuple[PersonIdentifier, ...], Field(min_length=1, max_length=4)]


class EnterpriseApplicant(_Party):
    """An enterprise, by its enterprise code."""

    kind: Literal["enterprise"] = "enterprise"
    enterprise_code: EnterpriseCode


class AgencyApplicant(_Party):
    """A state agency."""

    kind: Literal["agency"] = "agency"
    agency_code: AgencyCode


class OtherApplicant(_Party):
    """Any other organisation; the registration number is free-form where it has one."""

    kind: Literal["other"] = "other"
    registration_number: Annotated[str, StringConstraints(max_length=50), Nfc] = personal(default="")
    """The number under which the organisation is registered, where it has one."""


Applicant = Annotated[
    PersonApplicant | EnterpriseApplicant | AgencyApplicant | OtherApplicant, Field(discriminator="kind")
]


class SubmitterRelation(StrEnum):
    """Why somebody other than the applicant hands in the dossier."""

    SELF = "self"
    AUTHORISED = "authorised"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"


class Submitter(Model):
    """Who handed in the dossier; the applicant in person when the dossier names none."""

    name: Line = personal()
    """Full name of the person who handed in the dossier."""
    relation: SubmitterRelation
    identifiers: Annotated[tuple[PersonIdentifier, ...], Field(max_length=4)] = ()
    contact: Contact = Contact()


class RelatedRole(StrEnum):
    """What somebody beside applicant and submitter has to do with a dossier."""

    SPOUSE = "spouse"
    HOUSEHOLD_MEMBER = "household_member"
    CHILD = "child"
    PARENT = "parent"
    CO_OWNER = "co_owner"
    OTHER_PARTY = "other_party"
    """The other side of a contract, a neighbour of the plot, a person of a list …"""


class RelatedPerson(Model):
    """A person the dossier is about, beside applicant and submitter: a look-up of them is explained by it."""

    role: Annotated[RelatedRole, Field(strict=False)]
    name: Annotated[str, StringConstraints(max_length=255), Nfc] = personal(default="")
    """Full name, where it is known."""
    identifiers: Annotated[tuple[PersonIdentifier, ...], Field(min_length=1, max_length=4)]
