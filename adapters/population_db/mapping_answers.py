"""Translation of the database's answers into canonical records, without any input or output.

What the database has no word for is absent, and a code nobody has published is absent and told as drift; nothing is
guessed. What makes a record one of nobody in particular (an unreadable number) is an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from adapters.population_db import wire
from contracts.codes import Sex
from contracts.population import (
    Address,
    BirthDate,
    BloodGroup,
    CitizenRecord,
    Confirmed,
    Household,
    HouseholdMember,
    MaritalStatus,
    Relative,
)
from contracts.text import Model

Drift = Callable[[str], None]
"""Called with the path of a value that no published list has."""

Value = TypeVar("Value")
Made = TypeVar("Made", bound=Model)

SEXES: Mapping[str, Sex] = {"1": Sex.MALE, "2": Sex.FEMALE}
MARITAL_STATUSES: Mapping[str, MaritalStatus] = {
    "1": MaritalStatus.NOT_MARRIED,
    "2": MaritalStatus.MARRIED,
    "3": MaritalStatus.DIVORCED_OR_WIDOWED,
}
BLOOD_GROUPS: Mapping[str, BloodGroup] = {
    "00": BloodGroup.NONE,
    "01": BloodGroup.A,
    "02": BloodGroup.B,
    "03": BloodGroup.AB,
    "04": BloodGroup.O,
}
_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}

_PERSONAL_NUMBER, _OLD_CARD, _DAY, _YEAR = 12, 9, 8, 4
"""How many digits each has."""
_EARLIEST_YEAR, _LATEST_YEAR = 1850, 2099
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class UnreadableError(Exception):
    """A value of an answer is not what the message promises; ``place`` is its path, never its text."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def citizen(told: wire.CongdanCollection, drift: Drift) -> CitizenRecord | None:
    """Return the one citizen told of; ``None`` for an empty record, which is how "not found" is said.

    Raises:
        UnreadableError: More than one citizen, or a number that is none.
        pydantic.ValidationError: A text beyond every measure.
    """
    records = _records(told, drift)
    if len(records) > 1:
        raise UnreadableError("CongDan")
    return records[0] if records else None


def household(told: wire.CongdanCollection, drift: Drift) -> Household | None:
    """Return the household told of: its members as citizens, each with the head of the household and the relation.

    ``None`` where there is nobody in it. Raises as `citizen`.
    """
    records = _records(told, drift)
    if not records:
        return None
    heads = [one.household_head for one in records if one.household_head is not None]
    members = (
        HouseholdMember(person=one, relation="" if one.household_head is None else one.household_head.relation)
        for one in records
    )
    head = heads[0].model_copy(update={"relation": ""}) if heads else None
    if head is not None and len({one.number for one in heads}) > 1:
        drift("CongDan.ChuHo")
    return Household(head=head, members=tuple(members))


def confirmed(told: wire.KetQuaXacThuc, drift: Drift) -> Confirmed:
    """Return the answer; ``None`` in it where the database says neither yes nor no: it knows no such citizen.

    Raises:
        UnreadableError: Something that is neither yes nor no.
    """
    word = (told.get("TonTai") or "").strip()
    status = _coded(MARITAL_STATUSES, told.get("TinhTrangHonNhan"), "TinhTrangHonNhan", drift)
    if not word:
        return Confirmed(confirmed=None, marital_status=status)
    answer = _YES_OR_NO.get(word.lower())
    if answer is None:
        raise UnreadableError("TonTai")
    return Confirmed(confirmed=answer, marital_status=status)


def _records(told: wire.CongdanCollection, drift: Drift) -> list[CitizenRecord]:
    records = [_record(one, drift) for one in told.CongDan]
    found = [one for one in records if one.number is not None or one != _EMPTY]
    count = told.SoCongDan.strip()
    if count and count != str(len(found)):
        drift("SoCongDan")
    return found


def _record(told: wire.CongDan, drift: Drift) -> CitizenRecord:
    number = text(told.get("SoDinhDanh"))
    if number and not _is_number(number, _PERSONAL_NUMBER):
        raise UnreadableError("CongDan.SoDinhDanh")
    name, book = _name(told.get("HoVaTen")), text(told.get("SoSoHoKhau"))
    ethnicity, religion = text(told.get("DanToc")), text(told.get("TonGiao"))
    nationality = text(told.get("QuocTich"))
    # Most people live where they are registered and were registered where their family comes from.
    home, native = told.get("ThuongTru"), told.get("QueQuan")
    permanent_residence, native_place = _address(home), _address(native)
    lives_at, born_at = told.get("NoiOHienTai"), told.get("NoiDangKyKhaiSinh")
    return _made(
        CitizenRecord,
        len(name) <= _LINE and max(len(ethnicity), len(religion), len(nationality), len(book)) <= _CODE,
        {
            "number": number or None,
            "identity_card_9": _old_card(told.get("SoCMND"), "CongDan", drift),
            "name": name,
            "sex": _coded(SEXES, told.get("GioiTinh"), "CongDan.GioiTinh", drift),
            "birth": _birth_told(told.get("NgayThangNamSinh"), drift),
            "ethnicity": ethnicity,
            "religion": religion,
            "nationality": nationality,
            "marital_status": _coded(MARITAL_STATUSES, told.get("TinhTrangHonNhan"), "CongDan.TinhTrangHonNhan", drift),
            "blood_group": _coded(BLOOD_GROUPS, told.get("NhomMau"), "CongDan.NhomMau", drift),
            "birth_registration": native_place if born_at == native else _address(born_at),
            "native_place": native_place,
            "permanent_residence": permanent_residence,
            "present_residence": permanent_residence if lives_at == home else _address(lives_at),
            "father": _relative(told.get("Cha"), "CongDan.Cha", drift),
            "mother": _relative(told.get("Me"), "CongDan.Me", drift),
            "spouse": _relative(told.get("VoChong"), "CongDan.VoChong", drift),
            "representative": _relative(told.get("NguoiDaiDien"), "CongDan.NguoiDaiDien", drift),
            "household_head": _relative(told.get("ChuHo"), "CongDan.ChuHo", drift),
            "household_book": book,
        },
    )


def _made(kind: type[Made], is_proven: bool, fields: dict[str, Any]) -> Made:  # noqa: FBT001 - one bit
    """Return the model of these fields, which are all that it has.

    What is proven here (numbers matched, values from tables, texts from `text` and short enough for any field) is taken
    as it is: nine models are made for one citizen, and checking them once more nearly doubles the cost of the mapping.
    Anything else is put before the model. A property test holds the two equal.
    """
    return kind.proven(fields) if is_proven else kind(**fields)


def _coded(table: Mapping[str, Value], code: str | None, place: str, drift: Drift) -> Value | None:
    if not code:
        return None
    value = table.get(code) or table.get(code.strip())
    if value is None and not code.isspace():
        drift(place)
    return value


def _is_number(digits: str, length: int) -> bool:
    return len(digits) == length and digits.isascii() and digits.isdigit()


def _birth_told(told: wire.NgaySinh | None, drift: Drift) -> BirthDate | None:
    """Return the date, or the year where only that is told; a date that contradicts itself is told as drift."""
    if not told:
        return None
    day, year = (told.get("NgayThangNam") or "").strip(), (told.get("Nam") or "").strip()
    if not day and not year:
        return None
    read = _day(day) if day else _year(year)
    if read is None or (day and year and year != f"{read.year:04}"):
        drift("CongDan.NgayThangNamSinh")
        return None
    if day and read.day is None:
        # Month and day as zeros: seen for people whose day was never registered, and in no published list.
        drift("CongDan.NgayThangNamSinh.NgayThangNam")
    return read


def _day(digits: str) -> BirthDate | None:
    if not _is_number(digits, _DAY):
        return None
    if digits.endswith("0000"):
        return _year(digits[:_YEAR])
    try:
        day = date.fromisoformat(digits)
    except ValueError:
        return None
    if not _EARLIEST_YEAR <= day.year <= _LATEST_YEAR:
        return None
    return _made(BirthDate, True, {"year": day.year, "day": day})


def _year(digits: str) -> BirthDate | None:
    if not _is_number(digits, _YEAR) or not _EARLIEST_YEAR <= int(digits) <= _LATEST_YEAR:
        return None
    return BirthDate(year=int(digits), day=None)


def _name(told: wire.TenNguoi | None) -> str:
    """Return the parts of a name that are there, joined by single spaces."""
    if not told:
        return ""
    # Most names stand whole in the last part.
    first, middle, whole = told.get("Ho"), told.get("ChuDem"), told.get("Ten")
    if first or middle:
        whole = f"{first or ''} {middle or ''} {whole or ''}"
    return " ".join(text(whole).split())


def _old_card(card: str | None, place: str, drift: Drift) -> str | None:
    card = card.strip() if card else ""
    if card and not _is_number(card, _OLD_CARD):
        drift(f"{place}.SoCMND")
        return None
    return card or None


def _address(told: wire.DiaChi | None) -> Address | None:
    if not told:
        return None
    province, district = text(told.get("MaTinhThanh")), text(told.get("MaQuanHuyen"))
    commune, detail, country = text(told.get("MaPhuongXa")), text(told.get("ChiTiet")), text(told.get("QuocGia"))
    if not (province or district or commune or detail or country):
        return None
    return _made(
        Address,
        len(detail) <= _LINE and max(len(province), len(district), len(commune), len(country)) <= _CODE,
        {
            "province_code": province,
            "district_code": district,
            "commune_code": commune,
            "detail": detail,
            "country": country,
        },
    )


def _relative(told: wire.NguoiLienQuan | None, place: str, drift: Drift) -> Relative | None:
    if not told:
        return None
    number = (told.get("SoDinhDanh") or "").strip()
    if number and not _is_number(number, _PERSONAL_NUMBER):
        drift(f"{place}.SoDinhDanh")
        number = ""
    card = _old_card(told.get("SoCMND"), place, drift)
    name, nationality, relation = _name(told.get("HoVaTen")), text(told.get("QuocTich")), text(told.get("QuanHe"))
    if not (number or card or name or nationality or relation):
        return None
    return _made(
        Relative,
        len(name) <= _LINE and max(len(nationality), len(relation)) <= _CODE,
        {
            "number": number or None,
            "identity_card_9": card,
            "name": name,
            "nationality": nationality,
            "relation": relation,
        },
    )


def text(value: str | None) -> str:
    """Return a foreign text in normal form C, without control characters and without spaces around it."""
    if not value:
        return ""
    if not value.isprintable():
        # Before the normal form: what stood around it may belong together.
        value = _CONTROL.sub("", value)
    return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()


_CODE, _LINE = 8, 500
"""Characters that every code and every name or line of an address may have; the model knows which may have more."""
_EMPTY = CitizenRecord()
