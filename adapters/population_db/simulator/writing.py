"""What the database writes: citizens, yes or no, faults; and each of its shapes that is not as one would wish."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from adapters.population_db.simulator.people import Person, Population

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_DANCU = "http://www.mic.gov.vn/dancu/1.0"
_DAY_OF_DATA = "20261008"

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{step} "{f"&a{step - 1};" * 10}">' for step in range(1, 12))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a11 SYSTEM "file:///etc/hostname">]>'


def citizen(person: Person, people: Population, *, year_only: bool = False, unknown_codes: bool = False) -> str:
    """Return the `CongDan` of a person."""
    codes = ("7", "9", "77") if unknown_codes else (str(person.sex), person.married, person.blood)
    return "".join(
        (
            "<ns1:CongDan>",
            _text("SoDinhDanh", person.number),
            _text("SoCMND", person.card),
            _name(person),
            _text("GioiTinh", codes[0]),
            _text("DanToc", person.ethnicity),
            _text("TonGiao", person.religion),
            _text("QuocTich", "VN"),
            _birth(person, year_only=year_only or person.year_only),
            _text("TinhTrangHonNhan", codes[1]),
            _text("NhomMau", codes[2]),
            *(_address(name, person) for name in ("NoiDangKyKhaiSinh", "QueQuan", "ThuongTru", "NoiOHienTai")),
            _other("Cha", person.father, people),
            _other("Me", person.mother, people),
            _other("VoChong", person.spouse, people),
            _other("NguoiDaiDien", person.representative, people),
            _other("ChuHo", person.head, people, relation=person.relation),
            "</ns1:CongDan>",
        )
    )


def blood_group(person: Person) -> str:
    """Return the `CongDan` of the call for the blood group: who it is, and the group."""
    who = _text("SoDinhDanh", person.number) + _name(person)
    return f"<ns1:CongDan>{who}{_text('NhomMau', person.blood)}</ns1:CongDan>"


def collection(citizens: Iterable[str], count: int) -> str:
    """Return the citizens as a collection; none are told as one that is empty."""
    inside = "".join(citizens) or "<ns1:CongDan/>"
    return (
        f'<ns1:CongdanCollection xmlns:ns1="{_DANCU}" SoCongDan="{count}" ThoiDiemDuLieu="{_DAY_OF_DATA}">'
        f"{inside}</ns1:CongdanCollection>"
    )


def verdict(word: str, status: str = "") -> str:
    """Return yes, no or nothing; ``status`` is the marital status where it was asked for."""
    inside = (_text("TonTai", word) if word else "") + (_text("TinhTrangHonNhan", status) if status else "")
    return f'<ns1:KetQuaXacThuc xmlns:ns1="{_DANCU}">{inside}</ns1:KetQuaXacThuc>'


def envelope(inside: str) -> str:
    """Return the SOAP envelope around an answer."""
    return (
        f'<soapenv:Envelope xmlns:soapenv="{_SOAP}"><soapenv:Header/><soapenv:Body>{inside}</soapenv:Body>'
        "</soapenv:Envelope>"
    )


def fault(code: str, words: str) -> str:
    """Return a SOAP fault."""
    return envelope(
        f"<soapenv:Fault><faultcode>{escape(code)}</faultcode><faultstring>{escape(words)}</faultstring></soapenv:Fault>"
    )


def in_text(inside: str) -> str:
    """Return an answer as a text."""
    return f'<d:KetQua xmlns:d="http://dancuquocgia.bca">{escape(inside, quote=False)}</d:KetQua>'


def with_field_more(inside: str) -> str:
    """Return an answer with an element that nobody has published."""
    for end in ("</ns1:CongDan>", "</ns1:KetQuaXacThuc>"):
        if end in inside:
            return inside.replace(end, f"<ns1:TruongMoi>1</ns1:TruongMoi>{end}", 1)
    return inside.replace("<ns1:CongDan/>", "<ns1:CongDan><ns1:TruongMoi>1</ns1:TruongMoi></ns1:CongDan>", 1)


def with_wrong_type(inside: str) -> str:
    """Return an answer in which elements stand where a text is promised."""
    if "KetQuaXacThuc" in inside:
        return verdict("").replace("></", "><ns1:TonTai><ns1:a/></ns1:TonTai></", 1)
    wrong = "<ns1:CongDan><ns1:SoDinhDanh><ns1:a>1</ns1:a></ns1:SoDinhDanh></ns1:CongDan>"
    return collection([wrong], 1)


def _name(person: Person) -> str:
    parts = (person.family, person.middle, person.given) if person.in_parts else ("", "", person.name.upper())
    inside = "".join(_text(name, part) for name, part in zip(("Ho", "ChuDem", "Ten"), parts, strict=True))
    return f"<ns1:HoVaTen>{inside}</ns1:HoVaTen>"


def _birth(person: Person, *, year_only: bool) -> str:
    inside = _text("Nam", person.birth[:4]) if year_only else _text("NgayThangNam", person.birth)
    return f"<ns1:NgayThangNamSinh>{inside}</ns1:NgayThangNamSinh>"


def _address(name: str, person: Person) -> str:
    inside = (
        _text("MaTinhThanh", "99"),
        _text("MaQuanHuyen", person.home.district),
        _text("MaPhuongXa", person.home.commune),
        _text("ChiTiet", person.home.detail),
        _text("QuocGia", "VN"),
    )
    return f"<ns1:{name}>{''.join(inside)}</ns1:{name}>"


def _other(name: str, number: str, people: Population, *, relation: str = "") -> str:
    person = people.by_number.get(number)
    if person is None:
        return f"<ns1:{name}/>"
    inside = (
        _text("QuanHe", relation) if relation else "",
        _text("SoDinhDanh", person.number),
        _text("SoCMND", person.card),
        _text("QuocTich", "VN"),
        _name(person),
    )
    return f"<ns1:{name}>{''.join(inside)}</ns1:{name}>"


def _text(name: str, value: str) -> str:
    return f"<ns1:{name}>{escape(value, quote=False)}</ns1:{name}>" if value else f"<ns1:{name}/>"
