"""What may be answered: every shape of a record, every way to say no, and nothing invented or quoted."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from adapters.population_db import mapping, mapping_answers, reading, wire
from adapters.transport.xml import XmlNode, read_xml
from contracts.codes import Sex
from contracts.errors import LienThongError, Malformed, NeedsPerson, Rejected, TryLater
from contracts.population import (
    Address,
    BirthDate,
    BloodGroup,
    CitizenRecord,
    Confirmation,
    ConfirmationKind,
    Confirmed,
    Extent,
    MaritalStatus,
    Relative,
)
from tests.adapters.population_db.worlds import ASKER, QUESTION, SAMPLE, assert_safe, world

DANCU = 'xmlns="http://www.mic.gov.vn/dancu/1.0"'


def record(inside: str) -> tuple[CitizenRecord | None, list[str]]:
    """Return the record of a `CongDan` with this in it, and what was told as drift."""
    drift: list[str] = []
    document = f"<CongdanCollection {DANCU}><CongDan>{inside}</CongDan></CongdanCollection>".encode()
    return mapping_answers.citizen(reading.collection(document, drift.append), drift.append), drift


def one(inside: str) -> CitizenRecord:
    """Return a record that is there and without drift."""
    found, drift = record(f"<SoDinhDanh>099199000123</SoDinhDanh>{inside}")
    assert found is not None
    assert drift == []
    return found


# --- shapes -----------------------------------------------------------------------------------------------


def test_the_sample_of_the_facts_is_read() -> None:
    """A name entirely in its last part, a year without a day, an empty district."""
    drift: list[str] = []
    found = mapping_answers.citizen(reading.collection(SAMPLE.encode(), drift.append), drift.append)
    assert found == CitizenRecord(
        number="099199000123",
        name="TRẦN THỊ MẪU",
        sex=Sex.FEMALE,
        birth=BirthDate(year=1999),
        ethnicity="01",
        marital_status=MaritalStatus.NOT_MARRIED,
        blood_group=BloodGroup.NONE,
        permanent_residence=Address(province_code="99", commune_code="99001", detail="Số 1 đường Thử", country="VN"),
    )
    assert drift == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("<Ho>Trần</Ho><ChuDem>Thị</ChuDem><Ten>Mẫu</Ten>", "Trần Thị Mẫu"),
        ("<Ho/><ChuDem/><Ten>Trần Thị Mẫu</Ten>", "Trần Thị Mẫu"),
        ("<Ho>Trần</Ho><Ten> Mẫu </Ten>", "Trần Mẫu"),
        ("<Ten>Tra\u0302\u0300n M\u1eabu</Ten>", "Trần Mẫu"),
        ("Trần Thị Mẫu", "Trần Thị Mẫu"),
        ("<Ten>An &amp; &lt;Bình&gt; 'x'</Ten>", "An & <Bình> 'x'"),
        ("<Ten><![CDATA[A<B]]></Ten>", "A<B"),
        ("", ""),
    ],
)
def test_a_name_is_whatever_parts_it_has(name: str, expected: str) -> None:
    """Joined by single spaces, in normal form C."""
    assert one(f"<HoVaTen>{name}</HoVaTen>").name == expected


@pytest.mark.parametrize(
    ("inside", "expected", "drift"),
    [
        ("<NgayThangNam>19990102</NgayThangNam>", BirthDate(year=1999, day=date(1999, 1, 2)), 0),
        ("<Nam>1999</Nam>", BirthDate(year=1999), 0),
        ("<NgayThangNam/><Nam>1999</Nam>", BirthDate(year=1999), 0),
        ("<NgayThangNam>19990102</NgayThangNam><Nam>1999</Nam>", BirthDate(year=1999, day=date(1999, 1, 2)), 0),
        ("", None, 0),
        ("<NgayThangNam>19990000</NgayThangNam>", BirthDate(year=1999), 1),
        ("<NgayThangNam>19990231</NgayThangNam>", None, 1),
        ("<NgayThangNam>02/01/1999</NgayThangNam>", None, 1),
        ("<NgayThangNam>19990102</NgayThangNam><Nam>1998</Nam>", None, 1),
        ("<Nam>99</Nam>", None, 1),
        ("<Nam>0000</Nam>", None, 1),
        ("<Khac>1</Khac>", None, 1),
    ],
)
def test_a_birth_is_a_day_a_year_or_not_known(inside: str, expected: BirthDate | None, drift: int) -> None:
    """Zeros for day and month are a year; a date that does not exist or contradicts itself is told, not repaired."""
    found, seen = record(f"<SoDinhDanh>099199000123</SoDinhDanh><NgayThangNamSinh>{inside}</NgayThangNamSinh>")
    assert found is not None
    assert found.birth == expected
    assert len(seen) == drift


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<SoDinhDanh/>",
        "<SoDinhDanh> </SoDinhDanh><HoVaTen><Ho/></HoVaTen><Cha/><QueQuan><ChiTiet> </ChiTiet></QueQuan>",
    ],
)
def test_a_record_with_nothing_in_it_is_nobody(inside: str) -> None:
    """Not found is an empty citizen, however much of it is empty; so is a collection without one."""
    assert record(inside) == (None, [])
    nothing = f'<CongdanCollection {DANCU} SoCongDan="0"/>'.encode()
    assert mapping_answers.citizen(reading.collection(nothing, pytest.fail), pytest.fail) is None


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        ("<GioiTinh>3</GioiTinh>", "sex"),
        ("<TinhTrangHonNhan>4</TinhTrangHonNhan>", "marital_status"),
        ("<NhomMau>4</NhomMau>", "blood_group"),
        ("<SoCMND>12345678</SoCMND>", "identity_card_9"),
        ("<Cha><SoDinhDanh>1</SoDinhDanh></Cha>", "father"),
    ],
)
def test_a_code_nobody_has_published_is_absent_and_told(inside: str, field: str) -> None:
    """Never the nearest known one, and the path is told without the value."""
    found, drift = record(f"<SoDinhDanh>099199000123</SoDinhDanh>{inside}")
    assert found is not None
    assert getattr(found, field) is None
    assert len(drift) == 1
    assert drift[0].startswith("CongDan.")


@pytest.mark.parametrize(
    ("inside", "path"),
    [
        ("<Moi>1</Moi>", "CongDan.Moi"),
        ("<HoVaTen><Ten>A</Ten><Moi/></HoVaTen>", "CongDan.HoVaTen.Moi"),
        ("<Trần_Thị_Mẫu/>", "CongDan.(unprintable)"),
    ],
)
def test_a_field_more_is_told_by_its_path(inside: str, path: str) -> None:
    """And the rest is used; a name that is no plain word is not repeated."""
    found, drift = record(f"<SoDinhDanh>099199000123</SoDinhDanh>{inside}")
    assert found is not None
    assert drift == [path]


def test_every_wire_field_of_a_citizen_is_read() -> None:
    """A value in any one element changes the record: nothing the database tells is overlooked."""
    samples = {"SoDinhDanh": "099199000123", "SoCMND": "099000123", "GioiTinh": "1", "TinhTrangHonNhan": "2",
               "NhomMau": "03", "NgayThangNam": "19990102", "Nam": "1999"}  # fmt: skip

    def leaves(kind: type) -> list[str]:
        parts = wire.PARTS[kind]
        found = []
        for name in kind.__annotations__:
            inner = [f"<{name}>{leaf}</{name}>" for leaf in leaves(parts[name])] if name in parts else []
            found += inner or [f"<{name}>{samples.get(name, 'x')}</{name}>"]
        return found

    told = leaves(wire.CongDan)
    # An address has five elements and stands four times; a relative has four and the three parts of a name, five times.
    assert len(told) == 9 + 3 + 2 + 4 * 5 + 5 * 7
    records = [record(one) for one in told]
    assert [drift for _, drift in records if drift] == []
    known = [found.model_dump_json() for found, _ in records if found is not None]
    assert len(known) == len(told)
    # A name reads the same from any of its three parts, a birth year from either element.
    assert len(set(known)) >= len(told) - 2 * 6


def test_every_field_of_a_record_comes_from_the_wire() -> None:
    """No canonical field is left without a source."""
    full = "".join(
        f"<{name}><SoDinhDanh>099069000121</SoDinhDanh><SoCMND>099000121</SoCMND><QuocTich>VN</QuocTich>"
        f"<HoVaTen><Ten>A</Ten></HoVaTen><QuanHe>Cha</QuanHe></{name}>"
        for name in ("Cha", "Me", "VoChong", "NguoiDaiDien", "ChuHo")
    ) + "".join(
        f"<{name}><MaTinhThanh>99</MaTinhThanh><MaQuanHuyen>991</MaQuanHuyen><MaPhuongXa>99001</MaPhuongXa>"
        f"<ChiTiet>B</ChiTiet><QuocGia>VN</QuocGia></{name}>"
        for name in ("NoiDangKyKhaiSinh", "QueQuan", "ThuongTru", "NoiOHienTai")
    )
    found = one(
        "<SoCMND>099000123</SoCMND><HoVaTen><Ten>C</Ten></HoVaTen><GioiTinh>2</GioiTinh><DanToc>01</DanToc>"
        "<TonGiao>01</TonGiao><QuocTich>VN</QuocTich><TinhTrangHonNhan>3</TinhTrangHonNhan><NhomMau>04</NhomMau>"
        f"<NgayThangNamSinh><NgayThangNam>19990102</NgayThangNam></NgayThangNamSinh>{full}<SoSoHoKhau>D</SoSoHoKhau>"
    )

    def empty(model: BaseModel, path: str) -> list[str]:
        missing = []
        for name, value in model:
            if isinstance(value, BaseModel):
                missing += empty(value, f"{path}.{name}")
            elif value in (None, ""):
                missing.append(f"{path}.{name}")
        return missing

    assert empty(found, "record") == []
    assert isinstance(found.household_head, Relative)


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cn"]) | st.sampled_from("\u0301\u0302\x7f\x85 ếĐ"),
    max_size=12,
) | st.sampled_from(["x" * length for length in (8, 9, 16, 17, 64, 65, 500, 501)])
_DIGITS = st.sampled_from(["", "099199000123", "099000123", "1", "19990102", "1999", "02", "01", "٠٩٩١٩٩٠٠٠١٢٣"])


def _message(kind: type) -> st.SearchStrategy[Any]:
    parts = wire.PARTS[kind]
    fields = {
        name: _message(parts[name]) if name in parts else st.none() | _WORDS | _DIGITS for name in kind.__annotations__
    }
    return st.fixed_dictionaries({}, optional=fields)


@given(_message(wire.CongDan), st.booleans())
@example({"NgayThangNamSinh": {"Nam": "1999"}}, False)
def test_a_record_is_what_its_model_would_have_made_of_it(told: wire.CongDan, lives_at_home: bool) -> None:  # noqa: FBT001
    """What the mapping takes as proven passes the model unchanged, whatever texts the database has."""
    if lives_at_home and "ThuongTru" in told:
        told["NoiOHienTai"] = told["NoiDangKyKhaiSinh"] = told["ThuongTru"].copy()
    try:
        found = mapping_answers.citizen(wire.CongdanCollection(CongDan=[told]), lambda _field: None)
    except (mapping_answers.UnreadableError, ValidationError):
        return
    if found is None:
        return
    for name, place in (
        ("birth_registration", "NoiDangKyKhaiSinh"),
        ("native_place", "QueQuan"),
        ("permanent_residence", "ThuongTru"),
        ("present_residence", "NoiOHienTai"),
    ):
        assert getattr(found, name) == mapping_answers._address(told.get(place))  # type: ignore[arg-type]
    checked = CitizenRecord.model_validate(found.model_dump())
    assert checked == found
    assert checked.model_dump_json() == found.model_dump_json()
    for name, value in [("", found), *found]:
        if isinstance(value, BaseModel):
            assert value.model_fields_set == set(type(value).model_fields), name
            assert value == value.model_copy() == type(value)(**dict(value))
            assert hash(value) == hash(type(value)(**dict(value)))


@pytest.mark.parametrize(
    ("table", "members"),
    [
        (mapping_answers.SEXES, Sex),
        (mapping_answers.MARITAL_STATUSES, MaritalStatus),
        (mapping_answers.BLOOD_GROUPS, BloodGroup),
    ],
)
def test_value_tables_reach_every_value(table: dict[str, Any], members: Any) -> None:
    """Each canonical value has one code of the facts, and none is a default."""
    assert sorted(table.values()) == sorted(members)
    assert {mapping_answers.MARITAL_STATUSES[mapping._CODE_OF_STATUS[one]] for one in MaritalStatus} == set(
        MaritalStatus
    )
    assert mapping.CALL_OF_EXTENT.keys() == set(Extent)
    assert mapping.CALL_OF_CONFIRMATION.keys() == set(ConfirmationKind)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<TonTai>true</TonTai>", Confirmed(confirmed=True)),
        ("<TonTai> False </TonTai>", Confirmed(confirmed=False)),
        ("<TonTai/>", Confirmed(confirmed=None)),
        ("<TinhTrangHonNhan>2</TinhTrangHonNhan>", Confirmed(confirmed=None, marital_status=MaritalStatus.MARRIED)),
    ],
)
def test_a_verdict_is_yes_no_or_neither(inside: str, expected: Confirmed) -> None:
    """Silence is not a no."""
    told = reading.verdict(f"<KetQuaXacThuc>{inside}</KetQuaXacThuc>".encode(), pytest.fail)
    assert mapping_answers.confirmed(told, pytest.fail) == expected


def test_an_empty_citizen_in_place_of_a_verdict_is_neither() -> None:
    """And a citizen there is no answer to a question for yes or no: their data was not asked for."""
    assert reading.verdict(b"<CongdanCollection><CongDan/></CongdanCollection>", pytest.fail) == {}
    with pytest.raises(Malformed):
        reading.verdict(SAMPLE.encode(), pytest.fail)


# --- wrappings --------------------------------------------------------------------------------------------


def soap(inside: str) -> str:
    """Return a SOAP envelope, with a prefix of its own."""
    return f"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>{inside}</e:Body></e:Envelope>"


def escaped(inside: str) -> str:
    """Return markup as text."""
    return inside.replace("&", "&amp;").replace("<", "&lt;")


def in_text(inside: str) -> str:
    """Return a SOAP envelope with markup as a text in it."""
    return soap(f"<r>{escaped(inside)}</r>")


DECLARED = "<?xml version='1.0' encoding='UTF-8'?>"


@pytest.mark.parametrize(
    "document",
    [
        SAMPLE,
        soap(SAMPLE),
        soap(f"<r>{SAMPLE}</r>"),
        soap(f"<r><k>{SAMPLE}</k></r>"),
        soap(f"<r><MaYeuCau>1</MaYeuCau>{SAMPLE}</r>"),
        in_text(SAMPLE),
        soap(f"<r><![CDATA[{SAMPLE}]]></r>"),
        in_text(in_text(SAMPLE)),
        f"\ufeff{DECLARED}{in_text(DECLARED + SAMPLE)}",
        soap(SAMPLE.replace("ns1:", "").replace("xmlns:ns1", "xmlns")),
        soap(SAMPLE.replace("<ns1:CongDan>", "<!-- ghi chú --><?a b?><ns1:CongDan>")),
    ],
)
def test_the_message_is_found_in_whatever_it_comes_wrapped(document: str) -> None:
    """In a body, an element of the call, as a text, twice over; prefixes and comments do not matter."""
    assert reading.collection(document.encode(), pytest.fail).CongDan[0]["SoDinhDanh"] == "099199000123"


BOMB = '<!DOCTYPE l [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)) + "]>"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe\xc3\x28",
        b"<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>",
        b'{"error_code": "0"}',
        BOMB.encode() + b"<CongdanCollection><CongDan><SoDinhDanh>&a11;</SoDinhDanh></CongDan></CongdanCollection>",
        (BOMB + "<CongdanCollection>&a11;</CongdanCollection>").encode("utf-16"),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><CongdanCollection>&x;</CongdanCollection>',
        in_text(BOMB + SAMPLE).encode(),
        soap("<r>" * 300 + "</r>" * 300).encode(),
        in_text(in_text(in_text(SAMPLE))).encode(),
        soap(f"{SAMPLE}{SAMPLE}").encode(),
        soap("<KetQuaXacThuc><TonTai>true</TonTai></KetQuaXacThuc>").encode(),
        b"<CongdanCollection><CongDan><SoDinhDanh>1</SoDinhDanh><SoDinhDanh>2</SoDinhDanh></CongDan></CongdanCollection>",
        b"<CongdanCollection><CongDan><SoDinhDanh/><SoDinhDanh>1</SoDinhDanh></CongDan></CongdanCollection>",
        b"<CongdanCollection><CongDan><Cha/><Cha/></CongDan></CongdanCollection>",
        b"<CongdanCollection><CongDan><SoDinhDanh><a/></SoDinhDanh></CongDan></CongdanCollection>",
        b"<CongdanCollection><CongDan><SoDinhDanh>1<a/></SoDinhDanh></CongDan></CongdanCollection>",
        b"<CongdanCollection><CongDan><ThuongTru>99001</ThuongTru></CongDan></CongdanCollection>",
        b"<CongdanCollection><CongDan>099199000123</CongDan></CongdanCollection>",
    ],
)
def test_what_is_no_answer_is_malformed(document: bytes) -> None:
    """Nothing is expanded, fetched or guessed, and nothing of it is quoted."""
    with pytest.raises(Malformed) as failed:
        reading.collection(document, lambda _field: None)
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    assert "099199000123" not in f"{failed.value} {failed.value.sentence}"


_TAGS = st.sampled_from(["SoDinhDanh", "HoVaTen", "Ten", "Cha", "QueQuan", "ChiTiet", "Moi", "k:SoDinhDanh", "k:Cha"])
_ELEMENTS = st.recursive(
    st.tuples(_TAGS, st.sampled_from(["", " ", "1", "Thử &lt;", "<!-- x -->1"])),
    lambda inside: st.tuples(_TAGS, st.lists(inside, min_size=1, max_size=4)),
    max_leaves=8,
)


def _written(element: tuple[str, Any]) -> str:
    name, inside = element
    return f"<{name}>{inside if isinstance(inside, str) else ''.join(map(_written, inside))}</{name}>"


def _read_plainly(node: XmlNode, kind: type, place: str, drift: list[str]) -> dict[str, Any]:
    """Read a message one field after the other: the rules, whatever they cost."""
    parts, known = wire.PARTS[kind], kind.__annotations__
    assert node.text.strip() == "" or node.children
    drift += [f"{place}.{one.name}" for one in node.children if one.name not in known]
    found: dict[str, Any] = {}
    for name in known:
        told = node.all(name)
        assert len(told) < 2
        for element in told:
            if name not in parts:
                assert not element.children
                found[name] = element.text or None
            elif element.children or not element.text.strip():
                found[name] = _read_plainly(element, parts[name], f"{place}.{name}", drift)
            else:
                assert parts[name] is wire.TenNguoi
                found[name] = {"Ten": element.text}
    return found


@given(st.lists(_ELEMENTS, max_size=5).map(lambda all_of_them: "".join(map(_written, all_of_them))))
def test_the_quick_reader_keeps_the_rules(inside: str) -> None:
    """Known, unknown, twice, empty, in another namespace, elements for text and text for elements."""
    document = f"<CongDan {DANCU} xmlns:k='urn:khac'>{inside}</CongDan>".encode()
    expected, drift = [], []
    try:
        expected = [_read_plainly(read_xml(document), wire.CongDan, "CongDan", drift)]
    except AssertionError:
        with pytest.raises(Malformed):
            reading.collection(document, lambda _field: None)
        return
    told: list[str] = []
    assert reading.collection(document, told.append).CongDan == expected
    assert sorted(told) == sorted(drift)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: soap(text).encode(errors="replace")))
def test_anything_is_read_or_refused(document: bytes) -> None:
    """Nothing else comes out, whatever comes in."""
    try:
        reading.collection(document, lambda _field: None)
    except (Malformed, reading.SoapFault):
        return


# --- how no is said ---------------------------------------------------------------------------------------


def fault(code: str) -> str:
    """Return a SOAP fault whose words name a citizen."""
    return soap(f"<e:Fault><faultcode>{code}</faultcode><faultstring>Trần Thị Mẫu 099199000123</faultstring></e:Fault>")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("code", "expected", "upstream"),
    [
        ("e:Client", Rejected, "Client"),
        ("soap:Server", TryLater, "Server"),
        ("Server.Busy", TryLater, "Server.Busy"),
        ("VersionMismatch", NeedsPerson, "VersionMismatch"),
        ("Server.ServerProxy.AccessDenied", NeedsPerson, "Server.ServerProxy.AccessDenied"),
        ("server.serverproxy.service_failed.io_error", TryLater, "server.serverproxy.service_failed.io_error"),
        ("Server.ClientProxy.MaintenanceMode", TryLater, "Server.ClientProxy.MaintenanceMode"),
        ("Client.InvalidXml", NeedsPerson, "Client.InvalidXml"),
        ("e:Client.HoVaTen", Rejected, "Client.HoVaTen"),
        ("Client.Authentication", NeedsPerson, "Client.Authentication"),
        ("E042", Rejected, "E042"),
        ("BAN", TryLater, "BAN"),
        ("Trần Thị Mẫu", Rejected, "unreadable"),
    ],
)
async def test_a_fault_is_classified_by_its_code(
    status: int, code: str, expected: type[LienThongError], upstream: str
) -> None:
    """SOAP's four, X-Road's in both spellings, the deployment's own; an unknown one is a refusal, and told as drift."""
    async with world(fault_reactions={"BAN": "try_later"}) as there:
        there.database.say(fault(code), status=status)
        with pytest.raises(expected) as failed:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert type(failed.value) is expected
        assert failed.value.upstream_code == upstream
        assert_safe(failed.value)
        assert there.drift == ([("Fault", "faultcode")] if upstream in {"E042", "unreadable"} else [])


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, TryLater), (503, TryLater), (404, NeedsPerson), (401, NeedsPerson), (403, NeedsPerson), (429, TryLater),
     (400, Rejected), (302, NeedsPerson)],
)  # fmt: skip
async def test_a_status_is_classified_when_nothing_else_speaks(status: int, expected: type[LienThongError]) -> None:
    """A page with "Fault" in its words is still a page."""
    async with world() as there:
        there.database.say("<html>Fault: Trần Thị Mẫu</html>", status=status, kind="text/html")
        with pytest.raises(expected) as failed:
            await there.connection.confirm(Confirmation(kind=ConfirmationKind.IDENTITY, citizen=QUESTION), ASKER)
        assert type(failed.value) is expected
        assert_safe(failed.value)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"error_code": "-1", "message": "Trần Thị Mẫu không tồn tại"}, None),
        ({"error_code": -5, "message": "hết hạn"}, NeedsPerson),
        ({"error_code": "99", "message": "Trần Thị Mẫu"}, Rejected),
        ({"error_code": "0", "message": orjson.dumps(SAMPLE).decode()}, CitizenRecord),
        ({"error_code": 0, "message": soap(SAMPLE)}, CitizenRecord),
        ({"error_code": "0", "message": None}, Malformed),
        ({"error_code": "0", "message": {"CongDan": {}}}, Malformed),
        ({"error_code": "0", "message": '"chưa đóng'}, Malformed),
        ({"error_code": True, "message": SAMPLE}, Malformed),
        ({"message": SAMPLE}, Malformed),
        ([], Malformed),
    ],
)
async def test_a_facade_speaks_by_its_code(told: Any, expected: Any) -> None:
    """XML in a text in JSON, also written as JSON once more; codes by configuration; words never."""
    section = {"not_found_codes": ["-1"], "login_codes": ["-5"]}
    async with world(way="facade", section=section) as there:
        there.database.say(orjson.dumps(told).decode(), kind="application/json")
        if expected is None or expected is CitizenRecord:
            found = await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
            assert (found is None) == (expected is None)
            identity = Confirmation(kind=ConfirmationKind.IDENTITY, citizen=QUESTION)
            if expected is None:
                assert (await there.connection.confirm(identity, ASKER)).confirmed is None
            return
        with pytest.raises(expected) as failed:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert_safe(failed.value)


@pytest.mark.parametrize(
    "inside",
    [
        "<SoDinhDanh>1234</SoDinhDanh><HoVaTen><Ten>Trần Thị Mẫu</Ten></HoVaTen>",
        f"<SoDinhDanh>099199000123</SoDinhDanh><HoVaTen><Ten>{'Trần Thị Mẫu ' * 50}</Ten></HoVaTen>",
        f"<SoDinhDanh>099199000123</SoDinhDanh><DanToc>{'Trần Thị Mẫu ' * 2}</DanToc>",
        "</CongDan><CongDan><SoDinhDanh>099199000123</SoDinhDanh></CongDan><CongDan><SoCMND>099000123</SoCMND>",
    ],
)
async def test_a_record_that_is_nobody_in_particular_is_malformed(inside: str) -> None:
    """A number that is none, a text beyond measure, two citizens for one question: told by place, without a word."""
    async with world() as there:
        there.database.say(f"<CongdanCollection><CongDan>{inside}</CongDan></CongdanCollection>")
        with pytest.raises(Malformed) as failed:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert_safe(failed.value)


async def test_an_answer_is_read_up_to_its_limit() -> None:
    """In bytes of XML, whatever the wire lets through; the next answer is read again."""
    async with world(max_answer_bytes=8192) as there:
        there.database.say(SAMPLE.replace("đường Thử", "x" * 8192))
        with pytest.raises(Malformed) as failed:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert_safe(failed.value)
        there.database.say(SAMPLE)
        assert await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL) is not None
