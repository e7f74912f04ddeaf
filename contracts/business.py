"""Enterprises as the national business registration database knows them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.codes import EnterpriseCode
from contracts.population import SomeText
from contracts.text import Model, Nfc, personal


class EnterpriseStatus(StrEnum):
    """What an enterprise may do, as far as its code is known; the database's own words stand beside it."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DISSOLVING = "dissolving"
    DISSOLVED = "dissolved"
    BANKRUPT = "bankrupt"
    REVOKED = "revoked"
    OTHER = "other"
    """A code that this deployment has no word for; never taken for active."""


class LegalState(Model):
    """A legal state of an enterprise, and since when it rests."""

    status: EnterpriseStatus
    """What it means for the enterprise; read from `code`, never from the words."""
    code: Annotated[str, StringConstraints(max_length=32)] = ""
    """The code of the database, as text."""
    words: SomeText = ""
    """The state in the words of the database."""
    suspended_from: date | None = None
    """First day of a suspension (`NgayBatDauTamNgung`)."""
    suspended_until: date | None = None
    """Last day of a suspension (`NgayKetThucTamNgung`)."""
    reason: SomeText = ""
    """Why it is suspended (`LyDoTamNgung`)."""


class LegalRepresentative(Model):
    """Somebody who may act for the enterprise: a citizen, so personal data."""

    name: SomeText = personal()
    """Full name."""
    paper_kind: SomeText = personal(default="")
    """Kind of the identity paper, in the words of the database."""
    paper_number: Annotated[str, StringConstraints(max_length=32)] = personal(default="")
    """Number of the identity paper, as text."""
    issued_on: date | None = personal(default=None)
    """Day the paper was issued."""
    issued_by: SomeText = personal(default="")
    """Who issued the paper."""
    nationality: SomeText = personal(default="")
    """Nationality, in the words of the database."""
    nationality_code: Annotated[str, StringConstraints(max_length=16)] = personal(default="")
    """Code of the nationality, as the database codes it (`MaQuocTich`)."""


class BusinessAddress(Model):
    """The seat of an enterprise; codes are text with their leading zeros."""

    country: SomeText = ""
    """Country, in the words of the database."""
    province_code: Annotated[str, StringConstraints(max_length=8)] = ""
    """Code of the province."""
    province: SomeText = ""
    """Name of the province."""
    district_code: Annotated[str, StringConstraints(max_length=8)] = ""
    """Code of the district, in addresses from before 1 July 2025."""
    district: SomeText = ""
    """Name of the district, in addresses from before 1 July 2025."""
    commune_code: Annotated[str, StringConstraints(max_length=8)] = ""
    """Code of the commune."""
    commune: SomeText = ""
    """Name of the commune."""
    detail: SomeText = ""
    """Street, hamlet, building (`DiaChi`)."""
    house_number: SomeText = ""
    """House number, where the database keeps it apart (`SoNha`)."""
    full_text: Annotated[str, StringConstraints(max_length=1000), Nfc] = ""
    """The address in one line, where the database gives it so."""


class BusinessActivity(Model):
    """A line of business (ngành nghề)."""

    code: Annotated[str, StringConstraints(max_length=16)] = ""
    """Code of the line of business, as text with its leading zeros."""
    name: Annotated[str, StringConstraints(max_length=4000), Nfc] = ""
    """As registered, often with a long detail behind it."""
    main: bool | None = None
    """Whether it is the main one; null where the database does not say."""


class Enterprise(Model):
    """An enterprise, as far as the database told."""

    code: EnterpriseCode
    """The code in the record itself; an answer about another code than the one asked for is refused."""
    internal_code: Annotated[str, StringConstraints(max_length=64)] = ""
    """The database's own id (`MaNoiBo`), as text."""
    certificate_number: Annotated[str, StringConstraints(max_length=64)] = ""
    """Number of the registration certificate (`SoGCNDKKD`, `IMP_BUSINESS_CODE`)."""
    name: SomeText
    """The name in Vietnamese."""
    short_name: SomeText = ""
    """The abbreviated name."""
    foreign_name: SomeText = ""
    """The name in a foreign language."""
    kind_code: Annotated[str, StringConstraints(max_length=32)] = ""
    """Code of the legal form, as the database codes it (`MaLoaiHinhDN`)."""
    kind: SomeText = ""
    """The legal form, in the words of the database."""
    states: Annotated[tuple[LegalState, ...], Field(max_length=50)] = ()
    """The legal states the database holds, in its order."""
    founded_on: date | None = None
    """Day of the first registration."""
    amended_on: date | None = None
    """Day of the newest change of the registration."""
    amendments: Annotated[int, Field(ge=0)] | None = None
    """How often the registration was changed."""
    representatives: Annotated[tuple[LegalRepresentative, ...], Field(max_length=200)] = ()
    """Who may act for it."""
    seat: BusinessAddress | None = None
    """Where it has its seat."""
    activities: Annotated[tuple[BusinessActivity, ...], Field(max_length=2000)] = ()
    """Its lines of business."""
