"""What is asked: the elements in their order, in the officer's own name, with the proof each way wants."""

from __future__ import annotations

import base64
import re
import unicodedata
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from adapters.population_db import mapping, templates, wire
from adapters.population_db.names import wire_name
from adapters.population_db.request_ids import RequestIds
from contracts.errors import NeedsPerson, Unsupported
from contracts.population import Asker, BirthDate, CitizenQuestion, Extent
from tests.adapters.population_db.worlds import (
    ASKER,
    NOW,
    QUESTION,
    SAMPLE,
    SAMPLE_REQUEST,
    assert_safe,
    settings,
    words,
    world,
)


def canonical(document: str | bytes) -> str:
    """Return a document in canonical form, with prefixes that mean nothing made the same."""
    content = document.encode() if isinstance(document, str) else document
    root = etree.fromstring(content, etree.XMLParser(remove_blank_text=True, resolve_entities=False))
    return etree.canonicalize(etree.tostring(root, encoding="unicode"), rewrite_prefixes=True)


def told(document: bytes) -> list[tuple[str, str]]:
    """Return name and text of every element of a question, in their order."""
    body = etree.fromstring(document).find(f"{{{wire.SOAP}}}Body")
    assert body is not None
    return [(etree.QName(one).localname, one.text or "") for one in body[0].iter() if one is not body[0]]


def request(question: CitizenQuestion = QUESTION, asker: Asker = ASKER, **changes: Any) -> wire.Request:
    """Return the usual question."""
    return mapping.citizen_request(question, asker, wire.Call.LOOK_UP, "H99-20261008-000001", words(**changes))


# --- elements ---------------------------------------------------------------------------------------------


def test_the_question_is_the_sample_of_the_facts() -> None:
    """To the letter, but for prefixes and spaces between elements."""
    assert canonical(templates.render(request())) == canonical(SAMPLE_REQUEST)


def test_newer_versions_want_the_unit_after_the_officer() -> None:
    """Three elements more, between officer and number; an empty telephone stays an element."""
    asker = ASKER.model_copy(update={"phone": ""})
    elements = told(templates.render(request(asker=asker, unit_elements=True)))
    assert elements[3:8] == [
        ("MaCanBo", "099199000999"),
        ("MaDonVi", "H99.1"),
        ("TaiKhoan", "canbo-1"),
        ("SoDienThoai", ""),
        ("SoDinhDanh", "099199000123"),
    ]


def test_an_old_card_and_a_year_are_asked_as_such() -> None:
    """The nine digits in an element of their own, as text; the year in its own."""
    question = CitizenQuestion(identity_card_9="012345678", name="Lê Thị Đào", birth=BirthDate(year=1950))
    elements = told(templates.render(request(question)))
    assert elements[4:] == [("SoCMND", "012345678"), ("HoVaTen", "LETHIDAO"), ("NgayThangNamSinh", ""), ("Nam", "1950")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "1.000001"),
        ({"service_code_otherwise": "code"}, "1.000001.H99"),
        ({"service_codes": {"1.000001": "G15-TP110"}}, "G15-TP110"),
        ({"service_codes": {"1.000001.H99": "VPCP", "1.000001": "G15-TP110"}}, "VPCP"),
    ],
)
def test_the_service_code_is_the_procedure_or_what_stands_for_it(changes: dict[str, Any], expected: str) -> None:
    """By the whole code first, then by its root."""
    assert dict(told(templates.render(request(**changes))))["MaDVC"] == expected


def test_who_asks_is_the_officer_and_nobody_else() -> None:
    """Their own digits, or their own code; a placeholder of one digit repeated is refused; no setting names anybody."""
    assert dict(request().elements)["MaCanBo"] == ASKER.officer_number
    assert dict(request(officer_id="officer_code").elements)["MaCanBo"] == ASKER.officer_code
    with pytest.raises(Unsupported) as refused:
        request(asker=ASKER.model_copy(update={"officer_number": "000000000000"}))
    assert refused.value.field == "asker.officer_number"
    assert not any("officer" in name and name != "officer_id" for name in type(settings()).model_fields)


@pytest.mark.parametrize("call", [one for one in wire.Call if one not in {wire.Call.LOOK_UP, wire.Call.IDENTITY}])
def test_a_permission_that_was_not_given_is_not_invented(call: wire.Call) -> None:
    """Provinces hold two; everything else waits for a code in the settings."""
    with pytest.raises(Unsupported) as refused:
        mapping.citizen_request(QUESTION, ASKER, call, "x", words(integration_codes={}))
    assert refused.value.field == "integration_codes"


def test_a_procedure_without_a_service_code_may_be_refused() -> None:
    """Where the database wants codes of its own."""
    with pytest.raises(Unsupported) as refused:
        request(service_code_otherwise="refuse")
    assert refused.value.field == "asker.procedure_code"


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "joined", "spaced"),
    [
        ("Trần Thị Mẫu", "TRANTHIMAU", "TRAN THI MAU"),
        ("Đặng  Văn\tĐào", "DANGVANDAO", "DANG VAN DAO"),
        ("đỗ thị ưỡn", "DOTHIUON", "DO THI UON"),
        ('H\'Mây Ê-ban & <Sons> "x"', "HMAYEBANSONSX", "HMAY EBAN SONS X"),
        (unicodedata.normalize("NFD", "Nguyễn Thị Thuỷ"), "NGUYENTHITHUY", "NGUYEN THI THUY"),
        ("Ðinh Văn Ấp", "DINHVANAP", "DINH VAN AP"),
    ],
)
def test_a_name_is_written_as_the_database_compares_it(name: str, joined: str, spaced: str) -> None:
    """Upper case, no diacritics, đ as d, no special characters; with or without spaces as configured."""
    assert wire_name(name, "joined") == joined
    assert wire_name(name, "spaced") == spaced


@pytest.mark.parametrize("name", ["李小龍", "Søren", "...", "' '", "Иван"])
def test_a_name_that_would_become_another_is_refused(name: str) -> None:
    """A letter left out asks for somebody else."""
    with pytest.raises(Unsupported) as refused:
        wire_name(name, "joined")
    assert refused.value.field == "name"


def _plain(letter: str) -> str:
    """Return what is left of one letter, looked at alone."""
    bare = "D" if letter in "ĐđÐð" else unicodedata.normalize("NFKD", letter).upper()
    return re.sub("[^A-Z0-9 ]", "", re.sub(r"\s", " ", bare))


@given(st.text(max_size=60), st.sampled_from(["joined", "spaced"]))
def test_whatever_the_name_it_is_plain_or_refused(name: str, form: Any) -> None:
    """And the same whether its accents are written in one character or two."""
    try:
        written = wire_name(name, form)
    except Unsupported:
        return
    assert re.fullmatch(r"[A-Z0-9]+( [A-Z0-9]+)*", written)
    spaced = " ".join("".join(map(_plain, name)).split())
    assert written == (spaced if form == "spaced" else spaced.replace(" ", ""))
    assert wire_name(unicodedata.normalize("NFD", name), form) == written


# --- request ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{id}", "H99-{day}-{short_id}", "{unit}.{uuid}"])
def test_a_request_id_never_repeats(form: str) -> None:
    """A thousand look-ups, some asked again: as many ids; each with its look-up in it."""
    ids = RequestIds(form)
    askers = [ASKER.model_copy(update={"lookup_id": f"0199b3c4-0000-7000-8000-{n:012x}"}) for n in range(1000)]
    given_ids = [ids.next(one, NOW) for one in (*askers, *askers[:100], *askers[:50])]
    assert len(set(given_ids)) == len(given_ids) == 1150
    assert RequestIds(form).next(askers[0], NOW) == given_ids[0], "the same look-up is recognised in evidence"


def test_the_day_in_a_request_id_is_the_day_in_vietnam() -> None:
    """Seven hours ahead of UTC."""
    assert RequestIds("{day}-{id}").next(ASKER, NOW.replace(hour=18)).startswith("20261009-")


# --- the three ways ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "timestamp"), [("ms", "1791417600000"), ("s", "1791417600")])
async def test_the_direct_way_proves_itself_by_a_digest_of_the_moment(unit: str, timestamp: str) -> None:
    """``sha256hex(service_url + username + timestamp + secret)``; the digest was made with sha256sum."""
    signed = "https://dancuquocgia.example/dancu"
    forward = {"adapter_url": "{url}", "dstcode": "VN:GOV:000.00.00.G01:dancu"}
    section = {"service_url": signed, "timestamp_unit": unit, "x_road_client": "VN/GOV/H99/hub", "api_key": "khoa"}
    async with world() as plain:
        # The address that is signed is not the one that is called: through the forward adapter.
        forward["adapter_url"] = plain.connection._client._way._settings.service_url  # type: ignore[attr-defined]
        more = {**section, "forward": forward, "dossier_in_x_road_issue": True}
        async with world(section=more) as there:
            await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        headers, body, path = plain.database.asked[0]
    assert path == "/dancu/dancu"
    assert headers["timestamp"] == timestamp
    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    if unit == "ms":
        assert pair == "H99:7712e5b14850e22bba1e2dae6f65d34a300926d1c9e9753056065aee586e8c6a"
    assert re.fullmatch(r"H99:[0-9a-f]{64}", pair)
    assert (headers["soapaction"], headers["content-type"]) == ("", "application/xml")
    assert (headers["x-road-client"], headers["apikey"]) == ("VN/GOV/H99/hub", "khoa")
    assert headers["x-road-issue"] == ASKER.dossier_code
    assert b"only-a-test" not in body


async def test_the_lgsp_is_asked_with_the_key_of_the_officer(tmp_path: Path) -> None:
    """Bearer for us, ``AuthHash`` for the officer; from the settings or from a file that is read when it changes."""
    file = tmp_path / "keys.toml"
    file.write_text('[canbo-2]\nkey_name = "cb2"\nkey_pass = "bi-mat"\n')
    file.chmod(0o600)
    keys = {"canbo-1": {"key_name": "cb1", "key_pass": "an"}}
    async with world(way="lgsp", section={"officer_keys": keys, "officer_keys_file": str(file)}) as there:
        await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        second = ASKER.model_copy(update={"account_id": "canbo-2"})
        await there.connection.find_citizen(QUESTION, second, Extent.USUAL)
        seen = [
            (one["authorization"], base64.b64decode(one["authhash"]).decode()) for one, _, _ in there.database.asked
        ]
        assert seen == [("Bearer tok", "cb1:an"), ("Bearer tok", "cb2:bi-mat")]
        assert there.database.tokens == 1
        third = ASKER.model_copy(update={"account_id": "canbo-3"})
        with pytest.raises(Unsupported) as refused:
            await there.connection.find_citizen(QUESTION, third, Extent.USUAL)
        assert_safe(refused.value)
        assert len(there.database.asked) == 2, "nobody asks with another's key"
        file.write_text(file.read_text() + '[canbo-3]\nkey_name = "cb3"\nkey_pass = "moi"\n')
        await there.connection.find_citizen(QUESTION, third, Extent.USUAL)
        file.chmod(0o640)
        with pytest.raises(NeedsPerson) as open_to_others:
            await there.connection.find_citizen(QUESTION, third, Extent.USUAL)
        assert "chmod 600" in open_to_others.value.sentence.en
        file.chmod(0o600)
        file.write_text("hỏng = [")
        with pytest.raises(NeedsPerson) as broken:
            await there.connection.find_citizen(QUESTION, second, Extent.USUAL)
        assert_safe(broken.value)


@pytest.mark.parametrize("body", ["fields", "envelope"])
async def test_the_facade_is_asked_in_json(body: str) -> None:
    """The elements by their names, or the envelope as one text; the call in the path."""
    async with world(way="facade", section={"body": body, "bearer_token": "the-bearer"}) as there:
        there.database.say(orjson.dumps({"error_code": 0, "message": SAMPLE}).decode(), kind="application/json")
        found = await there.connection.find_citizen(QUESTION, ASKER, Extent.USUAL)
        assert found is not None
        headers, content, path = there.database.asked[0]
    assert path == "/KetNoiCSDLDanCu/TraCuuThongTinCongDan"
    assert (headers["authorization"], headers["content-type"]) == ("Bearer the-bearer", "application/json")
    sent = orjson.loads(content)
    if body == "envelope":
        assert told(sent["message"].encode())[4] == ("SoDinhDanh", "099199000123")
    else:
        assert list(sent) == ["MaYeuCau", "MaDVC", "MaTichHop", "MaCanBo", "SoDinhDanh", "HoVaTen", "NgayThangNamSinh"]
        assert sent["NgayThangNamSinh"] == {"NgayThangNam": "19990102"}


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"khong_co": 1},
        {"direct": None},
        {"way": "facade"},
        {"facade": {"base_url": "https://api.h99.example"}},
        {"request_id_form": "{day}"},
        {"request_id_form": "{id!r}"},
        {"request_id_form": "{id.__class__}"},
        {"request_id_form": "{khac}{id}"},
        {"wsdl_file": "/khong/co.wsdl"},
        {
            "way": "lgsp",
            "lgsp": {"lgsp": {"base_url": "https://l.example", "consumer_key": "a", "consumer_secret": "b"}},
        },
        {"way": "facade", "facade": {"base_url": "https://a.example", "not_found_codes": ["0"]}},
        {"way": "facade", "facade": {"base_url": "https://a.example", "path": "/{khac}"}},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    """Before the first question, and without quoting a secret."""
    with pytest.raises(ValidationError) as refused:
        settings(**changes)
    assert "only-a-test" not in str(refused.value)
