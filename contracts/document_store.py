"""The personal e-document store: papers of a citizen or organisation, asked for by an officer, and handed in.

Regulations: results are stored for their owner and shared with the store of the portal (VP 12, 14, 19; HD 14.5;
YB 14.5, 16; LĐ 10.3, 11). The person who asks is always the officer, never the owner of the papers.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from contracts.codes import AgencyCode, PersonalNumber, ProcedureCode
from contracts.text import Code, Line, Model, Nfc, SchemaNote, VisibleNfc, personal

PaperNumber = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    VisibleNfc,
    SchemaNote("The number of a paper as it is printed on it."),
]
"""The number of a paper as it is printed on it, e.g. ``01/2026``."""

OwnerNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Z-]{6,20}$"),
    SchemaNote("The number of an owner of papers: a personal number, or the code of an enterprise or agency."),
]
"""The number of an owner of papers: a personal number, or the code of an enterprise or agency."""


class Officer(Model):
    """The officer who asks, by name and personal number."""

    name: Line = personal()
    """The officer's name."""
    number: PersonalNumber = personal()
    """The officer's own personal number, never that of the owner of the papers."""


class WantedPaper(Model):
    """A paper that is looked for."""

    catalogue_code: Code
    """Code of the result in the national catalogue (``MaKetQua``)."""
    paper_number: Annotated[str, StringConstraints(max_length=200), Nfc] = personal(default="")
    """The number on it; empty: any."""


class PaperQuery(Model):
    """A question for the papers of one owner."""

    owner_number: OwnerNumber = personal()
    officer: Officer
    procedure_code: ProcedureCode
    """The procedure the papers are needed for."""
    wanted: Annotated[tuple[WantedPaper, ...], Field(max_length=50)] = ()
    """Papers looked for; none means all that the store gives for the procedure."""

    @model_validator(mode="after")
    def _officer_is_not_the_owner(self) -> Self:
        if self.officer.number == self.owner_number:
            raise PydanticCustomError(
                "officer_is_owner", "the number of the officer and that of the owner must not be the same"
            )
        return self


class SignatureState(StrEnum):
    """What is known of the signature of an answer."""

    VERIFIED = "verified"
    """It was checked with the configured key and is right."""
    UNVERIFIED = "unverified"
    """There is one, and no key is configured to check it with."""
    ABSENT = "absent"
    """The answer carries none."""


class StoredFile(Model):
    """A file at the store."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] = personal()
    """Its name for people; never a path."""
    location: Annotated[str, StringConstraints(min_length=1, max_length=4000)] = personal()
    """Where it lies, in the store's own words; only ever handed back to the store."""


class StoredPaper(Model):
    """A paper that the store holds."""

    catalogue_code: Annotated[str, StringConstraints(max_length=100), Nfc]
    name: Annotated[str, StringConstraints(max_length=4000), Nfc] = personal()
    paper_number: Annotated[str, StringConstraints(max_length=200), Nfc] = personal()
    owner_agency: Annotated[str, StringConstraints(max_length=200), Nfc]
    """The agency that keeps it (``CoQuanChuQuan``); the store wants it back when a file is fetched."""
    files: tuple[StoredFile, ...] = ()


class FoundPapers(Model):
    """The answer of the store."""

    papers: tuple[StoredPaper, ...]
    signature: SignatureState


class ValidityScope(StrEnum):
    """Where a paper is valid."""

    NATIONAL = "national"
    PROVINCIAL = "provincial"


class OwnerKind(StrEnum):
    """What the owner's number is."""

    PERSONAL_NUMBER = "personal_number"
    IDENTITY_CARD_9 = "identity_card_9"
    ENTERPRISE = "enterprise"


class ResultPaperEntry(Model):
    """A digitised result paper as the dossier system hands it in for the store."""

    officer: Officer
    """Who hands it in, and would ask whether it arrived."""
    owner_kind: OwnerKind
    """What the owner's number is."""
    owner_number: OwnerNumber = personal()
    agency_code: AgencyCode
    """The agency that issued it."""
    procedure_code: ProcedureCode
    catalogue_code: Code
    """Code of the result in the national catalogue."""
    paper_number: PaperNumber = personal()
    summary: Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc] = personal()
    """What the paper says, in a few words."""
    issued_on: date
    """The day printed on it."""
    valid_until: date | None = None
    """Last day it is valid; null: without end."""
    scope: ValidityScope = ValidityScope.NATIONAL
    file_name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\\]+$"), VisibleNfc] = (
        personal()
    )
    """The name of the attached file, without a folder."""
    digitised_on: date
    """The day it was digitised; not before it was issued."""
    databases: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    """Codes of the databases it is connected with."""

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.officer.number == self.owner_number:
            raise PydanticCustomError(
                "officer_is_owner", "the number of the officer and that of the owner must not be the same"
            )
        if self.digitised_on < self.issued_on:
            raise PydanticCustomError("dates_out_of_order", "a paper cannot be digitised before it was issued")
        if self.valid_until is not None and self.valid_until < self.issued_on:
            raise PydanticCustomError("dates_out_of_order", "a paper cannot expire before it was issued")
        return self
