"""Hypothesis strategies for texts, codes and moments: the plain values of which the models are made.

All data is invented; see `tests.contracts.strategies`.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy, composite

from contracts.codes import Sex

Draw = st.DrawFn

# --- text -------------------------------------------------------------------------------------------------

VIETNAMESE = (
    "aăâbcdđeêghiklmnoôơpqrstuưvxy"
    "àảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ"
    "AĂÂBCDĐEÊGHIKLMNOÔƠPQRSTUƯVXYẤẦẨẪẬẮẰẲẴẶẾỀỂỄỆỐỒỔỖỘỚỜỞỠỢỨỪỬỮỰ"
)

HOSTILE_TEXTS = {
    "stacked diacritics": "Nguyễn Thị Ngỡ Ấp Đệ Nhất ẵ ẫ ỗ ữ",
    "leading zeros": "000123",
    "a leap day": "29/02/2024",
    "emoji": "Hồ sơ 📄✅",
    "emoji joined by an invisible joiner": "👩‍👩‍👧‍👦",
    "beyond the basic plane": "𠀀𠮷",
    "markup": "<script>alert('x')</script> & \"đúng\"",
    "SQL": "'; DROP TABLE dossiers; --",
    "JSON inside JSON": '{"state": "result_returned"}',
    "a spreadsheet formula": "=1+1",
    "line ends of both kinds": "dòng một\ndòng hai\r\ndòng ba\tcột",
    "right to left": "مثال mẫu",
    "an Excel number": "9,99199E+10",
    "null in words": "null",
    "a backslash": "C:\\hồ sơ\\tệp.pdf",
}
"""Texts that have broken systems and must pass through unchanged."""

REFUSED_TEXTS = {
    "decomposed diacritics": (unicodedata.normalize("NFD", "Nguyễn Thị Mẫu"), "not_nfc"),
    "half-decomposed diacritics": ("Nguy\u00ea\u0303n", "not_nfc"),
    "an Angstrom sign": ("\u212b", "not_nfc"),
    "a null character": ("Tên\x00", "control_character"),
    "an escape sequence": ("\x1b[31mđỏ", "control_character"),
    "a C1 control character": ("Tên\x85", "control_character"),
    "a delete character": ("Tên\x7f", "control_character"),
    "spaces only": ("   ", "blank"),
    "no-break spaces only": ("\u00a0\u2003", "blank"),
}
"""Texts that must be refused, each with its error type."""


_CHARACTERS = st.one_of(
    st.sampled_from(VIETNAMESE + "0123456789 .,-/()"),
    st.characters(exclude_categories=("Cs", "Cc")),
)


@cache
def texts(min_size: int = 1, max_size: int = 40) -> SearchStrategy[str]:
    """Draw NFC text without control characters; with ``min_size`` above 0 also visible."""
    words = st.text(_CHARACTERS, min_size=min_size, max_size=max_size)
    hostile = st.sampled_from(list(HOSTILE_TEXTS.values()))
    return st.one_of(words.map(lambda text: unicodedata.normalize("NFC", text)), hostile).filter(
        lambda text: min_size <= len(text) <= max_size and (min_size == 0 or bool(text.strip()))
    )


@cache
def references() -> SearchStrategy[str]:
    """Draw catalogue codes and identifiers of other systems."""
    return st.text("0123456789ABCXYZabcxyz._:/+-", min_size=1, max_size=64)


# --- codes ------------------------------------------------------------------------------------------------

_GROUPS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=4)


@cache
def digit_texts(count: int) -> SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


@cache
def level_one_codes() -> SearchStrategy[str]:
    """Draw the code of a province, a ministry or a people's council."""
    return st.builds("{}{}".format, st.sampled_from("HGK"), digit_texts(2))


@cache
def new_agency_codes() -> SearchStrategy[str]:
    """Draw agency codes as since QĐ 20/2020."""
    return st.builds(lambda first, rest: ".".join([first, *rest]), level_one_codes(), st.lists(_GROUPS, max_size=6))


@cache
def old_agency_codes() -> SearchStrategy[str]:
    """Draw agency codes as before QĐ 20/2020, written right to left."""
    return st.builds("{}.{}.{}.{}".format, digit_texts(3), digit_texts(2), digit_texts(2), level_one_codes())


@cache
def agency_codes() -> SearchStrategy[str]:
    """Draw agency codes of both generations."""
    return st.one_of(new_agency_codes(), old_agency_codes())


@composite
def dossier_codes(draw: Draw) -> str:
    """Draw dossier codes of both agency generations."""
    day = draw(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
    sequence = draw(st.integers(4, 7).flatmap(digit_texts))
    return f"{draw(agency_codes())}-{day:%y%m%d}-{sequence}"


@cache
def procedure_codes() -> SearchStrategy[str]:
    """Draw procedure codes: the root alone, or with an agency of either generation."""
    root = st.builds("{}.{}".format, digit_texts(1), digit_texts(6))
    return st.one_of(root, st.builds("{}.{}".format, root, agency_codes()))


@composite
def people(draw: Draw) -> tuple[str, Sex, date]:
    """Draw a personal number with the sex and the day of birth it belongs to."""
    birth = draw(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
    sex = draw(st.sampled_from(Sex))
    century = (birth.year - 1900) // 100 * 2 + (sex is Sex.FEMALE)
    return f"099{century}{birth:%y}{draw(digit_texts(6))}", sex, birth


@cache
def personal_numbers() -> SearchStrategy[str]:
    """Draw personal numbers of the invented province 099."""
    return people().map(lambda person: person[0])


ENTERPRISE_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)


def enterprise_check_digit(head: str) -> int | None:
    """Return the tenth digit for nine digits, or ``None`` where the rule gives 10; written anew for the tests."""
    remainder = sum(weight * int(digit) for weight, digit in zip(ENTERPRISE_WEIGHTS, head, strict=True)) % 11
    return 10 - remainder if remainder else None


@composite
def enterprise_codes(draw: Draw, *, branches: bool = True) -> str:
    """Draw enterprise codes that begin with the unassigned 99, some with a branch."""
    head = draw(
        digit_texts(7).map("99".__add__).filter(lambda nine: nine != "990000000" and enterprise_check_digit(nine))
    )
    branch = draw(st.one_of(st.just(""), st.integers(1, 999).map("-{:03d}".format))) if branches else ""
    return f"{head}{enterprise_check_digit(head)}{branch}"


# --- moments ----------------------------------------------------------------------------------------------

_OFFSETS = st.sampled_from([UTC, timezone(timedelta(hours=7)), timezone(timedelta(hours=-11, minutes=-30))])
_LEAP_DAYS = st.sampled_from([datetime(2024, 2, 29, 23, 59, 59), datetime(2096, 2, 29)])  # noqa: DTZ001 - see moments


@composite
def moments(draw: Draw, last_year: int = 2099) -> datetime:
    """Draw moments that a dossier can have, in several offsets, leap days among them."""
    days = st.datetimes(datetime(1990, 1, 2), datetime(last_year, 12, 30))  # noqa: DTZ001 - the zone comes below
    leap_days = _LEAP_DAYS.filter(lambda day: day.year <= last_year)
    return draw(st.one_of(days, leap_days)).replace(tzinfo=draw(_OFFSETS))


@composite
def ordered_moments(draw: Draw, count: int) -> list[datetime]:
    """Draw so many moments, none before the one before it."""
    moment = draw(moments(last_year=2090))
    result = [moment]
    for _ in range(count - 1):
        moment = (moment + draw(st.timedeltas(timedelta(0), timedelta(days=400)))).astimezone(draw(_OFFSETS))
        result.append(moment)
    return result
