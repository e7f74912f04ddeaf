"""People as the national population database knows them: what is asked, and what it answers.

Facts of the wire: the citizen message of QCVN 109:2017 (TT 02/2017/TT-BTTTT). Who asks is always an officer, for a
procedure (NĐ 70/2024: the asking system supplies name, date of birth and personal number). What the database does not
know is absent here and never invented: a birth date may be a year only, a name one text, a district empty.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from contracts.codes import AgencyCode, IdentityCard9, PersonalNumber, ProcedureCode, Sex
from contracts.text import Code, Line, Model, Nfc, personal

SomeText = Annotated[str, StringConstraints(max_length=500), Nfc]
"""Text of the database, as it has it; empty where it has none."""


class DataGroup(StrEnum):
    """A group of a citizen's data (nhóm thông tin): what a purpose needs, and what the citizen is told was read."""

    IDENTITY = "identity"
    """Number, name, birth date, sex."""
    OLD_CARD = "old_card"
    """The number of the 9-digit identity card."""
    ORIGIN = "origin"
    """Place of birth registration, native place, ethnicity, religion, nationality."""
    RESIDENCE = "residence"
    """Permanent and present address."""
    MARITAL = "marital"
    """Marital status."""
    FAMILY = "family"
    """Father, mother, spouse, representative."""
    HOUSEHOLD = "household"
    """Head of the household and its book number."""
    BLOOD_GROUP = "blood_group"


class MaritalStatus(StrEnum):
    """1, 2 and 3 of the wire."""

    NOT_MARRIED = "not_married"
    MARRIED = "married"
    DIVORCED_OR_WIDOWED = "divorced_or_widowed"


class BloodGroup(StrEnum):
    """00 to 04 of the wire; ``none``: not known to the database."""

    NONE = "none"
    A = "A"
    B = "B"
    AB = "AB"
    O = "O"  # noqa: E741 - the name of the blood group


class BirthDate(Model):
    """A birth date, or a birth year where the day was never registered."""

    year: Annotated[int, Field(ge=1850, le=2099)] = personal()
    """The year of birth."""
    day: date | None = personal(default=None)
    """The whole date, where it is known."""

    @model_validator(mode="after")
    def _one_year(self) -> Self:
        if self.day is not None and self.day.year != self.year:
            raise PydanticCustomError("birth_year_differs", "day must lie in year")
        return self


class Address(Model):
    """An address in administrative units; districts no longer exist since 1 July 2025."""

    province_code: Annotated[str, StringConstraints(max_length=8)] = personal(default="")
    """Code of the province, as text."""
    district_code: Annotated[str, StringConstraints(max_length=8)] = personal(default="")
    """Code of the former district; empty in newer records."""
    commune_code: Annotated[str, StringConstraints(max_length=8)] = personal(default="")
    """Code of the commune, as text."""
    detail: SomeText = personal(default="")
    """House, street, hamlet in one line."""
    country: Annotated[str, StringConstraints(max_length=16)] = personal(default="")
    """Code of the country, in the words of the database."""


class Relative(Model):
    """Another person, as a citizen's record names them."""

    number: PersonalNumber | None = personal(default=None)
    """The relative's personal number."""
    identity_card_9: IdentityCard9 | None = personal(default=None)
    """The relative's old card."""
    name: SomeText = personal(default="")
    """The relative's full name."""
    nationality: Annotated[str, StringConstraints(max_length=16)] = personal(default="")
    """Code of the nationality, in the words of the database."""
    relation: Annotated[str, StringConstraints(max_length=64), Nfc] = personal(default="")
    """The relation, where the record codes one (as of the head of the household)."""


class CitizenRecord(Model):
    """A citizen, as far as the database told."""

    number: PersonalNumber | None = personal(default=None)
    """The personal number; absent in a few old records."""
    identity_card_9: IdentityCard9 | None = personal(default=None)
    """The number of the old card."""
    name: SomeText = personal(default="")
    """The full name, its parts joined; most records have all of it in one part."""
    sex: Sex | None = personal(default=None)
    """The sex; ``None`` where the record says neither."""
    birth: BirthDate | None = None
    ethnicity: Annotated[str, StringConstraints(max_length=16)] = personal(default="")
    """Code of QCVN 109."""
    religion: Annotated[str, StringConstraints(max_length=16)] = personal(default="")
    """Code of QCVN 109."""
    nationality: Annotated[str, StringConstraints(max_length=16)] = personal(default="")
    """Code of QCVN 109."""
    marital_status: MaritalStatus | None = personal(default=None)
    """The marital status."""
    blood_group: BloodGroup | None = personal(default=None)
    """The blood group."""
    birth_registration: Address | None = None
    native_place: Address | None = None
    permanent_residence: Address | None = None
    present_residence: Address | None = None
    father: Relative | None = None
    mother: Relative | None = None
    spouse: Relative | None = None
    representative: Relative | None = None
    household_head: Relative | None = None
    household_book: Annotated[str, StringConstraints(max_length=64)] = personal(default="")
    """Number of the former household book (số sổ hộ khẩu)."""


class HouseholdMember(Model):
    """A member of a household."""

    person: CitizenRecord
    relation: Annotated[str, StringConstraints(max_length=64), Nfc] = personal(default="")
    """Relation to the head, in the words of the database."""


class Household(Model):
    """The household of a citizen."""

    head: Relative | None = None
    members: tuple[HouseholdMember, ...] = ()


# --- questions ---------------------------------------------------------------------------------------------


class CitizenQuestion(Model):
    """Which citizen is asked for: a number, and the name and birth date the law wants beside it."""

    number: PersonalNumber | None = personal(default=None)
    """The personal number."""
    identity_card_9: IdentityCard9 | None = personal(default=None)
    """The old card, where there is no personal number."""
    name: Line = personal()
    """The full name as on the paper; adapters bring it into the form of their wire."""
    birth: BirthDate

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.number is None) == (self.identity_card_9 is None):
            raise PydanticCustomError("one_number", "give either number or identity_card_9")
        return self


class ConfirmationKind(StrEnum):
    """What can be confirmed of a citizen, yes or no."""

    IDENTITY = "identity"
    """`XacThucThongTinCongDan`: such a citizen exists."""
    RELATIVE = "relative"
    """`XacMinhThongTinNhanThan`."""
    GUARDIAN = "guardian"
    """`XacMinhThongTinNguoiGiamHo`."""
    HOUSEHOLD_HEAD = "household_head"
    """`XacMinhThongTinChuHo`."""
    PRESENT_RESIDENCE = "present_residence"
    """`XacMinhThongTinNoiOHienTai`."""
    MARITAL_STATUS = "marital_status"
    """`XacMinhTinhTrangHonNhan`."""
    DEATH = "death"
    """`XacMinhTinhTrangChetMatTich`: dead or missing."""


class Confirmation(Model):
    """A question that is answered yes or no."""

    kind: Annotated[ConfirmationKind, Field(strict=False)]
    citizen: CitizenQuestion
    relative: Relative | None = None
    """Whom a relation is to be confirmed with: relative, guardian, head of the household, spouse."""
    address: Address | None = None
    """The address to be confirmed, for ``present_residence``."""
    marital_status: Annotated[MaritalStatus, Field(strict=False)] | None = personal(default=None)
    """The status to be confirmed, for ``marital_status``; absent: asks which it is."""

    @model_validator(mode="after")
    def _has_what_it_asks_about(self) -> Self:
        wants_relative = self.kind in (
            ConfirmationKind.RELATIVE,
            ConfirmationKind.GUARDIAN,
            ConfirmationKind.HOUSEHOLD_HEAD,
        )
        if wants_relative and self.relative is None:
            raise PydanticCustomError("relative_missing", "relative must be given for this kind")
        if self.kind is ConfirmationKind.PRESENT_RESIDENCE and self.address is None:
            raise PydanticCustomError("address_missing", "address must be given for present_residence")
        return self


class Confirmed(Model):
    """The answer to a confirmation."""

    confirmed: bool | None = personal()
    """Yes, no, or ``None``: the database knows no such citizen."""
    marital_status: MaritalStatus | None = personal(default=None)
    """Which status the citizen has, where the question did not name one and the database tells."""


class Asker(Model):
    """The officer on whose behalf a national database is asked; taken from the register of accounts, never typed."""

    lookup_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    """The look-up this question belongs to (UUID): the source of a request id that never repeats."""
    account_id: Code
    officer_number: PersonalNumber = personal()
    """The officer's own personal number: never shared, never a placeholder."""
    officer_code: Code
    """The officer code (mã cán bộ) of the register."""
    unit_code: AgencyCode
    phone: Annotated[str, StringConstraints(max_length=20)] = personal(default="")
    """The officer's telephone, where the wire wants one."""
    procedure_code: ProcedureCode
    dossier_code: str | None
    """The dossier it serves; ``None`` under break-glass."""
    purpose: Annotated[str, StringConstraints(max_length=200), Nfc] = ""


class Extent(StrEnum):
    """Which of the database's look-ups is made."""

    USUAL = "usual"
    """`TraCuuThongTinCongDan`."""
    FULL = "full"
    """`CungCapThongTinCongDan`."""
    BLOOD_GROUP = "blood_group"
    """`CungCapThongTinNhomMau`."""
