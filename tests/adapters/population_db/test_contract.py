"""Two ways to make and read a message, one contract: prepared messages are held to what zeep makes of the WSDL."""

from __future__ import annotations

import dataclasses
import string
import subprocess
import sys
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from lxml import etree

from adapters.population_db import mapping, reading, templates, wire
from adapters.population_db.contract import OWN, Contract
from contracts.errors import Malformed, NeedsPerson, Unsupported
from contracts.population import (
    Address,
    Asker,
    BirthDate,
    CitizenQuestion,
    Confirmation,
    ConfirmationKind,
    Extent,
    MaritalStatus,
    Relative,
)
from tests.adapters.population_db.test_requests import canonical
from tests.adapters.population_db.worlds import ASKER, QUESTION, SAMPLE, assert_safe, words, world


@pytest.fixture(scope="module")
def by_wsdl() -> Any:
    """Our WSDL as zeep reads it, loaded once."""
    return Contract().loaded()


# --- requests ---------------------------------------------------------------------------------------------

_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("&<>'\"\n\t ]"), max_size=40
).map(lambda text: unicodedata.normalize("NFC", text))
_names = st.text("TRẦNThị Mẫu đĐ&<'\"-ê", min_size=1, max_size=30).filter(
    lambda name: any(one.isalpha() for one in name)
)
_numbers = st.text(string.digits, min_size=12, max_size=12)
_cards = st.text(string.digits, min_size=9, max_size=9)
_births = st.dates(date(1900, 1, 1), date(2090, 1, 1)).flatmap(
    lambda day: st.sampled_from([BirthDate(year=day.year, day=day), BirthDate(year=day.year)])
)
_questions: SearchStrategy[CitizenQuestion] = st.one_of(
    st.builds(CitizenQuestion, number=_numbers, name=_names, birth=_births),
    st.builds(CitizenQuestion, identity_card_9=_cards, name=_names, birth=_births),
)
_relatives = st.one_of(
    st.builds(Relative, number=_numbers, name=_names, relation=_texts.map(str.strip)),
    st.builds(Relative, identity_card_9=_cards, nationality=st.sampled_from(["", "VN"])),
    st.builds(Relative, name=_names),
)
_addresses = st.builds(
    Address,
    province_code=_cards.map(lambda code: code[:2]),
    commune_code=st.just("99001"),
    detail=_texts,
    country=st.just("VN"),
)
_askers = st.builds(
    lambda unit, phone: ASKER.model_copy(update={"unit_code": unit, "phone": phone}),
    st.sampled_from(["H99", "H99.1", "000.00.01.H99"]),
    st.sampled_from(["", "0900000000", "+84 900 & 1"]),
)


@st.composite
def _confirmations(draw: Any) -> Confirmation:
    kind = draw(st.sampled_from(ConfirmationKind))
    with_relative = kind in {ConfirmationKind.RELATIVE, ConfirmationKind.GUARDIAN, ConfirmationKind.HOUSEHOLD_HEAD}
    return Confirmation(
        kind=kind,
        citizen=draw(_questions),
        relative=draw(_relatives) if with_relative else None,
        address=draw(_addresses) if kind is ConfirmationKind.PRESENT_RESIDENCE else None,
        marital_status=draw(st.none() | st.sampled_from(MaritalStatus)),
    )


@given(_questions | _confirmations(), _askers, st.sampled_from(Extent), st.booleans())
def test_both_make_the_same_request(
    by_wsdl: Any,
    asked: CitizenQuestion | Confirmation,
    asker: Asker,
    extent: Extent,
    unit_elements: bool,  # noqa: FBT001
) -> None:
    """Every call, every shape, any text: the same canonical XML."""
    vocabulary = words(unit_elements=unit_elements)
    request = (
        mapping.citizen_request(asked, asker, mapping.CALL_OF_EXTENT[extent], "H99-1", vocabulary)
        if isinstance(asked, CitizenQuestion)
        else mapping.confirmation_request(asked, asker, "H99-1", vocabulary)
    )
    assert _exact(templates.render(request)) == _exact(by_wsdl.render(request))


def _exact(document: bytes) -> str:
    """Canonical form with every space of a text: `canonical` would take some for layout."""
    return etree.canonicalize(etree.tostring(etree.fromstring(document), encoding="unicode"), rewrite_prefixes=True)


@pytest.mark.parametrize("call", wire.Call)
def test_every_call_is_in_the_contract(by_wsdl: Any, call: wire.Call) -> None:
    """By its name, with the head of every question."""
    element = {"relative": ("NhanThan", ()), "guardian": ("NguoiGiamHo", ()), "household_head": ("ChuHo", ())}
    request = mapping.citizen_request(QUESTION, ASKER, call, "x", words())
    more = element.get(call.name.lower())
    if call is wire.Call.PRESENT_RESIDENCE:
        more = ("NoiOHienTai", tuple((name, "") for name in wire.DiaChi.__annotations__))
    if more is not None:
        request = wire.Request(call, "x", (*request.elements, more))
    assert canonical(by_wsdl.render(request)) == canonical(templates.render(request))


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\ufffe", "\ud800"])
def test_what_xml_cannot_carry_is_not_sent(text: str) -> None:
    """Neither as itself nor as a reference."""
    elements = (("MaYeuCau", "x"), ("ChiTiet", f"a{text}"))
    with pytest.raises(Unsupported):
        templates.render(wire.Request(wire.Call.LOOK_UP, "x", elements))


# --- answers ----------------------------------------------------------------------------------------------

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("&<>'\"]"), max_size=20
)


def _told(kind: type) -> SearchStrategy[Any]:
    parts = wire.PARTS[kind]
    return st.fixed_dictionaries(
        {},
        optional={name: _told(parts[name]) if name in parts else _TEXT for name in kind.__annotations__},
    )


@given(st.lists(_told(wire.CongDan), max_size=3), st.booleans())
def test_both_read_the_same_answer(by_wsdl: Any, citizens: list[dict[str, Any]], wrapped: bool) -> None:  # noqa: FBT001
    """Whatever is there, missing or empty: the same citizens, to the letter."""
    document = _written(citizens, wrapped=wrapped)
    quick = reading.collection(document, pytest.fail)
    strict = by_wsdl.read(wire.Call.LOOK_UP, document)
    assert _stated(dataclasses.asdict(quick)) == _stated(dataclasses.asdict(strict))
    assert len(quick.CongDan) == len(citizens)


@pytest.mark.parametrize("inside", ["<TonTai>true</TonTai>", "<TonTai/>", "", "<TinhTrangHonNhan>1</TinhTrangHonNhan>"])
def test_both_read_the_same_verdict(by_wsdl: Any, inside: str) -> None:
    """Yes, no, nothing."""
    document = f'<KetQuaXacThuc xmlns="{wire.ANSWERED}">{inside}</KetQuaXacThuc>'.encode()
    assert _stated(reading.verdict(document, pytest.fail)) == _stated(by_wsdl.read(wire.Call.IDENTITY, document))


def _stated(told: Any) -> Any:
    """Return what is told without what is empty, which is the same as absent."""
    if isinstance(told, list):
        return [_stated(one) for one in told]
    if not isinstance(told, dict):
        return told
    stated = {name: _stated(one) for name, one in told.items()}
    return {name: one for name, one in stated.items() if one or isinstance(one, list)}


def _written(citizens: list[dict[str, Any]], *, wrapped: bool) -> bytes:
    ours = f"{{{wire.ANSWERED}}}"
    collection = etree.Element(f"{ours}CongdanCollection", nsmap={"ns1": wire.ANSWERED}, SoCongDan=str(len(citizens)))

    def add(parent: Any, kind: type, told: dict[str, Any]) -> None:
        order = _ORDER[kind]
        for name in sorted(told, key=order.index):
            element = etree.SubElement(parent, f"{ours}{name}")
            if isinstance(told[name], dict):
                add(element, wire.PARTS[kind][name], told[name])
            else:
                element.text = told[name]

    for one in citizens:
        add(etree.SubElement(collection, f"{ours}CongDan"), wire.CongDan, one)
    if not wrapped:
        return etree.tostring(collection)
    envelope = etree.Element(f"{{{wire.SOAP}}}Envelope")
    etree.SubElement(envelope, f"{{{wire.SOAP}}}Body").append(collection)
    return etree.tostring(envelope, encoding="UTF-8")


def _order_of_schema() -> dict[type, list[str]]:
    """Return the elements of each type in the order of our schema."""
    names = {wire.CongDan: "CongDan", wire.TenNguoi: "TenNguoi", wire.NgaySinh: "NgaySinh", wire.DiaChi: "DiaChi"}
    names[wire.NguoiLienQuan] = "NguoiLienQuan"
    schema = etree.parse(OWN.with_name("citizen.xsd"))
    found = {
        kind: [str(one) for one in schema.xpath(f"//*[local-name()='complexType'][@name='{name}']//@name")[1:]]
        for kind, name in names.items()
    }
    for kind, order in found.items():
        assert set(order) == set(kind.__annotations__), kind
    return found


_ORDER = _order_of_schema()


# --- strictly by the WSDL -----------------------------------------------------------------------------------


async def test_strictly_by_the_wsdl_an_answer_must_be_what_it_promises() -> None:
    """A field more is drift to the tolerant reader and a breach to the strict one."""
    more = SAMPLE.replace("</ns1:CongDan>", "<ns1:Moi>1</ns1:Moi></ns1:CongDan>")
    async with world() as tolerant:
        tolerant.database.say(more)
        assert await tolerant.connection.find_citizen(QUESTION, ASKER, Extent.USUAL) is not None
        assert tolerant.drift == [("TraCuuThongTinCongDan", "CongDan.Moi")]
    async with world(messages_by="wsdl") as strict:
        found = await strict.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert found is not None
        assert canonical(strict.database.asked[0][1]) == canonical(tolerant.database.asked[0][1])
        strict.database.say(more)
        with pytest.raises(Malformed) as failed:
            await strict.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert_safe(failed.value)


@pytest.mark.parametrize(
    "wsdl",
    [
        "không phải XML",
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>",
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>',
        OWN.read_text().replace("question.xsd", "http://192.0.2.1/question.xsd"),
        OWN.read_text().replace("question.xsd", "../../../../../../etc/passwd"),
    ],
)
async def test_a_wsdl_that_cannot_be_used_is_for_a_person(tmp_path: Path, wsdl: str) -> None:
    """Nothing is fetched, nothing outside of its folder is read, and the question is not sent."""
    path = tmp_path / "khac.wsdl"
    path.write_text(wsdl)
    (tmp_path / "citizen.xsd").write_text(OWN.with_name("citizen.xsd").read_text())
    async with world(messages_by="wsdl", wsdl_file=str(path)) as there:
        with pytest.raises(NeedsPerson) as failed:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert failed.value.field == "wsdl_file"
        assert_safe(failed.value)
        assert there.database.asked == []


async def test_what_the_wsdl_does_not_take_is_not_sent(tmp_path: Path) -> None:
    """The partner's own WSDL decides: here it knows no element of the unit."""
    for name in ("population.wsdl", "citizen.xsd", "question.xsd"):
        text = OWN.with_name(name).read_text()
        (tmp_path / name).write_text("\n".join(line for line in text.splitlines() if '"MaDonVi"' not in line))
    section = {"messages_by": "wsdl", "wsdl_file": str(tmp_path / "population.wsdl")}
    async with world(**section) as there:
        assert await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL) is not None
    async with world(unit_elements=True, **section) as there:
        with pytest.raises(Unsupported) as failed:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert_safe(failed.value)


@pytest.mark.slow
def test_zeep_is_not_there_until_it_is_needed() -> None:
    """A worker that asks by prepared messages never loads it."""
    script = (
        "import sys, adapters.population_db as p;"
        "from adapters.population_db import templates, reading;"
        "assert 'zeep' not in sys.modules and 'requests' not in sys.modules;"
        "assert 'adapters.population_db.simulator' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
