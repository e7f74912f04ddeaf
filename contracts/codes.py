"""Codes and identifiers: what they look like, how they are checked, which part means what.

Every code is text: leading zeros are part of it, and no code is ever turned into a number. The annotated
types at the end of each section are what models use; a value that is not valid is refused with a stable
error type, never repaired. Every ``parse_…`` and ``check_…`` raises `PydanticCustomError` and nothing else.
Whether an administrative unit exists is asked of `contracts.units`. Sources: QĐ 20/2020/QĐ-TTg and
QĐ 09/2025/QĐ-TTg (agencies), QĐ 19/2025/QĐ-TTg (administrative units), NĐ 137/2015 art. 13 (personal
number), the national portal's wire facts (dossier and procedure codes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from stdnum.exceptions import InvalidChecksum
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.vn import mst

from contracts.text import SchemaNote

# --- agencies -----------------------------------------------------------------------------------------

AGENCY_CODE_MAX = 35

_AGENCY_NEW = re.compile(r"[A-Z][0-9]{2}(?:\.[0-9A-Z]+)*")
_AGENCY_OLD = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")
_AGENCY_PATTERN = r"[A-Z][0-9]{2}(\.[0-9A-Z]+)*|[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}"


def is_old_agency_code(code: str) -> bool:
    """Say whether ``code`` is written right to left, as before QĐ 20/2020 (``000.00.14.H56``)."""
    return _AGENCY_OLD.fullmatch(code) is not None


def _is_agency(value: str) -> bool:
    return len(value) <= AGENCY_CODE_MAX and bool(_AGENCY_NEW.fullmatch(value) or _AGENCY_OLD.fullmatch(value))


# A province has some thousand agencies, and each request names one or two. Good ones only are remembered.
@lru_cache(maxsize=4096)
def parse_agency_code(value: str) -> str:
    """Check an agency code of either generation: ``H56.14`` (new) or ``000.00.14.H56`` (old)."""
    if _is_agency(value):
        return value
    raise PydanticCustomError("agency_code", "not an agency code such as H99.12 or 000.00.12.H99")


def level_one(code: str) -> str:
    """Return the province or ministry part of an agency code: ``H56`` for both generations."""
    return code.rsplit(".", 1)[-1] if is_old_agency_code(code) else code.split(".", 1)[0]


def is_within(code: str, ancestor: str) -> bool:
    """Say whether agency ``code`` (new generation) is ``ancestor`` or lies below it."""
    return code == ancestor or code.startswith(ancestor + ".")


def check_open(code: str, closed: Mapping[str, str]) -> str:
    """Refuse an agency code under a level-1 code closed by the merger of provinces (QĐ 09/2025/QĐ-TTg).

    ``closed`` names the successor of each closed level-1 code and is deployment data. For new declarations
    only: dossiers and procedures that carried a closed code before the merger keep it for good.
    """
    first = level_one(code)
    if first not in closed:
        return code
    raise PydanticCustomError(
        "agency_code_closed",
        "the agency code {closed} was closed when provinces merged; its successor is {successor}",
        {"closed": first, "successor": closed[first]},
    )


_OLD_PARTS = re.compile(r"000\.(?P<third>00|[1-9][0-9])\.(?P<second>00|[1-9][0-9])\.(?P<first>[A-Z][0-9]{2})")
_NEW_PARTS = re.compile(r"(?P<first>[A-Z][0-9]{2})(?:\.(?P<second>[1-9][0-9])(?:\.(?P<third>[1-9][0-9]))?)?")

_AMBIGUOUS = "this agency code has no certain twin in the other generation; give the pair in the configuration"


def to_new_agency_code(code: str, known: Mapping[str, str] | None = None) -> str:
    """Return the new-generation code of an agency: ``000.00.14.H56`` → ``H56.14``.

    ``known`` (old → new) comes first: only the agencies' own list is authoritative (the document exchange
    gives it as ``code102`` → ``code``). Without an entry, the position decides where it leaves no doubt.
    ``000.00.01.H56`` is in doubt (``H56.1`` and ``H56.01`` both exist in the wild), so are codes with a gap
    and codes of the fourth level: these raise ``agency_code_ambiguous``. A new code comes back as it is.
    """
    if known and code in known:
        return known[code]
    if not is_old_agency_code(code):
        return parse_agency_code(code)
    match = _OLD_PARTS.fullmatch(code)
    if match is None or (match["second"] == "00" and match["third"] != "00"):
        raise PydanticCustomError("agency_code_ambiguous", _AMBIGUOUS)
    return ".".join([match["first"], *(part for part in (match["second"], match["third"]) if part != "00")])


def to_old_agency_code(code: str, known: Mapping[str, str] | None = None) -> str:
    """Return the old-generation code of an agency: ``H56.14`` → ``000.00.14.H56``.

    The inverse of `to_new_agency_code`, with the same doubts; ``known`` maps new → old here.
    """
    if known and code in known:
        return known[code]
    if is_old_agency_code(code):
        return code
    match = _NEW_PARTS.fullmatch(parse_agency_code(code))
    if match is None:
        raise PydanticCustomError("agency_code_ambiguous", _AMBIGUOUS)
    return f"000.{match['third'] or '00'}.{match['second'] or '00'}.{match['first']}"


AgencyCode = Annotated[
    str,
    AfterValidator(parse_agency_code),
    SchemaNote(
        "The electronic code of an agency, of either generation (QĐ 20/2020/QĐ-TTg); at most 35 characters.",
        pattern=f"^({_AGENCY_PATTERN})$",
        example="H99.12",
    ),
]

# --- dossiers -----------------------------------------------------------------------------------------

_DOSSIER = re.compile(r"(?P<agency>[0-9A-Z.]{3,35})-(?P<day>[0-9]{6})-(?P<sequence>[0-9]{4,7})")


# The same dossier comes again and again: it is declared, it moves on, people are looked up for it. Only good codes are
# remembered, because what raises is not: never a text of any length, or of any content, that somebody sent as a code.
@lru_cache(maxsize=4096)
def parse_dossier_code(value: str) -> str:
    """Check ``{agency}-{yyMMdd}-{sequence}``, e.g. ``H99.12-261008-0001``.

    The agency part may be of either generation; the day must exist; the sequence has 4 to 7 digits
    (provinces use 4 a day, ministry portals 6 or 7).
    """
    match = _DOSSIER.fullmatch(value)
    if match is None:
        raise PydanticCustomError("dossier_code", "not a dossier code such as H99.12-261008-0001")
    if not _is_agency(match["agency"]) or not _is_day(match["day"]):
        raise PydanticCustomError("dossier_code", "the agency or the day in this dossier code does not exist")
    return value


def _is_day(digits: str) -> bool:
    try:
        date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    return True


def agency_of_dossier(code: str) -> str:
    """Return the agency part of a valid dossier code."""
    return code.rsplit("-", 2)[0]


def day_of_dossier(code: str) -> date:
    """Return the day in a valid dossier code, a day in Vietnam."""
    digits = code.rsplit("-", 2)[1]
    return date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


DossierCode = Annotated[
    str,
    AfterValidator(parse_dossier_code),
    SchemaNote(
        "The code of a dossier: agency, day as yyMMdd, running number of 4 to 7 digits.",
        pattern=f"^({_AGENCY_PATTERN})-[0-9]{{6}}-[0-9]{{4,7}}$",
        example="H99.12-261008-0001",
    ),
]

# --- procedures ---------------------------------------------------------------------------------------

_PROCEDURE = re.compile(r"(?P<root>[0-9]\.[0-9]{6})(?:\.(?P<agency>[0-9A-Z.]{3,35}))?")
_LONGEST_PROCEDURE = len("1.000001.") + 35


def parse_procedure_code(value: str) -> str:
    """Check a national procedure code: root ``2.000986``, ``2.002621.H56`` or ``1.003560.000.00.00.H56``.

    Local codes outside the form exist in the wild (``TS_lop1…``); the national portal does not know them,
    so they are refused here.
    """
    if not is_procedure_code(value):
        raise PydanticCustomError("procedure_code", "not a national procedure code such as 1.000001.H99")
    return value


def is_procedure_code(value: str) -> bool:
    """Say whether ``value`` is a national procedure code, see `parse_procedure_code`."""
    # What is too long is not remembered either: it may be as long as a body.
    return len(value) <= _LONGEST_PROCEDURE and _is_procedure_code(value)


@lru_cache(maxsize=4096)
def _is_procedure_code(value: str) -> bool:
    match = _PROCEDURE.fullmatch(value)
    return match is not None and (not match["agency"] or _is_agency(match["agency"]))


def procedure_root(code: str) -> str:
    """Return ``N.NNNNNN``, the only part of a procedure code that is stable across agencies."""
    return code[:8]


def procedure_agency(code: str) -> str | None:
    """Return the agency suffix of a valid procedure code, of either generation, where it has one."""
    return code[9:] or None


ProcedureCode = Annotated[
    str,
    AfterValidator(parse_procedure_code),
    SchemaNote(
        "The national code of an administrative procedure: its root, and the agency that has it as its own.",
        pattern=rf"^[0-9]\.[0-9]{{6}}(\.({_AGENCY_PATTERN}))?$",
        example="1.000001.H99",
    ),
]

# --- administrative units -----------------------------------------------------------------------------

_PROVINCE_UNIT = re.compile(r"[0-9]{2}")
_COMMUNE_UNIT = re.compile(r"[0-9]{5}")


def parse_province_unit(value: str) -> str:
    """Check the two digits of a province (QĐ 19/2025/QĐ-TTg); existence is the question of `contracts.units`."""
    if _PROVINCE_UNIT.fullmatch(value):
        return value
    raise PydanticCustomError("province_unit_code", "a province has a code of two digits, written as text")


def parse_commune_unit(value: str) -> str:
    """Check the five digits of a commune (QĐ 19/2025/QĐ-TTg); districts no longer exist since 1/7/2025."""
    if _COMMUNE_UNIT.fullmatch(value):
        return value
    raise PydanticCustomError("commune_unit_code", "a commune has a code of five digits, written as text")


ProvinceUnitCode = Annotated[
    str,
    AfterValidator(parse_province_unit),
    SchemaNote("The code of a province (QĐ 19/2025/QĐ-TTg).", pattern="^[0-9]{2}$", example="75"),
]
CommuneUnitCode = Annotated[
    str,
    AfterValidator(parse_commune_unit),
    SchemaNote("The code of a commune (QĐ 19/2025/QĐ-TTg).", pattern="^[0-9]{5}$", example="00070"),
]

# --- people -------------------------------------------------------------------------------------------

_PERSONAL_DIGITS = 12
_CARD_DIGITS = 9


def _has_digits(value: str, count: int) -> bool:
    # No regular expression: it costs twice as much, and this is asked of every citizen in every message.
    return len(value) == count and value.isascii() and value.isdigit()


def parse_personal_number(value: str) -> str:
    """Check the 12 digits of a personal identification number; there is no check digit (NĐ 137/2015)."""
    if _has_digits(value, _PERSONAL_DIGITS):
        return value
    raise PydanticCustomError("personal_number", "a personal number has exactly 12 digits, written as text")


def parse_identity_card_9(value: str) -> str:
    """Check the 9 digits of an old identity card (CMND), kept as text."""
    if _has_digits(value, _CARD_DIGITS):
        return value
    raise PydanticCustomError("identity_card_9", "an old identity card has exactly 9 digits, written as text")


def birth_century(number: str) -> int:
    """Return the first year of the birth century coded in digit 4: 1900 for 0 and 1, 2000 for 2 and 3, and on."""
    return 1900 + int(number[3]) // 2 * 100


def birth_year(number: str) -> int:
    """Return the birth year coded in digits 4 to 6 of a valid personal number."""
    return birth_century(number) + int(number[4:6])


def is_male(number: str) -> bool:
    """Return the sex coded in digit 4 of a valid personal number: even is male."""
    return int(number[3]) % 2 == 0


class Sex(StrEnum):
    """The two sexes that a personal number codes."""

    MALE = "male"
    FEMALE = "female"


def check_person_consistency(number: str, sex: Sex | None, birth: date | int | None) -> str:
    """Refuse a valid personal number that contradicts what is known of the person (NĐ 137/2015 art. 13).

    ``birth`` is a date, or a year where no more is known. What is not known is not compared. The first three
    digits are not looked at: they name the province of registration as it was then, mergers or not.
    Raises ``personal_number_sex`` or ``personal_number_birth``; neither message repeats a value.
    """
    if sex is not None and is_male(number) != (sex is Sex.MALE):
        raise PydanticCustomError("personal_number_sex", "the personal number is that of a person of the other sex")
    if birth is not None:
        year = birth.year if isinstance(birth, date) else birth
        if birth_year(number) != year:
            raise PydanticCustomError("personal_number_birth", "the personal number is of another year of birth")
    return number


PersonalNumber = Annotated[
    str,
    AfterValidator(parse_personal_number),
    SchemaNote("A personal identification number (số định danh cá nhân).", "^[0-9]{12}$", "099199000123"),
]
IdentityCard9 = Annotated[
    str,
    AfterValidator(parse_identity_card_9),
    SchemaNote("The number of an old identity card (CMND).", "^[0-9]{9}$", "099000123"),
]

# --- enterprises --------------------------------------------------------------------------------------

_BRANCH = re.compile(r"(?P<head>[0-9]{10})(?:-(?P<branch>[0-9]{3}))?")


def parse_enterprise_code(value: str) -> str:
    """Check an enterprise or tax code: 10 digits with a check digit, or those and ``-001`` … ``-999``.

    Tenth digit = 10 − (Σ weight·digit mod 11), weights 31 29 23 19 17 13 7 5 3; where the sum is divisible
    by 11 no valid code exists. The check digit finds every single wrong digit and every swap of two
    neighbours among the ten; it says nothing of the branch.
    """
    match = _BRANCH.fullmatch(value)
    if match is None or match["branch"] == "000":
        raise PydanticCustomError("enterprise_code", "an enterprise code has 10 digits, or 10, a dash and a branch")
    try:
        mst.validate(match["head"])
    except InvalidChecksum as error:
        raise PydanticCustomError("enterprise_code", "the check digit of this enterprise code is wrong") from error
    except StdnumError as error:
        raise PydanticCustomError("enterprise_code", "no enterprise has this code") from error
    return value


EnterpriseCode = Annotated[
    str,
    AfterValidator(parse_enterprise_code),
    SchemaNote(
        "An enterprise or tax code: 10 digits with a check digit, or those, a dash and three digits of a branch.",
        pattern="^[0-9]{10}(-[0-9]{3})?$",
        example="9999999997",
    ),
]


def parse_tax_code(value: str) -> str:
    """Check a tax code: an enterprise code, or since 1/7/2025 a person's number (TT 86/2024/TT-BTC)."""
    return value if _has_digits(value, _PERSONAL_DIGITS) else parse_enterprise_code(value)


TaxCode = Annotated[
    str,
    AfterValidator(parse_tax_code),
    SchemaNote(
        "A tax code: that of an enterprise, or the number of a person.",
        pattern="^[0-9]{10}(-[0-9]{3})?$|^[0-9]{12}$",
        example="099199000123",
    ),
]
