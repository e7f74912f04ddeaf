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

_PERSONAL_NUMBER = re.compile(r"[0-9]{12}")
_OLD_CARD = re.compile(r"[0-9]{9}")
_DAY = re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_YEAR = re.compile(r"[0-9]{4}")
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
    word = told.TonTai.strip()
    status = _coded(MARITAL_STATUSES, told.TinhTrangHonNhan, "TinhTrangHonNhan", drift)
    if not word:
        return Confirmed(confirmed=None, marital_status=status)
    answer = _YES_OR_NO.get(word.lower())
    if answer is None:
        raise UnreadableError("TonTai")
    return Confirmed(confirmed=answer, marital_status=status)


def _records(told: wire.CongdanCollection, drift: Drift) -> list[CitizenRecord]:
    records = [_record(one, drift) for one in told.CongDan if one.SoDinhDanh or one != _NOBODY]
    found = [one for one in records if one.number is not None or one != _EMPTY]
    count = told.SoCongDan.strip()
    if count and count != str(len(found)):
        drift("SoCongDan")
    return found


def _record(told: wire.CongDan, drift: Drift) -> CitizenRecord:
    number = text(told.SoDinhDanh)
    if number and _PERSONAL_NUMBER.fullmatch(number) is None:
        raise UnreadableError("CongDan.SoDinhDanh")
    name, book = _name(told.HoVaTen), text(told.SoSoHoKhau)
    ethnicity, religion, nationality = text(told.DanToc), text(told.TonGiao), text(told.QuocTich)
    return _made(
        CitizenRecord,
        len(name) <= _LINE and max(len(ethnicity), len(religion), len(nationality), len(book)) <= _CODE,
        {
            "number": number or None,
            "identity_card_9": _old_card(told.SoCMND, "CongDan.SoCMND", drift),
            "name": name,
            "sex": _coded(SEXES, told.GioiTinh, "CongDan.GioiTinh", drift),
            "birth": _birth_told(told.NgayThangNamSinh, drift),
            "ethnicity": ethnicity,
            "religion": religion,
            "nationality": nationality,
            "marital_status": _coded(MARITAL_STATUSES, told.TinhTrangHonNhan, "CongDan.TinhTrangHonNhan", drift),
            "blood_group": _coded(BLOOD_GROUPS, told.NhomMau, "CongDan.NhomMau", drift),
            "birth_registration": _address(told.NoiDangKyKhaiSinh),
            "native_place": _address(told.QueQuan),
            "permanent_residence": _address(told.ThuongTru),
            "present_residence": _address(told.NoiOHienTai),
            "father": _relative(told.Cha, "CongDan.Cha", drift),
            "mother": _relative(told.Me, "CongDan.Me", drift),
            "spouse": _relative(told.VoChong, "CongDan.VoChong", drift),
            "representative": _relative(told.NguoiDaiDien, "CongDan.NguoiDaiDien", drift),
            "household_head": _relative(told.ChuHo, "CongDan.ChuHo", drift),
            "household_book": book,
        },
    )


def _made(kind: type[Made], is_proven: bool, fields: dict[str, Any]) -> Made:  # noqa: FBT001 - one bit
    """Return the model of these fields, which are all that it has.

    What is proven here (numbers matched, values from tables, texts from `text` and short enough for any field) is taken
    as it is, as pydantic's own ``model_construct`` does it: nine models are made for one citizen, and checking them
    once more nearly doubles the cost of the mapping. Anything else is put before the model. A property test holds the
    two equal.
    """
    if not is_proven:
        return kind(**fields)
    made = kind.__new__(kind)
    _put(made, "__dict__", fields)
    _put(made, "__pydantic_fields_set__", _ALL_FIELDS[kind])
    _put(made, "__pydantic_extra__", None)
    _put(made, "__pydantic_private__", None)
    return made


def _coded(table: Mapping[str, Value], code: str, place: str, drift: Drift) -> Value | None:
    code = code.strip()
    if not code:
        return None
    value = table.get(code)
    if value is None:
        drift(place)
    return value


def _birth_told(told: wire.NgaySinh | None, drift: Drift) -> BirthDate | None:
    """Return the date, or the year where only that is told; a date that contradicts itself is told as drift."""
    if told is None:
        return None
    day, year = told.NgayThangNam.strip(), told.Nam.strip()
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
    match = _DAY.fullmatch(digits)
    if match is None:
        return None
    if match["month"] == match["day"] == "00":
        return _year(match["year"])
    try:
        day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None
    if not _EARLIEST_YEAR <= day.year <= _LATEST_YEAR:
        return None
    return _made(BirthDate, True, {"year": day.year, "day": day})


def _year(digits: str) -> BirthDate | None:
    if _YEAR.fullmatch(digits) is None or not _EARLIEST_YEAR <= int(digits) <= _LATEST_YEAR:
        return None
    return BirthDate(year=int(digits))


def _name(told: wire.TenNguoi | None) -> str:
    """Return the parts of a name that are there, joined by single spaces."""
    if told is None:
        return ""
    # Most names stand whole in the last part.
    whole = f"{told.Ho} {told.ChuDem} {told.Ten}" if told.Ho or told.ChuDem else told.Ten
    return " ".join(text(whole).split())


def _old_card(card: str, place: str, drift: Drift) -> str | None:
    card = card.strip()
    if card and _OLD_CARD.fullmatch(card) is None:
        drift(place)
        return None
    return card or None


def _address(told: wire.DiaChi | None) -> Address | None:
    if told is None or (not told.MaTinhThanh and told == _NOWHERE):
        return None
    province, district, commune = text(told.MaTinhThanh), text(told.MaQuanHuyen), text(told.MaPhuongXa)
    detail, country = text(told.ChiTiet), text(told.QuocGia)
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
    if told is None:
        return None
    number = told.SoDinhDanh.strip()
    if number and _PERSONAL_NUMBER.fullmatch(number) is None:
        drift(f"{place}.SoDinhDanh")
        number = ""
    card = _old_card(told.SoCMND, f"{place}.SoCMND", drift)
    name, nationality, relation = _name(told.HoVaTen), text(told.QuocTich), text(told.QuanHe)
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


def text(value: str) -> str:
    """Return a foreign text in normal form C, without control characters and without spaces around it."""
    if not value:
        return value
    if not value.isprintable():
        # Before the normal form: what stood around it may belong together.
        value = _CONTROL.sub("", value)
    return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()


_CODE, _LINE = 8, 500
"""Characters that every code and every name or line of an address may have; the model knows which may have more."""
_ALL_FIELDS: Mapping[type[Model], set[str]] = {
    kind: set(kind.model_fields) for kind in (CitizenRecord, Address, BirthDate, Relative)
}
_put = object.__setattr__
_NOBODY = wire.CongDan()
_NOWHERE = wire.DiaChi()
_EMPTY = CitizenRecord()
